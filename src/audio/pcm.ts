/** Longest chunk that any source yields: 0.1 s, far less than the ring holds. */
const CHUNK_SAMPLES = 1600;

/** Cuts samples into pieces of at most `CHUNK_SAMPLES`, views into the same memory. */
export function* pieces(samples: Float32Array): Generator<Float32Array> {
  for (let at = 0; at < samples.length; at += CHUNK_SAMPLES) yield samples.subarray(at, at + CHUNK_SAMPLES);
}

/** What no sample exceeds, not even one of a float file in 16-bit integers: more would overflow in the network. */
const MOST = 32_768;

/** A number that can be a sample: none becomes silence, and what is beyond all bounds is cut off. */
function toSample(value: number): number {
  if (value >= -MOST && value <= MOST) return value; // nearly all of them, of which there are millions
  return Number.isFinite(value) ? Math.sign(value) * MOST : 0;
}

/**
 * One channel, or the mean of all; values that are no numbers (in float files and streams) become silence.
 *
 * @param channel counted from 1; all when left out
 */
export function downmix(all: readonly Float32Array[], channel?: number): Float32Array {
  const channels = channel === undefined ? all : all.slice(channel - 1, channel);
  const length = channels[0]?.length ?? 0;
  const mono = new Float32Array(length);
  const [only] = channels;
  if (only && channels.length === 1) {
    for (let i = 0; i < length; i++) mono[i] = toSample(only[i]! + 0); // no −0, as a sum has none
    return mono;
  }
  for (let i = 0; i < length; i++) {
    let sum = 0;
    for (const samples of channels) sum += samples[i]!;
    mono[i] = toSample(sum / channels.length);
  }
  return mono;
}
