import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const DIST = new URL('../../dist/system/', import.meta.url);

/** Makes 100 MB of short-lived objects, as an hour of windows does, and prints the MB for young ones then. */
const WASTE = `
  const kept = [];
  for (let i = 0; i < 3e6; i++) kept[i % 20_000] = { i, part: { i: i + 0.5 } };
  const young = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  console.log(young.physical_space_size / 1e6);
  process.exit();`;

const youngMb = async (before: string) => {
  const script = `import v8 from 'node:v8'; ${before}; ${WASTE}`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  return Number(stdout);
};

it.each([
  ['by itself', `(await import('${DIST}heap.js')).keepHeapSmall();`],
  [
    'beside a thread, whose heap brings the flag back',
    `(await import('${DIST}heap.js')).keepHeapSmall();
     const online = new Promise((resolve) => process.once('worker', (thread) => thread.once('online', resolve)));
     (await import('${DIST}heartbeat.js')).watchOver();
     setInterval(() => {}, 1000); // the thread does not hold the process
     await online;`,
  ],
])('the heap stays small: %s', async (_, before) => {
  expect(await youngMb(before)).toBeLessThan(0.5 * (await youngMb('')));
});
