import { startApp } from '../app.js';
import { ExitCode } from '../errors.js';
import { createLog } from '../log.js';
import { type ConfigFlags, configFrom } from './flags.js';

/** `run`: the daemon, until a file ends or a signal comes. */
export async function run(flags: ConfigFlags & { resetSettings?: boolean }): Promise<ExitCode> {
  const config = configFrom(flags);
  const log = createLog(config.log);
  const app = await startApp({ config, log, resetSettings: flags.resetSettings });
  const onSignal = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping');
    void app.stop();
  };
  process.once('SIGTERM', onSignal);
  process.once('SIGINT', onSignal);
  await app.done;
  return ExitCode.ok;
}
