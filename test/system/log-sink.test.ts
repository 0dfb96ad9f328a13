import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { LogSink } from '../../src/system/log-sink.js';

it('drops what a stalled reader does not take, and says how much when it reads on', async () => {
  const seen: string[] = [];
  let go = () => {};
  const stalled = new Promise<void>((resolve) => {
    go = resolve;
  });
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _, done) {
      seen.push(String(chunk));
      void stalled.then(() => done());
    },
  });
  const sink = new LogSink(stream, (dropped) => `${dropped} dropped`);
  for (let i = 0; i < 500; i++) sink.write('x'.repeat(1000));
  expect(stream.writableLength).toBeLessThan(300_000);
  go();
  await new Promise(setImmediate);
  sink.write('after');
  await new Promise(setImmediate);
  expect(seen.at(-1)).toBe('after');
  const dropped = Number.parseInt(seen.at(-2) ?? '', 10);
  expect(dropped).toBe(500 - (seen.length - 2));
  expect(dropped).toBeGreaterThan(200);
});
