import { basename, join, resolve, sep } from 'node:path';
import { type Command, Option } from 'commander';
import { ExitCode, UserError } from '../errors.js';
import { extractEmbeddings } from '../files/embeddings.js';
import { readBundle } from '../model/bundle.js';
import { findBundle } from '../model/shelf.js';
import { feedbackFolders } from '../storage/device.js';
import { stateFolder } from '../storage/state.js';
import { scanDataset } from '../training/dataset.js';
import { percent } from '../training/format.js';
import { bundleName, inPlace, type Place, realPlace, writeTrained } from '../training/model-folder.js';
import { train as trainHead } from '../training/train.js';
import { finish } from './support/finish.js';
import { patternFlag } from './support/flag-values.js';
import { configFrom, shelvesOf } from './support/flags.js';
import { interruptible } from './support/interrupt.js';
import { jobsFlag, withBackbone, withJobs } from './support/options.js';
import { warn, warnOfFallback } from './support/print.js';
import { judgedAlarms, ORDINARY_LABEL } from './train/feedback.js';
import { checkName, settingsOf, type TrainFlags } from './train/flags.js';
import { createProgress, epochLine, splitLines, warnOfIgnored } from './train/output.js';

export function define(command: Command): void {
  withJobs(withBackbone(command))
    .argument('<dir>', 'one folder per class with audio files in it')
    .argument('<out>', 'folder of the new bundle')
    .option('-n, --name <name>', 'what the new head is called (default: custom)')
    .option(
      '--alarm <labels>',
      'classes that alarm, separated by commas (default: abnormal, if there is one)',
    )
    .option('--hidden <units>', 'units of the hidden layers, for example 512 or 16,16,16, or none', '512')
    .option('--epochs <number>', 'at most so many passes over the clips', '50')
    .option('--batch <number>', 'samples per step', '32')
    .option('--learning-rate <rate>', "Adam's step size", '0.001')
    .option('--dropout <share>', 'share of the hidden units that a step leaves out', '0.3')
    .option('--patience <epochs>', 'stop after so many epochs without a lower validation loss', '10')
    .option('--no-class-weights', 'let frequent classes count more')
    .option(
      '--augment <copies>',
      'variations of every training clip that are added: pitch, tempo, position, noise, gain',
      '3',
    )
    .option('--no-augment', 'add none')
    .addOption(
      new Option('--pool <how>', 'learn from each window of a clip, or from their mean')
        .choices(['frames', 'mean'])
        .default('frames'),
    )
    .option('--validation <share>', 'share of the clips that is kept back to see how well it went', '0.2')
    .option('--group-by <regex>', 'finds the name of the recording in a path (default: consecutive numbers)')
    .option('--seed <number>', 'the same seed gives the same result', '1')
    .option(
      '--feedback [class]',
      'also train on alarms that people have judged: real ones, and false ones as this class (background)',
    )
    .option('--skip-bad', 'leave out files that cannot be decoded')
    .option('--no-cache', 'compute all embeddings again and keep none')
    .option('--force', 'replace the bundle that is there')
    .option('--json', 'the result as JSON')
    .action(finish(train));
}

/** The class that alarms where `--alarm` names none. */
const ALARM_LABEL = 'abnormal';

/**
 * `train DIR OUT`: a new head for the classes in DIR, in a bundle OUT that is written whole or not at all.
 */
async function train(dir: string, out: string, flags: TrainFlags): Promise<ExitCode> {
  const config = configFrom(flags);
  const folder = resolve(out);
  const [target, source] = [await realPlace(folder), await realPlace(resolve(dir))];
  const apart = (what: string) =>
    new UserError(ExitCode.usage, what, 'Choose a place outside the folder with the clips.');
  if (target.startsWith(source + sep))
    throw apart(`${out} lies in ${dir}: the model would be taken for a class`);
  if (source.startsWith(target + sep)) throw apart(`${dir} lies in ${out}: the model would take its place`);
  const settings = settingsOf(flags);
  const jobs = jobsFlag(flags);
  const groupBy = flags.groupBy === undefined ? undefined : patternFlag(flags.groupBy);
  const dataset = await scanDataset(dir, groupBy && { groupBy });
  warnOfIgnored(dataset.ignored);

  const stateDir = stateFolder(config.stateDir, process.env);
  const base = await readBundle(await findBundle(config.model.name, shelvesOf(config)));
  checkName(flags, dataset.labels, base.manifest);
  const { hopSeconds } = config.window;
  const print = flags.json ? console.error : console.log;
  const progress = createProgress();
  const onInterrupted = () => {
    progress.stop();
    console.error(`interrupted: ${out} is as it was`);
  };
  try {
    const work = async (place: Place, signal: AbortSignal) => {
      const trained = await trainHead(
        dataset,
        base,
        {
          ...settings,
          signal,
          judged:
            flags.feedback === undefined
              ? []
              : judgedAlarms(flags.feedback, dataset, base, feedbackFolders(stateDir)),
          quietLabel: dataset.labels.find((label) => label === ORDINARY_LABEL),
          name: bundleName(folder),
          alarmLabels: flags.alarm?.split(',') ?? dataset.labels.filter((label) => label === ALARM_LABEL),
          hopSeconds,
          extract: (files, onProgress) =>
            extractEmbeddings(files, {
              ...config.model,
              bundle: base,
              precision: 'float32', // what is learned must fit other machines, and other engines
              onFallback: warnOfFallback,
              hopSeconds,
              skipBad: flags.skipBad,
              cacheDir: flags.cache ? join(stateDir, 'cache', 'embeddings') : undefined,
              jobs,
              signal,
              onProgress,
              onWarning: warn,
            }),
        },
        {
          onProgress: progress.update,
          onSplit({ classes, warnings }) {
            progress.stop();
            for (const line of splitLines(classes)) print(line);
            warnings.forEach(warn);
          },
          onEpoch(epoch) {
            progress.stop();
            print(epochLine(epoch, settings.epochs));
          },
        },
      );
      signal.throwIfAborted();
      await writeTrained(place, trained);
      return trained;
    };
    const { report } = await interruptible(
      (signal) => inPlace(target, flags.force ?? false, (place) => work(place, signal)),
      onInterrupted,
    );
    if (flags.json) console.log(JSON.stringify({ out: folder, ...report }));
    else {
      const { accuracy, balancedAccuracy, bestEpoch, alarmLabels } = report;
      console.log(
        `best epoch ${bestEpoch}: ${percent(accuracy)} of the validation clips are right, balanced over the classes ${percent(balancedAccuracy)}`,
      );
      console.log(`alarms: ${alarmLabels.join(', ') || 'none (name classes that alarm with --alarm)'}`);
      console.log(`${out}: ${basename(folder)} is ready. Try it: bathnet2mqtt classify FILE --model ${out}`);
    }
    return ExitCode.ok;
  } finally {
    progress.stop();
  }
}
