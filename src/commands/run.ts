import type { Command } from 'commander';
import { startApp } from '../app.js';
import { ExitCode } from '../errors.js';
import { createLog } from '../system/log.js';
import { finish } from './support/finish.js';
import { type ConfigFlags, configFrom } from './support/flags.js';
import { untilStopped } from './support/interrupt.js';
import { speed, withInput } from './support/options.js';

export function define(command: Command): void {
  withInput(command)
    .addOption(speed())
    .option('--loop', 'play a file again and again')
    .option('--reset-settings', 'forget what was set over MQTT: the configuration holds again')
    .action(finish(run));
}

/** `run`: the daemon, until a file ends or a signal comes. */
async function run(flags: ConfigFlags & { resetSettings?: boolean }): Promise<ExitCode> {
  const config = configFrom(flags);
  const log = createLog(config.log);
  await untilStopped(() => startApp({ config, log, resetSettings: flags.resetSettings }));
  return ExitCode.ok;
}
