import { defineConfig } from 'vitest/config';

/** Rooms whose tests leave nothing behind in their process: they share it, and what it has loaded. */
const SHARED = ['test/{alarm,audio,config,features,storage,training}/**/*.test.ts'];

export default defineConfig({
  test: {
    // Processes, not threads: native modules, and an environment that C libraries see.
    pool: 'forks',
    // Many tests wait for brokers and sound servers, which share the machine with them.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'shared', include: SHARED, isolate: false } },
      { extends: true, test: { name: 'alone', include: ['test/**/*.test.ts'], exclude: SHARED } },
    ],
  },
});
