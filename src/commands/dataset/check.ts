import { relative } from 'node:path';
import type { Command } from 'commander';
import { decodeFile } from '../../audio/decode.js';
import { ExitCode, UserError } from '../../errors.js';
import { whole } from '../../training/augment.js';
import { type CheckedClip, checkClips, type Finding } from '../../training/check.js';
import { type Clip, scanDataset } from '../../training/dataset.js';
import { createFingerprinter, type Fingerprint } from '../../training/fingerprint.js';
import { finish } from '../support/finish.js';
import { patternFlag } from '../support/flag-values.js';
import { interruptible } from '../support/interrupt.js';
import { printable } from '../support/print.js';
import { showProgress } from '../support/progress.js';
import { tableLines } from '../support/table.js';

/** How many files of a finding are printed; `--json` has all. */
const PRINTED_FILES = 8;

export function define(command: Command): void {
  command
    .argument('<dir>', 'one folder per class with audio files in it')
    .option('--group-by <regex>', 'what names the recording in a path, as given to train')
    .option('--json', 'as JSON')
    .action(finish(check));
}

/**
 * `dataset check DIR`: what would spoil training, and what to do about it.
 *
 * @returns bad data where there is a fault, ok where there are warnings at most
 */
async function check(
  dir: string,
  flags: { readonly groupBy?: string; readonly json?: boolean },
): Promise<ExitCode> {
  const dataset = await scanDataset(dir, flags.groupBy ? { groupBy: patternFlag(flags.groupBy) } : {});
  const { clips, findings } = await interruptible((signal) => checkAll(dataset.clips, signal));
  const classes = dataset.labels.map((label) => summaryOf(label, clips));
  const faults = findings.filter(({ severity }) => severity === 'fault').length;
  if (flags.json) console.log(JSON.stringify({ dir, classes, findings, ignored: dataset.ignored }));
  else {
    console.log(asText(dir, classes, findings).join('\n'));
    if (dataset.ignored.length > 0)
      console.log(
        `\n${dataset.ignored.length} files are no audio or in no class folder: ${listed(dataset.ignored)}`,
      );
  }
  return faults > 0 ? ExitCode.badData : ExitCode.ok;
}

async function checkAll(clips: readonly Clip[], signal: AbortSignal) {
  const fingerprintOf = createFingerprinter();
  const checked: CheckedClip[] = [];
  const progress = showProgress('check', 2 * clips.length);
  try {
    for (const clip of clips) {
      signal.throwIfAborted();
      checked.push({ ...clip, ...(await fingerprintFile(clip.path, fingerprintOf)) });
      progress.update(checked.length, clip.path);
    }
    const findings = await checkClips(checked, async (done) => {
      progress.update(clips.length + done, 'comparing');
      await new Promise(setImmediate); // lets Ctrl-C in
      signal.throwIfAborted();
    });
    return { clips: checked, findings };
  } finally {
    progress.stop();
  }
}

async function fingerprintFile(
  path: string,
  fingerprintOf: (samples: Float32Array) => Fingerprint,
): Promise<{ fingerprint: Fingerprint | undefined; error?: string }> {
  try {
    return { fingerprint: fingerprintOf(await whole(decodeFile(path))) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { fingerprint: undefined, error: error.message };
  }
}

interface ClassSummary {
  readonly label: string;
  readonly clips: number;
  readonly recordings: number;
  readonly seconds: number;
}

function summaryOf(label: string, clips: readonly CheckedClip[]): ClassSummary {
  const members = clips.filter((clip) => clip.label === label);
  const seconds = members.reduce((sum, { fingerprint }) => sum + (fingerprint?.seconds ?? 0), 0);
  return {
    label,
    clips: members.length,
    recordings: new Set(members.map(({ group }) => group)).size,
    seconds: Math.round(seconds * 10) / 10,
  };
}

function asText(dir: string, classes: readonly ClassSummary[], findings: readonly Finding[]): string[] {
  const lines = tableLines([
    ['class', 'clips', 'recordings', 'seconds'],
    ...classes.map(({ label, clips, recordings, seconds }) => [
      label,
      String(clips),
      String(recordings),
      seconds.toFixed(1),
    ]),
  ]);
  for (const { severity, text, advice, files } of findings) {
    lines.push('', `${severity === 'fault' ? 'FAULT' : 'note '}  ${text}`, `       → ${advice}`);
    for (const group of files.slice(0, PRINTED_FILES))
      lines.push(`       ${listed(group.map((path) => relative(dir, path)))}`);
    if (files.length > PRINTED_FILES)
      lines.push(`       … ${files.length - PRINTED_FILES} more (--json has all)`);
  }
  return [...lines, '', findings.length === 0 ? 'Nothing to mend.' : verdict(findings)];
}

function verdict(findings: readonly Finding[]): string {
  const faults = findings.filter(({ severity }) => severity === 'fault').length;
  return `${faults} ${faults === 1 ? 'kind of fault' : 'kinds of faults'} to mend, ${findings.length - faults} to look at.`;
}

/** The first few of many files. */
function listed(paths: readonly string[]): string {
  const rest = paths.length > 4 ? `, … ${paths.length - 4} more` : '';
  return paths.slice(0, 4).map(printable).join(', ') + rest;
}
