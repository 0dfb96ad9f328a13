import { join } from 'node:path';
import { ExitCode, UserError } from '../errors.js';
import { deleteFeedback, readFeedback } from '../storage/feedback.js';
import { stateFolder } from '../storage/state.js';
import { configFrom } from './support/flags.js';

type Flags = { config?: string; json?: boolean; all?: boolean };

/** `feedback list`: the verdicts that people have given on alarms; no sound is in them. */
export async function list(flags: Flags): Promise<ExitCode> {
  const records = readFeedback(folderOf(flags), (path) => console.error(`warning: ${path} is damaged`));
  for (const { embeddings, ...record } of records) {
    const { episodeId, alarmAt, verdict, label, model } = record;
    console.log(
      flags.json
        ? JSON.stringify({ ...record, windows: embeddings.length })
        : `${episodeId}  ${alarmAt}  ${verdict.padEnd(11)}  ${label}  ${embeddings.length} windows  ${model.name}`,
    );
  }
  if (records.length === 0 && !flags.json) console.log('No feedback has been given yet.');
  return ExitCode.ok;
}

/** `feedback delete EPISODE… | --all` */
export async function remove(episodes: string[], flags: Flags): Promise<ExitCode> {
  const folder = folderOf(flags);
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

function folderOf({ config }: Flags): string {
  return join(stateFolder(configFrom({ ...(config && { config }) }).stateDir, process.env), 'feedback');
}
