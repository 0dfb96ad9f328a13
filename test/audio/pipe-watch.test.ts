import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { PipeWatch } from '../../src/audio/pipe-watch.js';
import { StdinSource } from '../../src/audio/stdin.js';
import { watchedInput } from '../../src/audio/watched-input.js';
import { ManualClock, settle } from '../support/clock.js';
import { silentLog } from '../support/sound.js';

const DECLARED = { sampleRateHz: 16_000, channels: 1 };

/** What is behind stdin: so many times the declared rate, and how long its reader takes for a tenth of a second. */
interface Pipe {
  readonly ratio: number;
  readonly busyMs?: number;
  readonly seconds?: number;
  readonly fromMs?: number;
}

/** A reader that takes a piece, works it off, and waits for the next one where it is not there yet. */
function read(watch: PipeWatch, { ratio, busyMs = 5, seconds = 60, fromMs = 0 }: Pipe): void {
  let nowMs = fromMs;
  for (let piece = 0; nowMs < fromMs + seconds * 1000; piece++) {
    nowMs = Math.max(nowMs, fromMs + (piece * 100) / ratio);
    watch.push(1600, nowMs);
    nowMs += busyMs;
    watch.ask(nowMs);
  }
}

describe('the rate behind stdin', () => {
  it.each<[string, Pipe]>([
    ['a microphone', { ratio: 1 }],
    ['a sound card 1 % too fast', { ratio: 1.01 }],
    ['a file, read as fast as it can be', { ratio: 1e9 }],
    ['a file that is read at a rate that programs write', { ratio: 1e9, busyMs: 100 / 3 }],
    ['a reader that is too slow for a microphone', { ratio: 1, busyMs: 200 }],
    ['a download of some speed', { ratio: 3.4 }],
  ])('is right with %s', (_, pipe) => {
    const watch = new PipeWatch(DECLARED);
    read(watch, pipe);
    expect(watch.wrong).toBeUndefined();
  });

  it.each([
    ['48 kHz', 3],
    ['44.1 kHz in stereo', 5.5125],
    ['8 kHz', 0.5],
  ])('is wrong with %s', (_, ratio) => {
    const watch = new PipeWatch(DECLARED);
    read(watch, { ratio });
    expect(watch.wrong).toBeGreaterThan(ratio * 0.97);
    expect(watch.wrong).toBeLessThan(ratio * 1.03);
    read(watch, { ratio: 1, fromMs: 100_000 });
    expect(watch.wrong).toBeUndefined();
  });
});

describe('what is behind stdin', () => {
  it.each<[string, Pipe, boolean]>([
    ['a microphone', { ratio: 1 }, true],
    ['a file', { ratio: 1e9 }, false],
    ['a file, on a machine that takes as long as it lasts', { ratio: 1e9, busyMs: 100 }, false],
    ['a download', { ratio: 3.4 }, false],
  ])('%s: does it lose what nobody takes?', (_, pipe, isLive) => {
    const watch = new PipeWatch(DECLARED);
    read(watch, pipe);
    expect(watch.isLive).toBe(isLive);
    read(watch, { ratio: 1, busyMs: 200, fromMs: 100_000 }); // the machine has become too slow
    expect(watch.isLive).toBe(isLive);
  });

  it('a microphone: says what it lost while this machine stood still', async () => {
    const clock = new ManualClock();
    const pipe = new PassThrough();
    const lost: number[] = [];
    const handlers = {
      onChunk() {},
      onOnline() {},
      onOffline() {},
      onFaults() {},
      onLost: (seconds: number) => void lost.push(seconds),
    };
    const options = { ...DECLARED, source: 'stdin', format: 's16le', noDataTimeoutSeconds: 5 } as const;
    const source = new StdinSource({ ...DECLARED, format: 's16le' }, clock, pipe);
    const input = watchedInput(source, options, handlers, clock, silentLog);
    input.start();
    const hear = async (seconds: number) => {
      for (let piece = 0; piece < 10 * seconds; piece++) {
        pipe.write(Buffer.alloc(3200, piece));
        await settle();
        clock.advance(100);
      }
    };
    await hear(100);
    clock.advance(4000);
    await hear(10);
    expect(lost).toEqual([expect.closeTo(4, 0)]);
    await input.stop();
  });
});
