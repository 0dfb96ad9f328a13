/** Longest chunk that any source yields: 0.1 s, far less than the ring holds. */
const CHUNK_SAMPLES = 1600;

/** Cuts samples into pieces of at most `CHUNK_SAMPLES`, views into the same memory. */
export function* pieces(samples: Float32Array): Generator<Float32Array> {
  for (let at = 0; at < samples.length; at += CHUNK_SAMPLES) yield samples.subarray(at, at + CHUNK_SAMPLES);
}

/** Mean of the channels; values that are no numbers (in float files and streams) become silence. */
export function downmix(channels: readonly Float32Array[]): Float32Array {
  const mono = new Float32Array(channels[0]?.length ?? 0);
  for (let i = 0; i < mono.length; i++) {
    let sum = 0;
    for (const channel of channels) sum += channel[i]!;
    const mean = sum / channels.length;
    mono[i] = Number.isFinite(mean) ? mean : 0;
  }
  return mono;
}
