import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Processes, not threads: native modules, and an environment that C libraries see.
    pool: 'forks',
    // No test leaves anything behind in its process, so that files share it, and what it has loaded.
    isolate: false,
    // Many tests wait for brokers and sound servers, which share the machine with them.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
