import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { deviceFolder } from '../../storage/device.js';
import { stateFolder } from '../../storage/state.js';
import { createLog } from '../../system/log.js';
import { deviceIdOf } from '../support/broker.js';
import { configFrom } from '../support/flags.js';

/** Where the verdicts of this configuration's device lie. */
export function feedbackFolder(flags: { readonly config?: string }): string {
  const config = configFrom({ ...(flags.config && { config: flags.config }) });
  const folder = stateFolder(config.stateDir, process.env);
  const own = deviceFolder(folder, deviceIdOf(config, createLog(config.log)));
  // An earlier version has run last: there was one device, and its verdicts lay here.
  return join(existsSync(own) ? own : folder, 'feedback');
}
