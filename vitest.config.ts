import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Processes, not threads: native modules, and an environment that C libraries see.
    pool: 'forks',
    // Real brokers and sound servers share the machine with the tests.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
