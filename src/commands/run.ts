import { startApp } from '../app.js';
import { ExitCode } from '../errors.js';
import { createLog } from '../system/log.js';
import { type ConfigFlags, configFrom } from './support/flags.js';
import { untilStopped } from './support/interrupt.js';

/** `run`: the daemon, until a file ends or a signal comes. */
export async function run(flags: ConfigFlags & { resetSettings?: boolean }): Promise<ExitCode> {
  const config = configFrom(flags);
  const log = createLog(config.log);
  await untilStopped(() => startApp({ config, log, resetSettings: flags.resetSettings }));
  return ExitCode.ok;
}
