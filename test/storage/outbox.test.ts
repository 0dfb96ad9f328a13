import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Outbox, type OutboxOptions } from '../../src/storage/outbox.js';
import { decodeRecord, encodeRecord } from '../../src/storage/outbox-folder.js';
import { recordingLog } from '../publish/samples.js';
import { ManualClock } from '../support/clock.js';
import { lacksMount, mountSmallDisk } from '../support/small-disk.js';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

let parent: string;
let folder: string;
let clock: ManualClock;
let log: ReturnType<typeof recordingLog>;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'bathnet-outbox-'));
  folder = join(parent, 'state', 'outbox');
  clock = new ManualClock();
  log = recordingLog();
});
afterEach(() => rm(parent, { recursive: true, force: true }));

/** What a run of the daemon has; a second one on the same folder is the next run. */
function startOutbox(changes: Partial<OutboxOptions> = {}): Outbox {
  const outbox = new Outbox({ folder, events: 1000, bytes: 1e9, days: 30, ...changes }, log, clock);
  outbox.start();
  return outbox;
}

/** Adds events, and waits until they are on the disk or cannot be. */
const add = async (outbox: Outbox, ...payloads: string[]) => {
  for (const payload of payloads) outbox.add('topic', payload, false);
  await outbox.settled();
};

/** Takes out everything that waits, oldest first. */
async function drain(outbox: Outbox): Promise<string[]> {
  const payloads: string[] = [];
  for (let event = outbox.next(); event; event = outbox.next()) {
    payloads.push(event.payload);
    outbox.remove(event);
  }
  await outbox.settled();
  return payloads;
}

const files = () => readdirSync(folder).sort();

describe('a queue', () => {
  it('hands out what came first and keeps it until it is removed', async () => {
    const outbox = startOutbox();
    await add(outbox, 'a', 'b');
    expect(outbox.next()).toMatchObject({ topic: 'topic', payload: 'a', replayed: false });
    expect(outbox.next()?.payload).toBe('a');
    expect(await drain(outbox)).toStrictEqual(['a', 'b']);
    expect(outbox.size).toBe(0);
  });

  it('removes nothing else where the event was dropped meanwhile', async () => {
    const outbox = startOutbox({ events: 1 });
    await add(outbox, 'on its way');
    const event = outbox.next();
    await add(outbox, 'next');
    if (event) outbox.remove(event);
    expect(await drain(outbox)).toStrictEqual(['next']);
  });

  it('keeps what was dated by a clock that had not been set yet', async () => {
    clock = new ManualClock(Date.UTC(2000, 0, 1));
    await add(startOutbox({ days: 30 }), 'an alarm');
    clock = new ManualClock(Date.UTC(2026, 10, 22));
    expect(await drain(startOutbox({ days: 30 }))).toStrictEqual(['an alarm']);
  });

  it('works in memory without a folder, and does not call that a problem', async () => {
    const outbox = startOutbox({ folder: undefined, events: 3 });
    await add(outbox, 'a', 'b', 'c', 'd');
    expect(outbox).toMatchObject({ size: 3, dropped: 1, durable: true, kept: false });
    expect(await drain(outbox)).toStrictEqual(['b', 'c', 'd']);
  });
});

describe('a slow disk', () => {
  it('keeps nobody waiting: an event can be sent before it is written, and one sent meanwhile leaves nothing', async () => {
    const outbox = startOutbox();
    outbox.add('topic', 'a', false);
    outbox.add('topic', 'b', false);
    expect(outbox.kept).toBe(false); // nothing is on the disk yet
    const event = outbox.next();
    if (event) outbox.remove(event);
    await outbox.settled();
    expect(outbox.kept).toBe(true);
    expect(await drain(startOutbox())).toStrictEqual(['b']);
  });
});

