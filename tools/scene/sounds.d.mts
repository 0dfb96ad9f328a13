/** What other tools use of sounds.mjs. */
export const RATE_HZ: number;
export function seededRandom(seed: number): () => number;
export function levelled(sound: Float32Array, dbfs: number): Float32Array;
export function roomTone(random: () => number, seconds: number): Float32Array;
