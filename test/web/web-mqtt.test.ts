import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { MOST_ENTRIES } from '../../src/storage/history.js';
import {
  type Entry,
  type EntryWithPicture,
  entryWithPictureSchema,
  historySchema,
  type LiveMessage,
  type LiveWindow,
  liveSchema,
  problemSchema,
  statusSchema,
  windowsSchema,
} from '../../src/web/schemas.js';
import { type Program, SCENE } from '../support/daemon.js';
import { events, household, topics } from '../support/household.js';
import { until } from '../support/mosquitto.js';
import { writePast } from '../support/past.js';
import { lacksPrograms } from '../support/require.js';

const skip = lacksPrograms('mosquitto', 'mosquitto_sub');
const home = household(skip);

type Hello = Extract<LiveMessage, { type: 'hello' }>['value'];

/** A daemon that plays the demo's scene, and where its page is. */
async function startDaemon(...args: string[]) {
  const web = ['--set', 'web.enabled=true', '--set', 'web.port=0'];
  const started = await home.startDaemon(['--source', `file:${SCENE}`, '--loop', ...web, ...args]);
  return { ...started, url: await urlOf(started.daemon) };
}

async function urlOf(daemon: Program): Promise<string> {
  const url = () => /"url":"(http:[^"]+)"/.exec(daemon.stderr)?.[1];
  await until(
    () => url() !== undefined,
    () => `no page: ${daemon.stderr}`,
  );
  return url() ?? '';
}

const post = (url: string, body: unknown, headers = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

/** What the image asks, of a daemon on this port. */
async function healthcheck(port: string): Promise<number | null> {
  const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8');
  const [, json = '[]'] = /^HEALTHCHECK .* CMD (\[.*\])$/m.exec(dockerfile) ?? [];
  const [, ...args] = JSON.parse(json) as string[];
  const env = { ...process.env, BATHNET_WEB__PORT: port };
  const [code] = await once(spawn(process.execPath, args, { env, stdio: 'ignore' }), 'exit');
  return code;
}

/** A browser's live stream. */
class Stream {
  readonly seen: { type: string; value: unknown }[] = [];
  /** Why it was closed. */
  reason: string | undefined;
  readonly #socket: WebSocket;

  constructor(url: string, headers = {}) {
    this.#socket = new WebSocket(url.replace(/^http/, 'ws').replace(/\/$/, '/api/live'), { headers });
    this.#socket.on('message', (data) => this.seen.push(JSON.parse(String(data))));
    this.#socket.on('close', (_, reason) => {
      this.reason = String(reason);
    });
    this.#socket.on('error', () => {});
  }

  of<T>(type: string): T[] {
    return this.seen.filter((each) => each.type === type).map(({ value }) => value as T);
  }

  close(): void {
    this.#socket.terminate();
  }
}

let streams: Stream[] = [];
afterEach(() => {
  for (const stream of streams) stream.close();
  streams = [];
});
function stream(...args: ConstructorParameters<typeof Stream>): Stream {
  streams.push(new Stream(...args));
  return streams.at(-1)!;
}

const metricsOf = async (url: string) => {
  const basic = `Basic ${Buffer.from('prometheus:a good one').toString('base64')}`;
  return (await fetch(`${url}metrics`, { headers: { authorization: basic } })).text();
};
const uptimeOf = (metrics: string) => Number(/^bathnet_uptime_seconds (\S+)/m.exec(metrics)?.[1]);

