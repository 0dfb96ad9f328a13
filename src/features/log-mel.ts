import { FFT_SIZE, MEL_BANDS, PATCH_FRAMES, PATCH_VALUES, STFT_HOP_SAMPLES } from '../constants.js';
import { createMagnitudes } from './fft.js';
import { type MelBands, weigh } from './mel.js';

/** What is added to a band before its logarithm. Source: YAMNet's params.py. */
export const LOG_OFFSET = 0.001;

/** The frames of YAMNet's log-mel spectrogram in a window. */
export interface LogMel {
  /** 96 frames × 64 bands, frame first. */
  readonly values: Float32Array;
  /**
   * Computes the frames from `first` on; those before it stay. Allocates nothing.
   *
   * @param samples 15 600
   */
  compute(samples: Float32Array, first: number): void;
}

/**
 * In JavaScript: what `log-mel-simd.ts` does, where a processor can't.
 *
 * @param hann the window over a frame
 */
export function createLogMel(hann: Float64Array, bands: MelBands): LogMel {
  const frame = new Float64Array(FFT_SIZE); // 400 samples, the rest stays zero
  const magnitudes = createMagnitudes(FFT_SIZE);
  const magnitude = new Float64Array(FFT_SIZE / 2 + 1);
  const weighed = new Float64Array(MEL_BANDS);
  const values = new Float32Array(PATCH_VALUES);

  return {
    values,
    compute(samples, first) {
      for (let t = first; t < PATCH_FRAMES; t++) {
        const start = t * STFT_HOP_SAMPLES;
        for (let i = 0; i < hann.length; i++) frame[i] = samples[start + i]! * hann[i]!;
        magnitudes(frame, magnitude);
        weigh(bands, magnitude, weighed);
        for (let band = 0; band < MEL_BANDS; band++)
          values[t * MEL_BANDS + band] = Math.log(weighed[band]! + LOG_OFFSET);
      }
    },
  };
}