describe('after a restart', () => {
  it('has what was not delivered, in order, as replayed', async () => {
    const first = startOutbox();
    await add(first, ...Array.from({ length: 12 }, (_, i) => `${i}`));
    const delivered = first.next();
    if (delivered) first.remove(delivered);
    await first.settled();
    const second = startOutbox();
    await add(second, 'new');
    expect(second.next()).toMatchObject({ topic: 'topic', payload: '1', replayed: true });
    expect(await drain(second)).toStrictEqual([...Array.from({ length: 11 }, (_, i) => `${i + 1}`), 'new']);
    expect(await drain(startOutbox())).toStrictEqual([]);
    expect(files()).toStrictEqual([]);
  });

  it('keeps any text as it was', async () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.stringMatching(/^[^+#\0]{1,100}$/), (payload, topic) => {
        const record = { topic, payload, keptAtMs: clock.wallMs() };
        expect(decodeRecord(Buffer.from(encodeRecord(record)).toString())).toStrictEqual(record);
      }),
    );
  });

  it('keeps its files from other users', async () => {
    await add(startOutbox(), 'private');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, files()[0] ?? '')).mode & 0o777).toBe(0o600);
  });

  it('shares a folder with another daemon without harm: nothing is lost or mixed up', async () => {
    const a = startOutbox();
    const b = startOutbox();
    for (let i = 0; i < 5; i++) {
      await add(a, `a${i}`);
      await add(b, `b${i}`);
    }
    expect(await drain(a)).toStrictEqual(['a0', 'a1', 'a2', 'a3', 'a4']);
    expect(await drain(b)).toStrictEqual(['b0', 'b1', 'b2', 'b3', 'b4']);
  });
});

describe('bounds', () => {
  it.each<[string, Partial<OutboxOptions>]>([
    ['number', { events: 3 }],
    ['bytes', { bytes: 3 * 140 }],
  ])('drops the oldest beyond the %s, on the disk, too, and counts', async (_, bounds) => {
    const outbox = startOutbox(bounds);
    for (let i = 0; i < 10; i++) await add(outbox, `${i}`);
    expect(outbox).toMatchObject({ size: 3, dropped: 7 });
    expect(log.lines.at(-1)).toMatch(/^error too many events wait.*"dropped":7,"waiting":3/);
    expect(files()).toHaveLength(3);
    expect(await drain(startOutbox(bounds))).toStrictEqual(['7', '8', '9']);
  });

  it('keeps the newest event, however big', async () => {
    const outbox = startOutbox({ bytes: 100 });
    await add(outbox, 'small', 'x'.repeat(10_000));
    expect(outbox).toMatchObject({ size: 1, dropped: 1 });
  });

  it('drops what is too old, at a start and while it runs', async () => {
    const outbox = startOutbox({ days: 2 });
    await add(outbox, 'first');
    await clock.advance(DAY_MS);
    await add(outbox, 'second');
    await clock.advance(DAY_MS);
    expect(outbox.next()?.payload).toBe('second');
    await clock.advance(DAY_MS);
    expect(outbox).toMatchObject({ size: 1, dropped: 1 });
    expect(outbox.next()).toBeUndefined();
    await outbox.settled();
    expect(files()).toStrictEqual([]);
  });

  it('tries for a day at least what an earlier run has left, also where that was 40 days ago', async () => {
    await add(startOutbox({ days: 30 }), 'an alarm');
    await clock.advance(40 * DAY_MS);
    const restarted = startOutbox({ days: 30 });
    expect(restarted.next()?.payload).toBe('an alarm');
    await clock.advance(DAY_MS);
    expect(restarted.next()).toBeUndefined();
    await restarted.settled();
  });

  it.each([
    ['back', -14],
    ['to a time far away', 3650],
  ])('does not take an event for old when the clock jumps %s', async (_, days) => {
    await add(startOutbox(), 'an alarm');
    clock = new ManualClock(Date.UTC(2026, 0, 1) + days * DAY_MS);
    const restarted = startOutbox();
    expect(await drain(restarted)).toStrictEqual(['an alarm']);
  });

  it('has smaller bounds at the next start', async () => {
    await add(startOutbox(), 'a', 'b', 'c');
    const restarted = startOutbox({ events: 2 });
    expect(restarted).toMatchObject({ size: 2, dropped: 1 });
    await restarted.settled();
    expect(await drain(startOutbox())).toStrictEqual(['b', 'c']);
  });
});

