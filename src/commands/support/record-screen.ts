import { createInterface } from 'node:readline';
import { levelOf } from '../../features/level.js';

/** Range of the level meter. */
const LOWEST_DBFS = -70;
const METER_WIDTH = 30;

/** What the one who records sees, on stderr: messages that stay, and on a terminal a level meter below them. */
export interface RecordScreen {
  message(text: string): void;
  /** The level of what is heard right now, and what it is heard for. */
  level(samples: Float32Array, note: string): void;
  /** Ends the meter's line. */
  close(): void;
}

export function recordScreen(): RecordScreen {
  const { stderr } = process;
  const clear = stderr.isTTY ? '\r\x1b[K' : '';
  return {
    message: (text) => void stderr.write(`${clear}${text}\n`),
    level(samples, note) {
      if (!stderr.isTTY) return;
      const { peakDbfs } = levelOf(samples);
      const share = Math.min(1, Math.max(0, 1 - peakDbfs / LOWEST_DBFS));
      const bar = '█'.repeat(Math.round(share * METER_WIDTH)).padEnd(METER_WIDTH, '·');
      stderr.write(`${clear}${bar} ${peakDbfs.toFixed(0).padStart(4)} dBFS  ${note}`);
    },
    close: () => void stderr.write(clear),
  };
}

/** Lines that a person types, each asked for when it is wanted. */
export interface Keyboard {
  /** Forgets what was typed before. */
  ask(): void;
  /** What was typed since; undefined as long as there is nothing, `q` where nothing more will come. */
  readonly answer: string | undefined;
  close(): void;
}

/** Undefined where nobody can type. */
export function openKeyboard(): Keyboard | undefined {
  if (!process.stdin.isTTY) return undefined;
  // Not as a terminal: Ctrl-C is to be a signal.
  const lines = createInterface({ input: process.stdin, terminal: false });
  let answer: string | undefined;
  let ended = false;
  lines.on('line', (line) => {
    answer = line.trim().toLowerCase();
  });
  lines.on('close', () => {
    ended = true;
  });
  return {
    ask() {
      answer = undefined;
    },
    get answer() {
      return ended ? 'q' : answer;
    },
    close: () => lines.close(),
  };
}
