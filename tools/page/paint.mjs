/**
 * Measures how soon the page paints something, in Debian's Chromium with an emulated slow network and processor, and an
 * empty cache: the page itself, and where a password is asked for. Not a board's figure: the daemon runs on this machine.
 *
 *   npm run build && node tools/page/paint.mjs [RUNS]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBrowser, ROOT, showPage } from './browser.mjs';

const runs = Number(process.argv[2] ?? 5);
const MBIT_PER_SECOND = 1.5;
const ROUND_TRIP_MS = 40;
const CPU_SLOWDOWN = 4;
const bytesPerSecond = (MBIT_PER_SECOND * 1e6) / 8;

/** When something is painted first, and when what the daemon says is there; milliseconds since the navigation began. */
async function load(browser, url, shown) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'de' });
  const page = await context.newPage();
  await page.goto(`${url}healthz`); // starts the browser's process for this site, and brings nothing of the page
  const cdp = await context.newCDPSession(page);
  await cdp.send('Network.enable');
  await cdp.send('Network.emulateNetworkConditions', {
    ...{ offline: false, latency: ROUND_TRIP_MS },
    ...{ downloadThroughput: bytesPerSecond, uploadThroughput: bytesPerSecond },
  });
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: CPU_SLOWDOWN });
  await page.goto(url);
  await page.locator(shown).first().waitFor();
  const times = await page.evaluate(() => ({
    paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
    shown: performance.now(),
    bytes: performance
      .getEntries()
      .filter(({ transferSize }) => transferSize > 0)
      .reduce((sum, { transferSize }) => sum + transferSize, 0),
  }));
  await context.close();
  return times;
}

async function measure(browser, name, settings, shown) {
  const state = mkdtempSync(join(tmpdir(), 'bathnet-paint-'));
  const set = [`stateDir=${state}`, 'mqtt.url=mqtt://127.0.0.1:9', ...settings];
  const scene = ['--source', `file:${join(ROOT, 'config/demo/bathroom.flac')}`, '--loop'];
  const { url, stop } = await showPage('run', [...scene, ...set.flatMap((each) => ['--set', each])]);
  try {
    await load(browser, url, shown); // the daemon reads its files once
    const loads = [];
    for (let i = 0; i < runs; i++) loads.push(await load(browser, url, shown));
    const sorted = (key) => loads.map((each) => Math.round(each[key])).sort((a, b) => a - b);
    for (const key of ['paint', 'shown', 'bytes'])
      console.log(`${name}, ${key}: ${sorted(key)[0]} at best, ${sorted(key)[runs >> 1]} as a rule`);
  } finally {
    await stop();
    rmSync(state, { recursive: true });
  }
}

const browser = await openBrowser();
try {
  await measure(browser, 'dashboard', [], '.card.level .big');
  await measure(browser, 'log-in', ['web.password=a good one'], '.card.login');
} finally {
  await browser.close();
}
