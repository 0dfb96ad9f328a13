import { setFlagsFromString } from 'node:v8';

/**
 * V8 takes room for speed that is not wanted here: for what is young, which dies young in this program, and for code.
 * Without it a daemon takes 14 MB less, and 3 % more time. To be called once all is loaded, which lives long and would
 * be copied more often, and again whenever a thread has come online: to make its heap, V8 brings the factor back to 2.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--optimize-for-size');
}
