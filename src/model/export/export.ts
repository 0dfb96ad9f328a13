import type { Bundle } from '../bundle.js';
import { chooseHead, headsBehind } from '../head.js';
import { writeSafetensors } from '../safetensors.js';
import { type PatchOrder, planBackbone, planExport } from './plan.js';

export type ExportFormat = 'tflite' | 'onnx' | 'safetensors';

export interface Exported {
  readonly bytes: Uint8Array;
  /** One for each value of the output. */
  readonly labels: readonly string[];
  /** What it is, in one line; the file carries it, too. */
  readonly description: string;
}

/**
 * Makes one float32 model of a bundle's backbone and one head.
 *
 * @param options.head the bundle's default head when left out
 * @throws UserError usage, where the bundle has no such head
 */
export async function exportModel(
  bundle: Bundle,
  format: ExportFormat,
  {
    head,
    order = 'frames-bands',
  }: { readonly head?: string | undefined; readonly order?: PatchOrder | undefined } = {},
): Promise<Exported> {
  const { name } = chooseHead(bundle, head);
  const plan = planExport(bundle, name);
  const { labels, description } = plan;
  // The libraries that write a format are loaded with it.
  const writers = {
    tflite: async () => (await import('./tflite.js')).tfliteModel(plan, order),
    onnx: async () => (await import('./onnx.js')).onnxModel(plan, order),
    safetensors: async () => weightsOnly(bundle, name),
  };
  return { bytes: await writers[format](), labels, description };
}

/** The backbone alone as a TensorFlow Lite file: `log_mel` [1,96,64,1] → `embedding` [1,C], float32. */
export async function backboneTflite(bundle: Bundle): Promise<Uint8Array> {
  const { tfliteModel } = await import('./tflite.js');
  return tfliteModel(planBackbone(bundle), 'frames-bands');
}

/** The tensors under the names of the bundle, and the parts of its manifest that say how they belong together. */
function weightsOnly({ manifest, tensors }: Bundle, name: string): Uint8Array {
  const names = headsBehind(manifest, name);
  const wanted = [...tensors].filter(
    ([key]) => key.startsWith('backbone.') || names.some((each) => key.startsWith(`heads.${each}.`)),
  );
  const { weights: _, event: __, heads, ...rest } = manifest;
  const kept = Object.fromEntries(names.map((each) => [each, heads[each]]));
  const metadata = { 'bathnet2mqtt.model': JSON.stringify({ ...rest, heads: kept, defaultHead: name }) };
  return writeSafetensors(new Map(wanted), { float32: true, metadata });
}
