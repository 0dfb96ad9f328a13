import type { Bundle } from '../bundle.js';
import { mappedLabels } from '../head.js';
import type { DenseHead, Head, Manifest } from '../manifest.js';
import { type DenseLayer, denseLayers } from '../onnx/graph.js';
import type { Tensor } from '../safetensors.js';

/** Which way the log-mel patch enters: [1,96,64,1] or, as in BATHNet's own model, [1,64,96,1]. */
export type PatchOrder = 'frames-bands' | 'bands-frames';

/** A backbone and one head, or none, as the steps that a graph format needs. */
export interface ExportPlan {
  /** What it is, in one line. */
  readonly description: string;
  /** One for each value of the output. */
  readonly labels: readonly string[];
  readonly backbone: Manifest['backbone'];
  /** What works on the embedding: the head, or the parts that a blend pools; nothing of the backbone alone. */
  readonly parts: readonly PlannedPart[];
  /** Of a blend head: what is added to the weighted logarithms of its parts before the softmax. */
  readonly bias?: Float32Array;
  /** Of the backbone, under the names of the bundle. */
  weight(name: string): Tensor;
}

export interface PlannedPart {
  readonly layers: readonly DenseLayer[];
  /** Of a map head: how labels follow from the last dense layer. */
  readonly map?: LabelMap;
  /** In a blend. */
  readonly weight: number;
}

interface LabelMap {
  /** For each label the range of units of the last layer that speak for it, in the order of the labels. */
  readonly ranges: ReadonlyArray<{ readonly begin: number; readonly size: number }>;
  /**
   * Is added to the labels' scores before they are divided by their sum: next to nothing, for the label that
   * stands for all else, so that it gets everything where no class scores at all.
   */
  readonly bias: Float32Array;
}

/** Small enough to change no sum of scores, large enough for float32. */
const NEXT_TO_NOTHING = 1e-30;

/** The backbone without a head: what leaves it is the embedding. */
export function planBackbone({ manifest, tensors }: Bundle): ExportPlan {
  return {
    description: `${manifest.name} ${manifest.version}, backbone; input ${manifest.frontEnd}; bathnet2mqtt`,
    labels: [],
    backbone: manifest.backbone,
    parts: [],
    weight: (key) => tensors.get(key) as Tensor,
  };
}

/** Lays out what a graph format needs of a bundle's backbone and one of its heads. */
export function planExport(bundle: Bundle, name: string): ExportPlan {
  const { manifest, tensors } = bundle;
  const head = manifest.heads[name] as Head;
  const weight = (key: string) => tensors.get(key) as Tensor;
  const plan = {
    description: `${manifest.name} ${manifest.version}, head ${name}${manifest.event ? ' without its event head' : ''}; input ${manifest.frontEnd}; bathnet2mqtt`,
    labels: head.labels,
    backbone: manifest.backbone,
    weight,
  };
  if (head.type !== 'blend') return { ...plan, parts: [planPart(bundle, name, 1)] };
  return {
    ...plan,
    parts: head.parts.map((part) => planPart(bundle, part.head, part.weight)),
    bias: Float32Array.from(head.bias),
  };
}

function planPart({ manifest, tensors }: Bundle, name: string, weight: number): PlannedPart {
  const head = manifest.heads[name];
  const from = head?.type === 'map' ? head.from : name;
  const dense = manifest.heads[from] as DenseHead;
  const layers = denseLayers(from, dense, tensors);
  if (head?.type !== 'map') return { layers, weight };

  // The units that speak for a label are moved side by side: then a slice finds them, which every engine has.
  const targets = mappedLabels(head, dense.labels);
  const order = targets.map((_, unit) => unit).sort((a, b) => (targets[a] ?? 0) - (targets[b] ?? 0) || a - b);
  const last = layers.at(-1) as DenseLayer;
  return {
    layers: [...layers.slice(0, -1), { ...last, ...reordered(last, order) }],
    map: {
      ranges: head.labels.map((_, label) => ({
        begin: order.findIndex((unit) => targets[unit] === label),
        size: targets.filter((target) => target === label).length,
      })),
      bias: Float32Array.from(head.labels, (label) => (label === head.rest ? NEXT_TO_NOTHING : 0)),
    },
    weight,
  };
}

function reordered(
  { kernel, bias }: DenseLayer,
  order: readonly number[],
): Pick<DenseLayer, 'kernel' | 'bias'> {
  const units = order.length;
  const data = kernel.data.map((_, i) => kernel.data[i - (i % units) + (order[i % units] ?? 0)] ?? 0);
  return {
    kernel: { shape: kernel.shape, data },
    bias: { shape: bias.shape, data: bias.data.map((_, i) => bias.data[order[i] ?? 0] ?? 0) },
  };
}
