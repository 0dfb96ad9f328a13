import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOSS_SAID_MS } from '../../src/constants.js';
import { ExitCode } from '../../src/errors.js';
import { LASTING_MS } from '../../src/notify/fault-watch.js';
import { Notifier, type NotifyOptions, type NotifySurroundings } from '../../src/notify/notifier.js';
import type { Said } from '../../src/types.js';
import { recordingLog } from '../publish/samples.js';
import { ManualClock, settle } from '../support/clock.js';
import { makeCertificates, until } from '../support/mosquitto.js';
import { type PostServer, startPostServer } from '../support/post-server.js';
import { lacksPrograms } from '../support/require.js';

let folder: string;
let clock: ManualClock;
let server: PostServer;
let say: (said: Said) => void;
let troubles: boolean[];
let notifier: Notifier | undefined;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bathnet-notifier-'));
  clock = new ManualClock(Date.UTC(2026, 10, 27));
  server = await startPostServer();
  troubles = [];
});
afterEach(async () => {
  await stop();
  await server.close();
  rmSync(folder, { recursive: true });
});

/** Its time limits pass at once, but what is on its way arrives. */
async function stop(): Promise<void> {
  let stopped = notifier === undefined;
  void notifier?.stop().then(() => {
    stopped = true;
  });
  while (!stopped) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await clock.advance(100);
  }
  notifier = undefined;
}

function start(options: Partial<NotifyOptions>, around: Partial<NotifySurroundings> = {}) {
  const log = recordingLog();
  notifier = new Notifier(
    { also: [], commandSeconds: 30, webhookUrl: server.url, ...options },
    {
      device: { id: 'bath', name: 'Bathroom' },
      publisher: {
        onSaid(handler) {
          say = handler;
        },
      },
      topics: { event: 'b/event', health: 'b/health' },
      folder,
      web: { enabled: false, host: '127.0.0.1', port: 8099 },
      test: false,
      onTrouble: (any) => troubles.push(any),
      ...around,
    },
    clock,
    log,
  );
  notifier.start();
  return log;
}

const at = '2026-11-27T00:00:00.000Z';
const event = (event_type: string) =>
  say({ topic: 'b/event', payload: JSON.stringify({ event_type, id: event_type, at }), event: true });
const health = (...problems: string[]) =>
  say({ topic: 'b/health', payload: JSON.stringify({ problems, at }), event: false });
const types = () => server.posted.map(({ body }) => JSON.parse(body).event_type);
const arrived = (...expected: string[]) =>
  until(
    () => types().length >= expected.length,
    () => `there are only ${types()}`,
  ).then(() => expect(types()).toEqual(expected));
const ALL = [
  'alarm_started',
  'alarm_escalated',
  'alarm_ended',
  'alarm_acknowledged',
  'long_stay',
  'water_running_long',
  'test',
];

describe('who is to be told', () => {
  it('is told of the beginning of every alarm, and of nothing else that was not asked for', async () => {
    start({});
    for (const type of ALL) event(type);
    health('no_sound');
    await clock.advance(LASTING_MS);
    event('alarm_started');
    await arrived('alarm_started', 'alarm_started');
    expect(JSON.parse(server.posted[0]?.body ?? '')).toEqual({
      ...{ device: { id: 'bath', name: 'Bathroom' }, event_type: 'alarm_started', id: 'alarm_started', at },
      ...{ latencyMs: expect.any(Number), replayed: false },
    });
  });

  it('is told what was asked for', async () => {
    start({ also: ['escalation', 'end', 'acknowledged', 'long_stay', 'water', 'test'] });
    for (const [i, type] of ALL.entries()) {
      event(type);
      await arrived(...ALL.slice(0, i + 1));
    }
  });

  it('is told that nothing can be heard, once that lasts, and that it can again', async () => {
    start({ also: ['deaf'] });
    health('no_sound', 'detection_off');
    await clock.advance(LASTING_MS);
    await arrived('deaf');
    expect(JSON.parse(server.posted[0]?.body ?? '')).toMatchObject({ problems: ['no_sound'], test: false });
    health('detection_off');
    await arrived('deaf', 'hears_again');
  });

  it('is told that a machine is too slow to hear everything, once that lasts', async () => {
    start({ also: ['deaf'] });
    health('windows_dropped');
    await clock.advance(LASTING_MS / 2);
    health();
    await clock.advance(LASTING_MS);
    expect(server.posted).toEqual([]);
    health('windows_dropped');
    await clock.advance(LASTING_MS);
    await arrived('deaf');
    expect(JSON.parse(server.posted[0]?.body ?? '')).toMatchObject({ problems: ['windows_dropped'] });
  });

  it('is told of other problems, but not of its own', async () => {
    start({ also: ['problem'] });
    health('no_sound', 'notify_failed');
    await clock.advance(LASTING_MS);
    health('messages_refused');
    await clock.advance(LASTING_MS);
    await arrived('problem');
    health();
    await arrived('problem', 'problem_over');
  });

  it('is not told that what is played cannot be heard', async () => {
    start({ also: ['deaf'] }, { test: true });
    health('no_sound');
    await clock.advance(LASTING_MS);
    event('alarm_started');
    await arrived('alarm_started');
  });

  it('is told by all ways at once, of which a broken one is a problem and harms no other', async () => {
    const script = ['/bin/sh', '-c', 'cat >>"$1"', 'sh', join(folder, 'told')];
    start({ command: ['no-such-program'], ntfyUrl: `${server.url}/my-topic`, ntfyToken: 'tk_x' });
    expect(troubles).toEqual([true]);
    event('alarm_started');
    await until(() => server.posted.length === 2, 'not both were told');
    const ntfy = server.posted.find(({ path }) => path === '/my-topic');
    expect(ntfy).toMatchObject({
      body: 'Heard: something.',
      headers: { title: 'Bathroom: alarm', priority: '5', authorization: 'Bearer tk_x' },
    });
    await stop();
    start({ command: script, webhookUrl: undefined });
    event('alarm_started');
    await until(
      () => existsSync(join(folder, 'told')) && readFileSync(join(folder, 'told'), 'utf8').endsWith('}\n'),
      'nothing',
    );
    expect(troubles).toEqual([true]);
  });

  it('has a problem only until it is told again', async () => {
    server.answers = [503, 200];
    start({});
    event('alarm_started');
    await until(() => troubles.length === 1, 'it does not fail');
    await clock.advance(10_000);
    await until(() => troubles.length === 2, 'it is not mended');
    expect(troubles).toEqual([true, false]);
  });

  it('has a problem for an hour after an event was lost, whatever it is told meanwhile', async () => {
    const script = 'grep -q alarm_started && exit 1; echo x >>"$1"';
    const command = ['/bin/sh', '-c', script, 'sh', join(folder, 'told')];
    start({ command, webhookUrl: undefined, also: ['end'] });
    event('alarm_started'); // nobody is told
    await until(() => troubles.length === 1, 'it does not fail');
    event('alarm_ended');
    await until(() => existsSync(join(folder, 'told')), 'the end is not told');
    await until(() => clock.pending === 1, 'it goes on');
    await clock.advance(LOSS_SAID_MS - 1);
    expect(troubles).toEqual([true]);
    await clock.advance(1);
    expect(troubles).toEqual([true, false]);
  });

  it('is told the rest where one event cannot be understood', async () => {
    const log = start({});
    say({ topic: 'b/event', payload: 'no JSON', event: true });
    event('alarm_started');
    await arrived('alarm_started');
    expect(log.lines.join()).toContain('an event cannot be told beside MQTT');
  });

  it('is told the rest where one event cannot be put into words', async () => {
    const log = start({ webhookUrl: undefined, ntfyUrl: server.url, also: ['water'] });
    const odd = { event_type: 'alarm_started', at, kind: 5 };
    say({ topic: 'b/event', payload: JSON.stringify(odd), event: true });
    await until(() => troubles.length === 1, 'it does not fail');
    event('water_running_long');
    await clock.advance(10_000);
    await until(
      () => server.posted.length > 0,
      () => log.lines.join('\n'),
    );
    expect(server.posted[0]?.headers.title).toMatch(/water/);
  });
});

