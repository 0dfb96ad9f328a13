import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { lacksBrowser } from '../../support/browser.js';
import { Daemons, SCENE } from '../../support/daemon.js';
import { topics } from '../../support/household.js';
import { INGRESS_ADDRESS, Ingress } from '../../support/ingress.js';
import { Mosquitto, type Subscription, until } from '../../support/mosquitto.js';
import { writePast } from '../../support/past.js';
import { lacksPrograms } from '../../support/require.js';
import { smokeAlarm, writeWav } from '../../support/sound.js';

const skip = lacksBrowser() || lacksPrograms('mosquitto', 'mosquitto_sub');
/** As long as words get. */
const NAME = 'Gästebadezimmer im Dachgeschoss';
const AREA = 'Obergeschoss';
const at = new Date().toISOString();
const SEEN_BY_ONE_OF_LONG_NAME = {
  id: 'of-long-name',
  events: [
    { event_type: 'alarm_started', label: 'abnormal', windows: [], at },
    { event_type: 'alarm_acknowledged', afterSeconds: 1, by: 'Oberpflegedienstleiter'.repeat(3), at },
  ],
};
const PASSWORD = 'a good one';
/** What the password and the button beside it are called. */
const ENGLISH: [string, string] = ['Password', 'Log in'];
const GERMAN: [string, string] = ['Passwort', 'Anmelden'];

let broker: Mosquitto;
let daemons: Daemons;
let browser: Browser;
let seen: Subscription;
/** Of a daemon that anybody may look at, and of one that asks for a password. */
let [open, closed] = ['', ''];

const programs = new Map<string, ReturnType<Daemons['start']>>();

const startDaemon = async (...args: Parameters<typeof startProgram>) => (await startProgram(...args)).url;

async function startProgram(id: string, args: readonly string[], file = SCENE) {
  const web = ['--set', 'web.enabled=true', '--set', 'web.port=0', '--set', `device.id=${id}`];
  const sound = ['--source', `file:${file}`, '--loop', '--speed', '4'];
  await programs.get(id)?.kill('SIGKILL'); // of this test, which is tried again
  const daemon = daemons.start(broker.url, [...sound, ...web, ...args]);
  programs.set(id, daemon);
  void daemon.ended.then(({ code, stderr }) => {
    if (code !== null) complaints.push(`${id} has ended with ${code}: ${stderr.slice(-3000)}`);
  });
  const url = () => /"url":"(http:[^"]+)"/.exec(daemon.stderr)?.[1];
  await until(
    () => url() !== undefined && daemon.stderr.includes('sound arrives'),
    () => `no page: ${daemon.stderr}`,
  );
  return { daemon, url: url() as string };
}

/** Sound in which nothing happens. */
const quietSound = () => {
  const samples = Float32Array.from({ length: 20 * 16_000 }, () => 0.004 * (Math.random() - 0.5));
  return writeWav(join(daemons.stateDir, 'quiet.wav'), [samples]);
};

beforeAll(async () => {
  if (skip) return;
  [broker, daemons] = await Promise.all([Mosquitto.start(), Daemons.create()]);
  seen = await broker.subscribe('#');
  const guarded = ['--set', `web.password=${PASSWORD}`, '--set', `web.trustedProxy=${INGRESS_ADDRESS}`];
  const executablePath = execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim();
  // One after the other: each takes all of a small machine.
  open = await startDaemon('test', ['--set', `device.name=${NAME}`, '--set', `device.area=${AREA}`]);
  closed = await startDaemon('closed', guarded);
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] }); // root, as whom CI runs, cannot have one
});
afterAll(async () => {
  await browser?.close();
  await daemons?.close();
  await broker?.close();
});
afterEach(async () => {
  await Promise.all(browser?.contexts().map((context) => context.close()) ?? []);
  const said = complaints;
  complaints = [];
  expect(said).toEqual([]);
});

/** What browsers have complained about, or asked others for. */
let complaints: string[] = [];

