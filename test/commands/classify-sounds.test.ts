import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wantedSounds } from '../../src/config/sections/sounds.js';
import { Listener } from '../../src/listener.js';
import { readBundle } from '../../src/model/bundle.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { Pipeline } from '../../src/pipeline.js';
import { systemClock } from '../../src/system/clock.js';
import { createRandom } from '../../src/training/random.js';
import type { PipelineResult } from '../../src/types.js';
import { run } from '../support/daemon.js';
import { silentLog, wavBytes } from '../support/sound.js';

interface MadeAlarms {
  readonly ALARMS: readonly object[];
  madeAlarm(random: () => number, alarm: object, seconds: number): Float32Array;
}
const MADE = fileURLToPath(new URL('../../tools/sounds/made-alarms.mjs', import.meta.url));
const { ALARMS, madeAlarm }: MadeAlarms = await import(MADE);

const RATE_HZ = 16_000;
/** Two segments of a minute and the beginning of a third. */
const SECONDS = 130;
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-sounds-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Span {
  readonly sound: string;
  readonly startSeconds: number;
  readonly endSeconds: number;
}

/** A quiet room with an alarm in it, from one second to another. */
function room(seconds: number, kind: number, from: number, to: number): Float32Array {
  const random = createRandom(5);
  const all = Float32Array.from({ length: seconds * RATE_HZ }, () => 0.002 * (random() - 0.5));
  for (const [i, value] of madeAlarm(random, ALARMS[kind]!, to - from).entries())
    all[from * RATE_HZ + i]! += 0.05 * value;
  return all;
}

function written(name: string, sound: Float32Array): string {
  const path = join(dir, `${name}.wav`);
  writeFileSync(path, wavBytes([sound], { float: true, bits: 32 }));
  return path;
}

async function classified(path: string, ...flags: string[]): Promise<(Span & { peakScore: number })[]> {
  const { code, stdout, stderr } = await run(['classify', '--json', ...flags, path]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout).sounds;
}

/** What the daemon says of it, one window after the other, until it is stopped. */
async function asTheDaemon(sound: Float32Array): Promise<Span[]> {
  const bundle = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
  const pipeline = await Pipeline.create(bundle, { sounds: wantedSounds({}) });
  const seconds = sound.length / RATE_HZ;
  let at = 0;
  const on = new Map<string, number>();
  const spans: Span[] = [];
  const handlers = {
    onWindow: ({ scored }: PipelineResult) => {
      at = scored.endSeconds;
    },
    onEvent() {},
    onSound({ id, heard }: { id: string; heard: boolean }) {
      if (heard) on.set(id, at);
      else spans.push({ sound: id, startSeconds: on.get(id)!, endSeconds: Math.min(at, seconds) });
    },
  };
  const settings = { hopSeconds: 0.48, live: false };
  const listener = new Listener(pipeline, settings, handlers, systemClock, silentLog);
  for (let from = 0; from < sound.length; from += RATE_HZ)
    await listener.chunk({ samples: sound.subarray(from, from + RATE_HZ), capturedAtMs: 0 });
  await listener.finish();
  await listener.stop();
  await pipeline.close();
  return spans;
}

describe('classify', () => {
  it.each([
    // Which kind, from when to when: each lies across two segments.
    ['smoke, 520 Hz', 1, 48, 72, 'smoke_alarm'],
    ['smoke, 3 kHz', 0, 54, 66, 'smoke_alarm'],
    ['carbon monoxide', 3, 40, 72, 'co_alarm'],
    ['smoke, until the end', 0, 100, 130, 'smoke_alarm'],
    ['smoke, from the beginning', 1, 0, 30, 'smoke_alarm'],
  ] as const)(
    'hears the alarm of %s when the daemon does, however it is cut',
    async (name, kind, from, to, id) => {
      const sound = room(SECONDS, kind, from, to);
      const path = written(name, sound);
      const heard = await classified(path, '--jobs', '3');
      expect(heard).toMatchObject([{ sound: id, peakScore: 1 }]);
      const near = (seconds: number) => expect.closeTo(seconds, 3);
      expect(
        heard.map(({ sound, startSeconds, endSeconds }) => ({ sound, startSeconds, endSeconds })),
      ).toEqual(
        (await asTheDaemon(sound)).map(({ sound, startSeconds, endSeconds }) => ({
          ...{ sound, startSeconds: near(startSeconds), endSeconds: near(endSeconds) },
        })),
      );
    },
  );

  it('says in text from when to when, and for what', async () => {
    const path = written('text', room(40, 0, 5, 15));
    const { stdout } = await run(['classify', path]);
    expect(stdout).toMatch(/^ {3}sound \d\.\d\d–40\.00 s {2}1\.00 {2}Smoke alarm\n.*text\.wav: background/m);
  });

  it('draws them', async () => {
    const path = written('drawn', room(40, 0, 5, 15));
    const plot = join(dir, 'drawn.svg');
    const { code, stderr } = await run(['classify', '--plot', plot, path]);
    expect(code, stderr).toBe(0);
    expect(readFileSync(plot, 'utf8')).toMatch(/<title>Smoke alarm \(1\.00\), \d(\.\d)? s to 40 s<\/title>/);
  });

  it('watches what the configuration watches, and nothing else', async () => {
    const path = written('configured', room(40, 0, 5, 15));
    const withSounds = (sounds: object) => {
      const config = join(dir, 'config.yaml');
      writeFileSync(config, JSON.stringify({ sounds }));
      return ['--config', config];
    };
    const off = { smoke_alarm: false, co_alarm: false };
    expect(await classified(path, ...withSounds(off))).toEqual([]);
    const classes = ['Beep, bleep', 'Smoke detector, smoke alarm'];
    const own = { name: 'Beeps', classes, threshold: 0.01, hits: 1 };
    const [beeps, ...others] = await classified(path, ...withSounds({ ...off, beeps: own }));
    expect(beeps).toMatchObject({ sound: 'beeps', name: 'Beeps' });
    expect(others).toEqual([]);
    expect(beeps?.peakScore).toBeGreaterThanOrEqual(0.01);
    expect(beeps?.peakScore).toBeLessThan(1);
    const unknown = await run(['classify', path, ...withSounds({ mine: { classes: ['Smoke'] } })]);
    expect(unknown.code).toBe(78);
    expect(unknown.stderr).toMatch(
      /AudioSet has no class "Smoke"\n {2}hint: .*"Smoke detector, smoke alarm"/,
    );
  });
});
