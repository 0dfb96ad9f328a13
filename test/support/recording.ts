import { MEL_BANDS } from '../../src/constants.js';
import type { Recording } from '../../src/plot/recording.js';

const HOP_SECONDS = 0.5;

/** Half silence, half a loud sound of an alarm class, with an alarm on it. */
export function aRecording(change: Partial<Recording> & { readonly seconds?: number } = {}): Recording {
  const { seconds = 10 } = change;
  const columns = Math.min(4000, Math.ceil(seconds * 100));
  const windows = Math.max(1, Math.floor(seconds / HOP_SECONDS));
  const loudFrom = (part: number) => (part >= 0.5 ? 1 : 0);
  const ramp = (scale: number) => Float32Array.from({ length: windows }, (_, i) => (scale * i) / windows);
  return {
    name: 'night.wav',
    seconds,
    verdict: 'abnormal',
    confidence: 0.9,
    heardBy: 'a model',
    sketches: [
      {
        startSeconds: 0,
        columnSeconds: seconds / columns,
        low: Float32Array.from({ length: columns }, (_, i) => -0.5 * loudFrom(i / columns)),
        high: Float32Array.from({ length: columns }, (_, i) => 0.5 * loudFrom(i / columns)),
        mel: Uint8Array.from({ length: columns * MEL_BANDS }, (_, i) => (i % MEL_BANDS) * 3),
      },
    ],
    bandOf: (hz) => hz / 125,
    hopSeconds: HOP_SECONDS,
    classes: [
      { name: 'background', role: 'other', values: ramp(0.2) },
      { name: 'abnormal', role: 'alarm', values: ramp(1) },
    ],
    classesLeftOut: 0,
    taken: Int8Array.from({ length: windows }, (_, i) => loudFrom(i / windows)),
    evidence: [{ name: 'impact', values: ramp(2) }],
    threshold: 0.6,
    instantThreshold: 0.95,
    alarms: [{ startSeconds: seconds / 2, endSeconds: 0.8 * seconds, name: 'impact', peakConfidence: 0.9 }],
    sounds: [],
    cooldownSeconds: 10,
    ...change,
  };
}
