import type { Bundle } from '../../src/model/bundle.js';
import type { DenseLayers } from '../../src/model/dense-manifest.js';
import { eventInputs } from '../../src/model/event-head.js';
import type { EventManifest } from '../../src/model/event-manifest.js';
import type { Tensor } from '../../src/model/safetensors.js';
import { createRandom } from '../../src/training/random.js';

const offsets = { impact: 0, scream: 0 };
const linesAt = (line: number) => ({ impact: line, scream: line });

/** Small, of the shape that real ones have. */
export const EVENT: EventManifest = {
  kinds: ['impact', 'scream', 'door'],
  windows: 6,
  hopSamples: 7680,
  levels: { blocks: 33, blockSamples: 1600, floorBlocks: 3, scaleDb: 20, limit: 3 },
  window: [{ units: 5, activation: 'relu' }],
  layers: [
    { units: 6, activation: 'relu' },
    { units: 3, activation: 'linear' },
  ],
  alarm: {
    kinds: ['impact', 'scream'],
    sensitivities: {
      low: { falseAlarmsPerDay: 0.1, leak: 0.5, lines: linesAt(6), offsets },
      normal: { falseAlarmsPerDay: 1, leak: 0.5, lines: linesAt(4), offsets },
      high: { falseAlarmsPerDay: 10, leak: 0.5, lines: linesAt(2), offsets },
    },
  },
};

/** Random weights for it, the same for the same seed. */
export function eventTensors(event: EventManifest, embeddingSize: number, seed = 1): Map<string, Tensor> {
  const random = createRandom(seed);
  const tensors = new Map<string, Tensor>();
  const fill = (prefix: string, layers: DenseLayers, from: number) => {
    let inputs = from;
    for (const [i, { units }] of layers.entries()) {
      const of = (...shape: number[]): Tensor => ({
        shape,
        data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => (random() - 0.5) / 4),
      });
      tensors.set(`${prefix}.${i}.kernel`, of(inputs, units)).set(`${prefix}.${i}.bias`, of(units));
      inputs = units;
    }
  };
  fill('event.window', event.window, embeddingSize);
  fill('event.layers', event.layers, eventInputs(event));
  return tensors;
}

/** A bundle with that event head. */
export function withEventHead({ manifest, tensors }: Bundle, event = EVENT): Bundle {
  return {
    manifest: { ...manifest, event },
    tensors: new Map([...tensors, ...eventTensors(event, manifest.embeddingSize)]),
  };
}
/** As `withEventHead`, but it says the same of every window, whatever is heard: these natural log-odds. */
export function sayingAlways(bundle: Bundle, logOdds: readonly number[]): Bundle {
  const { manifest, tensors } = withEventHead(bundle);
  const last = `event.layers.${EVENT.layers.length - 1}`;
  const { shape, data } = tensors.get(`${last}.kernel`) as Tensor;
  return {
    manifest,
    tensors: new Map([
      ...tensors,
      [`${last}.kernel`, { shape, data: data.map(() => 0) }],
      [`${last}.bias`, { shape: [logOdds.length], data: Float32Array.from(logOdds) }],
    ]),
  };
}
