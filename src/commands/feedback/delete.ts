import type { Command } from 'commander';
import { ExitCode, UserError } from '../../errors.js';
import { deleteFeedback } from '../../storage/feedback-records.js';
import { finish } from '../support/finish.js';
import { withConfig } from '../support/options.js';
import { foldersOf } from './folder.js';

export function define(command: Command): void {
  withConfig(
    command.argument('[episode...]', 'episode ids of the list').option('--all', 'every one', false),
  ).action(finish(remove));
}

/** `feedback delete EPISODE… | --all` */
async function remove(episodes: string[], flags: { config?: string; all: boolean }): Promise<ExitCode> {
  const folders = foldersOf(flags);
  if (flags.all === episodes.length > 0)
    throw new UserError(
      ExitCode.usage,
      'what is to be deleted?',
      'Name episodes of `feedback list`, or give --all.',
    );
  const wanted = flags.all ? [undefined] : episodes;
  let deleted = 0;
  for (const folder of folders) for (const episode of wanted) deleted += deleteFeedback(folder, episode);
  console.log(`${deleted} deleted`);
  return deleted < episodes.length ? ExitCode.noInput : ExitCode.ok;
}
