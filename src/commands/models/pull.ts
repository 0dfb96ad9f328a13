import type { Command } from 'commander';
import { ExitCode, UserError } from '../../errors.js';
import { partOf, pullYamnet, YAMNET } from '../../model/import/pull.js';
import { makeFolder } from '../../storage/files.js';
import { lockFolder } from '../../storage/lock.js';
import { calibrateWith, calibrationFiles, quantizationOf } from '../support/calibration.js';
import { finish } from '../support/finish.js';
import { configFrom, shelvesOf } from '../support/flags.js';
import { interruptible } from '../support/interrupt.js';
import { withConfig } from '../support/options.js';
import { warn } from '../support/print.js';
import { showProgress } from '../support/progress.js';
import { announce } from './announce.js';

export interface PullFlags {
  readonly config?: string;
  readonly name: string;
  readonly url?: string;
  readonly sha256?: string;
  readonly calibrate?: readonly string[];
  readonly json?: boolean;
}

export function define(command: Command): void {
  withConfig(
    command
      .argument('<model>', 'yamnet')
      .option('-n, --name <name>', 'name of the new bundle', 'yamnet')
      .option('--url <address>', 'a mirror of yamnet.h5')
      .option('--sha256 <hash>', 'of the file there, if it is not the original')
      .addOption(calibrateWith()),
  )
    .option('--json', 'the result as JSON')
    .addHelpText(
      'after',
      '\nA download that breaks goes on where it stopped when this is run again.\nTested with files of the same layout, not yet with the original itself; its hash is checked.',
    )
    .action(finish(pull));
}

/** `models pull yamnet`: downloads the original weights and makes a bundle of them. */
async function pull(what: string, flags: PullFlags): Promise<ExitCode> {
  if (what !== 'yamnet')
    throw new UserError(
      ExitCode.usage,
      `there is no model "${what}" to pull`,
      'Pull the original YAMNet: bathnet2mqtt models pull yamnet',
    );
  const { name, url = YAMNET.url, sha256 = YAMNET.sha256 } = flags;
  const [shelf = ''] = shelvesOf(configFrom(flags));
  const request = { name, url, sha256: sha256.toLowerCase(), shelf };
  const sound = flags.calibrate && (await calibrationFiles(flags.calibrate)); // before the download
  const lock = await lockShelf(shelf, name);
  const progress = showProgress(`downloading ${name}`, 100);
  const { manifest, folder } = await interruptible(
    async (signal) => {
      try {
        return await pullYamnet(request, {
          signal,
          quantize:
            sound &&
            ((draft) => {
              progress.stop();
              return quantizationOf(draft, sound, signal);
            }),
          onProgress: (bytes, total) =>
            progress.update(
              total ? Math.floor((100 * bytes) / total) : 0,
              `percent, ${megabytes(bytes)} of ${total ? megabytes(total) : '?'} MB`,
            ),
          onRetry: (why) => console.error(`\n${why}: trying again`),
        });
      } finally {
        progress.stop();
        await lock.release();
      }
    },
    () => console.error(`interrupted: run it again to go on with ${partOf(request)}`),
  );
  announce(manifest, folder, flags.json);
  return ExitCode.ok;
}

/** Two that let the same file grow would spoil it for each other. */
async function lockShelf(shelf: string, name: string) {
  await makeFolder(shelf).catch(() => {}); // the download says why
  const hint = 'Wait until it ends.';
  const log = { warn: (_: object, text: string) => warn(text) };
  return lockFolder(shelf, { purpose: `the download of ${name}`, hint, name: '.download' }, log);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
