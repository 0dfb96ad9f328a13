/**
 * Numbers in 0…1 that depend on the seed alone: the same on every machine and engine.
 * Marsaglia's xorshift (https://www.jstatsoft.org/article/view/v008i14), 32 bits.
 */
export function createRandom(seed: number): () => number {
  let state = (Math.imul(seed ^ (seed / 2 ** 32), 0x9e3779b1) ^ 0x6a09e667) >>> 0 || 1; // never 0
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next(); // seeds that differ little shall not begin alike
  return next;
}

/** A shuffled copy (Fisher and Yates). */
export function shuffled<T>(values: Iterable<T>, random: () => number): T[] {
  const out = [...values];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}
