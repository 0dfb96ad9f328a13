import type { Role } from '../../plot/recording.js';
import { type Paint, painter, wantsColours } from '../support/colour.js';
import type { FileResult } from './result.js';

/** Level of the lowest block and of the highest, dBFS. */
const QUIET_DBFS = -60;
const LOUD_DBFS = -10;
const BLOCKS = '▁▂▃▄▅▆▇█';

type Style = Parameters<Paint>[1];
/** Of the terminal's own colours those that the colour-blind tell apart. */
const STYLES: Record<Role, Style> = { other: 'gray', water: 'blue', speech: 'yellow', alarm: 'red' };

interface Cell {
  label: string;
  rmsDbfs: number;
  alarm: boolean;
}

/**
 * A recording in one line: blocks as high as it is loud, in the colour of the class, on red while an alarm is on.
 * Without colours it is the classes' first letters, capital while an alarm is on.
 */
export function stripOf(
  result: FileResult,
  stream: NodeJS.WriteStream,
  labels: readonly string[],
  role: (label: string) => Role,
): string {
  const cells = cellsOf(result, (stream.columns || 80) - 1, role);
  if (!wantsColours(stream)) {
    const letters = lettersOf(labels);
    return cells
      .map(({ label, alarm }) => (alarm ? letters.get(label)?.toUpperCase() : letters.get(label)) ?? '?')
      .join('');
  }
  const paint = painter(stream);
  const block = ({ rmsDbfs }: Cell) => {
    const height = ((rmsDbfs - QUIET_DBFS) / (LOUD_DBFS - QUIET_DBFS)) * (BLOCKS.length - 1);
    return BLOCKS[Math.round(Math.max(0, Math.min(BLOCKS.length - 1, height)))]!;
  };
  let line = '';
  for (let from = 0, to = 0; from < cells.length; from = to) {
    const { label, alarm } = cells[from]!;
    for (to = from; cells[to]?.label === label && cells[to]?.alarm === alarm; ) to++;
    const blocks = cells.slice(from, to).map(block).join('');
    const style = STYLES[role(label)];
    line += alarm ? paint(blocks, style, 'bgRed') : paint(blocks, style);
  }
  return line;
}

/** A class's name in its colour, which so says what the strip's colours mean. */
export function shownLabel(label: string, stream: NodeJS.WriteStream, role: (label: string) => Role): string {
  return painter(stream)(label, STYLES[role(label)]);
}

/** Of each cell the class that alarms where there is one, else that of its loudest window. */
function cellsOf(
  { windows, count, alarms }: FileResult,
  width: number,
  role: (label: string) => Role,
): Cell[] {
  const cells: Cell[] = [];
  const perCell = Math.max(1, count / width);
  let [cell, at]: [Cell | undefined, number] = [undefined, 0];
  for (const { label, rmsDbfs, startSeconds, endSeconds } of windows()) {
    const on = alarms.some(
      ({ atSeconds, durationSeconds }) =>
        atSeconds > startSeconds && atSeconds - durationSeconds <= endSeconds,
    );
    if (!cell || Math.floor(at / perCell) >= cells.length) {
      cell = { label, rmsDbfs, alarm: on };
      cells.push(cell);
    } else {
      const alarms = role(label) === 'alarm';
      if (alarms || (rmsDbfs > cell.rmsDbfs && role(cell.label) !== 'alarm')) cell.label = label;
      cell.rmsDbfs = Math.max(cell.rmsDbfs, rmsDbfs);
      cell.alarm ||= on;
    }
    at++;
  }
  return cells;
}

/** The first letter of each class that no class before it has. */
function lettersOf(labels: readonly string[]): Map<string, string> {
  const letters = new Map<string, string>();
  const free = new Set('abcdefghijklmnopqrstuvwxyz');
  for (const label of labels) {
    const letter = [...label.toLowerCase()].find((each) => free.delete(each));
    if (letter) letters.set(label, letter);
  }
  return letters;
}