describe.skipIf(skip)('the page of a daemon', () => {
  it('tells Prometheus and the page that nobody has acknowledged the alarm, also after a restart', async () => {
    const unacknowledged = async (url: string) =>
      /^bathnet_unacknowledged (\d)$/m.exec(await (await fetch(`${url}metrics`)).text())?.[1];
    const never = ['--set', 'sense.escalateSeconds=0'];
    const first = await startDaemon('--speed', '20', ...never);
    await first.seen.waitFor(topics.event, (payload) => payload.includes('alarm_started'));
    // It is told before it is kept.
    const kept = join(home.daemons.deviceDir, 'unanswered.json');
    await until(() => existsSync(kept) && readFileSync(kept, 'utf8').includes('episodeId'), 'it is not kept');
    await first.daemon.kill('SIGKILL');
    const { url, daemon } = await startDaemon('--speed', '1', ...never);
    expect(await unacknowledged(url)).toBe('1');
    const [{ episodeId, at }] = events(first.seen)
      .filter((each) => each.event_type === 'alarm_started')
      .slice(-1);
    const live = stream(url);
    await until(() => live.of('hello').length > 0, 'no stream');
    const { unanswered } = live.of<Hello>('hello')[0]!;
    expect(unanswered).toMatchObject({ episodeId, label: 'abnormal' });
    expect(Math.abs(unanswered!.atMs! - Date.parse(at))).toBeLessThan(2000);
    const acknowledge = async (value: string) => {
      const answer = await post(`${url}api/commands/acknowledge`, { value });
      return answer.status === 204 ? undefined : problemSchema.parse(await answer.json()).code;
    };
    const earlier = JSON.stringify({ episodeId: 'an-earlier-one' });
    expect(await acknowledge(earlier)).toBe('not_the_latest_alarm');
    expect(await unacknowledged(url)).toBe('1');
    expect(await acknowledge('PRESS')).toBeUndefined();
    expect(await acknowledge(JSON.stringify({ episodeId }))).toBeUndefined(); // somebody else says it, too
    expect(await unacknowledged(url)).toBe('0');
    for (const value of ['PRESS', earlier]) expect(await acknowledge(value)).toBe('nothing_to_acknowledge');
    await home.publish(topics.commands.acknowledge, earlier);
    const refused = /"reason":"no alarm waits[^\n]*command refused/;
    await until(() => refused.test(daemon.stderr), daemon.stderr);
    await until(() => live.of('unanswered').includes(null), 'the page was not told');
  });

  it('shows what is heard, an alarm with its picture, and obeys as MQTT does', async () => {
    const { url, seen } = await startDaemon('--speed', '4', '--set', 'device.area=Attic');
    const live = stream(url);
    await until(() => live.of('window').length > 3, 'no windows');
    const [hello] = live.of<Hello>('hello');
    expect(hello).toMatchObject({ device: { id: 'test' }, states: { enabled: 'ON', alarm: 'OFF' } });
    const window = live.of<LiveWindow>('window').at(-1)!;
    expect(Buffer.from(window.mel, 'base64')).toHaveLength(48 * 64);
    expect(Buffer.from(window.envelope, 'base64').length).toBeGreaterThan(2 * 20);
    expect(Object.keys(window.scores)).toEqual(hello?.model.labels);
    for (const [value, line] of Object.values(window.evidence)) expect(value).toBeLessThan(2.01 * line);

    await until(() => {
      const { floorDbfs, rmsDbfs } = live.of<LiveWindow>('window').at(-1)!;
      return floorDbfs !== undefined && floorDbfs < rmsDbfs;
    }, 'the floor of the room is not said');

    await seen.waitFor(topics.event, (payload) => payload.includes('alarm_started'));
    const { episodeId } = events(seen).find((each) => each.event_type === 'alarm_started');
    await until(() => live.of<Entry>('entry').some(({ id }) => id === episodeId), 'the page was not told');
    expect((await post(`${url}api/commands/acknowledge`, { value: 'PRESS' })).status).toBe(204);
    await until(
      () => events(seen).some((each) => each.event_type === 'alarm_acknowledged'),
      'not acknowledged',
    );
    expect((await post(`${url}api/events/${episodeId}/verdict`, { verdict: 'real_alarm' })).status).toBe(204);

    const kept = (await (await fetch(`${url}api/events/${episodeId}`)).json()) as EntryWithPicture;
    expect(kept).toMatchObject({
      verdict: 'real_alarm',
      judgeable: true,
      events: [{ event_type: 'alarm_started' }, {}],
    });
    const picture = Buffer.from(kept.spectrogram ?? '', 'base64');
    expect(picture.length).toBe(96 * 64);
    expect(Math.max(...picture) - Math.min(...picture)).toBeGreaterThan(50);

    expect((await post(`${url}api/commands/enabled`, { value: 'OFF' })).status).toBe(204);
    await seen.waitFor(topics.settings.enabled, (payload) => payload === 'OFF');
    await until(
      () =>
        live
          .of<{ name: string; payload: string }>('state')
          .some((s) => s.name === 'enabled' && s.payload === 'OFF'),
      'the page was not told',
    );
    const refused = await post(`${url}api/commands/threshold`, { value: '7' });
    expect(refused.status).toBe(400);
    const nonsense = await post(`${url}api/commands/nonsense`, { value: 'x' });
    expect(nonsense.status).toBe(400);

    // Everything that was said is what docs/openapi.json says.
    const get = async (path: string) => (await fetch(`${url}api/${path}`)).json();
    expect(problemSchema.parse(await refused.json()).code).toBe('out_of_range');
    expect(problemSchema.parse(await nonsense.json()).code).toBe('no_such_command');
    expect(problemSchema.parse(await get('events/none')).code).toBe('no_such_event');
    const [long, empty] = [{ value: 'x'.repeat(5000) }, {}];
    for (const [body, code] of [
      [long, 'too_long'],
      [empty, 'malformed'],
    ] as const) {
      const answer = await post(`${url}api/commands/enabled`, body);
      expect(problemSchema.parse(await answer.json()).code).toBe(code);
    }
    statusSchema.parse(await get('status'));
    expect(historySchema.parse(await get('events'))).not.toEqual([]);
    expect(windowsSchema.parse(await get('windows')).length).toBeGreaterThan(3);
    entryWithPictureSchema.parse(await get(`events/${episodeId}`));
    for (const said of live.seen) liveSchema.parse(said);
  });

  it('gives signs of life also while no sound arrives', async () => {
    const { url } = await startDaemon('--source', 'command:sleep 600');
    const live = stream(url);
    await until(() => live.of('delivery').length > 2, 'nothing is said');
    expect(live.of('window')).toEqual([]);
  });

  it('sends less than 20 kB in any second, also in the first and with as many alarms as are kept', async () => {
    await writePast(home.daemons.stateDir, 'test');
    const { url } = await startDaemon('--speed', '20');
    const get = async (path: string) => (await (await fetch(`${url}api/${path}`)).json()) as unknown[];
    await until(async () => (await get('events')).length === MOST_ENTRIES, 'the past was not taken up');
    await until(async () => (await get('windows')).length === 64, 'less than half a minute was heard');
    const live = stream(url);
    await until(() => live.of('window').length > 10, 'no windows');
    expect(live.seen[0]?.type).toBe('hello');
    const bytes = (said: unknown) => Buffer.byteLength(JSON.stringify(said));
    const longest = Math.max(...live.seen.filter(({ type }) => type === 'window').map(bytes));
    // At the speed of a microphone; the first second may have the states of health and level besides.
    expect(bytes(live.seen[0]) + Math.ceil(1 / 0.48) * longest).toBeLessThan(20_000 - 1000);
    const packed = await fetch(`${url}api/events`, { headers: { 'accept-encoding': 'gzip' } });
    expect(packed.headers.get('content-encoding')).toBe('gzip');
  });

  it('is asked for a password, remembers the past over a restart, and is measured', async () => {
    const args = ['--speed', '8', '--set', 'web.password=a good one'];
    const first = await startDaemon(...args);
    await first.seen.waitFor(topics.event);
    await until(async () => uptimeOf(await metricsOf(first.url)) > 11, 'it has not begun');
    await first.daemon.kill();
    const earlier = events(first.seen).map(({ episodeId }) => episodeId);
    const { url } = await startDaemon(...args);

    expect((await fetch(`${url}api/status`)).status).toBe(401);
    await until(async () => (await fetch(`${url}healthz`)).status === 200, 'not healthy');
    expect(await healthcheck(new URL(url).port)).toBe(0);
    expect(await healthcheck('1')).toBe(1);
    const stranger = stream(url);
    expect((await post(`${url}api/session`, { password: 'a bad one' })).status).toBe(401);
    const entered = await post(`${url}api/session`, { password: 'a good one' });
    expect(entered.headers.get('set-cookie')).toMatch(/^bathnet2mqtt-test=.*HttpOnly; SameSite=Strict/);
    const cookie = entered.headers.get('set-cookie')?.split(';')[0] ?? '';
    const history = (await (await fetch(`${url}api/events`, { headers: { cookie } })).json()) as Entry[];
    expect(history.filter(({ id, judgeable }) => judgeable && earlier.includes(id))).toEqual([]);
    const kept = history.flatMap((entry) => entry.events.map((event) => event.id));
    expect(kept).toEqual(expect.arrayContaining(events(first.seen).map(({ id }) => id)));
    // That it was stopped is no fault.
    expect(history.filter(({ events: [said] }) => said?.event_type === 'fault')).toEqual([]);

    const live = stream(url, { cookie });
    await until(() => live.of('hello').length > 0, 'no stream');
    expect(stranger.seen).toEqual([]);
    const foreign = stream(url, { cookie, origin: 'http://elsewhere.example' });
    const evil = await post(
      `${url}api/commands/enabled`,
      { value: 'OFF' },
      { cookie, origin: 'http://elsewhere.example' },
    );
    expect(evil.status).toBe(403);
    expect(problemSchema.parse(await evil.json()).code).toBe('other_site');
    await until(() => foreign.reason !== undefined, 'another site may look');
    expect([foreign.reason, foreign.seen]).toEqual(['other_site', []]);

    let metrics = '';
    const ask = async () => {
      metrics = await metricsOf(url);
      return /^bathnet_disk_free_bytes [1-9]/m.test(metrics);
    };
    await until(ask, () => metrics);
    expect(metrics).toMatch(/^bathnet_info\{.*precision="(float32|int8)".*\} 1$/m);
    expect(metrics).toMatch(/^bathnet_windows_total [1-9]/m);
    expect(metrics).toMatch(/^bathnet_problem\{problem="no_sound"\} 0$/m);
    // Before there was one.
    expect(metrics).toMatch(/^bathnet_events_total\{type="alarm_escalated",kind="impact"\} 0$/m);
    expect(metrics).toMatch(/^bathnet_events_total\{type="sound_heard",kind="co_alarm"\} 0$/m);
    expect(metrics).toMatch(/^bathnet_sound\{sound="smoke_alarm"\} 0$/m);

    for (let i = 0; i < 6; i++) await post(`${url}api/session`, { password: `guess ${i}` });
    const tooMany = await post(`${url}api/session`, { password: 'a good one' });
    expect(tooMany.status).toBe(429);
    expect(problemSchema.parse(await tooMany.json())).toMatchObject({
      code: 'too_many_tries',
      waitSeconds: Number(tooMany.headers.get('retry-after')),
    });
    expect((await fetch(`${url}api/status`, { headers: { cookie } })).status).toBe(200);
  });

  it('gives its files to whoever asks, compressed, and again only where they have changed', async () => {
    const { url } = await startDaemon('--speed', '1', '--set', 'web.password=a good one');
    const html = await fetch(url);
    expect(html.status).toBe(200);
    expect(html.headers.get('content-encoding')).toBe('gzip');
    expect(html.headers.get('cache-control')).toBe('no-cache');
    expect(html.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self'/,
    );
    const again = await fetch(url, { headers: { 'if-none-match': html.headers.get('etag') ?? '' } });
    expect(again.status).toBe(304);
    const script = /src="\.\/(assets\/[^"]+\.js)"/.exec(await html.text())?.[1];
    const plain = await fetch(`${url}${script}`, { headers: { 'accept-encoding': 'identity' } });
    expect(plain.headers.get('cache-control')).toMatch(/immutable/);
    expect(plain.headers.get('content-type')).toMatch(/^text\/javascript/);
    expect(plain.headers.get('content-encoding')).toBeNull();
    for (const path of ['assets/none.js', '../app.js', '%2e%2e/app.js', 'api.js'])
      expect([path, (await fetch(`${url}${path}`)).status]).toEqual([path, 404]);
  });

  it('answers who asks for another protocol, and lets go of whoever keeps the connection', async () => {
    const { url, daemon } = await startDaemon('--speed', '1');
    const { hostname, port } = new URL(url);
    const ask = async (protocol: string, host: string) => {
      const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
      socket.on('error', () => {}); // reset
      const fields = [`Host: ${host}`, 'Connection: Upgrade', `Upgrade: ${protocol}`];
      socket.write(`${['GET /api/status HTTP/1.1', ...fields].join('\r\n')}\r\n\r\n`);
      const [answer] = await once(socket, 'data');
      return { socket, answer: String(answer) };
    };
    expect((await ask('h2c', '127.0.0.1')).answer).toMatch(/^HTTP\/1.1 200 .*"version"/s);
    const refused = await ask('websocket', 'elsewhere.example');
    expect(refused.answer).toMatch(/^HTTP\/1.1 403 /);
    await until(() => {
      if (!refused.socket.destroyed) refused.socket.write('still here\n');
      return refused.socket.destroyed;
    }, 'the daemon keeps the connection');
    await ask('websocket', 'elsewhere.example');
    await ask('h2c', 'elsewhere.example');
    expect(await daemon.kill()).toMatchObject({ code: 0 });
  });

  it.each([
    ['without a password', []],
    ['with one', ['--set', 'web.password=a good one']],
  ])('answers as openapi.json has it, %s', async (_, args) => {
    const { url } = await startDaemon('--speed', '1', ...args);
    const openapi = readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8');
    const { paths } = JSON.parse(openapi) as {
      paths: Record<string, Record<string, { responses: object }>>;
    };
    const ways: RequestInit[] = [
      {},
      { headers: { authorization: `Basic ${Buffer.from('any:a good one').toString('base64')}` } },
      { headers: { origin: 'http://elsewhere.example' } },
    ];
    const bodies = ['', '{}', '{"value":"PRESS"}', '{"password":"a bad one"}', `"${'x'.repeat(5000)}"`];
    const undescribed: unknown[] = [];
    for (const [path, methods] of Object.entries(paths))
      for (const [method, { responses }] of Object.entries(methods))
        for (const way of ways)
          for (const body of method === 'post' ? bodies : [null]) {
            const address = `${url}${path.slice(1).replaceAll(/[{}]/g, '')}`;
            const { status } = await fetch(address, { ...way, method: method.toUpperCase(), body });
            if (!(status in responses)) undescribed.push([method, path, way, body, status]);
          }
    expect(undescribed).toEqual([]);
  });

  it('keeps nothing where somebody at the broker wants it kept', async () => {
    const alarm = { label: 'abnormal', peakConfidence: 1, startedAtMs: 0, run: 'an earlier one' };
    const leave = (episodeId: string) =>
      home.publish(topics.openAlarm, JSON.stringify({ ...alarm, episodeId }), true);
    for (const episodeId of ['../settings', '../../../elsewhere']) {
      await leave(episodeId);
      const { daemon, url, seen } = await startDaemon('--speed', '1');
      await home.publish(topics.commands.test, 'PRESS');
      await seen.waitFor(topics.event, (payload) => payload.includes('"test"'));
      const told = async () => (await (await fetch(`${url}api/events`)).json()) as Entry[];
      await until(async () => (await told()).length > 0, 'no history');
      await daemon.kill();
      expect(events(seen).filter((event) => event.event_type === 'alarm_ended')).toEqual([]);
      expect(existsSync(join(home.daemons.deviceDir, 'settings.json'))).toBe(false);
      expect(existsSync(join(home.daemons.stateDir, 'elsewhere.json'))).toBe(false);
    }
  });

  it('that cannot be shown costs no alarm, and says so', async () => {
    const { url } = await startDaemon('--speed', '1');
    const port = new URL(url).port;
    const web = ['--set', 'web.enabled=true', '--set', `web.port=${port}`, '--set', 'device.id=other'];
    const { daemon, seen } = await home.startDaemon([
      '--source',
      `file:${SCENE}`,
      '--loop',
      '--speed',
      '20',
      ...web,
    ]);
    await until(() => /EADDRINUSE.*HTTP cannot be answered/.test(daemon.stderr), 'nothing said');
    await until(() => seen.messages.some(({ topic }) => topic === 'bathnet/other/event'), 'no alarm');
  });
});
