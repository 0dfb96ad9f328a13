import { type App, type AppOptions, startApp } from '../../app.js';
import { type OpenDevice, openDevice } from '../../storage/device.js';
import { stateFolder } from '../../storage/state.js';
import { systemClock } from '../../system/clock.js';
import { LONGEST_MS, LONGEST_START_MS, watchOver } from '../../system/heartbeat.js';
import { within } from '../../system/within.js';

const LONGEST_RELEASE_MS = 3000;

/**
 * Starts the daemon in the folder of its device, which it holds until its end.
 *
 * @throws UserError where configuration, model or engine do not fit, or another process has the device
 */
export async function startOnDevice(options: Omit<AppOptions, 'device'>): Promise<App> {
  const { config, log } = options;
  // From here on nothing that hangs keeps it: not the disk, not the engine while it loads or later.
  const watch = watchOver(LONGEST_START_MS);
  const folder = stateFolder(config.stateDir, process.env);
  let device: OpenDevice | undefined;
  const release = async () => {
    // A disk that hangs must not keep the process.
    if (device) await within(systemClock, LONGEST_RELEASE_MS, device.release());
    watch.end();
  };
  try {
    device = await openDevice(folder, config.device.id, config.input, log);
    const app = await startApp({ ...options, device });
    watch.allow(LONGEST_MS);
    return { ...app, done: app.done.finally(release) };
  } catch (error) {
    await release();
    throw error;
  }
}