/** A browser of somebody's own; whatever it complains about, or asks others for, fails the test. */
async function look(
  url: string,
  options: BrowserContextOptions = {},
  prepare: (page: Page) => unknown = () => {},
): Promise<Page> {
  const context = await browser.newContext({
    ...{ viewport: { width: 1280, height: 900 }, locale: 'en', reducedMotion: 'reduce' },
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    const { url: of } = message.location();
    const expected = /api\/(status|session|events|commands)/.test(of); // refusals, which are shown
    if (message.type() === 'error' && !expected) complaints.push(`${message.text()} (${of})`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith('data:'))
      complaints.push(`asked for ${request.url()}`);
  });
  await prepare(page);
  await page.goto(url);
  return page;
}

const live = (page: Page) => page.getByRole('heading', { name: 'What it hears' }).waitFor();

/** Colour of a point of the waveform's band, some seconds ago. */
const bandColour = (page: Page, secondsAgo: number) =>
  page.locator('.strip').evaluate((canvas: HTMLCanvasElement, ago) => {
    const x = Math.min(canvas.width - 2, Math.round(canvas.width * (1 - ago / 30)));
    const y = Math.round(20.5 * devicePixelRatio);
    return `rgb(${[...canvas.getContext('2d')!.getImageData(x, y, 1, 1).data.slice(0, 3)].join(', ')})`;
  }, secondsAgo);

const colourOfClass = (page: Page, property: string) =>
  page.evaluate((name) => {
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.color = `var(${name})`;
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  }, property);

/** No serious finding of axe, in either theme. */
async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = await page.evaluate(() =>
      (globalThis as unknown as { axe: typeof axe }).axe.run(),
    );
    const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    expect(grave.map(({ id, nodes }) => [colorScheme, id, nodes[0]?.html])).toEqual([]);
  }
}

