import { MEL_BANDS, PATCH_FRAMES } from '../../constants.js';
import type { Network } from '../network.js';

/** A busy machine may interrupt some of them. */
const ROUNDS = { least: 4, most: 20 };
/** After so much time the least number is enough. */
const ENOUGH_MS = 100;
/** The other must take so much less to be worth its rounding, and for the choice to be the same at every start. */
const WORTHWHILE = 0.8;

/**
 * Runs two networks in turn and keeps the faster one; the other is closed. It is measured, because whether bytes
 * are faster is nothing that a processor's name or flags say: it depends on the kernels that the engine has for it.
 * The best of several runs counts: what else the machine does only adds to them.
 *
 * @param preferred is kept where the other saves little
 */
export async function fasterOf(preferred: Network, other: Network): Promise<Network> {
  const silence = new Float32Array(PATCH_FRAMES * MEL_BANDS);
  const begin = performance.now();
  const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const wanted = () => (performance.now() - begin < ENOUGH_MS ? ROUNDS.most : ROUNDS.least);
  for (let round = 0; round < wanted(); round++)
    for (const [i, network] of [preferred, other].entries()) {
      const start = performance.now();
      await network.run(silence);
      best[i] = Math.min(best[i]!, performance.now() - start);
    }
  const [kept, closed] = best[1]! < WORTHWHILE * best[0]! ? [other, preferred] : [preferred, other];
  await closed.close();
  return kept;
}
