/** Longest chunk that any source yields: 0.1 s, far less than the ring holds. */
const CHUNK_SAMPLES = 1600;

/** Cuts samples into pieces of at most `CHUNK_SAMPLES`, views into the same memory. */
export function* pieces(samples: Float32Array): Generator<Float32Array> {
  for (let at = 0; at < samples.length; at += CHUNK_SAMPLES) yield samples.subarray(at, at + CHUNK_SAMPLES);
}

/**
 * One channel, or the mean of all; values that are no numbers (in float files and streams) become silence.
 *
 * @param channel counted from 1; all when left out
 */
export function downmix(all: readonly Float32Array[], channel?: number): Float32Array {
  const channels = channel === undefined ? all : all.slice(channel - 1, channel);
  const mono = new Float32Array(channels[0]?.length ?? 0);
  for (let i = 0; i < mono.length; i++) {
    let sum = 0;
    for (const channel of channels) sum += channel[i]!;
    const mean = sum / channels.length;
    mono[i] = Number.isFinite(mean) ? mean : 0;
  }
  return mono;
}
