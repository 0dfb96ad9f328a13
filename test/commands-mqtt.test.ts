import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NEVER_LOUD_HOURS } from '../src/alarm/doubts.js';
import { readBundle, writeBundle } from '../src/model/bundle.js';
import { SHIPPED_MODELS } from '../src/model/shelf.js';
import { deviceDiscovery, parseComponentDiscovery } from './publish/home-assistant.js';
import { Daemons, SCENE } from './support/daemon.js';
import { sayingAlways } from './support/event-head.js';
import { DEVICE_CONFIG, events, household, topics } from './support/household.js';
import { type Subscription, until } from './support/mosquitto.js';
import { lacksPrograms } from './support/require.js';

const skip = lacksPrograms('mosquitto', 'mosquitto_sub');
const FAST_SCENE = ['--source', `file:${SCENE}`, '--speed', '20'];
const SLOW_SCENE = ['--source', `file:${SCENE}`, '--loop'];
/** An alarm that stays on once it has started. */
const LASTING_ALARM = [...FAST_SCENE, '--loop', '--set', 'alarm.releaseSeconds=80000'];
const { settings, commands } = topics;

const home = household(skip);
const { startDaemon, publish: command } = home;

/** A daemon that hears a moment of silence, says everything and ends. */
async function runOnce(...settings: string[]): Promise<void> {
  const args = ['--source', 'stdin', ...settings.flatMap((setting) => ['--set', setting])];
  const daemon = home.daemons.start(home.broker.url, args);
  daemon.stdin?.end(Buffer.alloc(80_000));
  const { code, stderr } = await daemon.ended;
  expect(code, stderr).toBe(0);
}

