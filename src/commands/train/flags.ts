import { isDeepStrictEqual } from 'node:util';
import { ExitCode, UserError } from '../../errors.js';
import type { Bundle } from '../../model/bundle.js';
import { headNamed } from '../../model/head.js';
import type { TrainOptions } from '../../training/train.js';
import { numberFlag } from '../support/flag-values.js';
import type { ConfigFlags } from '../support/flags.js';
import type { JobsFlag } from '../support/options.js';

export interface TrainFlags extends Omit<ConfigFlags, 'head'>, JobsFlag {
  readonly name?: string;
  readonly hidden: string;
  readonly epochs: string;
  readonly batch: string;
  readonly learningRate: string;
  readonly dropout: string;
  readonly patience: string;
  readonly classWeights: boolean;
  /** False for none. */
  readonly augment: string | false;
  readonly pool: 'frames' | 'mean';
  readonly validation: string;
  readonly groupBy?: string;
  readonly alarm?: string;
  readonly seed: string;
  readonly feedback?: string | true;
  readonly skipBad?: boolean;
  readonly cache: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** What a head is called where `--name` says nothing. */
const CUSTOM_HEAD = 'custom';

/**
 * What the flags say of the training itself.
 *
 * @throws UserError usage
 */
export function settingsOf(
  flags: TrainFlags,
): Omit<TrainOptions, 'name' | 'alarmLabels' | 'extract' | 'hopSeconds' | 'signal'> {
  const { name = CUSTOM_HEAD } = flags;
  const whole = { min: 1, max: 100_000, integer: true };
  if (!/^[a-z0-9-]+$/.test(name))
    throw new UserError(
      ExitCode.usage,
      `--name ${name}: expected lower-case letters, digits and - only`,
      'Name the head like this: --name game-sounds',
    );
  return {
    head: name,
    hidden:
      flags.hidden === 'none'
        ? []
        : flags.hidden.split(',').map((units) => numberFlag('hidden', units, { ...whole, max: 4096 })),
    epochs: numberFlag('epochs', flags.epochs, whole),
    batchSize: numberFlag('batch', flags.batch, whole),
    learningRate: numberFlag('learning-rate', flags.learningRate, { min: 1e-6, max: 1 }),
    dropout: numberFlag('dropout', flags.dropout, { min: 0, max: 0.9 }),
    patience: numberFlag('patience', flags.patience, whole),
    classWeights: flags.classWeights,
    augment:
      flags.augment === false ? 0 : numberFlag('augment', flags.augment, { min: 0, max: 100, integer: true }),
    pool: flags.pool,
    validation: numberFlag('validation', flags.validation, { min: 0, max: 0.5 }),
    groupBy: flags.groupBy,
    seed: numberFlag('seed', flags.seed, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true }),
  };
}

/**
 * A head that is named after one of the base would take its place, and what needs that would miss it. Only what was
 * trained without a name before is trained again, for the same classes.
 *
 * @param labels the classes of the new head
 * @throws UserError usage, with the names that are taken
 */
export function checkName(
  { name }: TrainFlags,
  labels: readonly string[],
  { heads, name: base }: Bundle['manifest'],
): void {
  const taken = headNamed(heads, name ?? CUSTOM_HEAD);
  if (!taken || (name === undefined && isDeepStrictEqual(new Set(taken.labels), new Set(labels)))) return;
  throw new UserError(
    ExitCode.usage,
    name === undefined
      ? `${base} has a head of other classes already, ${CUSTOM_HEAD}: ${taken.labels.join(', ')}`
      : `--name ${name}: ${base} has a head of that name`,
    `Choose another name (--name) than ${Object.keys(heads).join(', ')}.`,
  );
}
