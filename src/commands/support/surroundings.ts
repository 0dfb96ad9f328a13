import { decodeFile } from '../../audio/decode.js';
import { SAMPLE_RATE_HZ } from '../../constants.js';
import { ExitCode, UserError } from '../../errors.js';
import { Pieces } from '../../training/life.js';
import { audioBelow } from './audio-files.js';
import { warn } from './print.js';
import { showProgress } from './progress.js';

/**
 * Reads recordings of ordinary sound that clips are to be laid into; what is kept of them has a bound. What cannot be
 * read is said and left out.
 *
 * @param folders none: clips lie in room tone
 * @throws UserError where there is no sound in the folders; the signal's reason once it is aborted
 */
export async function readPieces(
  folders: readonly string[],
  seed: number,
  signal: AbortSignal,
): Promise<readonly Float32Array[]> {
  const pieces = new Pieces(seed);
  if (folders.length === 0) return [];
  const paths = (await Promise.all(folders.map(audioBelow))).flat();
  const progress = showProgress('read', paths.length);
  try {
    for (const [done, path] of paths.entries()) {
      let count = 0;
      try {
        for await (const samples of decodeFile(path, () => {})) {
          signal.throwIfAborted();
          pieces.push(samples);
          count += samples.length;
          progress.update(done, `${path}, ${Math.floor(count / SAMPLE_RATE_HZ / 60)} min`);
        }
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        warn(`left out: ${error.message}`);
      }
      pieces.end();
    }
    progress.update(paths.length);
  } finally {
    progress.stop();
  }
  if (pieces.chosen.length === 0)
    throw new UserError(
      ExitCode.badData,
      `${folders.join(', ')}: there is no recording of a second or more in it`,
      'Give a folder with recordings of ordinary sound as --life-in, or --life alone for room tone.',
    );
  return pieces.chosen;
}
