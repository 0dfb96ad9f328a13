import { FFT_SIZE, MEL_BANDS, SAMPLE_RATE_HZ, STFT_WINDOW_SAMPLES } from '../constants.js';
import type { FrontEnd } from './front-end.js';
import { createLogMel, LOG_OFFSET } from './log-mel.js';
import { createSimdLogMel } from './log-mel-simd.js';
import { type MelBands, melBands, periodicHann } from './mel.js';
import { SlidingFrames } from './sliding-frames.js';

/** Source: YAMNet's params.py (tensorflow/models, research/audioset/yamnet). */
const MEL_MIN_HZ = 125;
const MEL_MAX_HZ = 7500;

const mel = (hz: number) => 1127 * Math.log(1 + hz / 700);
const MEL_STEP = (mel(MEL_MAX_HZ) - mel(MEL_MIN_HZ)) / (MEL_BANDS + 1);

/**
 * YAMNet's log-mel spectrogram: periodic Hann window of 400 samples every 160, magnitude of a 512-point
 * FFT, 64 HTK mel bands of 125–7500 Hz, log(x + 0.001). In float64: a float32 FFT misses the reference by
 * more than the network's tolerance.
 */
export function createYamnetMel(): FrontEnd {
  const hann = periodicHann(STFT_WINDOW_SAMPLES);
  const bands = htkMelBands();
  const logMel = createSimdLogMel(hann, bands) ?? createLogMel(hann, bands);
  const frames = new SlidingFrames(logMel.values);

  return {
    name: 'yamnet-log-mel',
    range: [Math.log(LOG_OFFSET), 4],
    unitDb: 20 / Math.LN10,
    bandOf: (hz) => (mel(hz) - mel(MEL_MIN_HZ)) / MEL_STEP - 1,
    compute({ samples, startSample }, out) {
      logMel.compute(samples, frames.moveTo(startSample));
      out.set(logMel.values);
      return 0;
    },
    forget: () => frames.forget(),
  };
}

/** tf.signal.linear_to_mel_weight_matrix: triangles in mel, not in Hz; the DC bin counts for nothing. */
function htkMelBands(): MelBands {
  return melBands(FFT_SIZE / 2 + 1, (band, bin) => {
    const m = mel((bin * SAMPLE_RATE_HZ) / FFT_SIZE);
    const lower = mel(MEL_MIN_HZ) + band * MEL_STEP;
    return bin === 0
      ? 0
      : Math.max(0, Math.min((m - lower) / MEL_STEP, (lower + 2 * MEL_STEP - m) / MEL_STEP));
  });
}
