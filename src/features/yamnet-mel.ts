import {
  FFT_SIZE,
  MEL_BANDS,
  PATCH_FRAMES,
  SAMPLE_RATE_HZ,
  STFT_HOP_SAMPLES,
  STFT_WINDOW_SAMPLES,
} from '../constants.js';
import { createMagnitudes } from './fft.js';
import type { FrontEnd } from './front-end.js';
import { createMelBands, periodicHann } from './mel.js';
import { SlidingFrames } from './sliding-frames.js';

/** Source: YAMNet's params.py (tensorflow/models, research/audioset/yamnet). */
const MEL_MIN_HZ = 125;
const MEL_MAX_HZ = 7500;
const LOG_OFFSET = 0.001;

const mel = (hz: number) => 1127 * Math.log(1 + hz / 700);
const MEL_STEP = (mel(MEL_MAX_HZ) - mel(MEL_MIN_HZ)) / (MEL_BANDS + 1);

/**
 * YAMNet's log-mel spectrogram: periodic Hann window of 400 samples every 160, magnitude of a 512-point
 * FFT, 64 HTK mel bands of 125–7500 Hz, log(x + 0.001). In float64: a float32 FFT misses the reference by
 * more than the network's tolerance.
 */
export function createYamnetMel(): FrontEnd {
  const hann = periodicHann(STFT_WINDOW_SAMPLES);
  const frame = new Float64Array(FFT_SIZE); // 400 samples, the rest stays zero
  const magnitudes = createMagnitudes(FFT_SIZE);
  const magnitude = new Float64Array(FFT_SIZE / 2 + 1);
  const bands = htkMelBands();
  const frames = new SlidingFrames();
  const { values } = frames;

  return {
    name: 'yamnet-log-mel',
    range: [Math.log(LOG_OFFSET), 4],
    unitDb: 20 / Math.LN10,
    bandOf: (hz) => (mel(hz) - mel(MEL_MIN_HZ)) / MEL_STEP - 1,
    compute({ samples, startSample }, out) {
      for (let t = frames.moveTo(startSample); t < PATCH_FRAMES; t++) {
        const start = t * STFT_HOP_SAMPLES;
        for (let i = 0; i < STFT_WINDOW_SAMPLES; i++) frame[i] = samples[start + i]! * hann[i]!;
        magnitudes(frame, magnitude);
        const first = t * MEL_BANDS;
        bands(magnitude, values, first);
        for (let i = first; i < first + MEL_BANDS; i++) values[i] = Math.log(values[i]! + LOG_OFFSET);
      }
      out.set(values);
      return 0;
    },
    forget: () => frames.forget(),
  };
}

/** tf.signal.linear_to_mel_weight_matrix: triangles in mel, not in Hz; the DC bin counts for nothing. */
function htkMelBands() {
  return createMelBands(FFT_SIZE / 2 + 1, (band, bin) => {
    const m = mel((bin * SAMPLE_RATE_HZ) / FFT_SIZE);
    const lower = mel(MEL_MIN_HZ) + band * MEL_STEP;
    return bin === 0
      ? 0
      : Math.max(0, Math.min((m - lower) / MEL_STEP, (lower + 2 * MEL_STEP - m) / MEL_STEP));
  });
}
