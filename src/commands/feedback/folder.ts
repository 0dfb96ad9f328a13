import { join } from 'node:path';
import { stateFolder } from '../../storage/state.js';
import { configFrom } from '../support/flags.js';

/** Where this configuration's verdicts lie. */
export function feedbackFolder({ config }: { readonly config?: string }): string {
  return join(stateFolder(configFrom({ ...(config && { config }) }).stateDir, process.env), 'feedback');
}