describe.skipIf(skip)('the page', () => {
  it('draws the sound as it comes, in the colour of what it is', async () => {
    const page = await look(open, { reducedMotion: 'no-preference' });
    await live(page);
    const water = await colourOfClass(page, '--class-1');
    const current = page.locator('.bar.now .name');
    await until(async () => (await current.textContent()) === 'water', 'no water was heard');
    await until(async () => (await bandColour(page, 1)) === water, 'the waveform did not change its colour');
    const picture = () => page.locator('.strip').evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
    const before = await picture();
    await until(async () => (await picture()) !== before, 'the waveform does not move');
    await until(async () => (await current.textContent()) !== 'water', 'the water never ended');
    await until(async () => (await bandColour(page, 1)) !== water, 'the waveform kept its colour');
    expect(await page.locator('.audioset li').count()).toBe(5);
    const shades = await page.locator('.mel canvas').evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      return new Set(Array.from({ length: 5000 }, (_, i) => data[4 * Math.floor((i * data.length) / 20_000)]))
        .size;
    });
    expect(shades).toBeGreaterThan(40);
  });

  it('shows gate and floor as the daemon has them, and knows none of its own', async () => {
    const change = (page: Page) =>
      page.routeWebSocket(/api\/live/, (socket) =>
        socket.connectToServer().onMessage((text) => {
          const { type, value } = JSON.parse(String(text));
          if (type === 'hello') value.minLevelDbfs = -33;
          if (type === 'window') value.floorDbfs = -77.7;
          socket.send(JSON.stringify({ type, value }));
        }),
      );
    const page = await look(open, {}, change);
    await page.getByText('Floor −78 dB').waitFor();
    await page.getByText('Gate −33 dB').waitFor();
  });

  it('shows an alarm and its kind, takes acknowledgement and verdict, and remembers', async () => {
    const page = await look(open);
    const alarm = await seen.waitFor(topics.event, (payload) => payload.includes('"alarm_started"'));
    const { episodeId, kind } = JSON.parse(alarm);
    expect(['breaking', 'distress', 'impact', 'scream']).toContain(kind);
    await page
      .getByText(/^(Alarm:|Nobody has confirmed the alarm:) (something breaking|somebody in distress|a )/)
      .first()
      .waitFor();
    // The scene goes on: what is pressed just as the next alarm starts counts for the old one alone.
    const acknowledged = () => seen.on(topics.event).some((text) => text.includes('"alarm_acknowledged"'));
    await until(async () => {
      if (!acknowledged()) await page.getByRole('button', { name: 'I have seen it' }).click();
      return acknowledged();
    }, 'not acknowledged');

    const entry = page.locator(`[data-id="${episodeId}"]`);
    await entry.scrollIntoViewIfNeeded();
    // Who hears the button alone, or a list of all buttons, knows which alarm it is of.
    const what = (await entry.locator('h3').textContent())!;
    const when = (await entry.locator('time').textContent())!;
    const named = (role: 'button' | 'img', name: string) =>
      entry.getByRole(role, { name: `${name} ${what} ${when}`, exact: true });
    await named('button', 'False alarm').waitFor();
    await named('img', 'Spectrogram of the 3 seconds before it').waitFor();
    await named('button', 'Real').click();
    const pressed = () => page.locator(`[data-id="${episodeId}"] button[aria-pressed="true"]`).textContent();
    expect(await pressed()).toBe('Real');
    await page.reload();
    expect(await pressed()).toBe('Real');
    await entry.scrollIntoViewIfNeeded();
    await until(
      () => entry.locator('canvas').evaluate((canvas: HTMLCanvasElement) => canvas.height === 64),
      'no spectrogram',
    );
  });

  it('tells after a restart of the alarm that nobody has acknowledged, though the history has none', async () => {
    const { daemon } = await startProgram('again', []);
    const folder = join(daemons.stateDir, 'devices', 'again');
    const kept = join(folder, 'unanswered.json');
    await until(() => existsSync(kept) && readFileSync(kept, 'utf8').includes('episodeId'), 'it is not kept');
    await daemon.kill('SIGKILL');
    await rm(join(folder, 'history'), { recursive: true, force: true });
    const page = await look(await startDaemon('again', [], await quietSound()));
    await page.getByText(/^Nobody has confirmed the alarm: (something breaking|somebody in|a )/).waitFor();
    await page.getByText(/^\d+ seconds ago/).waitFor();
    await page.getByRole('button', { name: 'I have seen it' }).click();
    await page.getByText('Listening. All is well.').waitFor();
  });

  it('fetches the pictures of old alarms as they come into sight, once, and misses none that cannot be had', async () => {
    const ids = await writePast(daemons.stateDir, 'past');
    // It hears nothing new: the rows stay where they are.
    const past = await startDaemon('past', [], await quietSound());
    const asked: string[] = [];
    const lost = ids[1] as string;
    const page = await look(past, {}, async (page) => {
      page.on('request', (request) =>
        asked.push(new URL(request.url()).pathname.split('/').at(-1) as string),
      );
      await page.route(`**/api/events/${lost}`, (route) => route.abort());
    });
    await live(page);
    await page.getByRole('button', { name: 'Show all 200' }).click();
    const row = (id: string) => page.locator(`[data-id="${id}"]`);
    const heights = () => page.locator('.entry').evaluateAll((rows) => rows.map((each) => each.clientHeight));
    const before = await heights();
    const colours = (id: string) =>
      row(id)
        .locator('canvas')
        .evaluate((canvas: HTMLCanvasElement) => {
          const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
          return new Set(new Uint32Array(data.buffer)).size;
        });
    const [first, , third] = ids as [string, string, string];
    const last = ids.at(-1) as string;
    expect(asked).not.toContain(last);
    for (const id of [first, lost, third, last]) {
      await row(id).scrollIntoViewIfNeeded();
      if (id !== lost) await until(async () => (await colours(id)) > 20, `no picture of ${id}`);
    }
    expect(asked).toContain(lost);
    expect(await colours(lost)).toBe(1);
    expect(await heights()).toEqual(before);
    // What is shown anew is not asked for again.
    await page.getByRole('radio', { name: 'Faults' }).click({ force: true });
    await row(last).waitFor({ state: 'detached' });
    await page.getByRole('radio', { name: 'Alarms' }).click({ force: true });
    await row(last).scrollIntoViewIfNeeded();
    await until(async () => (await colours(last)) > 20, 'the picture is gone');
    expect(asked.filter((id) => id === last)).toHaveLength(1);
  });

  it('asks again for a past that it does not get, and misses nothing that happens meanwhile', async () => {
    let asked = 0;
    const page = await look(open, {}, (page) =>
      page.route('**/api/events', async (route) => {
        if (++asked === 1) return route.abort();
        const answer = await route.fetch();
        const test = await page.request.post(`${open}api/commands/test`, { data: { value: 'PRESS' } });
        expect(test.status()).toBe(204);
        await seen.waitFor(topics.event, (payload) => payload.includes('"test":true'));
        return route.fulfill({ response: answer });
      }),
    );
    await live(page);
    await page.locator('.entry .chip').getByText('test', { exact: true }).first().waitFor();
    expect(asked).toBe(2);
  });

  it('says which sound beside the alarm it hears, instead of that all is well', async () => {
    const sound = await writeWav(join(daemons.stateDir, 'smoke.wav'), [smokeAlarm(30)]);
    const smoke = await startDaemon('smoke', [], sound);
    const [english, german] = await Promise.all([look(smoke), look(smoke, { locale: 'de-DE' })]);
    await english.getByRole('alert').getByText('Heard: a smoke alarm').waitFor();
    await german.getByRole('alert').getByText('Zu hören: ein Rauchmelder').waitFor();
    await german.getByRole('heading', { name: 'Gehört: ein Rauchmelder' }).first().waitFor();
    await expectAccessible(english);
  });

  it('names the smoke alarm that is over, instead of that all is well', async () => {
    const sound = Float32Array.from([...smokeAlarm(30), ...new Float32Array(300 * 16_000).fill(0.0001)]);
    const smoke = await startDaemon(
      'smoked',
      [],
      await writeWav(join(daemons.stateDir, 'over.wav'), [sound]),
    );
    const [english, german] = await Promise.all([look(smoke), look(smoke, { locale: 'de-DE' })]);
    await english.getByText(/^Listening\. Heard \d+ seconds ago: a smoke alarm$/).waitFor();
    await german.getByText(/^Hört zu\. Zu hören vor \d+ Sekunden: ein Rauchmelder$/).waitFor();
    expect(await english.getByText(/All is well|No alarm so far/).count()).toBe(0);
    await expectAccessible(english);
    await english.getByRole('button', { name: 'Hide it here' }).click();
    await english.getByText('Listening. All is well.').waitFor();
    await english.reload();
    await english.getByText('Listening. All is well.').waitFor();
    expect(await german.getByText(/^Hört zu\. Zu hören vor/).count()).toBe(1); // another browser
  });

  it('says without a broker who is told, and by what', async () => {
    const nobodyThere = ['--mqtt-url', 'mqtt://127.0.0.1:9'];
    const alone = await startDaemon('alone', nobodyThere);
    const unheard = await look(alone);
    await unheard.getByText('but nobody would be told').waitFor();
    await unheard.getByRole('button', { name: 'Send a test alarm' }).click();
    await unheard.getByText('It says “test”, and waits').waitFor();
    const told = await startDaemon('told', [...nobodyThere, '--set', 'notify.command=[cat]']);
    await (await look(told)).getByText('Listening, without the MQTT broker').waitFor();
    const failing = await startDaemon('failing', [...nobodyThere, '--set', 'notify.command=[/bin/false]']);
    const page = await look(failing);
    await page.getByRole('button', { name: 'Send a test alarm' }).click();
    await page.getByText('but nobody would be told').waitFor();
  });

  describe('over a line that may die', () => {
    let dead = false;
    const lookOver = (url: string) =>
      look(url, {}, async (page) => {
        dead = false;
        await page.clock.install();
        await page.routeWebSocket(/api\/live/, (socket) => {
          socket.connectToServer().onMessage((text) => dead || socket.send(text));
          socket.onClose(() => {}); // nor does anybody hear of it
        });
      });

    it('knows within 15 s that the network is dead, and then nothing of the parts', async () => {
      const page = await lookOver(open);
      await live(page);
      const lost = page.getByText('No connection to the device');
      const fine = page.locator('.part').getByText('fine');
      expect(await fine.count()).toBeGreaterThan(0);
      dead = true;
      await page.clock.fastForward(12_000);
      expect(await lost.count()).toBe(0);
      await page.clock.fastForward(4000);
      await lost.waitFor();
      expect(await fine.count()).toBe(0);
      dead = false;
      await fine.first().waitFor();
    });

    it('knows nothing when a phone has slept, whose timers stood still', async () => {
      const page = await lookOver(open);
      await live(page);
      dead = true;
      await page.clock.setSystemTime(Date.now() + 3_600_000);
      await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
      await page.getByText('No connection to the device').waitFor({ timeout: 5000 });
      dead = false;
      await page.locator('.part').getByText('fine').first().waitFor();
    });
  });

  it('tells two browsers the same, and when the broker is gone', async () => {
    const [one, other] = await Promise.all([look(open), look(open, { locale: 'de-DE' })]);
    await one.getByRole('switch', { name: 'Detection' }).click();
    await other.getByText('Die Erkennung ist ausgeschaltet').first().waitFor();
    await seen.waitFor(topics.settings.enabled, (payload) => payload === 'OFF');
    await other.getByRole('switch', { name: 'Erkennung' }).click();
    await one.locator('[role=switch][aria-checked=true]').waitFor();
    await one.getByRole('radio', { name: 'low' }).click({ force: true });
    await expect.poll(() => other.getByRole('radio', { name: 'niedrig' }).isChecked()).toBe(true);

    await one.getByRole('button', { name: 'Send a test alarm' }).click();
    await seen.waitFor(topics.event, (payload) => payload.includes('"test"'));
    await broker.stop();
    await one.getByText('not connected', { exact: true }).waitFor();
    await other.getByText('nicht verbunden', { exact: true }).waitFor();
    await broker.run();
    await one.getByText('connected', { exact: true }).waitFor();
  });

  it('says in German why a command is refused, and in the words of the daemon what it has none for', async () => {
    const page = await look(open, { locale: 'de-DE' });
    const test = page.getByRole('button', { name: 'Probealarm senden' });
    const tooMany = page.getByText('Zu viele Probealarme: vor dem nächsten eine Minute warten.');
    await until(async () => {
      const answer = page.waitForResponse(/api\/commands\/test/);
      await test.click();
      return (await answer).status() === 400;
    }, 'no test was too many');
    await tooMany.waitFor();
    await page.getByRole('combobox').selectOption('en');
    await page.getByText('Too many test alarms').waitFor();
    const json = { code: 'of_tomorrow', problem: 'as tomorrow has it' };
    await page.route('**/api/commands/enabled', (route) => route.fulfill({ status: 400, json }));
    await page.getByRole('switch').click();
    await page.getByText(json.problem, { exact: true }).waitFor();
  });

  it('asks for the password: refuses, lets in, and has had enough', async () => {
    const [page, german] = await Promise.all([look(closed), look(closed, { locale: 'de-DE' })]);
    const enter = async (password: string, [label, button] = ENGLISH, to = page) => {
      await to.getByLabel(label).fill(password);
      const answer = to.waitForResponse(/api\/session/);
      await to.getByRole('button', { name: button }).click();
      await answer;
    };
    await german.getByRole('combobox').selectOption('en');
    await german.getByRole('button', { name: 'Log in' }).waitFor();
    await german.getByRole('combobox').selectOption('de');
    await enter('ein falsches', GERMAN, german);
    await german.getByText('Das ist nicht das Passwort.').waitFor();
    await enter('a bad one');
    await page.getByText('That is not the password.').waitFor();
    await expectAccessible(page);
    await enter(PASSWORD);
    await live(page);
    await page.getByRole('button', { name: 'Log out' }).click();
    for (let i = 0; i < 5; i++) await enter(`guess ${i}`);
    await page.getByText(/Too many wrong passwords. Try again in \d+ s/).waitFor();
    await enter('noch ein falsches', GERMAN, german);
    await german.getByText(/^Zu viele falsche Passwörter. In \d+ s wieder.$/).waitFor();
  });

  it('leaves somebody logged in who logs in to another microphone, and asks again whoever is logged out', async () => {
    const guarded = ['--set', `web.password=${PASSWORD}`];
    const page = await look(await startDaemon('hall', guarded));
    const other = await page.context().newPage();
    const enter = async (to: Page) => {
      await to.getByLabel('Password').fill(PASSWORD);
      await to.getByRole('button', { name: 'Log in' }).click();
      await live(to);
    };
    await enter(page);
    await other.goto(await startDaemon('attic', guarded));
    await enter(other);
    await page.bringToFront(); // a tab behind another one may be drawn too seldom to be clicked
    await page.reload();
    await live(page);
    await page.context().clearCookies();
    await page.getByRole('button', { name: 'Send a test alarm' }).click();
    await enter(page);
    await page.getByRole('button', { name: 'Send a test alarm' }).click();
    await page.getByText('Sent: it says “test”').waitFor();
  });

  it('works under the path of an ingress, and asks nobody who comes over it', async () => {
    const ingress = await Ingress.before(closed);
    try {
      const page = await look(ingress.url);
      await live(page);
      await page.getByRole('switch', { name: 'Detection' }).click();
      await page.locator('[role=switch][aria-checked=false]').waitFor();
      const manifest = await page.evaluate(async () => {
        const link = document.querySelector<HTMLLinkElement>('link[rel=manifest]')!;
        const { icons, start_url: start } = await (await fetch(link.href)).json();
        const found = await Promise.all(
          icons.map(async ({ src }: { src: string }) =>
            (await fetch(new URL(src, link.href))).headers.get('content-type'),
          ),
        );
        return { start: new URL(start, link.href).href, found };
      });
      expect(manifest).toEqual({
        start: ingress.url,
        found: [expect.stringContaining('image/svg+xml'), 'image/png', 'image/png'],
      });
    } finally {
      await ingress.close();
    }
  });

  it('says why it shows nothing where a proxy hides its name', async () => {
    const ingress = await Ingress.before(closed, { saysHost: false });
    try {
      const page = await look(ingress.url);
      await page.getByText(/a proxy that says neither Host nor X-Forwarded-Host/).waitFor();
      await page.getByRole('combobox').selectOption('de');
      await page.getByText(/der weder Host noch X-Forwarded-Host weitergibt/).waitFor();
      await expectAccessible(page);
    } finally {
      await ingress.close();
    }
  });

  it('can be used by all, on a phone, too', async () => {
    const named = (page: Page) =>
      page.route('**/api/events', async (route) => {
        const history = await (await route.fetch()).json();
        await route.fulfill({ json: [SEEN_BY_ONE_OF_LONG_NAME, ...history] });
      });
    const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
    const page = await look(open, phone, named);
    await live(page);
    await expectAccessible(page);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBe(360);
    await page.getByText(AREA, { exact: true }).waitFor();
    const small = await page
      .locator('button:visible, select:visible')
      .evaluateAll((all) =>
        all.filter((each) => each.getBoundingClientRect().height < 36).map((each) => each.outerHTML),
      );
    expect(small).toEqual([]);
    // With the keyboard alone: the first key leads past the pictures, and everything that can be pressed is reached.
    await page.reload();
    await live(page);
    const reached = new Set<string>();
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab');
      reached.add(await page.evaluate(() => document.activeElement?.textContent ?? ''));
    }
    expect([...reached][0]).toBe('Skip to the history');
    expect([...reached]).toContain('Send a test alarm');
  });
});
