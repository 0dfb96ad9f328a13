import type { Command } from 'commander';
import { ExitCode } from '../../errors.js';
import { readFeedback } from '../../storage/feedback-records.js';
import { finish } from '../support/finish.js';
import { withConfig } from '../support/options.js';
import { warn } from '../support/print.js';
import { foldersOf } from './folder.js';

export function define(command: Command): void {
  withConfig(command).option('--json', 'one JSON line per verdict').action(finish(list));
}

/** `feedback list`: the verdicts that people have given on alarms; no sound is in them. */
async function list(flags: { config?: string; json?: boolean }): Promise<ExitCode> {
  const records = foldersOf(flags).flatMap((folder) => readFeedback(folder, warn));
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
