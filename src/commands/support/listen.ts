import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { AlarmRule } from '../../alarm/decision.js';
import { longestSilenceSeconds } from '../../alarm/impact.js';
import type { Config } from '../../config/schema.js';
import { SAMPLE_RATE_HZ } from '../../constants.js';
import { cannotWrite, ExitCode, UserError } from '../../errors.js';
import { chooseHead } from '../../model/head.js';
import { findBundle, readModel } from '../../model/shelf.js';
import { alarmRule, modelInfo } from '../../pipeline.js';
import { stateFolder } from '../../storage/state.js';
import type { ModelInfo } from '../../types.js';
import { numberFlag, patternFlag } from './flag-values.js';
import { type ConfigFlags, configFrom, shelvesOf } from './flags.js';
import { interruptible } from './interrupt.js';
import {
  checkLabels,
  findMaterial,
  type Material,
  parseRenames,
  validationOnly,
  warnOfTrained,
} from './material.js';
import { type JobsFlag, jobsFlag, repeatable, withJobs, withModel } from './options.js';
import { printError, warn, warnOfFallback } from './print.js';
import { type Heard, hear, type Life } from './score.js';
import { readPieces } from './surroundings.js';

/** What a model is measured on. */
export function withMaterial(command: Command): Command {
  return withJobs(withModel(command))
    .option('--no-cache', 'compute all scores again and keep none')
    .argument('[dir]', 'class folders with clips, recordings with label files beside them, or both')
    .addOption(repeatable('--ordinary <dir>', 'recordings in which nothing is to be found; can be repeated'))
    .addOption(
      repeatable(
        '--map <renames>',
        'labels that stand for others of the head, for example singing=speech,glass=abnormal',
      ),
    )
    .option(
      '--collar <seconds>',
      'how far from an event its alarm may start; of silence after an impact, the impact',
      '2',
    )
    .option('--split <part>', 'validation: only the clips that train keeps for it')
    .option(
      '--validation <share>',
      'share of the clips for validation, of a model without a report of train (default: 0.2)',
    )
    .option('--seed <number>', 'the same seed gives the same split and the same --life (default: 1)')
    .option('--group-by <regex>', 'what names the recording in a path, of a model without a report of train');
}

/** What chooses the model, and the clips and recordings that it is measured on. */
export interface MaterialFlags extends ConfigFlags, JobsFlag {
  readonly cache: boolean;
  readonly ordinary?: readonly string[];
  readonly map?: readonly string[];
  readonly collar: string;
  readonly split?: string;
  readonly validation?: string;
  readonly seed?: string;
  readonly groupBy?: string;
}

/** What a model says to clips and recordings, before any figure is made of it. */
export interface Listened extends Omit<Heard, 'network'> {
  readonly model: ModelInfo;
  readonly rule: AlarmRule;
  /** The bundle that the head belongs to. */
  readonly folder: string;
  readonly head: string;
  /** What goes over the bundle's own rule. */
  readonly configured: Config['alarm'];
  readonly collarSeconds: number;
}

/** As `train` has it. */
const seedOf = ({ seed = '1' }: MaterialFlags) =>
  numberFlag('seed', seed, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });

interface LifeOptions extends Pick<Life, 'describe'> {
  /** Recordings of ordinary sound; none means room tone. */
  readonly folders: readonly string[];
}

/**
 * Sends everything the flags name through the model's network once. Files that cannot be read are named.
 *
 * @param willWrite whether the bundle is to be changed: one that cannot be is refused before hours of listening
 * @param life where every clip is to be laid into life as well: how it is described, and what sound it lies in
 * @throws UserError where flags, model or material do not fit each other, or no file can be read
 */
export async function listenTo(
  dir: string | undefined,
  flags: MaterialFlags,
  { willWrite = false, life }: { readonly willWrite?: boolean; readonly life?: LifeOptions | undefined } = {},
): Promise<Listened> {
  const config = configFrom(flags);
  const collarSeconds = numberFlag('collar', flags.collar, { min: 0, max: 60 });
  const shelves = shelvesOf(config);
  const { bundle, head = bundle.manifest.defaultHead } = await readModel(config.model, shelves);
  // A head that was given by the path of its bundle lives there.
  const owner =
    config.model.head === undefined || config.model.head === head ? config.model.name : config.model.head;
  const folder = await findBundle(owner, shelves);
  const material = await selectedMaterial(dir, folder, flags, life !== undefined);
  if (willWrite) await checkWritable(folder);
  const scoring = chooseHead(bundle, head);
  const rule = alarmRule(bundle, scoring, config.alarm);
  checkLabels(material, scoring.labels);
  const silenceSeconds = longestSilenceSeconds(rule, config.sense);
  if (!rule.evidence && silenceSeconds > 0)
    warn(
      'this model has no event head: alarms by silence after an impact, which the daemon raises, are not counted',
    );
  const jobs = jobsFlag(flags);
  const seed = seedOf(flags);
  const hopSamples = Math.round(config.window.hopSeconds * SAMPLE_RATE_HZ);
  const scores = join(stateFolder(config.stateDir, process.env), 'cache', 'scores');
  const heard = await interruptible(async (signal) => {
    const laid = life && {
      ...life,
      surroundings: { seed, silenceSeconds, pieces: await readPieces(life.folders, seed, signal) },
    };
    return await hear(material, {
      ...config.model,
      bundle,
      head,
      onFallback: warnOfFallback,
      rule,
      sense: config.sense,
      hopSamples,
      jobs,
      signal,
      life: laid,
      cacheDir: flags.cache ? scores : undefined,
    });
  });
  for (const error of heard.failed) printError(error);
  const { network, ...rest } = heard;
  const [first] = heard.failed;
  if (first && heard.clips.length + heard.recordings.length === 0)
    throw new UserError(first.code, 'nothing could be heard: no file can be read', 'Mend the files above.');
  const model = modelInfo(bundle, scoring, rule, network);
  return { ...rest, model, rule, folder, head, configured: config.alarm, collarSeconds };
}

async function checkWritable(folder: string): Promise<void> {
  await access(folder, constants.W_OK).catch((error) => {
    throw cannotWrite(
      folder,
      error,
      'Copy that folder to a place of your own and give its path as --model, or see the result only: --dry-run.',
    );
  });
}

async function selectedMaterial(
  dir: string | undefined,
  folder: string,
  flags: MaterialFlags,
  life: boolean,
): Promise<Material> {
  const { split, validation, groupBy } = flags;
  const material = await findMaterial(dir, flags.ordinary ?? [], parseRenames(flags.map ?? []));
  if (split === undefined) {
    if (dir !== undefined) await warnOfTrained(material, dir, folder);
    return material;
  }
  if (split !== 'validation' || dir === undefined)
    throw new UserError(
      ExitCode.usage,
      `--split ${split}: only the validation part of DIR can be chosen`,
      'Write evaluate DIR --split validation.',
    );
  const unused = [
    ...(validation === undefined ? [] : ['--validation']),
    ...(flags.seed === undefined || life ? [] : ['--seed']),
    ...(groupBy === undefined ? [] : ['--group-by']),
  ];
  const options = {
    share: numberFlag('validation', validation ?? '0.2', { min: 0.01, max: 0.9 }),
    seed: seedOf(flags),
    ...(groupBy !== undefined && { groupBy: patternFlag(groupBy) }),
  };
  return await validationOnly(material, dir, folder, options, unused);
}
