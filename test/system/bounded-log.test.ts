import { beforeEach, describe, expect, it } from 'vitest';
import { boundedLog } from '../../src/system/bounded-log.js';
import type { Logger } from '../../src/types.js';
import { ManualClock } from '../support/clock.js';

const HOUR_MS = 3_600_000;

let clock: ManualClock;
let lines: { level: string; fields: object; message: string }[];
let log: Logger;
beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields, message });
  const all = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  log = boundedLog(all, clock);
});

describe('a log that is flooded', () => {
  it('says the first lines of a kind, then how many there were, with the newest', async () => {
    for (let second = 0; second < 3600; second++) {
      log.warn({ second }, `[alsa @ 0x55d0c${second.toString(16)}] lost for the ${second}th time`);
      log.info({}, 'found again');
      await clock.advance(1000);
    }
    const warnings = lines.filter(({ level }) => level === 'warn');
    expect(warnings).toHaveLength(20 + 6);
    expect(warnings[19]).toMatchObject({ fields: { second: 19 } });
    expect(warnings[20]).toEqual({
      level: 'warn',
      fields: { second: 599, times: 580 },
      message: '580 more like this, the last one: [alsa @ 0x55d0c257] lost for the 599th time',
    });
    expect(lines).toHaveLength(2 * (20 + 6));
    // What is over is summed up, and no more is said.
    const said = (message: string) => Number(/^(\d+) more/.exec(message)?.[1] ?? 1);
    await clock.advance(24 * HOUR_MS);
    expect(lines.reduce((sum, { message }) => sum + said(message), 0)).toBe(2 * 3600);
    expect(clock.pending).toBe(0);
  });

  it('still says at once what is of another kind, and all that is for debugging', () => {
    for (let i = 0; i < 1000; i++) log.error({}, 'lost');
    for (let i = 0; i < 100; i++) log.debug({}, 'heard');
    log.warn({}, 'lost');
    log.warn({ label: 'abnormal' }, 'alarm_started');
    expect(lines.slice(20 + 100).map(({ level, message }) => `${level} ${message}`)).toEqual([
      'warn lost',
      'warn alarm_started',
    ]);
  });

  it('is bounded also where every line is of another kind, and knows new kinds when the flood is over', async () => {
    const name = (i: number) =>
      i.toString(26).replaceAll(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)] ?? '');
    for (let i = 0; i < 100_000; i++) log.info({}, name(i));
    expect(lines.length).toBeLessThan(300);
    expect(clock.pending).toBeLessThanOrEqual(200);
    await clock.advance(24 * HOUR_MS);
    lines = [];
    for (let i = 0; i < 50; i++) log.info({}, `again ${name(i)}`);
    expect(lines).toHaveLength(50);
  });
});
