import { ExitCode, UserError } from '../errors.js';
import { type ExportFormat, exportModel } from '../model/export/export.js';
import type { PatchOrder } from '../model/export/plan.js';
import { readModel } from '../model/shelf.js';
import { writeWhole } from '../storage/write-whole.js';
import { configFrom, shelvesOf } from './support/flags.js';

export interface ExportFlags {
  readonly config?: string;
  readonly format: ExportFormat;
  readonly head?: string;
  readonly input?: PatchOrder;
  readonly output: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `models export NAME`: backbone and one head as one float32 model, its labels in a file beside it. */
export async function exportBundle(
  name: string,
  { config, format, head: wanted, input, output, force = false, json }: ExportFlags,
): Promise<ExitCode> {
  if (format === 'safetensors' && input)
    throw new UserError(
      ExitCode.usage,
      '--input says how a patch enters a graph, and safetensors holds weights only',
      'Leave --input out, or choose --format tflite or onnx.',
    );
  const shelves = shelvesOf(configFrom({ ...(config !== undefined && { config }) }));
  const { bundle, head } = await readModel({ name, head: wanted }, shelves);
  const { bytes, labels, description } = await exportModel(bundle, format, { head, order: input });
  const labelsFile = `${output}.labels.txt`;
  await writeWhole(
    [
      [output, bytes],
      [labelsFile, `${labels.join('\n')}\n`],
    ],
    force,
  );
  console.log(
    json
      ? JSON.stringify({ file: output, labelsFile, labels, description })
      : `${description} → ${output}, labels → ${labelsFile}`,
  );
  return ExitCode.ok;
}
