/**
 * Takes the pictures of docs/: docs/page-*.png. The demo's scene is played once, and the page looked at meanwhile, in
 * real time; it takes a minute.
 *
 *   apt-get install chromium pngquant
 *   npm run build && node tools/page/screenshots.mjs [FOLDER]
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { openBrowser, ROOT, showPage } from './browser.mjs';

const folder = process.argv[2] ?? join(ROOT, 'docs');
/** A spectrogram is noise, which PNG cannot make smaller. */
const COLOURS = '96';

const { url, stop } = await showPage('demo', []);
const browser = await openBrowser();
try {
  const open = async (options) => {
    const page = await browser.newPage(options);
    await page.goto(url);
    return page;
  };
  const desk = await open({ viewport: { width: 1280, height: 1120 }, colorScheme: 'light', locale: 'en' });
  const phone = await open({
    ...{ viewport: { width: 390, height: 844 }, colorScheme: 'light', locale: 'de' },
    ...{ isMobile: true, hasTouch: true, deviceScaleFactor: 1.5 },
  });
  const shoot = async (page, name) => {
    const path = join(folder, `page-${name}.png`);
    await page.screenshot({ path });
    execFileSync('pngquant', ['--force', '--strip', '--speed', '1', '--output', path, COLOURS, path]);
  };
  await desk.locator('.glance.alarm').waitFor();
  await desk.waitForTimeout(4000);
  await desk.getByRole('button', { name: 'I have seen it' }).click();
  await desk.locator('.glance.well').waitFor();
  await desk.getByRole('button', { name: 'Real' }).first().click();
  await desk.emulateMedia({ colorScheme: 'light' });
  await desk.evaluate(() => document.activeElement.blur());
  await desk.evaluate(() => scrollTo(0, 0));
  await desk.waitForTimeout(5000);
  await shoot(desk, 'light');
  await desk.emulateMedia({ colorScheme: 'dark' });
  await desk.locator('.glance.alarm').waitFor();
  await desk.waitForTimeout(2000);
  await shoot(desk, 'dark');
  await shoot(phone, 'phone');
} finally {
  await browser.close();
  await stop();
}
