import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandSource } from '../../src/audio/command.js';
import { FileSource } from '../../src/audio/file.js';
import { Input } from '../../src/audio/input.js';
import { createSource } from '../../src/audio/source.js';
import { StdinSource } from '../../src/audio/stdin.js';
import { ExitCode, UserError } from '../../src/errors.js';
import { systemClock } from '../../src/system/clock.js';
import type { PcmChunk, Source } from '../../src/types.js';
import { ManualClock, settle } from '../support/clock.js';
import { chirp, silentLog, writeWav } from '../support/sound.js';

const OPTIONS = { noDataTimeoutSeconds: 5, backoffMinSeconds: 1, backoffMaxSeconds: 8 };

/** A microphone that does what the test says: only so can it break at a given moment of a clock that stands. */
class StagedSource implements Source {
  readonly description = 'staged microphone';
  opened = 0;
  closed = 0;
  private tell: (event: number | Error | 'end') => void = () => {};

  constructor(
    private readonly clock: ManualClock,
    readonly live = true,
  ) {}

  /** Gives a chunk of so many samples, breaks or ends. */
  async say(event: number | Error | 'end'): Promise<void> {
    this.tell(event);
    await settle();
  }

  async *chunks(signal: AbortSignal): AsyncGenerator<PcmChunk, void, void> {
    this.opened++;
    try {
      for (;;) {
        const event = await new Promise<number | Error | 'end'>((resolve) => {
          this.tell = resolve;
          signal.addEventListener('abort', () => resolve('end'), { once: true });
          if (signal.aborted) resolve('end');
        });
        if (event instanceof Error) throw event;
        if (event === 'end') return;
        yield { samples: new Float32Array(event), capturedAtMs: this.clock.wallMs() };
      }
    } finally {
      this.closed++;
    }
  }
}

let clock: ManualClock;
let seen: string[];
let chunks: number;
let samples: number;
let warnings: string[];
const input = (source: Source, onChunk?: () => Promise<void>) =>
  new Input(
    source,
    OPTIONS,
    {
      onChunk: (chunk) => {
        chunks++;
        samples += chunk.samples.length;
        return onChunk?.();
      },
      onOnline: (gapSeconds) => seen.push(`online ${gapSeconds.toFixed(1)}`),
      onOffline: (reason) => seen.push(`offline ${reason}`),
    },
    clock,
    { ...silentLog, warn: (_fields, message) => warnings.push(message) },
  );

beforeEach(() => {
  clock = new ManualClock();
  seen = [];
  chunks = 0;
  samples = 0;
  warnings = [];
});

