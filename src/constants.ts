import { createRequire } from 'node:module';

/** Of bathnet2mqtt. By its own name, package.json is found from wherever the bundler has put this. */
const { version, homepage } = createRequire(import.meta.url)('bathnet2mqtt/package.json');
export const VERSION: string = version;
/** Where people find help. */
export const HOMEPAGE: string = homepage;

/**
 * The one frozen place for audio constants. They are YAMNet's
 * (tensorflow/models, research/audioset/yamnet/params.py) and every model here depends on them.
 */
export const SAMPLE_RATE_HZ = 16_000;

/** Short-time Fourier transform: 25 ms windows every 10 ms. */
const STFT_WINDOW_SECONDS = 0.025;
const STFT_HOP_SECONDS = 0.01;
export const STFT_WINDOW_SAMPLES = Math.round(STFT_WINDOW_SECONDS * SAMPLE_RATE_HZ); // 400
export const STFT_HOP_SAMPLES = Math.round(STFT_HOP_SECONDS * SAMPLE_RATE_HZ); // 160
/** The next power of two above the window. */
export const FFT_SIZE = 2 ** Math.ceil(Math.log2(STFT_WINDOW_SAMPLES)); // 512

export const MEL_BANDS = 64;
/** The patch the network sees: 0.96 s. */
const PATCH_SECONDS = 0.96;
export const PATCH_FRAMES = Math.round(PATCH_SECONDS / STFT_HOP_SECONDS); // 96

/** Numbers in one patch. */
export const PATCH_VALUES = PATCH_FRAMES * MEL_BANDS;

/** Samples needed for one patch: (0.96 + 0.025 − 0.010) s × 16 kHz = 15 600. */
export const WINDOW_SAMPLES = (PATCH_FRAMES - 1) * STFT_HOP_SAMPLES + STFT_WINDOW_SAMPLES;
/** As long in seconds: 0.975. */
export const WINDOW_SECONDS = WINDOW_SAMPLES / SAMPLE_RATE_HZ;

/** How readily evidence raises the alarm. */
export const SENSITIVITIES = ['low', 'normal', 'high'] as const;

/** The rhythms of alarms that standards prescribe: T3 of smoke, T4 of carbon monoxide. */
export const RHYTHMS = ['T3', 'T4'] as const;

/** The numbers that can be changed while the daemon runs. */
export const NUMBER_RANGES = {
  threshold: { min: 0, max: 1, step: 0.01 },
  hits: { min: 1, max: 100, step: 1 },
  window: { min: 1, max: 100, step: 1 },
  cooldownSeconds: { min: 0, max: 86_400, step: 1 },
} as const;

/** Of sounds beside the alarm, what can be changed while the daemon runs. */
export const SOUND_RANGES = {
  threshold: NUMBER_RANGES.threshold,
  hits: NUMBER_RANGES.hits,
  holdSeconds: { min: 1, max: 86_400, step: 1 },
} as const;

/** What somebody who is there and well is heard by. */
export const SIGNS_OF_LIFE = ['speech', 'water'] as const;

/** So long after it is said that an event was lost: whoever tells people of what lasts must see it last. */
export const LOSS_SAID_MS = 3_600_000;

/** Local: `7:00`, `22:30`. */
export const TIME_OF_DAY = /^([01]?\d|2[0-3]):[0-5]\d$/;

/** Where Home Assistant says `online` when it has started, unless it is told otherwise. */
export const BIRTH_TOPIC = 'homeassistant/status';

/** A topic that can be published: no wildcard, not endless. */
export const PUBLISHABLE_TOPIC = /^[^+#\0]{1,1000}$/;

/** What audio files are called; whether they hold sound shows when they are decoded. */
export const AUDIO_EXTENSIONS = ['.wav', '.w64', '.rf64', '.flac', '.ogg', '.oga', '.opus', '.mp3', '.mp2'];

/** What runs the network, in the order in which `auto` tries them. */
export const ENGINES = ['neuron', 'onnxruntime', 'tfjs-node', 'tfjs-wasm'] as const;

/** In which numbers a CPU computes the network, the exact ones first. */
export const PRECISIONS = ['float32', 'int8'] as const;
