import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeFile } from '../src/audio/decode.js';
import { Daemons, SCENE } from './support/daemon.js';
import { Mosquitto } from './support/mosquitto.js';
import { lacksPrograms } from './support/require.js';
import { collect } from './support/sound.js';

const skip = lacksPrograms('mosquitto', 'mosquitto_sub');
/** So many samples in a row are the sound, not chance. */
const RUN = 6;

let daemons: Daemons;
let broker: Mosquitto;
let temp: string;
beforeEach(async () => {
  if (skip) return;
  [daemons, broker, temp] = await Promise.all([
    Daemons.create(),
    Mosquitto.start(),
    mkdtemp(join(tmpdir(), 'bathnet-temp-')),
  ]);
});
afterEach(async () => {
  if (skip) return;
  await Promise.all([daemons.close(), broker.close()]);
  await rm(temp, { recursive: true, force: true });
});

/** Finds runs of the scene's samples in bytes: as int16, as float32 and as text, plain and in base64. */
function soundFinder(sound: Float32Array): (bytes: Buffer) => boolean {
  const runs = new Set<string>();
  const texts: string[] = [];
  for (let at = 0; at + RUN <= sound.length; at++) {
    const run = sound.subarray(at, at + RUN);
    // Zeros and steady values stand in every file: only what moves is telling.
    if (new Set(run).size < RUN || run.some((value) => Math.abs(value) < 0.01)) continue;
    const int16 = Buffer.from(Int16Array.from(run, (value) => value * 32_768).buffer);
    const float32 = Buffer.from(new Float32Array(run).buffer);
    runs.add(int16.toString('latin1'));
    runs.add(float32.subarray(0, RUN * 2).toString('latin1'));
    if (at % 997 === 0) {
      texts.push(Array.from(int16).join(), Array.from(run, (value) => Math.round(value * 32_768)).join());
    }
  }
  const inBinary = (bytes: Buffer) => {
    const text = bytes.toString('latin1');
    for (let at = 0; at + RUN * 2 <= text.length; at++)
      if (runs.has(text.slice(at, at + RUN * 2))) return true;
    return texts.some((run) => text.includes(run));
  };
  return (bytes) =>
    inBinary(bytes) ||
    (bytes.toString('latin1').match(/[A-Za-z0-9+/]{24,}={0,2}/g) ?? []).some((text) =>
      inBinary(Buffer.from(text, 'base64')),
    );
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return filesBelow(path);
    return statSync(path).isFile() ? [path] : [];
  });
}

describe.skipIf(skip)('the sound that was heard', () => {
  const listen = async (settings: string[]) => {
    const seen = await broker.subscribe('#');
    const args = [
      '--source',
      `file:${SCENE}`,
      '--speed',
      '20',
      '--log-level',
      'debug',
      '--set',
      'publish.scores=true',
    ];
    const daemon = daemons.start(
      broker.url,
      [...args, ...settings.flatMap((setting) => ['--set', setting])],
      { TMPDIR: temp },
    );
    await seen.waitFor('bathnet/test/event', (payload) => payload.includes('alarm_started'));
    broker.publish('bathnet/test/feedback/set', 'false_alarm');
    const { code, stdout, stderr } = await daemon.ended;
    expect(code, stderr).toBe(0);
    const published = seen.messages.map(({ topic, payload }) => `${topic} ${payload}`).join('\n');
    const files = [...filesBelow(daemons.stateDir), ...filesBelow(temp)];
    return { said: Buffer.from(`${published}\n${stdout}\n${stderr}`), files };
  };

  it('is in no message, log, state or temporary file', async () => {
    const sound = await collect(decodeFile(SCENE));
    const holdsSound = soundFinder(sound);
    // The search finds it where it is: in each form, in the middle of something else.
    const clip = sound.slice(13 * 16_000, 13 * 16_000 + 400);
    const int16 = Buffer.from(Int16Array.from(clip, (value) => value * 32_768).buffer);
    expect(holdsSound(Buffer.concat([Buffer.from('{"x":1}'), int16]))).toBe(true);
    expect(holdsSound(Buffer.from(clip.buffer))).toBe(true);
    expect(holdsSound(Buffer.from(`{"pcm":"${int16.toString('base64')}"}`))).toBe(true);

    const { said, files } = await listen([]);
    expect(said.includes('alarm_started')).toBe(true);
    expect(files.some((path) => path.includes('feedback'))).toBe(true);
    expect(holdsSound(said)).toBe(false);
    for (const path of files) expect(holdsSound(readFileSync(path)), path).toBe(false);
  });

  it('is in the clips alone when they are switched on, and only for their owner', async () => {
    const holdsSound = soundFinder(await collect(decodeFile(SCENE)));
    const { said, files } = await listen(['clips.enabled=true', 'clips.speech=true', 'clips.afterSeconds=1']);
    expect(holdsSound(said)).toBe(false);
    const holding = files.filter((path) => holdsSound(readFileSync(path)));
    expect(holding.length).toBeGreaterThan(0);
    for (const path of holding) {
      expect(path).toMatch(/\/clips\/[\w-]+\.wav$/);
      expect(statSync(path).mode & 0o777).toBe(0o600);
    }
  });
});
