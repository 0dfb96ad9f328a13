import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBundle, writeBundle } from '../src/model/bundle.js';
import { SHIPPED_MODELS } from '../src/model/shelf.js';
import { mappingOnly } from './support/bundles.js';
import { SCENE } from './support/daemon.js';
import { DEVICE_CONFIG, events, household, topics } from './support/household.js';
import { type Subscription, until } from './support/mosquitto.js';
import { lacksPrograms } from './support/require.js';
import { writeWav } from './support/sound.js';

const skip = lacksPrograms('mosquitto', 'mosquitto_sub');

const home = household(skip);

/** A daemon that says every window of a file. */
function startDaemon(file: string, ...settings: string[]) {
  const all = ['publish.scores=true', ...settings].flatMap((setting) => ['--set', setting]);
  return home.startDaemon(['--source', `file:${file}`, '--loop', '--speed', '20', ...all]);
}

/** Half a minute of a room in which nothing happens. */
async function quietRoom(): Promise<string> {
  const file = join(home.daemons.stateDir, 'quiet.wav');
  const noise = Float32Array.from({ length: 30 * 16_000 }, () => 1e-3 * (2 * Math.random() - 1));
  await writeWav(file, [noise]);
  return file;
}

const say = (word: string, retain = false) => home.publish(topics.commands.occupied, word, retain);
/** Waits until so many seconds more of sound have been heard. */
async function hearMore(seen: Subscription, seconds: number): Promise<void> {
  const enough = seen.on(topics.scores).length + seconds / 0.48;
  await until(() => seen.on(topics.scores).length >= enough, 'no windows');
}

describe.skipIf(skip)('a presence sensor, with a real broker', () => {
  it('makes a long stay without a sound an event, once for each stay', async () => {
    const { daemon, seen } = await startDaemon(await quietRoom(), 'sense.longStayMinutes=0.5');
    await hearMore(seen, 40);
    expect(events(seen)).toEqual([]);
    await say('ON');
    await seen.waitFor(topics.event);
    await hearMore(seen, 45);
    await say('OFF');
    await seen.waitFor(topics.occupied, (payload) => payload === 'OFF');
    await hearMore(seen, 40);
    expect(events(seen)).toMatchObject([
      { event_type: 'long_stay', durationSeconds: 30, silentSeconds: 30, test: false, replayed: false },
    ]);
    await say('ON');
    await until(() => events(seen).length === 2, 'the second stay was not said');
    const ids = events(seen).map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    expect(seen.on(topics.occupied)).toEqual(['None', 'ON', 'OFF', 'ON']);
    expect(new Set(seen.on(topics.alarm))).toEqual(new Set(['OFF'])); // it is none
    expect(daemon.stderr).toContain('long_stay');
    expect(seen.messages.find(({ topic }) => topic === topics.event)).toMatchObject({
      qos: 1,
      retained: false,
    });
  });

  const noThump = ['sense.thumpSilenceSeconds=0', 'sense.thumpVoiceSeconds=0'];
  it('says nothing of a stay unless it is wanted, and is shown by Home Assistant only then', async () => {
    const { seen, daemon } = await startDaemon(await quietRoom(), ...noThump);
    await say('ON');
    await seen.waitFor(topics.occupied, (payload) => payload === 'ON');
    const plain = JSON.parse(seen.on(DEVICE_CONFIG)[0] ?? '').cmps;
    for (const key of ['occupied', 'long_stay']) expect(plain).not.toHaveProperty(key);
    await hearMore(seen, 45);
    expect(events(seen)).toEqual([]);
    await daemon.kill();

    for (const [setting, keys] of [
      ['sense.longStayMinutes=30', ['long_stay', 'occupied']],
      ['sense.longStayMinutes=0', ['occupied']], // the model's own silence after an impact
      ['sense.thumpSilenceSeconds=20', ['occupied']],
    ] as const) {
      const { seen: again, daemon: wanted } = await startDaemon(await quietRoom(), setting);
      const configs = () =>
        again.messages.filter(({ topic, retained }) => topic === DEVICE_CONFIG && !retained);
      await until(() => configs().length > 0, 'not announced');
      const { cmps } = JSON.parse(configs().at(-1)?.payload ?? '');
      expect(Object.keys(cmps).filter((key) => ['occupied', 'long_stay'].includes(key))).toEqual(keys);
      await wanted.kill();
    }
  });

  it('is forgotten at a restart, unless the broker has kept its word', async () => {
    const file = await quietRoom();
    const { daemon, seen } = await startDaemon(file);
    await say('ON');
    await seen.waitFor(topics.occupied, (payload) => payload === 'ON');
    await daemon.kill('SIGKILL');
    const { daemon: second, seen: forgotten } = await startDaemon(file);
    await hearMore(forgotten, 10);
    expect(forgotten.on(topics.occupied)).toEqual(['ON', 'None']); // the first is what the broker kept
    await second.kill('SIGKILL');

    await say('OFF', true);
    const { seen: kept } = await startDaemon(file);
    await until(() => kept.on(topics.occupied).at(-1) === 'OFF', 'the kept word was not taken');
    await say('on');
    await say('2'.repeat(2000));
    await say('None', true);
    await until(() => kept.on(topics.occupied).at(-1) === 'None', 'the word was not taken back');
    expect(kept.on(topics.occupied).slice(-2)).toEqual(['OFF', 'None']);
    await say('ON', true);
    await say('', true); // somebody removes what the broker keeps
    await until(() => kept.on(topics.occupied).slice(-2).join() === 'ON,None', 'not removed');
  });

  it('keeps a thump in an empty room from being an alarm, and only while it is empty', async () => {
    const classesAlarmNever = ['alarm.threshold=1', 'alarm.instantThreshold=1'];
    const model = join(home.daemons.stateDir, 'models', 'classes');
    const { manifest, tensors } = mappingOnly(await readBundle(join(SHIPPED_MODELS, 'bathnet-mini')));
    await writeBundle(model, manifest, tensors);
    const thump = ['model.name=classes', 'sense.thumpSilenceSeconds=5', 'sense.thumpThreshold=0.3'];
    await say('OFF', true);
    const { seen } = await startDaemon(SCENE, ...classesAlarmNever, ...thump);
    await seen.waitFor(topics.occupied, (payload) => payload === 'OFF');
    const before = events(seen).length;
    await hearMore(seen, 90); // twice the scene
    expect(events(seen)).toHaveLength(before);
    await say('ON');
    await seen.waitFor(topics.event, (payload) => payload.includes('"reason":"thump_then_silence"'));
  });
});
