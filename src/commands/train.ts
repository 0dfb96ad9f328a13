import { basename, join, resolve } from 'node:path';
import { decodeFile } from '../audio/decode.js';
import { ExitCode, UserError } from '../errors.js';
import { readBundle } from '../model/bundle.js';
import { createNetwork } from '../model/engines/create-network.js';
import { findBundle } from '../model/shelf.js';
import { stateFolder } from '../storage/state.js';
import { scanDataset } from '../training/dataset.js';
import { bundleName, checkTarget, writeTrained } from '../training/model-folder.js';
import { train as trainHead } from '../training/train.js';
import { percent } from '../training/train-report.js';
import { patternFlag } from './support/flag-values.js';
import { configFrom, shelvesOf } from './support/flags.js';
import { interruptible } from './support/interrupt.js';
import { judgedAlarms } from './train-feedback.js';
import { modelFlags, settingsOf, type TrainFlags } from './train-flags.js';
import { createProgress, epochLine, splitLines, warnOfIgnored } from './train-output.js';

/** The class that alarms where `--alarm` names none. */
const ALARM_LABEL = 'abnormal';

/**
 * `train DIR OUT`: a new head for the classes in DIR, in a bundle OUT that is written whole or not at all.
 */
export async function train(dir: string, out: string, flags: TrainFlags): Promise<ExitCode> {
  const config = configFrom(modelFlags(flags));
  const folder = resolve(out);
  if (folder.startsWith(`${resolve(dir)}/`))
    throw new UserError(
      ExitCode.usage,
      `${out} lies in ${dir}: the model would be taken for a class`,
      'Choose a place outside the folder with the clips.',
    );
  await checkTarget(folder, flags.force ?? false);
  const settings = settingsOf(flags);
  const groupBy = flags.groupBy === undefined ? undefined : patternFlag(flags.groupBy);
  const dataset = await scanDataset(dir, groupBy && { groupBy });
  warnOfIgnored(dataset.ignored);

  const stateDir = stateFolder(config.stateDir, process.env);
  const feedbackFolder = join(stateDir, 'feedback');
  const base = await readBundle(await findBundle(config.model.name, shelvesOf(config)));
  const network = await createNetwork(base, config.model.engine, []);
  const print = flags.json ? console.error : console.log;
  const progress = createProgress();
  let interrupted = false;
  try {
    const { report } = await interruptible(async (signal) => {
      signal.addEventListener('abort', () => {
        interrupted = true;
      });
      const trained = await trainHead(
        dataset,
        base,
        network,
        {
          ...settings,
          signal,
          judged:
            flags.feedback === undefined ? [] : judgedAlarms(flags.feedback, dataset, base, feedbackFolder),
          name: bundleName(folder),
          alarmLabels: flags.alarm?.split(',') ?? dataset.labels.filter((label) => label === ALARM_LABEL),
          extract: {
            hopSeconds: config.window.hopSeconds,
            decode: decodeFile,
            skipBad: flags.skipBad,
            cacheDir: flags.cache ? join(stateDir, 'cache', 'embeddings') : undefined,
            onWarning: (message) => console.error(`warning: ${message}`),
          },
        },
        {
          onProgress: progress.update,
          onSplit({ classes, warnings }) {
            progress.stop();
            for (const line of splitLines(classes)) print(line);
            for (const warning of warnings) console.error(`warning: ${warning}`);
          },
          onEpoch(epoch) {
            progress.stop();
            print(epochLine(epoch, settings.epochs));
          },
        },
      );
      signal.throwIfAborted();
      await writeTrained(folder, trained);
      return trained;
    });
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
  } catch (error) {
    if (!interrupted) throw error;
    console.error(`interrupted: ${out} is as it was`);
  } finally {
    progress.stop();
    await network.close();
  }
  // Everything is in order: now end as one that was interrupted ends, for scripts to see.
  process.kill(process.pid, 'SIGINT');
  return ExitCode.ok;
}
