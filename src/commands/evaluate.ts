import { relative, sep } from 'node:path';
import type { Command } from 'commander';
import { ExitCode, UserError } from '../errors.js';
import { soundAddress } from '../plot/sound-address.js';
import { checkPlaces, writeWhole } from '../storage/write-whole.js';
import { evaluate } from '../training/evaluation.js';
import { renderReport } from '../training/report/report.js';
import { evaluationLines } from './evaluate/output.js';
import { finish } from './support/finish.js';
import { listenTo, type MaterialFlags, withMaterial } from './support/listen.js';
import { repeatable } from './support/options.js';
import { printable } from './support/print.js';

export function define(command: Command): void {
  withMaterial(command)
    .option('--report <file>', 'write a page with plots (HTML)')
    .option('--kinds', 'figures by kind of sound as well: the folders below those of the classes')
    .option('--life', 'lay every clip into a room as well, at a random time and level (--seed)')
    .addOption(repeatable('--life-in <dir>', 'as --life, in recordings of ordinary sound; can be repeated'))
    .option('--json', 'as JSON')
    .action(finish(evaluateCommand));
}

/**
 * `evaluate [DIR]`: clips in class folders, recordings with label files and ordinary sound through the network and
 * the decision stage; prints figures, and writes a page with plots for `--report`.
 *
 * @returns the exit code: that of the first file that could not be read
 */
async function evaluateCommand(dir: string | undefined, flags: EvaluateFlags): Promise<ExitCode> {
  if (flags.report) await checkReport(flags.report); // before hours of listening
  const { life = false, lifeIn: folders = [] } = flags;
  const describe = (path: string, label: string) => lifeOf(path, label, dir);
  const listened = await listenTo(dir, flags, {
    life: life || folders.length > 0 ? { folders, describe } : undefined,
  });
  const { model, rule, head, collarSeconds, recordings, failed } = listened;
  const clips = listened.clips.map((clip) =>
    flags.kinds ? { ...clip, kind: kindOf(clip.path, dir) } : clip,
  );
  const evaluation = evaluate({ model, head, rule, collarSeconds, clips, recordings });
  const text = () => evaluationLines(evaluation).map(printable).join('\n');
  console.log(flags.json ? JSON.stringify(evaluation, rounded) : text());
  const page = flags.report;
  if (page) {
    const html = renderReport(evaluation, new Date(), (path) => soundAddress(page, path));
    await writeWhole([[page, html]], true);
    if (!flags.json) console.log(`\nreport: ${page}`);
  }
  return failed[0]?.code ?? ExitCode.ok;
}

/** @throws UserError usage, cannot create: a sound or a model shall not be taken for the place of a page */
async function checkReport(page: string): Promise<void> {
  if (!/\.html$/i.test(page))
    throw new UserError(
      ExitCode.usage,
      `--report ${page}: expected a name that ends in .html`,
      'Name the page like this: --report report.html',
    );
  await checkPlaces([page], true);
}

interface EvaluateFlags extends MaterialFlags {
  readonly json?: boolean;
  readonly report?: string;
  readonly kinds?: boolean;
  readonly life?: boolean;
  readonly lifeIn?: readonly string[];
}

/** A class that has another name here (`--map`) keeps that of its folder. */
function lifeOf(path: string, label: string, dir = ''): { kind: string; name: string } {
  const parts = relative(dir, path).split(sep);
  const folders = [parts[0] === label ? '' : parts[0], kindOf(path, dir)];
  return { kind: folders.filter(Boolean).join('/'), name: parts.join('/') };
}

/** The folder below that of the class: DIR/CLASS/KIND/…/file; empty for a clip that lies in the class itself. */
function kindOf(path: string, dir = ''): string {
  const [, kind = '', ...below] = relative(dir, path).split(sep);
  return below.length > 0 ? kind : '';
}

/** Six digits are more than any of these figures has. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1e6) / 1e6 : value;
}
