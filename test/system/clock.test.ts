import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/system/clock.js';

it('does at once what is overdue, without a word from Node, and not at once what is weeks away', async () => {
  const warnings: Error[] = [];
  const keep = (warning: Error) => void warnings.push(warning);
  process.on('warning', keep);
  onTestFinished(() => void process.off('warning', keep));
  let early = false;
  const cancel = systemClock.after(2 ** 40, () => {
    early = true;
  });
  const channel = new MessageChannel(); // its timers keep no process, nor this test
  const message = once(channel.port2, 'message');
  systemClock.after(-2.5, () => channel.port1.postMessage('done'));
  await message;
  cancel();
  channel.port1.close();
  expect(early).toBe(false);
  expect(warnings).toEqual([]);
});
