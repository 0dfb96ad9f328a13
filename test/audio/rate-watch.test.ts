import { describe, expect, it } from 'vitest';
import { describeFault } from '../../src/audio/faults.js';
import { RateWatch } from '../../src/audio/rate-watch.js';

/** Gives so many samples every so many milliseconds, in pieces of a tenth of a second. */
function deliver(
  watch: RateWatch,
  samples: number,
  everyMs: number,
  fromMs: number,
  seconds: number,
): number {
  let nowMs = fromMs;
  for (; nowMs < fromMs + seconds * 1000; nowMs += everyMs)
    for (let left = samples; left > 0; left -= 1600) watch.push(Math.min(1600, left), nowMs);
  return nowMs;
}

describe('the delivered rate', () => {
  it.each<[string, samples: number, everyMs: number]>([
    ['in chunks of 0.1 s', 1600, 100],
    ['in pieces of 2 s', 32_000, 2000],
    ['of a sound card 1 % too fast', 1616, 100],
    ['in chunks of 10 ms', 160, 10],
  ])('is right %s', (_, samples, everyMs) => {
    const watch = new RateWatch();
    deliver(watch, samples, everyMs, 0, 4 * 3600);
    expect(watch.wrong).toBeUndefined();
  });

  it.each<[string, samples: number, everyMs: number, seconds: number, ratio: number]>([
    ['5.5 times too many samples', 8820, 100, 15, 5.5],
    ['twice as many', 3200, 100, 22, 2],
    ['half of them', 800, 100, 22, 0.5],
    ['one sample a second', 1, 1000, 24, 1 / 16_000],
    ['44.1 instead of 48 kHz', 1470, 100, 75, 0.919],
    ['an hour in a burst', 16_000 * 3600, 1000, 1, Number.POSITIVE_INFINITY],
  ])('is wrong with %s', (_, samples, everyMs, seconds, ratio) => {
    const watch = new RateWatch();
    deliver(watch, samples, everyMs, 1000, seconds);
    if (Number.isFinite(ratio)) expect(watch.wrong! / ratio).toBeCloseTo(1, 1);
    else expect(watch.wrong).toBeGreaterThan(1000);
  });

  it('is right again when it is, also from another opening of the source on', () => {
    const watch = new RateWatch();
    const nowMs = deliver(watch, 800, 100, 0, 30);
    watch.restart();
    expect(watch.wrong).toBeDefined();
    deliver(watch, 1600, 100, nowMs + 5000, 50);
    expect(watch.wrong).toBeUndefined();
  });

  it('is not wrong because of a backlog or a pause', () => {
    const watch = new RateWatch();
    watch.push(16_000 * 5, 0);
    const nowMs = deliver(watch, 1600, 100, 100, 60);
    deliver(watch, 1600, 100, nowMs + 25_000, 60);
    expect(watch.wrong).toBeUndefined();
  });

  it.each([15, 60])(
    'is not wrong because a process stood still for %i s, and all that waited comes in pieces',
    (seconds) => {
      const watch = new RateWatch();
      const nowMs = deliver(watch, 1600, 100, 0, 60) - 100 + seconds * 1000;
      const first = 2 * 16_000;
      deliver(watch, first, 100, nowMs, 0.1);
      deliver(watch, seconds * 16_000 - first, 100, nowMs + 300, 0.1);
      expect(watch.wrong).toBeUndefined();
      deliver(watch, 1600, 100, nowMs + 400, 60);
      expect(watch.wrong).toBeUndefined();
    },
  );
});

describe('its text', () => {
  const command = { source: 'command', sampleRateHz: 16_000, channels: 1 } as const;
  it.each<[ratio: number, figure: RegExp, flags: RegExp]>([
    [5.51, /delivers 88160 .* input\.sampleRateHz is 16000/, /sampleRateHz=44100 --set input\.channels=2$/],
    [0.5, /delivers 8000 samples/, /sampleRateHz=8000 --set input\.channels=1$/],
    [3, /delivers 48000 samples/, /sampleRateHz=48000 --set input\.channels=1$/],
    [1e-4, /delivers 2 samples/, /input\.sampleRateHz=…/],
  ])('names both figures and the flags for %f times the rate', (ratio, figure, flags) => {
    const { text, hint } = describeFault('wrong_sample_rate', command, { ratio });
    expect(text).toMatch(figure);
    expect(hint).toMatch(flags);
  });
});
