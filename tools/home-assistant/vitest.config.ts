import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** `npm run test:home-assistant`: some minutes, and some more where Home Assistant has to be installed first. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['tools/home-assistant/**/*.test.ts'],
    globalSetup: 'tools/home-assistant/setup.ts',
    pool: 'forks',
    // Each file has a Home Assistant of its own, which takes a processor while it starts.
    maxWorkers: 1,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
