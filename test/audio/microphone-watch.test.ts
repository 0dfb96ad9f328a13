import { describe, expect, it } from 'vitest';
import { MicrophoneWatch } from '../../src/audio/microphone-watch.js';
import { UsualQuiet } from '../../src/audio/usual-quiet.js';
import type { KnownQuiet } from '../../src/types.js';

const RATE = 16_000;
const MINUTE = 60;
const HOUR = 3600;

let state = 1;
/** Evenly spread in −1…1, the same in every run. */
function random(): number {
  state = (state * 48_271) % 2_147_483_647;
  return (2 * state) / 2_147_483_647 - 1;
}

/** A second of noise of so many dBFS, as 16 bits have it. */
function noise(rmsDbfs: number): Float32Array {
  const gain = Math.sqrt(3) * 10 ** (rmsDbfs / 20);
  return Float32Array.from({ length: RATE }, () => Math.round(32_768 * gain * random()) / 32_768);
}

const constant = (value: number) => new Float32Array(RATE).fill(value);
const leastBit = () => Float32Array.from({ length: RATE }, () => Math.round(1.4 * random()) / 32_768);
const square = () => Float32Array.from({ length: RATE }, (_, i) => (i % 160 < 80 ? 32_767 / 32_768 : -1));

/** Twenty different seconds, over and over. */
function cycle(make: () => Float32Array): (i: number) => Float32Array {
  const seconds = Array.from({ length: 20 }, make);
  return (i) => seconds[i % 20]!;
}

/** Seconds until a fault is named, of at most so many. */
function named(watch: MicrophoneWatch, second: (i: number) => Float32Array, most: number): string {
  for (let i = 1; i <= most; i++) {
    watch.push(second(i));
    if (watch.fault) return `${watch.fault} after ${i} s`;
  }
  return 'nothing';
}

function hear(watch: MicrophoneWatch, second: (i: number) => Float32Array, seconds: number): void {
  for (let i = 1; i <= seconds; i++) watch.push(second(i));
}

describe('a microphone', () => {
  it.each<[string, () => Float32Array, string]>([
    ['digital zero', () => constant(0), 'microphone_zero after 60 s'],
    ['a stuck value', () => constant(0.01), 'microphone_stuck after 60 s'],
    ['full scale all the time', square, 'microphone_clipping after 120 s'],
    ['the least bit', leastBit, 'microphone_least_bit after 600 s'],
  ])('that gives %s is found out, and ends by itself', (_, dead, expected) => {
    const watch = new MicrophoneWatch();
    const room = cycle(() => noise(-50));
    hear(watch, room, 100);
    expect(watch.fault).toBeUndefined();
    expect(named(watch, cycle(dead), 700)).toBe(expected);
    hear(watch, room, 2);
    expect(watch.fault).toBeDefined(); // a click does not mend it
    hear(watch, room, 1);
    expect(watch.fault).toBeUndefined();
  });

  it('that pauses for less is left alone', () => {
    const watch = new MicrophoneWatch();
    for (let i = 0; i < 5; i++) {
      hear(watch, () => constant(0), 59);
      expect(named(watch, () => noise(-60), 1)).toBe('nothing');
    }
  });

  it('in chunks of any size says the same', () => {
    const watch = new MicrophoneWatch();
    for (let i = 0; i < (60 * RATE) / 1000; i++) watch.push(new Float32Array(1000));
    expect(watch.fault).toBe('microphone_zero');
  });
});

describe('a night', () => {
  it('in a quiet room is silence and no fault, also below the hum of the day', () => {
    const day = Array.from({ length: 20 }, (_, k) => noise(-45 + (k % 7)));
    const watch = new MicrophoneWatch();
    hear(watch, (i) => day[i % 20]!, HOUR);
    const night = cycle(() => noise(-84));
    expect(named(watch, night, 4 * HOUR)).toBe('nothing');
  });

  it('of a microphone with so little gain is doubted ever later', () => {
    const quiet = Array.from({ length: 20 }, leastBit);
    const step = noise(-60);
    const watch = new MicrophoneWatch();
    const until = () => named(watch, (i) => quiet[i % 20]!, HOUR);
    expect(until()).toBe('microphone_least_bit after 600 s');
    hear(watch, () => step, 5);
    expect(until()).toBe('microphone_least_bit after 1200 s');
  });
});

