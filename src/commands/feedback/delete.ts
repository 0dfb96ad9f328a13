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
async function remove(named: string[], flags: { config?: string; all: boolean }): Promise<ExitCode> {
  const folders = foldersOf(flags);
  const episodes = [...new Set(named)];
  if (flags.all === episodes.length > 0)
    throw new UserError(
      ExitCode.usage,
      'what is to be deleted?',
      'Name episodes of `feedback list`, or give --all.',
    );
  const deleted = (episode?: string) =>
    folders.reduce((sum, folder) => sum + deleteFeedback(folder, episode), 0);
  const counts = flags.all ? [deleted()] : episodes.map((episode) => deleted(episode));
  const missing = episodes.filter((_, i) => counts[i] === 0);
  const count = counts.reduce((a, b) => a + b, 0);
  if (count > 0 || missing.length === 0) console.log(`${count} deleted`);
  if (missing.length > 0)
    throw new UserError(
      ExitCode.noInput,
      `there is no feedback on ${missing.join(', ')}`,
      'Give episodes as `feedback list` shows them.',
    );
  return ExitCode.ok;
}
