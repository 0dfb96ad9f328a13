import { isDeepStrictEqual } from 'node:util';
import type { Command } from 'commander';
import type { AlarmRule } from '../alarm/decision.js';
import { ExitCode, UserError } from '../errors.js';
import { updateManifest } from '../model/bundle.js';
import { recordingOf } from '../training/clip-figures.js';
import { duration, rate, seconds, share } from '../training/format.js';
import { poissonUpperBound } from '../training/metrics.js';
import type { Recording } from '../training/track.js';
import { type Candidate, type Tuning, tuneRule } from '../training/tune.js';
import { finish } from './support/finish.js';
import { numberFlag } from './support/flag-values.js';
import { type Listened, listenTo, type MaterialFlags, withMaterial } from './support/listen.js';
import { warn } from './support/print.js';
import { tableLines } from './support/table.js';

interface TuneFlags extends MaterialFlags {
  readonly falseAlarmsPerHour: string;
  readonly minRecall: string;
  readonly minOrdinary: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function define(command: Command): void {
  withMaterial(command)
    .option('--false-alarms-per-hour <rate>', 'how many are bearable', '0.1')
    .option('--min-recall <share>', 'write nothing when fewer alarm sounds than this are found', '0.5')
    .option('--min-ordinary <minutes>', 'write nothing on the word of less ordinary sound than this', '30')
    .option('--dry-run', 'write nothing')
    .option('--json', 'as JSON')
    .action(finish(tune));
}

/**
 * `tune [DIR]`: the sensitivity and the alarm rule, out of all together, that find most alarm sounds with no more false
 * alarms per hour than wanted, written into the head of the bundle. Where none do, nothing is written.
 *
 * @throws UserError bad data where there is nothing to tune on or the wanted rate cannot be reached, cannot create
 *   where the bundle cannot be written
 */
async function tune(dir: string | undefined, flags: TuneFlags): Promise<ExitCode> {
  const wanted = numberFlag('false-alarms-per-hour', flags.falseAlarmsPerHour, { min: 0, max: 1000 });
  const minRecall = numberFlag('min-recall', flags.minRecall, { min: 0, max: 1 });
  const minMinutes = numberFlag('min-ordinary', flags.minOrdinary, { min: 0, max: 1e6 });
  const listened = await listenTo(dir, flags, { willWrite: !flags.dryRun });
  const { rule, folder, head, collarSeconds, failed } = listened;
  const clips = listened.clips.map((clip) => recordingOf(clip, rule.labels));
  const recordings = listened.recordings.length > 0 ? listened.recordings : clips;
  checkMaterial(recordings, clips);

  const input = { rule, recordings, clips, collarSeconds, falseAlarmsPerHour: wanted };
  const tuning = tuneRule(input);
  const [best] = tuning.best;
  if (flags.json) console.log(JSON.stringify({ wanted, head, folder, ...tuning }));
  else console.log(asText(tuning, wanted, recordings === clips).join('\n'));
  if (best === undefined || (best.alarm.recall ?? 0) < minRecall)
    throw unreachable(tuning, wanted, minRecall);
  const { ordinaryHours } = tuning.before.ordinary;
  if (!flags.dryRun && ordinaryHours * 60 < minMinutes) throw tooLittle(ordinaryHours, minMinutes);

  const say = (text: string) => flags.json || console.log(`\n${text}`);
  if (flags.dryRun) say('Nothing was written (--dry-run).');
  else {
    const { labels, threshold, hits, window, instantThreshold, sensitivity } = best.rule;
    const alarm = { labels: [...labels], threshold, hits, window, instantThreshold, sensitivity };
    await updateManifest(folder, (manifest) => {
      const own = manifest.heads[head];
      if (own === undefined) throw new Error(`${folder} has no head ${head}`);
      return { ...manifest, heads: { ...manifest.heads, [head]: { ...own, alarm } } };
    });
    say(`Written into head ${head} of ${folder}.`);
    warnOfConfigured(alarm, listened.configured);
  }
  return failed[0]?.code ?? ExitCode.ok;
}

/** What the configuration says is in force whatever the bundle says: together they are no rule that was tried. */
function warnOfConfigured(written: Partial<AlarmRule>, configured: Listened['configured']): void {
  const over = Object.entries(configured).filter(([name, value]) => {
    const found = written[name as keyof AlarmRule];
    return value !== undefined && found !== undefined && !isDeepStrictEqual(value, found);
  });
  if (over.length === 0) return;
  const named = over.map(([name, value]) => `alarm.${name} ${JSON.stringify(value)}`).join(', ');
  warn(`the configuration goes over what was written: ${named}; take that out of it for the rule to hold`);
}

/** Without sounds that alarm, the best rule would be to never alarm; without others, to always do. */
function checkMaterial(recordings: readonly Recording[], clips: readonly Recording[]): void {
  const hasTargets = [...recordings, ...clips].some(({ events }) => events.length > 0);
  const hasOrdinary = recordings.some(({ events, track }) => events.length === 0 || track.seconds > 60);
  if (hasTargets && hasOrdinary) return;
  throw new UserError(
    ExitCode.badData,
    `there is no ${hasTargets ? 'ordinary sound' : 'sound of an alarm class'} to tune on`,
    hasTargets
      ? 'Add recordings of ordinary sound, hours of it: --ordinary FOLDER.'
      : 'Give a folder with clips of the alarm classes, or labelled recordings; alarm.labels names the classes that alarm.',
  );
}

/** A rule that was chosen on little sound is chosen by chance, and holds for as long. */
function tooLittle(ordinaryHours: number, minMinutes: number): UserError {
  return new UserError(
    ExitCode.badData,
    `${duration(ordinaryHours)} of ordinary sound are too little to choose a rule by: --min-ordinary wants ${duration(minMinutes / 60)}. Nothing was written`,
    'Give hours of it, as the microphone hears them: --ordinary FOLDER; or look at the result only: --dry-run.',
  );
}

function unreachable({ best, quietest }: Tuning, wanted: number, minRecall: number): UserError {
  const [first] = best;
  if (first)
    return new UserError(
      ExitCode.badData,
      `with ${rate(wanted)} false alarms per hour no rule finds more than ${share(first.alarm.recall)} of the alarm sounds; --min-recall wants ${minRecall}. Nothing was written`,
      'Allow more false alarms per hour, or train a better head.',
    );
  return new UserError(
    ExitCode.badData,
    `no rule keeps ${rate(wanted)} false alarms per hour: the lowest is ${rate(quietest.ordinary.falseAlarmsPerHour)}, with which ${share(quietest.alarm.recall)} of the alarm sounds are found. Nothing was written`,
    'Allow more false alarms per hour, or train a head that knows the sounds it mistakes: evaluate names them.',
  );
}

function asText({ before, best }: Tuning, wanted: number, onClips: boolean): string[] {
  const { ordinaryHours } = before.ordinary;
  const needed = poissonUpperBound(0) / wanted;
  const takes = wanted > 0 ? `at least ${duration(needed)} without a false alarm` : 'for ever';
  const { alarm } = before;
  return [
    `${alarm.events} alarm sounds, ${duration(ordinaryHours)} of ordinary sound${onClips ? ' (the other clips: a rate by the hour needs --ordinary)' : ''}`,
    ...(ordinaryHours < needed
      ? [`To show ${rate(wanted)} per hour with 95 % confidence takes ${takes}.`]
      : []),
    '',
    ...tableLines([
      [
        'rule',
        ...(before.rule.sensitivity ? ['sensitivity'] : []),
        'threshold',
        'hits',
        'at once',
        'found',
        'recall',
        'delay',
        'false alarms',
        'per hour',
        '95 % below',
      ],
      row('now', before),
      ...best.map((each, i) => row(i === 0 ? 'best' : `${i + 1}.`, each)),
    ]),
  ];
}

function row(name: string, { rule, ordinary, alarm }: Candidate): string[] {
  return [
    name,
    ...(rule.sensitivity ? [rule.sensitivity] : []),
    String(rule.threshold),
    `${rule.hits}/${rule.window}`,
    String(rule.instantThreshold),
    `${alarm.found}/${alarm.events}`,
    share(alarm.recall),
    seconds(alarm.delaySeconds.median),
    String(ordinary.falseAlarms),
    rate(ordinary.falseAlarmsPerHour),
    rate(ordinary.upperBoundPerHour),
  ];
}
