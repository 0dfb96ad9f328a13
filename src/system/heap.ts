import { setFlagsFromString } from 'node:v8';

/**
 * What is young in this program dies young: room for more of it, which V8 takes after a while and hardly gives back,
 * would be 30 MB for nothing. To be called once all is loaded, which lives long and would be copied more often, and
 * again whenever a thread has come online: to make its heap, V8 brings the flag back to 2.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
