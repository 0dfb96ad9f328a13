import { join } from 'node:path';
import { deviceFolder, feedbackFolders } from '../../storage/device.js';
import { stateFolder } from '../../storage/state.js';
import { configFrom } from '../support/flags.js';

/** Where verdicts lie: those of the device that the configuration names, else of all. */
export function foldersOf(flags: { readonly config?: string }): string[] {
  const { stateDir, device } = configFrom(flags);
  const folder = stateFolder(stateDir, process.env);
  return device.id === undefined
    ? feedbackFolders(folder)
    : [join(deviceFolder(folder, device.id), 'feedback')];
}
