import type { Command } from 'commander';
import { ExitCode } from '../../errors.js';
import { readBundle } from '../../model/bundle.js';
import { compileBackbone } from '../../model/neuron/compile.js';
import { compiledFile, sidecarFile } from '../../model/neuron/compiled.js';
import { findBundle } from '../../model/shelf.js';
import { checkPlaces, writeWhole } from '../../storage/write-whole.js';
import { finish } from '../support/finish.js';
import { configFrom, shelvesOf } from '../support/flags.js';
import { withConfig } from '../support/options.js';

export interface CompileFlags {
  readonly config?: string;
  readonly ncc: string;
  readonly arch: string;
  readonly output?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function define(command: Command): void {
  withConfig(
    command
      .argument('<bundle>', 'model bundle: a name or the path of its folder')
      .option('-o, --output <file>', "where to (default: backbone.dla in the bundle's folder)")
      .option('--ncc <program>', "MediaTek's compiler: a name or a path", 'ncc-tflite')
      .option('--arch <name>', 'the NPU, as the compiler calls it', 'mdla3.0')
      .option('--force', 'replace the files that are there'),
  )
    .option('--json', 'the result as JSON')
    .action(finish(compile));
}

/** `models compile NAME`: the backbone for an NPU of MediaTek, and beside it of which weights it was made. */
async function compile(
  name: string,
  { config, ncc, arch, output, force = false, json }: CompileFlags,
): Promise<ExitCode> {
  const shelves = shelvesOf(configFrom({ config }));
  const bundle = await readBundle(await findBundle(name, shelves));
  const file = output ?? compiledFile(bundle);
  const sidecar = sidecarFile(file);
  await checkPlaces([file, sidecar], force);
  const made = await compileBackbone(bundle, ncc, arch);
  await writeWhole(
    [
      [file, made.compiled],
      [sidecar, `${JSON.stringify(made.sidecar, null, 1)}\n`],
    ],
    force,
  );
  console.log(
    json
      ? JSON.stringify({ file, sidecar, bytes: made.compiled.length, ...made.sidecar })
      : `${bundle.manifest.name} ${bundle.manifest.version}, backbone for ${arch} → ${file}, made of which weights → ${sidecar}`,
  );
  return ExitCode.ok;
}
