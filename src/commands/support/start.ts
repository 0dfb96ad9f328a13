import { type App, type AppOptions, startApp } from '../../app.js';
import { openDevice } from '../../storage/device.js';
import { stateFolder } from '../../storage/state.js';
import { systemClock } from '../../system/clock.js';
import { within } from '../../system/within.js';

const LONGEST_RELEASE_MS = 3000;

/**
 * Starts the daemon in the folder of its device, which it holds until its end.
 *
 * @throws UserError where configuration, model or engine do not fit, or another process has the device
 */
export async function startOnDevice(options: Omit<AppOptions, 'device'>): Promise<App> {
  const { config, log } = options;
  const folder = stateFolder(config.stateDir, process.env);
  const device = await openDevice(folder, config.device.id, config.input, log);
  // A disk that hangs must not keep the process.
  const release = () => within(systemClock, LONGEST_RELEASE_MS, device.release());
  try {
    const app = await startApp({ ...options, device });
    return { ...app, done: app.done.finally(release) };
  } catch (error) {
    await release();
    throw error;
  }
}