const kept = () => {
  const path = join(home.daemons.deviceDir, 'settings.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
};

/** What the broker keeps, by topic. */
async function retained(): Promise<Map<string, string>> {
  const late = await home.broker.subscribe('#');
  await command('test/end', 'x');
  await late.waitFor('test/end');
  const all = late.messages.filter(({ retained }) => retained).map(({ topic, payload }) => [topic, payload]);
  return new Map(all as [string, string][]);
}

/** No score but 1 is enough at once, and no kind of event alarms. */
const CLASSES_ALONE = ['--set', 'alarm.instantThreshold=1', '--set', 'alarm.kinds=[]'];

describe.skipIf(skip)('commands over MQTT', () => {
  it('switch detection off, also after a restart, until settings are reset', async () => {
    const { daemon, seen } = await startDaemon(SLOW_SCENE);
    await command(commands.enabled, 'OFF');
    await seen.waitFor(settings.enabled, (payload) => payload === 'OFF');
    await daemon.kill('SIGTERM');

    const deaf = await home.broker.subscribe('bathnet/#');
    expect((await home.daemons.start(home.broker.url, FAST_SCENE).ended).code).toBe(0);
    await deaf.waitFor(topics.availability, (payload) => payload === 'offline');
    expect(new Set(deaf.on(settings.enabled))).toEqual(new Set(['OFF']));
    expect(new Set(deaf.on(topics.alarm))).toEqual(new Set(['OFF']));
    expect(events(deaf)).toEqual([]);
    expect(deaf.on(topics.class).length).toBeGreaterThan(1); // it still listens

    expect((await home.daemons.start(home.broker.url, [...FAST_SCENE, '--reset-settings']).ended).code).toBe(
      0,
    );
    await deaf.waitFor(settings.enabled, (payload) => payload === 'ON');
    await deaf.waitFor(topics.event, (payload) => payload.includes('alarm_started'));
  });

  it('that were rolled out are all taken by a room that comes later, in whatever order the broker tells them', async () => {
    await command('bathnet/all/hits/set', '5', true);
    await command('bathnet/all/window/set', '6', true);
    const { daemon, seen } = await startDaemon([...SLOW_SCENE, '--set', 'mqtt.rollouts=true']);
    await seen.waitFor(settings.hits, (payload) => payload === '5');
    expect(seen.on(settings.window).at(-1)).toBe('6');
    await until(() => kept().hits === 5, 'it is not kept');
    expect(daemon.stderr).not.toContain('command refused');
  });

  it('that leave hardly an alarm are a problem in health and in the log, also after a restart', async () => {
    const { daemon, seen } = await startDaemon(SLOW_SCENE);
    const problems = (found: Subscription) => JSON.parse(found.on(topics.health).at(-1) ?? '{}').problems;
    await command(commands.cooldownSeconds, '86400');
    await until(() => problems(seen)?.includes('rule_hardly_alarms'), 'not in health');
    await command(commands.enabled, 'OFF');
    await until(() => problems(seen)?.includes('detection_off'), 'not in health');
    await daemon.kill();
    const again = await startDaemon(SLOW_SCENE);
    await until(() => problems(again.seen)?.includes('detection_off'), 'not in health after a restart');
    expect(again.daemon.stderr).toMatch(/"warn".*detection is switched off/);
    await command(commands.enabled, 'ON');
    await command(commands.cooldownSeconds, '10');
    await until(() => problems(again.seen)?.length === 0, 'it does not end');
  });

  it.each([
    ['settings.json', '{"sensitivity":"hi', commands.sensitivity, 'high'],
    ['sounds.json', '{"doorbell":{"threshold":"0.5"}}', `${topics.base}/doorbell_threshold/set`, '0.5'],
  ])(
    'that are damaged on the disk are a problem in health until they are set: %s',
    async (file, text, ...set) => {
      mkdirSync(home.daemons.deviceDir, { recursive: true });
      writeFileSync(join(home.daemons.deviceDir, file), text);
      const { daemon, seen } = await startDaemon([...SLOW_SCENE, '--set', 'sounds.doorbell=true']);
      const problems = () => JSON.parse(seen.on(topics.health).at(-1) ?? '{}').problems;
      await until(() => problems()?.includes('settings_lost'), 'not in health');
      expect(daemon.stderr).toMatch(/"warn".*cannot be used/);
      await command(...set);
      await until(() => problems().length === 0, 'it does not end');
    },
  );

  it('a microphone too quiet for any alarm is a problem in health and in the log', async () => {
    const minutesBelow = 60 * NEVER_LOUD_HOURS - 1;
    const before = { microphone: 'stdin, channel mix', minutes: 5000, quietestDbfs: -75, minutesBelow };
    mkdirSync(home.daemons.deviceDir, { recursive: true });
    writeFileSync(join(home.daemons.deviceDir, 'quiet.json'), JSON.stringify(before));
    const { daemon, seen } = await startDaemon(['--source', 'stdin']);
    const minute = Int16Array.from({ length: 62 * 16_000 }, (_, i) => 6 * Math.sin(i * i * 1e-3));
    daemon.stdin?.write(Buffer.from(minute.buffer));
    await seen.waitFor(topics.health, (payload) => JSON.parse(payload).problems.includes('never_loud'));
    expect(daemon.stderr).toMatch(/"warn".*in 48 h of sound nothing was louder than -60 dBFS/);
  });

  it('end an alarm that is on when they switch detection off', async () => {
    const { seen } = await startDaemon(LASTING_ALARM);
    await seen.waitFor(topics.alarm, (payload) => payload === 'ON');
    await command(commands.enabled, 'OFF');
    await seen.waitFor(topics.event, (payload) => payload.includes('"endedBy":"disabled"'));
    await until(() => seen.on(topics.alarm).at(-1) === 'OFF', 'the alarm is still on');
  });

  it('set numbers that survive a kill and go over the configuration', async () => {
    const { daemon, seen } = await startDaemon([...SLOW_SCENE, '--set', 'alarm.threshold=0.5']);
    await seen.waitFor(settings.threshold, (payload) => payload === '0.5');
    for (const [topic, state, value] of [
      [commands.threshold, settings.threshold, '0.78'],
      [commands.window, settings.window, '9'],
      [commands.hits, settings.hits, '9'],
      [commands.cooldownSeconds, settings.cooldownSeconds, '77'],
    ] as const) {
      await command(topic, value);
      await seen.waitFor(state, (payload) => payload === value);
    }
    await until(() => kept().cooldownSeconds === 77, 'the settings were not written');
    await daemon.kill('SIGKILL');

    const { seen: again } = await startDaemon([...SLOW_SCENE, '--set', 'alarm.threshold=0.5']);
    await again.waitFor(settings.threshold, (payload) => payload === '0.78');
    expect(again.on(settings.hits).at(-1)).toBe('9');
    expect(again.on(settings.cooldownSeconds).at(-1)).toBe('77');
    // A combination that could never alarm is refused, and the old value said again.
    const before = again.on(settings.window).length;
    await command(commands.window, '3');
    await until(() => again.on(settings.window).length > before, 'the old value was not said again');
    expect(again.on(settings.window).at(-1)).toBe('9');
  });

  it('set how readily evidence alarms, of a model that tells kinds of events', async () => {
    const bundle = sayingAlways(await readBundle(join(SHIPPED_MODELS, 'bathnet-mini')), [1.9, -9, 0]);
    const model = join(home.daemons.stateDir, 'models', 'events');
    await writeBundle(model, bundle.manifest, bundle.tensors);
    const args = ['--model', 'events', '--set', 'alarm.threshold=1', '--set', 'alarm.instantThreshold=1'];
    const { daemon, seen } = await startDaemon([...SLOW_SCENE, ...args]);
    await seen.waitFor(settings.sensitivity, (payload) => payload === 'normal');
    const { cmps } = JSON.parse(seen.on(DEVICE_CONFIG)[0] ?? '');
    expect(cmps.sensitivity).toMatchObject({ p: 'select', command_topic: commands.sensitivity });
    await command(commands.sensitivity, 'high');
    await seen.waitFor(topics.event, (payload) => payload.includes('alarm_started'));
    expect(events(seen)).toMatchObject([{ reason: 'evidence', kind: 'impact', label: 'abnormal', line: 2 }]);
    await daemon.kill('SIGTERM');
    expect(kept()).toEqual({ sensitivity: 'high' });
    expect(daemon.stderr).toMatch(/"kind":"impact".*alarm_started/);
  });

  it('raise no alarm that the set threshold forbids', async () => {
    const { daemon, seen } = await startDaemon([...SLOW_SCENE, ...CLASSES_ALONE]);
    await command(commands.threshold, '1');
    await seen.waitFor(settings.threshold, (payload) => payload === '1');
    await daemon.kill('SIGTERM');
    const fast = await home.broker.subscribe(topics.event);
    await home.daemons.start(home.broker.url, [...FAST_SCENE, ...CLASSES_ALONE]).ended;
    expect(events(fast)).toEqual([]);
  });

  it('begin and end quiet hours, also after a restart', async () => {
    // Whatever time it is: they were over an hour ago, and are to last for two more.
    const hour = (from: number) => `${(new Date().getHours() + 24 + from) % 24}:00`;
    const text = (from: number) => hour(from).padStart(5, '0');
    const [begin, end, later] = [text(-2), text(-1), text(2)];
    const hours = [`from=${hour(-2)}`, `to=${hour(-1)}`, 'threshold=1'].flatMap((key) => [
      '--set',
      `quietHours.${key}`,
    ]);
    const { daemon, seen } = await startDaemon([...SLOW_SCENE, ...CLASSES_ALONE, ...hours]);
    await seen.waitFor(settings.quietTo, (payload) => payload === end);
    await command(commands.quietTo, `${later}:00`);
    await seen.waitFor(settings.quietTo, (payload) => payload === later);
    await command(commands.quietFrom, later);
    await daemon.kill('SIGTERM');
    expect(kept()).toEqual({ quietTo: later });
    const fast = await home.broker.subscribe('bathnet/#');
    await home.daemons.start(home.broker.url, [...FAST_SCENE, ...CLASSES_ALONE, ...hours]).ended;
    expect([settings.quietFrom, settings.quietTo].map((topic) => fast.on(topic).at(-1))).toEqual([
      begin,
      later,
    ]);
    expect(events(fast)).toEqual([]);
  });

  it('test the way of a message without an alarm, and acknowledge one', async () => {
    const { seen } = await startDaemon(SLOW_SCENE);
    await command(commands.acknowledge, 'PRESS'); // nothing to acknowledge
    await command(commands.test, 'PRESS');
    await seen.waitFor(topics.event, (payload) => payload.includes('"event_type":"test"'));
    expect(events(seen)).toMatchObject([{ event_type: 'test', test: true, replayed: false }]);
    expect(new Set(seen.on(topics.alarm))).toEqual(new Set(['OFF']));
    await home.daemons.close();

    home.daemons = await Daemons.create();
    const { seen: alarmed } = await startDaemon(LASTING_ALARM);
    const started = JSON.parse(
      await alarmed.waitFor(topics.event, (payload) => payload.includes('alarm_started')),
    );
    await command(commands.acknowledge, 'PRESS');
    await command(commands.acknowledge, 'PRESS');
    const acknowledged = JSON.parse(
      await alarmed.waitFor(topics.event, (payload) => payload.includes('alarm_acknowledged')),
    );
    expect(acknowledged).toMatchObject({ episodeId: started.episodeId, test: false });
    expect(alarmed.on(topics.alarm).at(-1)).toBe('ON');
    expect(events(alarmed).filter(({ event_type }) => event_type === 'alarm_acknowledged')).toHaveLength(1);
  });

  it('repeat an alarm that nobody has acknowledged for a Home Assistant that comes later', async () => {
    const { seen } = await startDaemon(LASTING_ALARM);
    const started = JSON.parse(
      await seen.waitFor(topics.event, (payload) => payload.includes('alarm_started')),
    );
    await command('homeassistant/status', 'online');
    const said = await seen.waitFor(topics.event, (payload) => payload.includes('alarm_escalated'));
    expect(JSON.parse(said)).toMatchObject({ episodeId: started.episodeId, repetition: 1 });
  });

  it('acknowledge an alarm of an earlier run, which is repeated until then', async () => {
    const first = await startDaemon(LASTING_ALARM);
    const { episodeId } = JSON.parse(
      await first.seen.waitFor(topics.event, (payload) => payload.includes('alarm_started')),
    );
    await first.daemon.kill('SIGTERM');
    const { daemon, seen } = await startDaemon([...SLOW_SCENE, '--set', 'sense.escalateSeconds=1']);
    const said = await seen.waitFor(topics.event, (payload) => payload.includes('alarm_escalated'));
    expect(JSON.parse(said)).toMatchObject({ episodeId, repetition: 1 });
    await command(commands.acknowledge, 'PRESS');
    const answered = await seen.waitFor(topics.event, (payload) => payload.includes('alarm_acknowledged'));
    expect(JSON.parse(answered)).toMatchObject({ episodeId });
    await daemon.kill('SIGTERM');
    expect(readFileSync(join(home.daemons.deviceDir, 'unanswered.json'), 'utf8')).toBe('null\n');
  });

  it('that are garbage change nothing and stop nothing', async () => {
    const { daemon, seen } = await startDaemon(SLOW_SCENE);
    const meant = /^\s*(-?\d+(\.\d+)?|ON|OFF|PRESS|(false|real)_alarm)?\s*$/;
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 2000 }).map((array) => Buffer.from(array)),
      fc.string({ minLength: 1, unit: 'binary' }).map((text) => Buffer.from(text)),
      fc.json().map((text) => Buffer.from(text)),
      fc.double().map((value) => Buffer.from(`${value}e0`)),
      fc.constantFrom('-1', '1.0001', '1e9', '99999999999', '0.5.5', '0,5', 'on', 'NaN').map(Buffer.from),
    );
    const all = Object.values(commands);
    const storm = fc
      .sample(fc.tuple(fc.constantFrom(...all), bytes, fc.boolean()), 1000)
      .filter(([, payload]) => !meant.test(payload.toString()) || Number(payload.toString()) > 10_000_000);
    const huge = all.map((topic) => [topic, Buffer.alloc(1_000_000, '1'), true] as const);
    // Last on each topic what would be obeyed, were it not from before the daemon came back.
    for (const [topic, payload, retain] of [...storm, ...huge]) await command(topic, payload, retain);

    await command(commands.threshold, '0.77');
    await seen.waitFor(settings.threshold, (payload) => payload === '0.77');
    expect(new Set(seen.on(settings.enabled))).toEqual(new Set(['ON']));
    expect(new Set(seen.on(settings.hits)).size).toBe(1);
    expect(new Set(seen.on(settings.window)).size).toBe(1);
    expect(new Set(seen.on(settings.cooldownSeconds)).size).toBe(1);
    expect(new Set(seen.on(settings.threshold)).size).toBe(2);
    expect(events(seen).filter(({ event_type }) => event_type === 'test')).toEqual([]);
    await until(() => kept().threshold === 0.77, 'the setting was not written');
    expect(kept()).toEqual({ threshold: 0.77 });
    const refusals = daemon.stderr.split('\n').filter((line) => line.includes('refused'));
    expect(refusals).toHaveLength(20); // the others are counted: test/system/bounded-log.test.ts
    expect((await daemon.kill('SIGTERM')).code).toBe(0);
  }, 60_000);

  it('by the thousand keep no alarm back, fill neither disk nor log, and the last word counts', async () => {
    const { daemon, seen } = await startDaemon([...SLOW_SCENE, '--speed', '5']);
    await command(commands.hits, Buffer.alloc(1_000_000, '1')); // the broker keeps it from us
    let sent = 0;
    const send = (topic: string, payload: string) => void command(topic, payload).catch(() => {});
    const flood = setInterval(() => {
      for (const each of ['false_alarm', 'real_alarm']) send(commands.feedback, each);
      for (let i = 0; i < 10; i++) send(commands.cooldownSeconds, String(sent++ % 10));
      for (const topic of [commands.test, commands.acknowledge]) send(topic, 'PRESS');
    }, 20);
    try {
      const alarmed = () => events(seen).some(({ event_type }) => event_type === 'alarm_started');
      await until(alarmed, 'no alarm', 40_000);
      await seen.waitFor(topics.event, (payload) => payload.includes('alarm_acknowledged'));
      await until(() => sent > 2000, 'not sent');
    } finally {
      clearInterval(flood);
    }
    await command(commands.cooldownSeconds, '77');
    await seen.waitFor(settings.cooldownSeconds, (payload) => payload === '77');
    expect(seen.on(settings.cooldownSeconds).length).toBeLessThan(60);
    expect(events(seen).filter(({ event_type }) => event_type === 'test').length).toBeLessThanOrEqual(5);
    const { code, stderr } = await daemon.kill();
    expect(code).toBe(0);
    expect(kept().cooldownSeconds).toBe(77);
    expect(stderr.split('\n').length).toBeLessThan(120);
    expect(stderr).not.toContain('bytes are too many');
    const verdicts = readdirSync(join(home.daemons.deviceDir, 'feedback'));
    const alarms = events(seen).filter(({ event_type }) => event_type === 'alarm_started');
    expect(verdicts.length).toBeGreaterThan(0);
    expect(verdicts.length).toBeLessThanOrEqual(alarms.length);
  });

  it('that the broker kept from long ago are not obeyed, and it says why', async () => {
    await command(commands.enabled, 'OFF', true);
    await command(commands.test, 'PRESS', true);
    const { daemon, seen } = await startDaemon(SLOW_SCENE);
    await until(
      () => daemon.stderr.includes('retain'),
      () => `not said: ${daemon.stderr}`,
    );
    await command(commands.hits, '1'); // comes after them
    await seen.waitFor(settings.hits, (payload) => payload === '1');
    expect(new Set(seen.on(settings.enabled))).toEqual(new Set(['ON']));
    expect(events(seen)).toEqual([]);
  });

  it('are heard again, and settings said again, after every reconnect', async () => {
    const { daemon, seen } = await startDaemon(SLOW_SCENE);
    await command(commands.hits, '1');
    await seen.waitFor(settings.hits, (payload) => payload === '1');
    await home.broker.stop();
    await until(() => daemon.stderr.includes('connection to the MQTT broker lost'), 'loss was not noticed');
    await home.broker.run(); // it has forgotten everything
    const again = await home.broker.subscribe('#');
    await again.waitFor(topics.availability, (payload) => payload === 'online');
    await again.waitFor(settings.hits, (payload) => payload === '1');
    deviceDiscovery.parse(JSON.parse(await again.waitFor(DEVICE_CONFIG)));
    await until(() => home.person.connected, 'the person is not connected');
    await command(commands.enabled, 'OFF');
    await again.waitFor(settings.enabled, (payload) => payload === 'OFF');
  });
});

