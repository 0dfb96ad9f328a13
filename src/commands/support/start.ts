import { type App, type AppOptions, startApp } from '../../app.js';
import { openDevice } from '../../storage/device.js';
import { stateFolder } from '../../storage/state.js';

/**
 * Starts the daemon in the folder of its device, which it holds until its end.
 *
 * @throws UserError where configuration, model or engine do not fit, or another process has the device
 */
export async function startOnDevice(options: Omit<AppOptions, 'device'>): Promise<App> {
  const { config, log } = options;
  const folder = stateFolder(config.stateDir, process.env);
  const device = await openDevice(folder, config.device.id, config.input, log);
  try {
    const app = await startApp({ ...options, device });
    return { ...app, done: app.done.finally(() => device.release()) };
  } catch (error) {
    await device.state.settled();
    await device.release();
    throw error;
  }
}
