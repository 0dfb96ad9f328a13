import type { Command } from 'commander';
import { ExitCode } from '../../errors.js';
import { readBundle } from '../../model/bundle.js';
import { findBundle } from '../../model/shelf.js';
import { calibrationFiles, int8Line, quantizeBundle } from '../support/calibration.js';
import { finish } from '../support/finish.js';
import { configFrom, shelvesOf } from '../support/flags.js';
import { withConfig } from '../support/options.js';

export function define(command: Command): void {
  withConfig(
    command
      .argument('<bundle>', 'model bundle: a name or the path of its folder')
      .argument('<audio...>', 'files, or folders of them: some hundred short ones of all kinds of sound'),
  )
    .option('--json', 'the result as JSON')
    .addHelpText(
      'after',
      '\nThe weights stay as they are. What can be computed in int8 goes into model.json, with how well the result agrees\nwith float32 on every fourth file, by which nothing is chosen. model.precision (auto, float32, int8) says what is used.',
    )
    .action(finish(quantize));
}

/** `models quantize BUNDLE AUDIO…`: calibrates a bundle and writes what was found into its manifest, as a whole. */
async function quantize(
  name: string,
  audio: string[],
  flags: { config?: string; json?: boolean },
): Promise<ExitCode> {
  const folder = await findBundle(name, shelvesOf(configFrom(flags)));
  const quantization = await quantizeBundle(folder, await calibrationFiles(audio));
  const { manifest } = await readBundle(folder); // as it is now on the disk
  console.log(
    flags.json
      ? JSON.stringify({ name: manifest.name, folder, quantization })
      : `${manifest.name}: ${int8Line(quantization, manifest)} → ${folder}`,
  );
  return ExitCode.ok;
}
