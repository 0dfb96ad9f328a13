import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Daemons, SCENE } from '../support/daemon.js';
import { freePort, Mosquitto, until } from '../support/mosquitto.js';
import { type PostServer, startPostServer } from '../support/post-server.js';
import { lacksPrograms } from '../support/require.js';

const NO_BROKER = 'mqtt://127.0.0.1:1';
const FAST_SCENE = ['--source', `file:${SCENE}`, '--speed', '20'];

let daemons: Daemons;
let server: PostServer;
beforeEach(async () => {
  daemons = await Daemons.create();
  server = await startPostServer();
});
afterEach(async () => {
  await daemons.close();
  await server.close();
});

const settings = (...all: string[]) => all.flatMap((setting) => ['--set', setting]);
const file = (name: string) => join(daemons.stateDir, name);
const to = (path: string) => server.posted.filter((posted) => posted.path === path);
const events = (path: string) => to(path).map(({ body }) => JSON.parse(body));

describe('the daemon without a broker', () => {
  it('tells of alarms by command, webhook and ntfy, and shows no secret', async () => {
    writeFileSync(file('hook'), `${server.url}/hidden-hook\n`);
    writeFileSync(file('token'), 'tk_hidden\n');
    writeFileSync(file('siren.sh'), `#!/bin/sh\ncat >>${file('told')}\n`, { mode: 0o700 });
    const args = settings(
      `notify.command=${file('siren.sh')}`,
      `notify.webhookUrlFile=${file('hook')}`,
      `notify.ntfyUrl=${server.url}/hidden-topic`,
      `notify.ntfyTokenFile=${file('token')}`,
      'notify.also=end',
      'log.level=debug',
    );
    const { code, stderr } = await daemons.start(NO_BROKER, [...FAST_SCENE, ...args]).ended;
    expect(code, stderr).toBe(0);
    const story = ['alarm_started', 'alarm_ended', 'alarm_started', 'alarm_ended'];
    const hooked = events('/hidden-hook');
    expect(hooked.map(({ event_type }) => event_type)).toEqual(story);
    expect(hooked[0]).toMatchObject({
      device: { id: 'test' },
      label: 'abnormal',
      test: false,
      replayed: false,
    });
    expect(to('/hidden-topic').map(({ headers }) => headers.title)).toEqual([
      'Bathroom sound: alarm',
      'Bathroom sound: alarm has ended',
      'Bathroom sound: alarm',
      'Bathroom sound: alarm has ended',
    ]);
    expect(to('/hidden-topic')[0]?.headers.authorization).toBe('Bearer tk_hidden');
    const told = readFileSync(file('told'), 'utf8').trim().split('\n');
    expect(told.map((line) => JSON.parse(line).event_type).sort()).toEqual(story.sort());
    expect(stderr).not.toContain('hidden');
  });

  it('tells at once and once that it ends again and again, however short each run is', async () => {
    const live = ['--source', 'command:while head -c 3200 /dev/urandom; do sleep 0.1; done'];
    const args = [...live, ...settings(`notify.webhookUrl=${server.url}/hook`)];
    const run = async (signal: NodeJS.Signals, told = () => true) => {
      const daemon = daemons.start(NO_BROKER, args);
      await until(
        () => daemon.stderr.includes('sound arrives'),
        () => daemon.stderr,
      );
      await until(told, 'nobody was told');
      await daemon.kill(signal);
    };
    // A run that is killed before that is on the disk tells it once more.
    const told = () =>
      events('/hook').length > 0 &&
      JSON.parse(readFileSync(join(daemons.deviceDir, 'restarts.json'), 'utf8')).said === true;
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGKILL'] as const) await run(signal);
    expect(events('/hook')).toEqual([]);
    for (let i = 0; i < 2; i++) await run('SIGKILL', told);
    // One that the server has taken as the run was killed comes again, by the same id.
    const once = new Map(events('/hook').map((event) => [event.id, event]));
    expect([...once.values()]).toMatchObject([{ event_type: 'deaf', problems: ['restarts_often'] }]);
  });

  it('tells them after a restart, where the server was away when it was stopped', async () => {
    const port = await freePort();
    const args = [...FAST_SCENE, ...settings(`notify.webhookUrl=http://127.0.0.1:${port}/away`)];
    const { stderr } = await daemons.start(NO_BROKER, args).ended;
    expect(stderr).toMatch(/stopped with events that webhook has not taken; the next start sends them/);
    const back = await startPostServer([200], port);
    try {
      const quiet = ['--source', 'command:cat /dev/urandom | head -c 32000; sleep 1000'];
      const next = daemons.start(NO_BROKER, [...quiet, ...args.slice(FAST_SCENE.length)]);
      await until(() => back.posted.length >= 2, 'nothing came');
      expect(back.posted.map(({ body }) => JSON.parse(body).event_type)).toEqual([
        'alarm_started',
        'alarm_started',
      ]);
      expect(JSON.parse(back.posted[0]?.body ?? '').replayed).toBe(true);
      expect((await next.kill()).code).toBe(0);
    } finally {
      await back.close();
    }
  });

  it('ends when it is told to, whatever hangs', async () => {
    server.answers = ['hang'];
    const args = settings(
      `notify.webhookUrl=${server.url}/`,
      'notify.command=/bin/sh,-c,trap "" TERM; while :; do sleep 1; done',
    );
    const daemon = daemons.start(NO_BROKER, [...FAST_SCENE, '--loop', ...args]);
    await until(() => server.posted.length > 0, 'no alarm');
    expect((await daemon.kill()).code).toBe(0);
  });
});

describe.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub'))('the daemon with a broker', () => {
  it('delays and loses no event for a server that hangs and a command that fails, and says so in health', async () => {
    const broker = await Mosquitto.start();
    try {
      server.answers = [503];
      const seen = await broker.subscribe('bathnet/#');
      const args = settings(`notify.webhookUrl=${server.url}/`, 'notify.command=/bin/false');
      const { code } = await daemons.start(broker.url, [...FAST_SCENE, ...args]).ended;
      expect(code).toBe(0);
      const mqtt = seen.on('bathnet/test/event').map((payload) => JSON.parse(payload));
      expect(mqtt.map(({ event_type }) => event_type)).toEqual([
        'alarm_started',
        'alarm_ended',
        'alarm_started',
        'alarm_ended',
      ]);
      for (const { replayed } of mqtt) expect(replayed).toBe(false);
      const health = seen.on('bathnet/test/health').map((payload) => JSON.parse(payload).problems);
      expect(health.some((problems) => problems.includes('notify_failed'))).toBe(true);
    } finally {
      await broker.close();
    }
  });
});