describe('a live input', () => {
  it('is online with the first chunk and offline once when no more comes', async () => {
    const source = new StagedSource(clock);
    const listening = input(source);
    listening.start();
    await settle();
    expect(seen).toEqual([]);
    await source.say(1600);
    await clock.advance(4900);
    await source.say(1600);
    await clock.advance(4900);
    expect(seen).toEqual(['online 0.0']);
    await clock.advance(60_000);
    expect(seen).toEqual(['online 0.0', 'offline no sound from staged microphone for 5 s']);
    expect(source.opened).toBeGreaterThan(2);
    // The last one may be open just now or between two tries.
    expect(source.opened - source.closed).toBeLessThanOrEqual(1);
    await listening.stop();
  });

  it('does not give up a source whose sound waits because the process stood still', async () => {
    const format = { format: 's16le', sampleRateHz: 16_000, channels: 1 } as const;
    const script = 'cat /dev/zero | while head -c 3200; do sleep 0.1; done';
    const source = new CommandSource(script, format, silentLog, systemClock);
    const onOnline = (gapSeconds: number) => seen.push(`online ${gapSeconds}`);
    let heard = 0;
    const handlers = {
      onChunk: (chunk: PcmChunk) => {
        heard += chunk.samples.length;
      },
      onOnline,
      onOffline: (why: string) => seen.push(why),
    };
    const options = { ...OPTIONS, noDataTimeoutSeconds: 0.5, firstSoundTimeoutSeconds: 30 };
    const listening = new Input(source, options, handlers, systemClock, silentLog);
    listening.start();
    while (seen.length === 0) await sleep(20);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 800);
    const before = heard;
    while (heard < before + 16_000 && seen.length < 2) await sleep(20);
    await listening.stop();
    expect(seen).toEqual(['online 0']);
  });

  it('waits longer for the first sound than between two chunks, each time it is opened', async () => {
    const source = new StagedSource(clock);
    const options = { ...OPTIONS, firstSoundTimeoutSeconds: 30 };
    const handlers = {
      onChunk() {},
      onOnline: () => seen.push('online'),
      onOffline: (reason: string) => seen.push(reason),
    };
    const listening = new Input(source, options, handlers, clock, silentLog);
    listening.start();
    for (let i = 1; i <= 2; i++) {
      await clock.advance(29_000);
      expect(source.opened).toBe(i);
      await source.say(1600);
      await clock.advance(5000); // silent: it is opened again
      await clock.advance(1000);
    }
    await clock.advance(29_000);
    expect(source.opened).toBe(3);
    await clock.advance(8000);
    expect(source.opened).toBe(4);
    const lost = 'no sound from staged microphone for 5 s';
    expect(seen).toEqual(['online', lost, 'online', lost]);
    await listening.stop();
  });

  it('tells how long there was no sound when it comes back', async () => {
    const source = new StagedSource(clock);
    const listening = input(source);
    listening.start();
    await source.say(1600);
    await source.say(new UserError(ExitCode.unavailable, 'unplugged', 'Plug it in.'));
    await clock.advance(1000);
    await clock.advance(1500);
    await source.say(1600);
    expect(seen).toEqual(['online 0.0', 'offline unplugged', 'online 2.5']);
    expect(source.opened).toBe(2);
    await listening.stop();
  });

  it('tries again for ever, at growing distances, and logs a fault that stays the same rarely', async () => {
    const source = new StagedSource(clock);
    const listening = input(source);
    listening.start();
    const openedAfter: number[] = [];
    for (let i = 0; i < 12; i++) {
      await settle();
      // As FFmpeg says it: with another address and another time at each start.
      const text = `[alsa @ 0x55d0c${i}f] there is no microphone after ${i} s`;
      await source.say(new UserError(ExitCode.noInput, text, 'Connect one.'));
      const brokeMs = clock.now();
      const opened = source.opened;
      while (source.opened === opened) await clock.advance(10);
      openedAfter.push((clock.now() - brokeMs) / 1000);
    }
    for (const [i, seconds] of openedAfter.entries()) {
      const most = Math.min(8, 2 ** i);
      expect(seconds).toBeGreaterThanOrEqual(most / 2 - 0.01);
      expect(seconds).toBeLessThanOrEqual(most + 0.02);
    }
    expect(seen).toEqual(['offline [alsa @ 0x55d0c0f] there is no microphone after 0 s']);
    expect(warnings).toHaveLength(1);
    await listening.stop();
  });

  it('forgets the back-off after sound has flowed for a while', async () => {
    const source = new StagedSource(clock);
    const listening = input(source);
    listening.start();
    for (let i = 0; i < 6; i++) {
      await settle();
      await source.say(new Error('broken'));
      await clock.advance(8000);
    }
    await source.say(16_000 * 20);
    await source.say('end');
    const opened = source.opened;
    await clock.advance(1000);
    expect(source.opened).toBe(opened + 1);
    expect(seen.at(-1)).toBe('offline staged microphone ended');
    await listening.stop();
  });

  it('leaves nothing behind when it is stopped, whenever and however often', async () => {
    for (const moment of ['before', 'opening', 'online', 'waiting']) {
      const source = new StagedSource(clock);
      const listening = input(source);
      if (moment !== 'before') listening.start();
      await settle();
      if (moment === 'online') await source.say(1600);
      if (moment === 'waiting') await source.say('end');
      await Promise.all([listening.stop(), listening.stop()]);
      await listening.stop();
      await listening.done;
      listening.start();
      await settle();
      expect(source.closed).toBe(source.opened);
      expect(clock.pending).toBe(0);
    }
  });

  it('does not take a fault of its handler for one of the microphone', async () => {
    const source = new StagedSource(clock);
    const listening = input(source, () => Promise.reject(new TypeError('a bug')));
    const failed = expect(listening.done).rejects.toThrow('a bug');
    listening.start();
    await settle();
    await source.say(1600);
    await failed;
    expect(source.closed).toBe(1);
    expect(clock.pending).toBe(0);
  });
});

