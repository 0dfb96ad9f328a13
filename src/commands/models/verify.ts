import { basename } from 'node:path';
import type { Command } from 'commander';
import { PATCH_VALUES, SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../../constants.js';
import { ExitCode, UserError } from '../../errors.js';
import { createFrontEnd } from '../../features/create-front-end.js';
import { readBundle } from '../../model/bundle.js';
import { findBundle, listBundles } from '../../model/shelf.js';
import { verifyOutputs } from '../../model/verify.js';
import { finish } from '../support/finish.js';
import { configFrom, shelvesOf } from '../support/flags.js';
import { withConfig } from '../support/options.js';

/** A window that is not silent. */
const TEST_TONE = Float32Array.from(
  { length: WINDOW_SAMPLES },
  (_, i) => 0.5 * Math.sin((2 * Math.PI * 440 * i) / SAMPLE_RATE_HZ),
);

export function define(command: Command): void {
  withConfig(command.argument('[bundle...]', 'all there are when none is named'))
    .option('--json', 'one JSON line per bundle')
    .action(finish(verify));
}

/**
 * `models verify [NAME…]`: reads and checks bundles – all there are when none is named – and runs one window
 * through each; a line per bundle.
 *
 * @returns bad data, if one is
 */
async function verify(names: string[], flags: { config?: string; json?: boolean }): Promise<ExitCode> {
  const shelves = shelvesOf(configFrom(flags));
  const folders =
    names.length > 0
      ? await Promise.all(names.map((name) => findBundle(name, shelves)))
      : await listBundles(shelves);
  let exitCode: ExitCode = ExitCode.ok;
  for (const folder of folders) {
    const { problem, found } = await check(folder);
    if (problem !== undefined) exitCode = ExitCode.badData;
    if (flags.json) console.log(JSON.stringify({ name: basename(folder), folder, ok: !problem, problem }));
    else console.log(`${problem ? 'BAD' : 'ok '}  ${basename(folder)}: ${problem ?? found}`);
  }
  return exitCode;
}

/** What is wrong with a bundle, or what was found, in one line. */
async function check(folder: string): Promise<{ problem?: string; found?: string }> {
  try {
    const bundle = await readBundle(folder);
    const { version, frontEnd, weights, heads, event, eventModel } = bundle.manifest;
    const parts = `heads ${Object.keys(heads).join(', ')}${event ? ' and event head' : ''}${eventModel ? ` (events: ${eventModel})` : ''}`;
    const mel = new Float32Array(PATCH_VALUES);
    createFrontEnd(frontEnd).compute({ samples: TEST_TONE, startSample: 0 }, mel);
    const engine = await verifyOutputs(bundle, mel);
    return {
      found: `${version}, SHA-256 ${weights.sha256.slice(0, 12)}…, ${parts} run on ${engine}`,
    };
  } catch (error) {
    if (!(error instanceof UserError) || error.code === ExitCode.unavailable) throw error;
    return { problem: error.message.replaceAll(/\s*\n\s*/g, '; ') };
  }
}
