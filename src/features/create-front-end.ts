import type { FrontEnd } from './front-end.js';
import { createLibrosaMel } from './librosa-mel.js';
import { createYamnetMel } from './yamnet-mel.js';

const factories = {
  'yamnet-log-mel': createYamnetMel,
  'librosa-db-mel': createLibrosaMel,
} as const satisfies Record<string, () => FrontEnd>;

/** The front end that a bundle names. */
export function createFrontEnd(name: keyof typeof factories): FrontEnd {
  return factories[name]();
}
