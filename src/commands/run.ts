import type { Command } from 'commander';
import { startApp } from '../app.js';
import { ExitCode } from '../errors.js';
import { createLog } from '../system/log.js';
import { finish } from './support/finish.js';
import { type ConfigFlags, configFrom } from './support/flags.js';
import { untilStopped } from './support/interrupt.js';
import { speed, withInput } from './support/options.js';
import { createScreen, isTerminal } from './support/screen.js';

/** A window comes twice a second; a little later something is wrong. */
const SILENT_AFTER_MS = 3000;

/** So long the log may take to be read to its end, once all is stopped. */
const LAST_WORDS_MS = 1000;

export function define(command: Command): void {
  withInput(command)
    .addOption(speed())
    .option('--loop', 'play a file again and again')
    .option('--reset-settings', 'forget what was set over MQTT: the configuration holds again')
    .action(finish(run));
}

/** `run`: the daemon, until a file ends or a signal comes. Who starts it on a terminal sees what it hears. */
async function run(flags: ConfigFlags & { resetSettings?: boolean }): Promise<ExitCode> {
  const config = configFrom(flags);
  const screen = isWatched()
    ? createScreen(process.stderr, { time: 'day', silentAfterMs: SILENT_AFTER_MS })
    : undefined;
  const log = createLog(config.log, screen?.writable);
  try {
    await untilStopped(() =>
      startApp({
        config,
        log,
        resetSettings: flags.resetSettings,
        ...(screen && { onWindow: screen.heard, onEvent: screen.event }),
      }),
    );
  } finally {
    screen?.close();
    // What still waits for a reader or a disk that does not come must not hold the process.
    setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
  }
  return ExitCode.ok;
}

/** A service is not, even where systemd gives it a terminal. */
function isWatched(): boolean {
  return isTerminal(process.stdout) && isTerminal(process.stderr) && !process.env.NOTIFY_SOCKET;
}
