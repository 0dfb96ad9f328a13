import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes longest begins first, also where no earlier run has said what that is: none is waited for in the end. */
const LONGEST = [
  'daemon',
  'commands-mqtt',
  'audio/portaudio',
  'engine-failure',
  'web/browser/page',
  'commands/doctor',
  'commands/record',
  'commands/run',
  'commands/train',
  'docs-training',
  'tools/bench',
  'packaging',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return place < 0 ? LONGEST.length : place;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Processes, not threads: native modules, and an environment that C libraries see.
    pool: 'forks',
    globalSetup: 'test/support/environment.ts',
    // No file leaves anything behind in its process, so they share it, and what it has loaded.
    isolate: false,
    // On two cores: many tests wait for brokers, sound servers and the clock, while others compute.
    maxWorkers: 6,
    sequence: { sequencer: LongestFirst },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