describe('recovery', () => {
  /** What a power cut or a bad disk leaves of a file. */
  const damage = fc.oneof(
    fc.record({ kind: fc.constant('cut' as const), at: fc.nat({ max: 110 }) }),
    fc.record({
      kind: fc.constant('garble' as const),
      at: fc.nat({ max: 110 }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    }),
    fc.record({ kind: fc.constant('zeros' as const), at: fc.nat({ max: 110 }) }),
    fc.record({
      kind: fc.constant('append' as const),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    }),
  );
  type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

  function damaged(content: Buffer, how: Damage): Buffer {
    switch (how.kind) {
      case 'cut':
        return content.subarray(0, how.at);
      case 'zeros':
        return Buffer.concat([content.subarray(0, how.at), Buffer.alloc(content.length - how.at)]);
      case 'append':
        return Buffer.concat([content, how.bytes]);
      case 'garble': {
        const copy = Buffer.from(content);
        copy.set(how.bytes.subarray(0, copy.length - how.at), how.at);
        return copy;
      }
    }
  }

  it('delivers every event whose file is whole, in order, and nothing else, whatever happened to the rest', async () => {
    await add(startOutbox(), ...Array.from({ length: 8 }, (_, i) => `payload ${i}`));
    const written = files().map((name) => [name, readFileSync(join(folder, name))] as const);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(damage, { freq: 2 }), { minLength: 1, maxLength: 8 }),
        fc.dictionary(fc.stringMatching(/^[a-z0-9.-]{1,30}$/), fc.uint8Array({ maxLength: 50 }), {
          maxKeys: 3,
        }),
        async (damages, foreign) => {
          rmSync(folder, { recursive: true, force: true });
          mkdirSync(folder);
          const whole: string[] = [];
          for (const [i, how] of damages.entries()) {
            const [name, content] = written[i] ?? ['', Buffer.alloc(0)];
            const found = how ? damaged(content, how) : content;
            writeFileSync(join(folder, name), found);
            if (found.equals(content)) whole.push(`payload ${i}`);
          }
          for (const [name, content] of Object.entries(foreign))
            if (name !== '.' && name !== '..') writeFileSync(join(folder, name), content);
          const outbox = startOutbox();
          expect(outbox.dropped).toBe(damages.length - whole.length);
          await add(outbox, 'new');
          expect(await drain(outbox)).toStrictEqual([...whole, 'new']);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('writes again what waits where its folder was removed', async () => {
    const outbox = startOutbox();
    await add(outbox, 'a', 'b');
    rmSync(folder, { recursive: true });
    outbox.keepAgain();
    await outbox.settled();
    expect(await drain(startOutbox())).toStrictEqual(['a', 'b']);
  });

  it('says which events were damaged', async () => {
    await add(startOutbox(), 'a', 'b');
    const [first = '', second = ''] = files();
    writeFileSync(join(folder, first), '');
    const outbox = startOutbox();
    await outbox.settled();
    expect(files()).toStrictEqual([second]);
    expect(log.lines).toContain(
      `warn a waiting event cannot be sent and is set aside ${JSON.stringify({ file: first, problem: 'it is damaged', moved: `${folder}-set-aside` })}`,
    );
    expect(await drain(outbox)).toStrictEqual(['b']);
  });

  it.each([
    ['of another version', { version: 2, topic: 'topic', payload: '{}', keptAtMs: 0 }],
    ['without a topic', { payload: '{}', keptAtMs: 0 }],
    ['with a topic that cannot be published', { topic: 'a/#', payload: '{}', keptAtMs: 0 }],
    ['with a payload that is no text', { topic: 'topic', payload: { at: 1 }, keptAtMs: 0 }],
    ['with a payload that is no event', { topic: 'topic', payload: 'junk', keptAtMs: 0 }],
    ['of nothing', null],
  ])('sets a whole record %s aside, once, and never deletes it', async (_, record) => {
    const isPayload = (payload: string) => payload !== 'junk';
    await add(startOutbox(), 'a', 'b');
    const [first = ''] = files();
    const json = JSON.stringify(record);
    const text = `${createHash('sha256').update(json).digest('hex')}\n${json}`;
    writeFileSync(join(folder, first), text);
    for (const dropped of [1, 0]) {
      const outbox = startOutbox({ isPayload });
      await outbox.settled();
      expect(outbox).toMatchObject({ size: 1, dropped });
    }
    expect(log.lines.filter((line) => line.startsWith('warn'))).toHaveLength(1);
    expect(readFileSync(join(`${folder}-set-aside`, first), 'utf8')).toBe(text);
  });

  it('takes up what a version without a number has written', async () => {
    await add(startOutbox(), 'a');
    const [first = ''] = files();
    const json = JSON.stringify({ topic: 'topic', payload: 'old', keptAtMs: clock.wallMs() });
    writeFileSync(join(folder, first), `${createHash('sha256').update(json).digest('hex')}\n${json}`);
    expect(await drain(startOutbox())).toStrictEqual(['old']);
  });

  it('goes on where a file cannot be read, leaves it alone, and counts it as lost: nobody is told of it', async () => {
    await add(startOutbox(), 'a', 'b');
    const [first = ''] = files();
    rmSync(join(folder, first));
    mkdirSync(join(folder, first));
    const outbox = startOutbox();
    expect(outbox.dropped).toBe(1);
    expect(await drain(outbox)).toStrictEqual(['b']);
    expect(files()).toStrictEqual([first]);
    expect(log.lines.join('\n')).toMatch(/warn a waiting event cannot be read .*EISDIR/);
  });
});

describe('a folder that cannot be written', () => {
  const warnings = () => log.lines.filter((line) => line.startsWith('warn the outbox cannot be written'));

  /** No folder can be made in a file, not even by root. */
  function obstruct(): void {
    rmSync(dirname(folder), { recursive: true, force: true });
    writeFileSync(dirname(folder), '');
  }

  it('leaves events in memory, is said once, and they are written as soon as it can be', async () => {
    obstruct();
    const outbox = startOutbox();
    await add(outbox, 'a', 'b');
    expect(outbox).toMatchObject({ size: 2, durable: false, kept: false });
    expect(warnings()).toHaveLength(1);
    rmSync(dirname(folder));
    await add(outbox, 'c');
    expect(outbox).toMatchObject({ durable: true, kept: true });
    expect(log.lines.at(-1)).toMatch(/^info the outbox can be written again/);
    expect(await drain(startOutbox())).toStrictEqual(['a', 'b', 'c']);
  });

  it('is tried again every minute, without an event, until it is stopped', async () => {
    obstruct();
    const outbox = startOutbox();
    for (let i = 0; i < 3; i++) {
      await outbox.settled();
      await clock.advance(MINUTE_MS);
    }
    await outbox.settled();
    expect(outbox.durable).toBe(false);
    expect(warnings()).toHaveLength(1);
    rmSync(dirname(folder));
    await clock.advance(MINUTE_MS);
    await outbox.settled();
    expect(outbox.durable).toBe(true);
    expect(files()).toStrictEqual([]);
    obstruct();
    await add(outbox, 'a');
    await outbox.stop();
    expect(clock.pending).toBe(0);
  });

  it.skipIf(process.getuid?.() === 0)('may be one without permission (not as root)', async () => {
    await add(startOutbox(), 'a');
    chmodSync(folder, 0o500);
    const outbox = startOutbox();
    await outbox.settled();
    expect(outbox).toMatchObject({ size: 1, durable: false });
    chmodSync(folder, 0o700);
  });
});

describe.skipIf(lacksMount())('a disk of 64 kB', () => {
  it('may be full: events wait in memory, and on the disk again when there is room', async () => {
    const disk = mountSmallDisk(parent);
    try {
      folder = join(disk.path, 'outbox');
      const outbox = startOutbox();
      await add(outbox, 'before');
      disk.fill();
      await add(outbox, 'x'.repeat(5000), 'y'.repeat(5000));
      expect(outbox).toMatchObject({ size: 3, durable: false });
      expect(files().filter((name) => name.endsWith('.tmp'))).toStrictEqual([]);
      expect(await drain(startOutbox({ days: 1 }))).toStrictEqual(['before']);
      disk.empty();
      await clock.advance(MINUTE_MS);
      await outbox.settled();
      expect(outbox.durable).toBe(true);
      expect(await drain(startOutbox())).toStrictEqual(['x'.repeat(5000), 'y'.repeat(5000)]);
    } finally {
      disk.unmount();
    }
  });

  it('may become read-only: what waits is delivered, and new events wait in memory', async () => {
    const disk = mountSmallDisk(parent);
    try {
      folder = join(disk.path, 'outbox');
      await add(startOutbox(), 'kept');
      writeFileSync(join(folder, `${files()[0]}.tmp`), 'half an event');
      disk.readOnly();
      const outbox = startOutbox();
      await outbox.settled();
      expect(outbox).toMatchObject({ size: 1, durable: false });
      await add(outbox, 'new');
      expect(await drain(outbox)).toStrictEqual(['kept', 'new']);
    } finally {
      disk.unmount();
    }
  });
});
