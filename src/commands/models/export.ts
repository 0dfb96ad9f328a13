import { type Command, Option } from 'commander';
import { ExitCode, UserError } from '../../errors.js';
import { type ExportFormat, exportModel } from '../../model/export/export.js';
import type { PatchOrder } from '../../model/export/plan.js';
import { readModel } from '../../model/shelf.js';
import { writeWhole } from '../../storage/write-whole.js';
import { finish } from '../support/finish.js';
import { configFrom, shelvesOf } from '../support/flags.js';
import { withConfig } from '../support/options.js';

export interface ExportFlags {
  readonly config?: string;
  readonly format: ExportFormat;
  readonly head?: string;
  readonly input?: PatchOrder;
  readonly output: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function define(command: Command): void {
  withConfig(
    command
      .argument('<bundle>', 'model bundle: a name or the path of its folder')
      .addOption(
        new Option('-f, --format <format>', 'kind of file')
          .choices(['tflite', 'onnx', 'safetensors'])
          .makeOptionMandatory(),
      )
      .requiredOption('-o, --output <file>', 'where to; labels go to <file>.labels.txt')
      .option('--head <name>', "the model's default head when left out")
      .addOption(
        new Option('--input <order>', 'how the patch enters: [1,96,64,1] (default) or [1,64,96,1]').choices([
          'frames-bands',
          'bands-frames',
        ]),
      )
      .option('--force', 'replace the files that are there'),
  )
    .option('--json', 'the result as JSON')
    .action(finish(exportBundle));
}

/** `models export NAME`: backbone and one head as one float32 model, its labels in a file beside it. */
async function exportBundle(
  name: string,
  { config, format, head: wanted, input, output, force = false, json }: ExportFlags,
): Promise<ExitCode> {
  if (format === 'safetensors' && input)
    throw new UserError(
      ExitCode.usage,
      '--input says how a patch enters a graph, and safetensors holds weights only',
      'Leave --input out, or choose --format tflite or onnx.',
    );
  const shelves = shelvesOf(configFrom({ config }));
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
