import type { Features } from '../../src/publish/features.js';
import type { AlarmEnded, AlarmStarted, Logger, ModelInfo, ScoredWindow } from '../../src/types.js';

/** Values for the tests of this folder. */
export const T0 = Date.parse('2026-11-22T00:17:41.123Z');

/** Whatever can be announced, but for quiet hours and sounds. */
export const ALL_FEATURES: Features = {
  water: true,
  speech: true,
  feedback: true,
  occupancy: true,
  npu: true,
  longStay: true,
  quietHours: false,
};

export const model: ModelInfo = {
  name: 'bathnet-mini',
  version: '1.0.0',
  sha256: 'ab'.repeat(32),
  engine: 'tfjs-wasm',
  precision: 'float32',
  npu: false,
  labels: ['background', 'water', 'speech', 'abnormal'],
  alarmLabels: ['abnormal'],
  alarmKinds: [],
};

/** A window of 0.96 s that ends `endMs` after T0. */
export function scoredWindow(
  endMs: number,
  abnormal: number,
  rest: Partial<ScoredWindow> = {},
): ScoredWindow {
  const scores = { background: 1 - abnormal, water: 0, speech: 0, abnormal };
  const label = abnormal > 0.5 ? 'abnormal' : 'background';
  return {
    startSeconds: endMs / 1000 - 0.96,
    endSeconds: endMs / 1000,
    endAtMs: T0 + endMs,
    label,
    confidence: scores[label],
    scores,
    rmsDbfs: -30,
    peakDbfs: -12,
    audioset: [],
    ...rest,
  };
}

export const alarmStarted: AlarmStarted = {
  type: 'alarm_started',
  episodeId: '019b0000-0000-7000-8000-000000000000',
  atMs: T0,
  atSeconds: 12.48,
  label: 'abnormal',
  confidence: 0.931_26,
  reason: 'hits',
  window: scoredWindow(0, 0.931_26, {
    rmsDbfs: -18.349,
    audioset: [
      ['Screaming', 0.8149],
      ['Shout', 0.2],
    ],
  }),
  hits: [
    { atMs: T0 - 480, label: 'abnormal', score: 0.8804 },
    { atMs: T0, label: 'abnormal', score: 0.931_26 },
  ],
};

export const alarmEnded: AlarmEnded = {
  type: 'alarm_ended',
  episodeId: alarmStarted.episodeId,
  atMs: T0 + 7200,
  atSeconds: 19.68,
  label: 'abnormal',
  durationSeconds: 7.200_000_1,
  peakConfidence: 0.97,
  endedBy: 'silence',
};

/** A logger that keeps its lines. */
export function recordingLog(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (fields: object, message: string) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
