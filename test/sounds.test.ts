import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { soundRules } from '../src/alarm/sound-rules.js';
import {
  KNOWN_SOUNDS,
  sounds as soundsSection,
  wantedSound,
  wantedSounds,
} from '../src/config/sections/sounds.js';
import { audiosetLabels } from '../src/hearing.js';
import { readBundle } from '../src/model/bundle.js';
import { SHIPPED_MODELS } from '../src/model/shelf.js';
import { soundTopicsOf } from '../src/publish/topics.js';
import { household, topics } from './support/household.js';
import { lacksPrograms } from './support/require.js';
import { tone, wavBytes } from './support/sound.js';

const skip = lacksPrograms('mosquitto', 'mosquitto_sub');
const home = household(skip);
const smoke = soundTopicsOf(topics, 'smoke_alarm');
const { threshold, hits, holdSeconds } = smoke.settings;
const carbonMonoxide = soundTopicsOf(topics, 'co_alarm');

const SECONDS = 24;

/** 10 s of a quiet room, then a sounder that is on for so long at these times of each period, then the room again. */
function sounder(hz: number, onSeconds: number, beginsAt: readonly number[], period: number): Float32Array {
  const all = new Float32Array((10 + SECONDS + 45) * 16_000);
  for (let i = 0; i < all.length; i++) all[i] = (((i * 7919) % 1000) / 1000 - 0.5) * 0.002;
  const beep = tone(hz, onSeconds, 16_000, 0.05);
  for (let at = 10; at < 10 + SECONDS; at += period)
    for (const begin of beginsAt)
      for (const [i, value] of beep.entries()) all[Math.round((at + begin) * 16_000) + i]! += value;
  return all;
}

const smokeAlarm = sounder(3100, 0.5, [0, 1, 2], 4);
/** A tone of which the model does not know that it is an alarm. */
const lowSmokeAlarm = sounder(520, 0.5, [0, 1, 2], 4);
const coAlarm = sounder(520, 0.1, [0, 0.2, 0.4, 0.6], 5.7);
const evenBeeps = sounder(3100, 0.5, [0], 1);

const scene = (sound: Float32Array) => {
  const file = join(home.daemons.stateDir, 'alarm.wav');
  writeFileSync(file, wavBytes([sound]));
  return ['--source', `file:${file}`, '--speed', '20'];
};
const set = (...settings: string[]) => settings.flatMap((setting) => ['--set', setting]);

