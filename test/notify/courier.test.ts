import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Courier, PAUSE, PRESSING_MS } from '../../src/notify/courier.js';
import { type Letter, Post, Refused } from '../../src/notify/post.js';
import { isEventPayload } from '../../src/publish/payloads.js';
import { Outbox, type OutboxOptions } from '../../src/storage/outbox.js';
import { recordingLog } from '../publish/samples.js';
import { ManualClock } from '../support/clock.js';
import { freePort, makeCertificates, until } from '../support/mosquitto.js';
import { type Answer, type PostServer, startPostServer } from '../support/post-server.js';
import { lacksMount, mountSmallDisk } from '../support/small-disk.js';

const LIMIT_MS = 15_000;
const json = { 'content-type': 'application/json' };

interface Run {
  readonly courier: Courier;
  readonly outbox: Outbox;
}

let folder: string;
let clock: ManualClock;
let log: ReturnType<typeof recordingLog>;
let troubles: boolean[];
/** When. */
let losses: number[];
const closing: { close(): Promise<void> }[] = [];
const runs: Run[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bathnet-courier-'));
  clock = new ManualClock(Date.UTC(2026, 10, 27));
  log = recordingLog();
  troubles = [];
  losses = [];
});
afterEach(async () => {
  for (const run of [...runs]) await stop(run);
  await Promise.all(closing.splice(0).map((each) => each.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function startServer(answers: Answer[], ...rest: [port?: number, tls?: { key: Buffer; cert: Buffer }]) {
  const server = await startPostServer(answers, ...rest);
  closing.push(server);
  return server;
}

/** A run of the daemon; a second one on the same folder is the next. */
function start(
  url: string,
  { token, ca }: { token?: string; ca?: () => readonly string[] } = {},
  bounds: Partial<OutboxOptions> = {},
): Run {
  const where = {
    folder: join(folder, 'outbox'),
    events: 200,
    bytes: 1e6,
    days: 7,
    isPayload: isEventPayload,
  };
  const outbox = new Outbox({ ...where, ...bounds }, log, clock);
  const post = new Post({ url: new URL(url), token, ca, limitMs: LIMIT_MS }, clock);
  const send = (body: string, signal: AbortSignal) => post.send(() => ({ headers: json, body }), signal);
  const trouble = {
    fails: () => troubles.push(true),
    works: () => troubles.push(false),
    loses: () => losses.push(clock.now()),
  };
  const { origin } = new URL(url);
  const courier = new Courier('webhook', origin, outbox, send, trouble, log, clock);
  runs.push({ courier, outbox });
  courier.start();
  return { courier, outbox };
}

/** Its time limits pass at once, but for the disk's. */
async function stop({ courier, outbox }: Run): Promise<void> {
  await outbox.settled();
  let stopped = false;
  const done = courier.stop().finally(() => {
    stopped = true;
  });
  while (!stopped) await clock.advance(1000);
  await done;
  await outbox.settled();
  runs.splice(0, runs.length, ...runs.filter((run) => run.courier !== courier));
}

const event = (n: number | string, event_type = 'water_running_long', episodeId?: string) =>
  JSON.stringify({ event_type, n, episodeId, at: new Date(clock.wallMs()).toISOString() });
const got = ({ posted }: PostServer) => posted.map(({ body }) => JSON.parse(body).n);
const arrived = (server: PostServer, count: number) =>
  until(
    () => server.posted.length >= count,
    () => `${server.posted.length} came, not ${count}; ${log.lines.join('\n')}`,
  );
const failed = (count: number) =>
  until(
    () => troubles.filter(Boolean).length >= count,
    () => `it has not failed ${count} times: ${troubles}`,
  );

describe('a webhook', () => {
  it('gets events in order, each on the disk until it has it, with the token in the header', async () => {
    const server = await startServer([200]);
    const { courier, outbox } = start(`${server.url}/hook?room=1`, { token: 'tk_secret' });
    for (const n of [1, 2, 3]) courier.tell(event(n));
    await until(() => outbox.size === 0, 'events wait');
    await outbox.settled();
    expect(got(server)).toEqual([1, 2, 3]);
    expect(server.posted[0]).toMatchObject({ method: 'POST', path: '/hook?room=1' });
    expect(server.posted[0]?.headers).toMatchObject({ authorization: 'Bearer tk_secret', ...json });
    expect(JSON.parse(server.posted[0]?.body ?? '')).toMatchObject({ latencyMs: 0, replayed: false });
    expect(readdirSync(join(folder, 'outbox'))).toEqual([]);
    expect(log.lines).toEqual([]);
  });

  it.each([
    ['b@th', 'p:ss/word', 'b%40th:p%3Ass%2Fword'],
    ['bath', '100%pass', 'bath:100%pass'],
    ['bath', 'pass%zzéx%ff', 'bath:pass%zz%C3%A9x%ff'],
    ['', '%', ':%'],
  ])('gets user and password of its address, decoded: %s, %s', async (username, password, text) => {
    const server = await startServer([200]);
    const { courier, outbox } = start(server.url.replace('//', `//${text}@`));
    courier.tell(event(1));
    await until(
      () => outbox.size === 0,
      () => log.lines.join('\n'),
    );
    const [, basic = ''] = /^Basic (.*)$/.exec(server.posted[0]?.headers.authorization ?? '') ?? [];
    expect(Buffer.from(basic, 'base64').toString()).toBe(`${username}:${password}`);
  });

  it('that is away gets them when it is back, also by the next run, and with how late they are', async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/secret-path`;
    const first = start(url, { token: 'tk_secret' });
    first.courier.tell(event(1));
    await failed(1);
    first.courier.tell(event(2));
    await stop(first);
    expect(log.lines.join()).toMatch(/ECONNREFUSED/);
    expect(log.lines.join()).toMatch(/the next start sends them/);
    expect(log.lines.join()).not.toMatch(/secret/);

    await clock.advance(3_600_000);
    const server = await startServer([200], port);
    start(url);
    await arrived(server, 2);
    expect(got(server)).toEqual([1, 2]);
    expect(JSON.parse(server.posted[0]?.body ?? '')).toMatchObject({ replayed: true });
    expect(JSON.parse(server.posted[0]?.body ?? '').latencyMs).toBeGreaterThanOrEqual(3_600_000);
    await until(() => troubles.at(-1) === false, 'the trouble is not over');
  });

  it.each<[string, Answer, RegExp]>([
    ['hangs', 'hang', /no answer within 15 s/],
    ['drips letters for ever', 'drip', /no answer within 15 s|Parse Error/],
    ['hangs up', 'drop', /socket hang up|ECONNRESET/],
    ['goes on in another protocol', 'upgrade', /no answer/],
    ['is broken', 503, /503 Service Unavailable/],
    ['knows no such token', 401, /401 Unauthorized/],
    ['sends in circles', { redirect: '' }, /307, a redirect, which is not followed/],
  ])('that %s gets events later, and says why', async (_, answer, why) => {
    const server = await startServer([answer, answer, 200]);
    const { courier, outbox } = start(server.url);
    courier.tell(event(1));
    for (const attempt of [1, 2]) {
      await arrived(server, attempt);
      if (answer === 'hang' || answer === 'drip') await clock.advance(LIMIT_MS);
      await failed(attempt);
      expect(log.lines.at(-1)).toMatch(why);
      await until(() => clock.pending > 0, 'it is not tried again');
      await clock.advance(PAUSE.reconnectMinMs * 2 ** (attempt - 1));
    }
    await until(() => outbox.size === 0, 'the event waits');
    expect(got(server)).toEqual([1, 1, 1]);
    expect(troubles.at(-1)).toBe(false);
  });

  it('that answers without an end has the event as soon as it says so', async () => {
    const server = await startServer(['endless']);
    const { courier, outbox } = start(server.url);
    courier.tell(event(1));
    await until(() => outbox.size === 0, 'the event waits');
    courier.tell(event(2));
    await until(() => outbox.size === 0, 'the event waits');
    expect(got(server)).toEqual([1, 2]);
  });

  it('is tried less and less often, and at once for a new event', async () => {
    const server = await startServer([503]);
    const { courier } = start(server.url);
    courier.tell(event(1));
    const pauses: number[] = [];
    for (let attempt = 1; attempt < 14; attempt++) {
      await failed(attempt);
      const beganMs = clock.now();
      while (server.posted.length === attempt) await clock.advance(500);
      pauses.push(clock.now() - beganMs);
    }
    expect(pauses[0]).toBeLessThan(4000);
    for (const pause of pauses) expect(pause).toBeLessThanOrEqual(PAUSE.reconnectMaxMs + 20_000);
    expect(Math.max(...pauses)).toBeGreaterThanOrEqual(PAUSE.reconnectMaxMs / 2);
    await failed(14);
    const before = server.posted.length;
    await clock.advance(PAUSE.reconnectMinMs);
    server.answers = [200];
    courier.tell(event(2));
    await clock.advance(0);
    await arrived(server, before + 2);
  });

  it('is tried as often as at first for an event that comes while a try fails', async () => {
    const server = await startServer([...Array(11).fill(503), 'hang', 200]);
    const { courier } = start(server.url);
    courier.tell(event(1));
    for (let attempt = 1; attempt < 12; attempt++) {
      await failed(attempt);
      while (server.posted.length === attempt) await clock.advance(500);
    }
    courier.tell(event('alarm', 'alarm_started'));
    await clock.advance(LIMIT_MS);
    await failed(12);
    await until(() => clock.pending > 0, 'it is not tried again');
    await clock.advance(PAUSE.reconnectMinMs);
    await until(() => server.posted.length === 14, 'the alarm waits for the longest pause', 5000);
    expect(got(server).slice(-2)).toEqual(['alarm', 1]);
  });

  it('that is back gets the newest alarm first, and the rest in order, each end after its beginning', async () => {
    const server = await startServer(['drop']);
    const { courier, outbox } = start(server.url);
    for (const n of [1, 2]) courier.tell(event(n));
    await failed(1);
    courier.tell(event('old', 'alarm_started'));
    courier.tell(event('unanswered', 'alarm_escalated'));
    courier.tell(event('over', 'alarm_ended'));
    courier.tell(event(3));
    courier.tell(event('smoke', 'sound_heard'));
    await clock.advance(PAUSE.reconnectMinMs);
    await failed(2);
    const before = server.posted.length;
    server.answers = [200];
    courier.tell(event('new', 'alarm_started'));
    await clock.advance(PAUSE.reconnectMinMs);
    await until(() => outbox.size === 0, 'events wait');
    expect(got(server).slice(before)).toEqual(['new', 'smoke', 'unanswered', 'old', 1, 2, 'over', 3]);
  });

  it('that is back gets an alarm from its beginning, and the latest one before others', async () => {
    const server = await startServer(['drop']);
    const { courier, outbox } = start(server.url);
    courier.tell(event(1, 'alarm_started', 'a'));
    await failed(1);
    courier.tell(event(2, 'alarm_escalated', 'a'));
    courier.tell(event(3, 'alarm_started', 'b'));
    courier.tell(event(4, 'alarm_escalated', 'b'));
    await clock.advance(PAUSE.reconnectMinMs);
    await failed(2);
    const before = server.posted.length;
    server.answers = [200];
    courier.tell(event(5, 'alarm_escalated', 'b'));
    await clock.advance(PAUSE.reconnectMinMs);
    await until(() => outbox.size === 0, 'events wait');
    expect(got(server).slice(before)).toEqual([3, 4, 5, 1, 2]);
  });

  it('that is back after the machine has slept is told when it was', async () => {
    const server = await startServer(['drop']);
    const { courier, outbox } = start(server.url);
    const at = new Date(clock.wallMs()).toISOString();
    courier.tell(JSON.stringify({ event_type: 'alarm_started', at }));
    await failed(1);
    clock.sleep(8 * 3_600_000);
    server.answers = [200];
    await clock.advance(PAUSE.reconnectMinMs);
    await until(() => outbox.size === 0, 'the event waits');
    const { latencyMs, ...told } = JSON.parse(server.posted.at(-1)?.body ?? '');
    expect(told).toMatchObject({ at, replayed: true });
    expect(latencyMs).toBeGreaterThanOrEqual(8 * 3_600_000);
  });

  it('that is getting what an earlier run has left gets a new alarm next', async () => {
    const server = await startServer(['drop']);
    const first = start(server.url);
    for (const n of [1, 2, 3]) first.courier.tell(event(n));
    first.courier.tell(event('left', 'alarm_started'));
    await failed(1);
    await stop(first);
    const before = server.posted.length;
    server.answers = [200];
    const { courier, outbox } = start(server.url);
    courier.tell(event('new', 'alarm_started'));
    await until(() => outbox.size === 0, 'events wait');
    expect(got(server).slice(before)).toEqual([1, 'new', 2, 3, 'left']);
  });

  it('that is not quite back, and refuses an alarm, is asked again as soon as it takes something', async () => {
    const server = await startServer(['drop']);
    const { courier, outbox } = start(server.url);
    for (const n of [1, 2, 3]) courier.tell(event(n));
    await failed(1);
    const before = server.posted.length;
    server.answers = ['drop', 503, 200];
    courier.tell(event('alarm', 'alarm_started'));
    await clock.advance(PAUSE.reconnectMinMs);
    await failed(2);
    await clock.advance(PAUSE.reconnectMinMs);
    await until(() => outbox.size === 0, 'events wait');
    expect(got(server).slice(before)).toEqual(['alarm', 1, 'alarm', 2, 3]);
  });

  it('that never answers to an alarm gets the rest all the same, in its turn', async () => {
    const server = await startServer(['drop']);
    const { courier, outbox } = start(server.url);
    courier.tell(event(1));
    courier.tell(event('alarm', 'alarm_started'));
    courier.tell(event(2));
    while (clock.now() <= PRESSING_MS) await clock.advance(10_000);
    for (const tries = troubles.length; troubles.length === tries; ) await clock.advance(10_000);
    const before = server.posted.length;
    server.answers = [200];
    courier.tell(event(3));
    await clock.advance(PAUSE.reconnectMinMs);
    await until(() => outbox.size === 0, 'events wait');
    expect(got(server).slice(before)).toEqual([1, 'alarm', 2, 3]);
  });

  it('that refuses one event for good gets the others, and that one at most five times', async () => {
    const server = await startServer([413, 200, 413, 413, 413, 413, 200]);
    const { courier, outbox } = start(server.url);
    courier.tell(event('bad'));
    await failed(1);
    courier.tell(event('good'));
    while (outbox.size > 0) await clock.advance(1000);
    expect(got(server)).toEqual(['bad', 'good', 'bad', 'bad', 'bad', 'bad']);
    expect(log.lines.join()).toMatch(/error webhook refuses an event for good/);
    expect(losses).toHaveLength(1);
  });

  it.each([400, 405])(
    'that answers everything with %i gets it all once a person has mended that',
    async (status) => {
      const server = await startServer([status]);
      const first = start(server.url);
      first.courier.tell(event(1));
      while (server.posted.length < 8) await clock.advance(1000);
      first.courier.tell(event(2));
      while (!got(server).includes(2)) await clock.advance(1000);
      await failed(9);
      expect(troubles).not.toContain(false);
      await stop(first);
      troubles = [];
      const { outbox } = start(server.url);
      await failed(1); // the next run says so as well
      server.answers = [200];
      while (outbox.size > 0) await clock.advance(1000);
      expect(got(server).slice(-2).sort()).toEqual([1, 2]);
      expect(troubles.at(-1)).toBe(false);
    },
  );

  it('that has called an event no good is a trouble until it takes one and none of those waits', async () => {
    const server = await startServer([400, 200, 400, 400, 400, 400, 200]);
    const { courier, outbox } = start(server.url);
    courier.tell(event('bad'));
    await failed(1);
    courier.tell(event('good'));
    while (outbox.size > 0) await clock.advance(1000);
    await failed(5);
    expect(troubles).not.toContain(false);
    courier.tell(event('better'));
    while (outbox.size > 0) await clock.advance(1000);
    expect(troubles.at(-1)).toBe(false);
  });

  it('for which too much waits loses the oldest, and says so whenever it does', async () => {
    const server = await startServer([503]);
    const { courier, outbox } = start(server.url, {}, { events: 5 });
    for (let n = 1; n <= 8; n++) courier.tell(event(n));
    expect(outbox.size).toBe(5);
    expect(outbox.payloads.map((each) => JSON.parse(each).n)).toEqual([4, 5, 6, 7, 8]);
    expect(log.lines.join()).toMatch(/error too many events wait.*outbox/);
    expect(losses).toHaveLength(3);
  });

  it('says also what was lost because it waited for too long, or is damaged', async () => {
    const server = await startServer([503]);
    const { courier } = start(server.url, {}, { days: 1 });
    courier.tell(event(1));
    await failed(1);
    while (losses.length === 0) await clock.advance(60_000);
    expect(clock.now()).toBeGreaterThanOrEqual(86_400_000);

    courier.tell(event(2));
    for (const run of [...runs]) await stop(run);
    const [name = ''] = readdirSync(join(folder, 'outbox'));
    truncateSync(join(folder, 'outbox', name), 20);
    losses = [];
    start(server.url);
    expect(losses).toHaveLength(1);
  });

  it('gets what waits in a stop, which does not wait for one that hangs', async () => {
    const server = await startServer([200, 'hang']);
    const { courier, outbox } = start(server.url);
    courier.tell(event(1));
    courier.tell(event(2));
    await arrived(server, 2);
    const beganMs = clock.now();
    await stop({ courier, outbox });
    expect(clock.now() - beganMs).toBeLessThan(LIMIT_MS);
    expect(outbox.payloads.map((each) => JSON.parse(each).n)).toEqual([2]);
    expect(outbox.kept).toBe(true);
  });

  it.skipIf(lacksMount())('gets events also where the disk is full', async () => {
    const disk = mountSmallDisk(folder);
    closing.push({ close: async () => disk.unmount() });
    disk.fill();
    const server = await startServer([200]);
    const { courier, outbox } = start(server.url, {}, { folder: join(disk.path, 'outbox') });
    courier.tell(event(1));
    await until(() => outbox.size === 0 && !outbox.durable, 'the event waits, or the disk is not full');
    expect(got(server)).toEqual([1]);
  });

  it('whose certificate nobody vouches for gets nothing; with its authority it does', async () => {
    makeCertificates(folder);
    const file = (name: string) => readFileSync(join(folder, name));
    const server = await startServer([200], 0, { key: file('server.key'), cert: file('server.pem') });
    const bare = start(server.url);
    bare.courier.tell(event(1));
    await failed(1);
    expect(log.lines[0]).toMatch(/certificate/);
    expect(server.posted).toEqual([]);
    await stop(bare);
    const { outbox } = start(server.url, { ca: () => [...rootCertificates, String(file('ca.pem'))] });
    await until(() => outbox.size === 0, 'the event waits');
    expect(got(server)).toEqual([1]);
  });

  it('whose name is not known gets it later', async () => {
    const { courier } = start('http://no-such-host.invalid/');
    courier.tell(event(1));
    await failed(1);
    expect(log.lines[0]).toMatch(/ENOTFOUND|EAI_AGAIN/);
  });
});

describe('a letter', () => {
  it.each<[string, () => Letter]>([
    [
      'that cannot be written',
      () => {
        throw new Error('no title');
      },
    ],
    ['with what no header holds', () => ({ headers: { title: 'two\nlines' }, body: '' })],
  ])('%s is refused for good, before anything is sent', async (_, write) => {
    const server = await startServer([200]);
    const post = new Post({ url: new URL(server.url), limitMs: LIMIT_MS }, clock);
    const sent = post.send(write, new AbortController().signal);
    await expect(sent).rejects.toThrow(Refused);
    await expect(sent).rejects.toMatchObject({ final: true });
    expect(server.posted).toEqual([]);
  });
});
