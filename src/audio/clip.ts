import { SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../constants.js';
import { dbfsOf, piecePowers } from '../features/level.js';

const FRAME_SAMPLES = SAMPLE_RATE_HZ / 100;
/** The quietest tenth of a clip counts as its background… */
const BACKGROUND_SHARE = 0.1;
/** …and as sound what is 10 dB above that, unless it is 40 dB below the loudest moment: the rest is reverberation. */
const ABOVE_BACKGROUND = 10 ** (10 / 10);
const BELOW_TOP = 10 ** (-40 / 10);
const PRE_ROLL_SAMPLES = 0.1 * SAMPLE_RATE_HZ;
const POST_ROLL_SAMPLES = 0.2 * SAMPLE_RATE_HZ;
/** One sample at the rail is loud, some in a row are cut off. */
const CLIPPED_LEVEL = 0.999;
const CLIPPED_RUN = 3;

/**
 * The part of a clip where there is sound, with some room before and after, and never less than the model looks at
 * at once. A clip that sounds alike all the time is left as it is.
 *
 * @param samples mono at 16 kHz
 * @returns a view into the same memory
 */
export function trimToSound(samples: Float32Array): Float32Array {
  const powers = piecePowers(samples, FRAME_SAMPLES);
  const background = [...powers].sort((a, b) => a - b)[Math.floor(powers.length * BACKGROUND_SHARE)] ?? 0;
  const top = Math.max(0, ...powers);
  const threshold = Math.max(background * ABOVE_BACKGROUND, top * BELOW_TOP);
  const isSound = (power: number) => power > threshold;
  const first = powers.findIndex(isSound);
  if (first < 0) return samples;
  const onset = Math.max(0, first * FRAME_SAMPLES - PRE_ROLL_SAMPLES);
  const offset = (powers.findLastIndex(isSound) + 1) * FRAME_SAMPLES + POST_ROLL_SAMPLES;
  const end = Math.min(samples.length, Math.max(offset, onset + WINDOW_SAMPLES));
  return samples.subarray(Math.max(0, Math.min(onset, end - WINDOW_SAMPLES)), end);
}

/**
 * Why nothing can be learnt from a clip, in words for the one who records it; undefined where nothing is wrong.
 *
 * @param minLevelDbfs RMS level that its loudest 10 ms must reach
 */
export function faultOf(samples: Float32Array, minLevelDbfs: number): string | undefined {
  const levelDbfs = dbfsOf(Math.max(0, ...piecePowers(samples, FRAME_SAMPLES)));
  if (levelDbfs < minLevelDbfs)
    return `silent: its loudest moment has ${levelDbfs.toFixed(1)} dBFS, less than ${minLevelDbfs}; be louder or closer`;
  let run = 0;
  for (const sample of samples) {
    run = Math.abs(sample) >= CLIPPED_LEVEL ? run + 1 : 0;
    if (run >= CLIPPED_RUN) return 'clipped: louder than the microphone can take; lower its gain or go away';
  }
  return undefined;
}