describe.skipIf(skip)('a smoke alarm', () => {
  it('is said again to a Home Assistant that comes meanwhile, as it was', async () => {
    const seen = await home.broker.subscribe('#');
    const events = () => seen.on(topics.event).map((payload) => JSON.parse(payload));
    home.daemons.start(home.broker.url, [...scene(smokeAlarm), '--speed', '8']);
    await seen.waitFor(topics.event);
    home.broker.publish('homeassistant/status', 'online');
    await seen.waitFor(topics.event, (payload) => events()[0].id !== JSON.parse(payload).id);
    const [first, again] = events();
    expect(again).toEqual({ ...first, id: again.id, latencyMs: again.latencyMs });
  });

  it('is a sensor of its own and an event, and no alarm', async () => {
    const seen = await home.broker.subscribe('#');
    const { code, stderr } = await home.daemons.start(home.broker.url, scene(smokeAlarm)).ended;
    expect(code, stderr).toBe(0);
    await seen.waitFor(topics.availability, (payload) => payload === 'offline');
    expect(seen.on(smoke.state)).toEqual(['OFF', 'ON', 'OFF']);
    expect(seen.messages.filter(({ topic }) => topic === smoke.state).every(({ qos }) => qos === 1)).toBe(
      true,
    );
    const events = seen.on(topics.event).map((payload) => JSON.parse(payload));
    expect(events).toMatchObject([
      { event_type: 'sound_heard', sound: 'smoke_alarm', name: 'Smoke alarm', test: false },
    ]);
    expect(events[0].score).toBeGreaterThanOrEqual(0.04);
    expect(new Set(seen.on(topics.alarm))).toEqual(new Set(['OFF']));
    const { cmps } = JSON.parse(seen.on('homeassistant/device/test/config')[0] ?? '');
    expect(cmps.sound_smoke_alarm).toMatchObject({
      p: 'binary_sensor',
      device_class: 'smoke',
      state_topic: smoke.state,
    });
    expect(cmps.sound_smoke_alarm_threshold).toMatchObject({
      p: 'number',
      command_topic: threshold.command,
      max: 1,
    });
  });

  it.each([
    [lowSmokeAlarm, smoke.state, carbonMonoxide.state],
    [coAlarm, carbonMonoxide.state, smoke.state],
  ])('is heard by its rhythm where its tone says nothing, and for what it is', async (sound, own, other) => {
    const seen = await home.broker.subscribe('#');
    expect((await home.daemons.start(home.broker.url, scene(sound)).ended).code).toBe(0);
    await seen.waitFor(topics.availability, (payload) => payload === 'offline');
    expect(seen.on(own)).toEqual(['OFF', 'ON', 'OFF']);
    expect(seen.on(other)).toEqual(['OFF']);
    const events = seen.on(topics.event).map((payload) => JSON.parse(payload));
    expect(events).toMatchObject([{ event_type: 'sound_heard', score: 1 }]);
  });

  it('has a threshold of its scores that can be set, and is kept over a restart', async () => {
    const { daemon, seen } = await home.startDaemon([...scene(evenBeeps), '--loop']);
    expect(await seen.waitFor(threshold.state)).toBe('0.04');
    for (const wrong of ['2', '-0.1', 'much', '']) await home.publish(threshold.command, wrong);
    await home.publish(threshold.command, '0.99');
    await seen.waitFor(threshold.state, (payload) => payload === '0.99');
    await daemon.kill();
    expect(daemon.stderr).toMatch(/to be <=1".*command refused/s);
    const kept = join(home.daemons.deviceDir, 'sounds.json');
    expect(JSON.parse(readFileSync(kept, 'utf8'))).toEqual({ smoke_alarm: { threshold: 0.99 } });

    const deaf = await home.broker.subscribe('bathnet/#');
    expect((await home.daemons.start(home.broker.url, scene(evenBeeps)).ended).code).toBe(0);
    await deaf.waitFor(topics.availability, (payload) => payload === 'offline');
    expect(deaf.on(smoke.state)).not.toContain('ON');
  });

  it('is on after so many hits, and for so long after the last one, as it is told', async () => {
    const { daemon, seen } = await home.startDaemon([...scene(evenBeeps), '--loop']);
    await seen.waitFor(holdSeconds.state, (payload) => payload === '30');
    for (const [{ command }, wrong] of [
      [hits, '0'],
      [hits, '2.5'],
      [hits, '99'],
      [holdSeconds, '0'],
    ] as const)
      await home.publish(command, wrong);
    await home.publish(hits.command, '4');
    await home.publish(holdSeconds.command, '2');
    await seen.waitFor(holdSeconds.state, (payload) => payload === '2');
    await seen.waitFor(hits.state, (payload) => payload === '4');
    expect([...new Set(seen.on(hits.state))]).toEqual(['3', '4']);
    await daemon.kill();
    expect(daemon.stderr).toMatch(/smoke_alarm never comes by its scores: 99 windows/);
    const kept = join(home.daemons.deviceDir, 'sounds.json');
    expect(JSON.parse(readFileSync(kept, 'utf8'))).toEqual({ smoke_alarm: { hits: 4, holdSeconds: 2 } });
  });

  it('that kept settings and another configuration leave without a chance is named in the log', async () => {
    mkdirSync(home.daemons.deviceDir, { recursive: true });
    writeFileSync(join(home.daemons.deviceDir, 'sounds.json'), '{"dog":{"hits":8}}');
    const dog = set('sounds.dog.withinSeconds=2', 'sounds.smoke_alarm=false');
    const { stderr } = await home.daemons.start(home.broker.url, [...scene(evenBeeps), ...dog]).ended;
    expect(stderr.match(/"warn"[^\n]*dog never comes: 8 windows take 3\.4 s/g)).toHaveLength(1);
  });

  it('has the threshold of the configuration again once settings are reset', async () => {
    const kept = join(home.daemons.deviceDir, 'sounds.json');
    mkdirSync(home.daemons.deviceDir, { recursive: true });
    writeFileSync(kept, '{"smoke_alarm":{"threshold":0.99}}');
    const seen = await home.broker.subscribe('bathnet/#');
    expect(
      (await home.daemons.start(home.broker.url, [...scene(evenBeeps), '--reset-settings']).ended).code,
    ).toBe(0);
    await seen.waitFor(smoke.state, (payload) => payload === 'ON');
    expect(JSON.parse(readFileSync(kept, 'utf8'))).toEqual({});
  });

  it('can be switched off, and then neither the broker nor Home Assistant keeps anything of it', async () => {
    expect((await home.daemons.start(home.broker.url, scene(smokeAlarm)).ended).code).toBe(0);
    const seen = await home.broker.subscribe('#');
    await seen.waitFor(smoke.state);
    const off = set('sounds.smoke_alarm=false', 'sounds.dog=true');
    expect((await home.daemons.start(home.broker.url, [...scene(smokeAlarm), ...off]).ended).code).toBe(0);
    await seen.waitFor(smoke.state, (payload) => payload === '');
    await seen.waitFor(soundTopicsOf(topics, 'dog').state, (payload) => payload === 'OFF');
    expect(seen.on(smoke.state)).not.toContain('ON');
  });

  it('is not there while no sound arrives, and OFF', async () => {
    const command = `cat ${join(home.daemons.stateDir, 'smoke.raw')}; sleep 100`;
    const sound = smokeAlarm.subarray(0, 22 * 16_000);
    writeFileSync(
      join(home.daemons.stateDir, 'smoke.raw'),
      Int16Array.from(sound, (value) => Math.round(value * 32767)),
    );
    const { daemon, seen } = await home.startDaemon([
      '--source',
      `command:${command}`,
      ...set('input.noDataTimeoutSeconds=1'),
    ]);
    await seen.waitFor(smoke.state, (payload) => payload === 'ON');
    await seen.waitFor(topics.inputAvailability, (payload) => payload === 'offline');
    const afterOn = () => seen.on(smoke.state).slice(seen.on(smoke.state).indexOf('ON') + 1);
    await seen.waitFor(smoke.state, () => afterOn().includes('OFF'));
    await daemon.kill();
  });
});

describe('sounds of the configuration', () => {
  it('that are known are classes of the model that ships', async () => {
    const labels = audiosetLabels((await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'))).manifest);
    const all = Object.fromEntries(Object.keys(KNOWN_SOUNDS).map((id) => [id, true]));
    expect(soundRules(wantedSounds(all), labels)).toHaveLength(Object.keys(KNOWN_SOUNDS).length);
  });

  it('are what is known of them, and what differs', () => {
    expect(wantedSounds({})).toEqual([
      { id: 'smoke_alarm', ...KNOWN_SOUNDS.smoke_alarm },
      { id: 'co_alarm', ...KNOWN_SOUNDS.co_alarm },
    ]);
    const off = { smoke_alarm: false, co_alarm: false };
    expect(wantedSounds({ ...off, dog: { threshold: 0.9 }, mine: { classes: ['Buzzer'] } })).toEqual([
      { id: 'dog', ...KNOWN_SOUNDS.dog, threshold: 0.9 },
      expect.objectContaining({ id: 'mine', name: 'mine', classes: ['Buzzer'], hits: 2 }),
    ]);
  });

  it.each([
    [{ mine: { rhythm: 'T4' } }, true],
    [{ smoke_alarm: { rhythm: 'none' } }, true],
    [{ smoke_alarm: { classes: [] } }, true],
    [{ mine: { rhythm: 'none' } }, false],
    [{ dog: { classes: [] } }, false],
    [{ mine: { rhythm: 'T5' } }, false],
  ])('are heard by classes or by a rhythm: %j', (sounds, isValid) => {
    const [id, choice] = Object.entries(sounds)[0]!;
    expect(soundsSection.safeParse(sounds).success && wantedSound(id, choice as object)?.success).toBe(
      isValid,
    );
  });
});
