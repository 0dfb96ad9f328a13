import type { Command } from 'commander';
import { ExitCode, UserError } from '../../errors.js';
import { deleteFeedback } from '../../storage/feedback.js';
import { finish } from '../support/finish.js';
import { withConfig } from '../support/options.js';
import { feedbackFolder } from './folder.js';

export function define(command: Command): void {
  withConfig(
    command.argument('[episode...]', 'episode ids of the list').option('--all', 'every one', false),
  ).action(finish(remove));
}

/** `feedback delete EPISODE… | --all` */
async function remove(episodes: string[], flags: { config?: string; all: boolean }): Promise<ExitCode> {
  const folder = feedbackFolder(flags);
  if (flags.all === episodes.length > 0)
    throw new UserError(
      ExitCode.usage,
      'what is to be deleted?',
      'Name episodes of `feedback list`, or give --all.',
    );
  const deleted = flags.all
    ? deleteFeedback(folder)
    : episodes.reduce((sum, episode) => sum + deleteFeedback(folder, episode), 0);
  console.log(`${deleted} deleted`);
  return deleted < episodes.length ? ExitCode.noInput : ExitCode.ok;
}