describe.skipIf(skip)('what Home Assistant is told', () => {
  it('fits what it accepts, and every state has its topic', async () => {
    await runOnce();
    const left = await retained();
    const { cmps } = deviceDiscovery.parse(JSON.parse(left.get(DEVICE_CONFIG) ?? ''));
    // Neither an event nor whether the microphone is fine is kept, nor when it was that nothing was heard.
    const unsaid = ['Microphone', 'Speech last heard', 'Water last heard'];
    for (const component of Object.values(cmps))
      if ('state_topic' in component && component.p !== 'event' && !unsaid.includes(component.name))
        expect([...left.keys()]).toContain(component.state_topic);
    expect(cmps).toHaveProperty('water');
    expect(left.get(topics.water)).toMatch(/^(ON|OFF)$/);
    expect(left.get(topics.speech)).toMatch(/^(ON|OFF)$/);
  });

  it('is taken back when the device gets another id', async () => {
    await runOnce();
    expect([...(await retained()).keys()]).toContain(DEVICE_CONFIG);
    await runOnce('device.id=other');
    const left = [...(await retained()).keys()];
    expect(left).toContain('homeassistant/device/other/config');
    expect(left).toContain('bathnet/other/availability');
    expect(left.filter((topic) => topic.includes('/test'))).toEqual([]);
  });

  it('is taken back when it is switched off', async () => {
    await runOnce();
    await runOnce('discovery.enabled=false');
    const left = [...(await retained()).keys()];
    expect(left).toContain(topics.health);
    expect(left.filter((topic) => topic.startsWith('homeassistant'))).toEqual([]);
  });

  it('moves to one message for each entity and back, entities let go before they are found again', async () => {
    await runOnce();
    const there = await home.broker.subscribe('homeassistant/#');
    await runOnce('discovery.mode=component');
    const order = there.messages.slice(1).map(({ topic, payload }) => ({ topic, payload }));
    expect(order[0]).toEqual({ topic: DEVICE_CONFIG, payload: '{"migrate_discovery":true}' });
    const emptied = order.findIndex(({ payload }) => payload === '');
    expect(order[emptied]?.topic).toBe(DEVICE_CONFIG);
    for (const { topic, payload } of order.slice(1, emptied)) parseComponentDiscovery(topic, payload);
    const configs = [...(await retained()).keys()].filter((topic) => topic.startsWith('homeassistant'));
    expect(configs).not.toContain(DEVICE_CONFIG);
    expect(configs).toContain('homeassistant/device_automation/test/alarm_started/config');
    expect(new Set(order.slice(1, emptied).map(({ topic }) => topic))).toEqual(new Set(configs));

    await runOnce();
    const left = [...(await retained()).keys()].filter((topic) => topic.startsWith('homeassistant'));
    expect(left).toEqual([DEVICE_CONFIG]);
    // Nothing is left to do the next time.
    const calm = await home.broker.subscribe('homeassistant/#');
    await runOnce();
    expect(new Set(calm.messages.map(({ topic }) => topic))).toEqual(new Set([DEVICE_CONFIG]));
  });
});
