import type { TestProject } from 'vitest/node';
import { skipped } from '../../test/support/require.js';
import { type Installed, install } from './install.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Undefined where it cannot be installed. */
    homeAssistant: Installed | undefined;
  }
}

/** Before all tests: Home Assistant is there, or one line says why they are skipped. */
export default async function setup(project: TestProject): Promise<void> {
  const found = await install((line) => console.log(line));
  const missing = typeof found === 'string';
  if (missing) skipped(['home-assistant'], found);
  else console.log(`Home Assistant ${found.version}, from ${found.root}`);
  project.provide('homeAssistant', missing ? undefined : found);
}
