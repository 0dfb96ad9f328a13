import { SingleBar } from 'cli-progress';
import { printable } from './print.js';

/** How far a long command is; on stderr, so that stdout stays free for results. */
export interface Progress {
  /** @param done steps so far @param note what is being done, a few words */
  update(done: number, note?: string): void;
  /** Ends the line; can be called more than once. */
  stop(): void;
}

/** How often a line is printed where there is no terminal to redraw it. */
const PLAIN_INTERVAL_MS = 5000;

/**
 * A bar on a terminal, plain lines elsewhere.
 *
 * @param title what goes on, a few words
 * @param total number of steps
 */
export function showProgress(title: string, total: number): Progress {
  const bar = new SingleBar({
    format: `${title} [{bar}] {value}/{total} {note}`,
    stream: process.stderr,
    barCompleteChar: '█',
    barIncompleteChar: '·',
    noTTYOutput: true,
    notTTYSchedule: PLAIN_INTERVAL_MS,
    hideCursor: true,
  });
  bar.start(total, 0, { note: '' });
  return {
    update: (done, note = '') => bar.update(done, { note: printable(note) }),
    stop: () => bar.stop(),
  };
}
