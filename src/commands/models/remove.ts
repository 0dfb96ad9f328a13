import { basename } from 'node:path';
import type { Command } from 'commander';
import { ExitCode } from '../../errors.js';
import { listBundles, removeBundle } from '../../model/shelf.js';
import { finish } from '../support/finish.js';
import { configFrom, shelvesOf } from '../support/flags.js';
import { withConfig } from '../support/options.js';

export function define(command: Command): void {
  withConfig(command.argument('<name>', 'its name'))
    .option('--json', 'the result as JSON')
    .action(finish(remove));
}

/** `models remove NAME`: one of the person's own; the shipped ones stay. */
async function remove(name: string, flags: { config?: string; json?: boolean }): Promise<ExitCode> {
  const shelves = shelvesOf(configFrom(flags));
  const folder = await removeBundle(name, shelves);
  if (flags.json) {
    console.log(JSON.stringify({ name, folder }));
    return ExitCode.ok;
  }
  console.log(`removed ${folder}`);
  const [next] = (await listBundles(shelves)).filter((folder) => basename(folder) === name);
  if (next) console.log(`"${name}" is now ${next}`);
  return ExitCode.ok;
}
