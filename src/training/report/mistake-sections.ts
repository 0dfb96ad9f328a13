import { escapeHtml } from '../../plot/html.js';
import type { ClipFigures } from '../clip-figures.js';
import { position, share } from '../format.js';
import type { RecordingFigures } from '../recording-figures.js';
import { type Cell, table } from './html.js';

/** The address of a sound file, seen from the page; undefined where it cannot be played. */
export type SoundOf = (path: string) => string | undefined;

/** Seconds of a recording that are played before and after the place of a mistake. */
const BEFORE_SECONDS = 3;
const AFTER_SECONDS = 10;

interface Mistake {
  readonly path: string;
  /** Where in a recording. */
  readonly atSeconds?: number;
  readonly cells: readonly string[];
}

/** Everything that went wrong, the surest first; paths without the folder that all share. */
export function mistakeSections(
  clips: ClipFigures | undefined,
  recordings: RecordingFigures | undefined,
  soundOf: SoundOf,
): string {
  const falseAlarms = (recordings?.falseAlarms ?? []).map(({ path, atSeconds, label, confidence }) => ({
    path,
    atSeconds,
    cells: [position(atSeconds), label, share(confidence)],
  }));
  const missed = (recordings?.missed ?? []).map(({ path, atSeconds, label }) => ({
    path,
    atSeconds,
    cells: [position(atSeconds), label],
  }));
  const mistaken = (clips?.mistakes ?? []).map(({ path, label, predicted, confidence }) => ({
    path,
    cells: [label, predicted, share(confidence)],
  }));
  const folder = commonFolder([...falseAlarms, ...missed, ...mistaken].map(({ path }) => path));
  return [
    section('Surest false alarms', ['recording', 'at', 'as', 'confidence'], falseAlarms, folder, soundOf),
    section('Missed events', ['recording', 'at', 'event'], missed, folder, soundOf),
    section(
      'Surest mistakes among the clips',
      ['clip', 'is', 'taken for', 'confidence'],
      mistaken,
      folder,
      soundOf,
    ),
  ].join('');
}

function section(
  title: string,
  [first = '', ...others]: readonly string[],
  mistakes: readonly Mistake[],
  folder: string,
  soundOf: SoundOf,
): string {
  if (mistakes.length === 0) return '';
  const players = mistakes.map((mistake) => player(mistake, soundOf));
  const playable = players.some((each) => each !== undefined);
  const rows = mistakes.map(({ path, cells }, i): Cell[] => [
    path.slice(folder.length),
    ...(playable ? [players[i] ?? ''] : []),
    ...cells.map((text, k) => ({ html: escapeHtml(text), column: others[k] ?? '' })),
  ]);
  const notes = [
    ...(folder ? [`Below ${escapeHtml(folder)}`] : []),
    ...(playable ? ['Sounds play as long as page and files keep their places to each other.'] : []),
  ];
  return `<section class="mistakes"><h2>${title}</h2>${notes.length > 0 ? `<p>${notes.join('. ')}</p>` : ''}${table(title, [first, ...(playable ? ['listen'] : []), ...others], rows)}</section>`;
}

/** Loads nothing before it is asked to play; of a recording, it plays the place only (a media fragment). */
function player({ path, atSeconds }: Mistake, soundOf: SoundOf): Cell | undefined {
  const address = soundOf(path);
  if (address === undefined) return undefined;
  const from = Math.max(0, (atSeconds ?? 0) - BEFORE_SECONDS);
  const part =
    atSeconds === undefined ? '' : `#t=${from.toFixed(1)},${(atSeconds + AFTER_SECONDS).toFixed(1)}`;
  return {
    html: `<audio controls preload="none" src="${escapeHtml(address + part)}" aria-label="${escapeHtml(path)}"></audio>`,
  };
}

/** With its last slash; empty where there is none. */
function commonFolder(paths: readonly string[]): string {
  const [first = '', ...rest] = paths;
  let length = first.lastIndexOf('/') + 1;
  while (length > 0 && !rest.every((path) => path.startsWith(first.slice(0, length))))
    length = first.lastIndexOf('/', length - 2) + 1;
  return first.slice(0, length);
}