describe('an input that is not live', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'input-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const unpaced = (path: string) =>
    new FileSource({ path, speed: Number.POSITIVE_INFINITY, loop: false }, silentLog, clock);

  it('waits for its handler with every chunk and ends after the last', async () => {
    let [busy, most] = [0, 0];
    const path = await writeWav(join(folder, 'clip.wav'), [chirp(100, 5000, 2)]);
    const listening = input(unpaced(path), async () => {
      most = Math.max(most, ++busy);
      await settle();
      busy--;
    });
    listening.start();
    await listening.done;
    expect(most).toBe(1);
    expect(samples).toBe(32_000);
    expect(seen).toEqual(['online 0.0']);
    expect(clock.pending).toBe(0);
  });

  it('hands the error of a file to its caller and does not try again', async () => {
    const listening = input(unpaced(join(folder, 'missing.wav')));
    listening.start();
    await expect(listening.done).rejects.toMatchObject({ code: ExitCode.noInput });
    expect(seen).toEqual([]);
    await listening.stop();
  });

  it('is offline while stdin pauses, and goes on with it', async () => {
    const stdin = new PassThrough();
    const layout = { format: 's16le', sampleRateHz: 16_000, channels: 1 } as const;
    const listening = input(new StdinSource(layout, clock, stdin));
    listening.start();
    stdin.write(Buffer.alloc(3200));
    while (chunks < 1) await settle();
    await clock.advance(7000);
    stdin.end(Buffer.alloc(3200));
    await listening.done;
    expect(seen).toEqual(['online 0.0', 'offline no sound from stdin for 5 s', 'online 0.0']);
  });

  it('goes on with stdin where the last one has left it, within a frame as well', async () => {
    const stdin = new PassThrough();
    const layout = { format: 's16le', sampleRateHz: 16_000, channels: 1 } as const;
    const halves = Buffer.alloc(101, Uint8Array.of(0, 64));
    for (const bytes of [halves, halves.subarray(1)]) {
      stdin.write(bytes);
      const stop = new AbortController();
      for await (const { samples } of new StdinSource(layout, clock, stdin).chunks(stop.signal)) {
        expect(new Set(samples)).toEqual(new Set([0.5]));
        stop.abort();
      }
    }
    expect(stdin.destroyed).toBe(false);
  });

  it('says what broke where it is stdin', async () => {
    const stdin = new PassThrough();
    const layout = { format: 's16le', sampleRateHz: 16_000, channels: 1 } as const;
    const listening = input(new StdinSource(layout, clock, stdin));
    listening.start();
    stdin.destroy(new Error('read ECONNRESET'));
    const broken = { code: ExitCode.noInput, message: 'stdin broke: read ECONNRESET' };
    await expect(listening.done).rejects.toMatchObject(broken);
  });

  it('is not offline while its handler takes its time', async () => {
    const source = new StagedSource(clock, false);
    const listening = input(source, () => new Promise((resolve) => void clock.after(20_000, resolve)));
    listening.start();
    await settle();
    await source.say(1600);
    await clock.advance(20_000);
    await source.say('end');
    await listening.done;
    expect(seen).toEqual(['online 0.0']);
  });
});

describe('createSource', () => {
  const common = { speed: 1, loop: false, format: 's16le', sampleRateHz: 16_000, channels: 1 } as const;

  it('makes each kind of source', () => {
    const made = [
      createSource({ ...common, source: 'portaudio', device: 'USB' }, silentLog, systemClock),
      createSource({ ...common, source: 'command', command: 'arecord' }, silentLog, systemClock),
      createSource({ ...common, source: 'file', file: 'a.wav' }, silentLog, systemClock),
      createSource({ ...common, source: 'stdin' }, silentLog, systemClock),
    ];
    expect(made.map(({ description, live }) => [description, live])).toEqual([
      ['portaudio "USB"', true],
      ['command "arecord"', true],
      ['file a.wav', false],
      ['stdin', false],
    ]);
  });

  it('refuses a file source without a file and a command source without a command', () => {
    for (const source of ['file', 'command'] as const)
      expect(() => createSource({ ...common, source }, silentLog, systemClock)).toThrow(UserError);
  });
});
