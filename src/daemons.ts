import { type App, type AppOptions, startApp } from './app.js';
import { SharedModels } from './model/shared-models.js';
import { openDevice } from './storage/device.js';
import { stateFolder } from './storage/state.js';
import { systemClock } from './system/clock.js';
import { LONGEST_MS, LONGEST_START_MS, watchOver } from './system/heartbeat.js';
import { createNotifier, partsOf } from './system/systemd.js';
import { within } from './system/within.js';
import type { Logger } from './types.js';

const LONGEST_RELEASE_MS = 3000;
/** Where the process goes on, it needs its devices again: what an earlier configuration still writes would escape the new one. */
const LONGEST_HANDOVER_MS = 30_000;

type Options = Omit<AppOptions, 'device' | 'models' | 'systemd'>;
type Daemon = Omit<App, 'ended'>;

/**
 * Starts the daemon of each microphone in the folder of its device, which it holds until its end: devices of their own
 * that share a process and the models. What happens to the sound or the broker of one is no matter to the others.
 *
 * @param all with an id of its own in each configuration, where there are several
 * @returns of several, what stands for all: done when all are, or one has failed, which ends the others; the statistics
 *   of the first
 * @throws UserError where configuration, model or engine do not fit, or another process has a device
 */
export async function startDevices(all: readonly Options[]): Promise<Daemon> {
  // From here on nothing that hangs keeps it: not the disk, not the engine while it loads or later.
  const watch = watchOver(LONGEST_START_MS);
  const models = new SharedModels();
  const names = all.map(({ config }) => config.device.id ?? 'this');
  const systemd = createNotifier(all[0]!.log);
  const parts = partsOf(systemd, names);
  const running: Daemon[] = [];
  const stop = async (reloading?: boolean) => {
    await Promise.all(running.map((app) => app.stop(reloading)));
  };
  try {
    for (const [i, options] of all.entries()) {
      const own =
        all.length > 1 ? { log: labelled(options.log, names[i]!), systemd: parts[i]!, models } : { systemd };
      running.push(await startOnDevice({ ...options, ...own }, names));
    }
    watch.allow(LONGEST_MS);
    const done = Promise.all(running.map((app) => app.done)).then(() => {});
    const ended = done.catch(async (error) => {
      await stop();
      throw error;
    });
    const { statistics } = running[0]!;
    return { stop, statistics, done: ended.finally(() => watch.end()) };
  } catch (error) {
    await stop();
    watch.end();
    throw error;
  }
}

async function startOnDevice(options: Omit<AppOptions, 'device'>, names: readonly string[]): Promise<Daemon> {
  const { config, log } = options;
  const folder = stateFolder(config.stateDir, process.env);
  const device = await openDevice(folder, config.device.id, config.input, log, names);
  // A disk that hangs must not keep the process.
  const release = (ms: number, app?: App) =>
    within(systemClock, ms, Promise.resolve(app?.ended()).then(device.release));
  try {
    const app = await startApp({ ...options, device });
    let longestMs = LONGEST_RELEASE_MS;
    const stop = (reloading?: boolean) => {
      if (reloading) longestMs = LONGEST_HANDOVER_MS;
      return app.stop(reloading);
    };
    return { ...app, stop, done: app.done.finally(() => release(longestMs, app)) };
  } catch (error) {
    await release(LONGEST_RELEASE_MS);
    throw error;
  }
}

/** A log of which each line says whose it is. */
function labelled(log: Logger, device: string): Logger {
  const say =
    (level: keyof Logger) =>
    (fields: object, text: string): void =>
      log[level]({ device, ...fields }, text);
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
}
