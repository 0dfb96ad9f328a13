import {
  MEL_BANDS,
  PATCH_FRAMES,
  PATCH_VALUES,
  SAMPLE_RATE_HZ,
  STFT_HOP_SAMPLES,
  STFT_WINDOW_SAMPLES,
} from '../constants.js';
import { createDft400 } from './dft400.js';
import type { FrontEnd } from './front-end.js';
import { type MelBands, melBands, periodicHann, weigh } from './mel.js';
import { SlidingFrames } from './sliding-frames.js';

/** Defaults of librosa.power_to_db. */
const MIN_POWER = 1e-10;
const TOP_DB = 80;

const BINS = STFT_WINDOW_SAMPLES / 2 + 1; // 201, every 40 Hz

/**
 * BATHNet's front end: librosa's melspectrogram(n_fft=400, hop_length=160, n_mels=64, center=False,
 * power=2), then power_to_db(ref=max, top_db=80). Each window is scaled to its own maximum (0 dB), so the
 * level is lost; what BATHNet was trained on.
 */
export function createLibrosaMel(): FrontEnd {
  const hann = periodicHann(STFT_WINDOW_SAMPLES);
  const frame = new Float64Array(STFT_WINDOW_SAMPLES);
  const dft = createDft400();
  const power = new Float64Array(BINS);
  const bands = slaneyMelBands();
  const values = new Float64Array(PATCH_VALUES);
  const frames = new SlidingFrames(values);

  return {
    name: 'librosa-db-mel',
    range: [-TOP_DB, 0],
    unitDb: 1,
    bandOf: (hz) => (mel(hz) / mel(SAMPLE_RATE_HZ / 2)) * (MEL_BANDS + 1) - 1,
    compute({ samples, startSample }, out) {
      for (let t = frames.moveTo(startSample); t < PATCH_FRAMES; t++) {
        const start = t * STFT_HOP_SAMPLES;
        for (let i = 0; i < STFT_WINDOW_SAMPLES; i++) frame[i] = samples[start + i]! * hann[i]!;
        dft.power(frame, power);
        weigh(bands, power, values, t * MEL_BANDS);
      }
      let loudest = MIN_POWER;
      for (let i = 0; i < values.length; i++) if (values[i]! > loudest) loudest = values[i]!;
      const loudestDb = 10 * Math.log10(loudest);
      for (let i = 0; i < values.length; i++)
        out[i] = Math.max(-TOP_DB, 10 * Math.log10(Math.max(MIN_POWER, values[i]!)) - loudestDb);
      return loudestDb;
    },
    forget: () => frames.forget(),
  };
}

/** librosa.filters.mel(htk=False, norm='slaney'): triangles in Hz of equal area, 0–8000 Hz. */
function slaneyMelBands(): MelBands {
  const top = mel(SAMPLE_RATE_HZ / 2);
  const edges = Array.from({ length: MEL_BANDS + 2 }, (_, i) => hz((top * i) / (MEL_BANDS + 1)));
  return melBands(BINS, (band, bin) => {
    const [lower, centre, upper] = edges.slice(band) as [number, number, number];
    const f = (bin * SAMPLE_RATE_HZ) / STFT_WINDOW_SAMPLES;
    const rise = (f - lower) / (centre - lower);
    const fall = (upper - f) / (upper - centre);
    return (Math.max(0, Math.min(rise, fall)) * 2) / (upper - lower);
  });
}

/** Slaney's mel scale (Auditory Toolbox): linear up to 1000 Hz = 15 mel, then 27 mel per factor 6.4. */
const LINEAR_HZ_PER_MEL = 200 / 3;
const LOG_FROM_HZ = 1000;
const LOG_FROM_MEL = LOG_FROM_HZ / LINEAR_HZ_PER_MEL;
const LOG_STEP = Math.log(6.4) / 27;

function mel(hz: number): number {
  return hz < LOG_FROM_HZ ? hz / LINEAR_HZ_PER_MEL : LOG_FROM_MEL + Math.log(hz / LOG_FROM_HZ) / LOG_STEP;
}

function hz(mel: number): number {
  return mel < LOG_FROM_MEL
    ? mel * LINEAR_HZ_PER_MEL
    : LOG_FROM_HZ * Math.exp((mel - LOG_FROM_MEL) * LOG_STEP);
}