it('counts the minutes since something was loud enough for an alarm, over restarts and holes', () => {
  const quiet = Array.from({ length: 20 }, () => noise(-70));
  const knock = noise(-40);
  let known: KnownQuiet | undefined;
  const watch = () =>
    new MicrophoneWatch(
      new UsualQuiet(
        known,
        (now) => {
          known = now;
        },
        () => -60,
      ),
    );
  hear(watch(), (i) => quiet[i % 20]!, 3 * MINUTE);
  expect(known?.minutesBelow).toBe(3);
  const restarted = watch();
  hear(restarted, (i) => quiet[i % 20]!, 2 * MINUTE);
  expect(known?.minutesBelow).toBe(5);
  hear(restarted, (i) => (i === 30 ? knock : quiet[i % 20]!), MINUTE);
  expect(known?.minutesBelow).toBe(0);
});

describe('a muted microphone', () => {
  it('is one far below the quietest of a day and a night, with an even noise', () => {
    const room = Array.from({ length: 20 }, (_, k) => noise(-70 + (k % 7)));
    const muted = Array.from({ length: 20 }, () => noise(-86));
    let known: KnownQuiet | undefined;
    const onMinute = (now: KnownQuiet) => {
      known = now;
    };
    // An hour instead of a day and a night, half of it before a restart.
    hear(
      new MicrophoneWatch(new UsualQuiet(undefined, onMinute, undefined, 60)),
      (i) => room[i % 20]!,
      HOUR / 2,
    );
    const watch = new MicrophoneWatch(new UsualQuiet(known, onMinute, undefined, 60));
    hear(watch, (i) => room[i % 20]!, HOUR / 2);
    expect(named(watch, (i) => muted[i % 20]!, HOUR)).toMatch(/^microphone_muted after (18\d\d) s/);
    hear(watch, (i) => room[i % 20]!, MINUTE);
    expect(watch.fault).toBeUndefined();
  });

  it('is not one in a room that is quiet and even at night, when its ventilation is off', () => {
    const quiet = new UsualQuiet();
    let muted = 0;
    for (let second = 0; second < 5 * 24 * HOUR; second++) {
      const isNight = (second / HOUR) % 24 < 7;
      const bump = second % 100 < 3 ? 4 : 0;
      quiet.push((isNight ? -68 : -50 + bump) + 0.2 * random());
      muted = Math.max(muted, quiet.mutedSeconds);
    }
    expect(muted).toBe(0);
  });

  it('is found out two weeks later where it was muted for hours of its first day, and no quiet weekend is one', () => {
    let known: KnownQuiet | undefined;
    const hear = (days: number, levelAt: (hour: number) => number) => {
      const quiet = new UsualQuiet(known, (now) => {
        known = now;
      });
      let muted = 0;
      for (let second = 0; second < days * 24 * HOUR; second++) {
        quiet.push(levelAt(second / HOUR) + 0.2 * random());
        muted = Math.max(muted, quiet.mutedSeconds);
      }
      return muted;
    };
    const room = (hour: number) => -50 - 4 * Math.floor((3600 * hour) % 2);
    const muteAfter = (days: number) => {
      hear(days, room);
      return hear(1 / 24, () => -86);
    };
    expect(hear(1, (hour) => (hour < 3 ? -86 : room(hour)))).toBe(0);
    expect(muteAfter(1)).toBe(0);
    expect(muteAfter(14)).toBe(HOUR);
    // Here it is quiet from Friday evening to Monday morning, and nobody is there.
    known = undefined;
    expect(hear(21, (hour) => (hour % (7 * 24) < 60 ? -86 : room(hour)))).toBe(0);
  });

  it('is found out also where it was muted while its room was learned, and muted or not between two seconds', () => {
    const room = Array.from({ length: 20 }, (_, k) => noise(-62 + (k % 4)));
    const muted = Array.from({ length: 20 }, () => noise(-86));
    const watch = new MicrophoneWatch(new UsualQuiet(undefined, undefined, undefined, 60));
    hear(watch, (i) => muted[i % 20]!, 90);
    hear(watch, (i) => room[i % 20]!, HOUR / 2);
    hear(watch, (i) => muted[i % 20]!, 10 * MINUTE);
    hear(watch, (i) => room[i % 20]!, HOUR / 2);
    expect(named(watch, (i) => muted[i % 20]!, HOUR)).toMatch(/^microphone_muted/);
  });
});
