import { decodeFile } from '../audio/decode.js';
import { SAMPLE_RATE_HZ } from '../constants.js';

/** Sound is held for more than one use up to this length; what is longer is decoded again. */
const KEPT_SAMPLES = 300 * SAMPLE_RATE_HZ;

/**
 * A file's sound, mono at 16 kHz in blocks, as often as it is wanted; a short file is decoded once.
 *
 * @param again whether it is wanted more than once
 * @param onWarning told once, at the end of the first decoding
 */
export function soundOf(
  path: string,
  again: boolean,
  onWarning: (message: string) => void,
): () => AsyncIterable<Float32Array> {
  let kept: Float32Array[] | undefined;
  let first = true;
  return async function* () {
    if (kept) return yield* kept;
    const blocks: Float32Array[] = [];
    let room = again ? KEPT_SAMPLES : 0;
    for await (const block of decodeFile(path, first ? onWarning : () => {})) {
      room -= block.length;
      if (room > 0)
        blocks.push(block.slice()); // a decoder may use its block again
      else blocks.length = 0;
      yield block;
    }
    first = false;
    if (room > 0) kept = blocks;
  };
}
