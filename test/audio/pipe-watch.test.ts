import { describe, expect, it } from 'vitest';
import { PipeWatch } from '../../src/audio/pipe-watch.js';

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