describe('a tap on it opens', () => {
  it.each([
    [{ enabled: true, host: '192.168.1.5', port: 8099 }, undefined, 'http://192.168.1.5:8099/'],
    [{ enabled: true, host: 'fd00::5', port: 8099 }, undefined, 'http://[fd00::5]:8099/'],
    [
      { enabled: true, host: '0.0.0.0', port: 8080 },
      undefined,
      expect.stringMatching(/^http:\/\/[^/]+:8080\/$/),
    ],
    [{ enabled: true, host: '127.0.0.1', port: 8099 }, undefined, undefined],
    [
      { enabled: true, host: '127.0.0.1', port: 8099, url: 'https://home.example/room/' },
      undefined,
      'https://home.example/room/',
    ],
    [{ enabled: false, host: '127.0.0.1', port: 8099, url: 'https://home.example/' }, undefined, undefined],
    [{ enabled: false, host: '192.168.1.5', port: 8099 }, undefined, undefined],
    [
      { enabled: false, host: '127.0.0.1', port: 1 },
      'https://home.example/bath',
      'https://home.example/bath',
    ],
  ])('with web %j and clickUrl %s: %s', async (web, clickUrl, expected) => {
    start({ webhookUrl: undefined, ntfyUrl: `${server.url}/t`, clickUrl }, { web });
    event('alarm_started');
    await until(() => server.posted.length === 1, 'nothing came');
    expect(server.posted[0]?.headers.click).toEqual(expected);
  });
});

describe('a certificate authority', () => {
  it.each([
    ['that is none', 'ca.pem', ExitCode.config],
    ['that cannot be read', 'none', ExitCode.noInput],
  ])('%s is refused before anything starts', (_, name, code) => {
    writeFileSync(join(folder, 'ca.pem'), 'x');
    const starting = () => start({ caFile: join(folder, name) });
    expect(starting).toThrow(/notify\.caFile: .*cannot be used/);
    expect(starting).toThrow(expect.objectContaining({ code }));
    notifier = undefined;
  });

  it.skipIf(lacksPrograms('openssl'))(
    'that is replaced on the disk is taken with the next letter',
    async () => {
      const serve = async (port = 0) => {
        await server.close();
        makeCertificates(folder);
        const file = (name: string) => readFileSync(join(folder, name));
        server = await startPostServer([200], port, { key: file('server.key'), cert: file('server.pem') });
      };
      await serve();
      start({ webhookUrl: server.url, caFile: join(folder, 'ca.pem') });
      event('alarm_started');
      await arrived('alarm_started');
      await serve(Number(new URL(server.url).port));
      event('alarm_started');
      await arrived('alarm_started');
    },
  );
});

it('where nobody is to be told, nothing listens', async () => {
  say = () => expect.fail();
  const before = say;
  start({ webhookUrl: undefined, also: ['deaf'] });
  await settle();
  expect(say).toBe(before);
  expect(clock.pending).toBe(0);
});
