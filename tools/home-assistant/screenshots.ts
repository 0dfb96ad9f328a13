/**
 * Takes the pictures of Home Assistant in docs/: the device's page, and the dashboard that ships, after an alarm.
 *
 *   apt-get install chromium debootstrap mosquitto pngquant
 *   npm run build && node tools/home-assistant/screenshots.mjs [FOLDER]
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { Home } from './home.js';
import { install } from './install.js';
import { openBrowser, openPage } from './page.js';

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url));
const COLOURS = '128';

export async function main([folder = DOCS]: readonly string[]): Promise<void> {
  const installed = await install(console.log);
  if (typeof installed === 'string') throw new Error(`Home Assistant is missing: it needs ${installed}`);
  const home = await Home.start(installed);
  const browser = await openBrowser();
  try {
    const { microphone } = await home.room('bathroom', 'Bathroom', '--set', 'sense.longStayMinutes=30');
    const device = await home.device('Bathroom');
    await home.until('sensor.bathroom_sound', 'background');
    const open = async (path: string, height: number, text: string) => {
      const page = await openPage(browser, home.api, { viewport: { width: 1280, height }, locale: 'en' });
      await page.goto(home.homeAssistant.url + path);
      await page.getByText(text).filter({ visible: true }).first().waitFor({ timeout: 60_000 });
      await page.waitForTimeout(8000); // its graphs
      return page;
    };
    const shoot = async (page: Page, name: string) => {
      const file = join(folder, `home-assistant-${name}.png`);
      await page.screenshot({ path: file });
      execFileSync('pngquant', ['--force', '--strip', '--speed', '1', '--output', file, COLOURS, file]);
      await page.close();
    };
    await home.until('sensor.bathroom_level', ({ state }) => Number(state) < 0);
    const dashboard = await open('/bath-room/bathroom', 686, 'Is everything all right?');
    microphone.fall();
    await home.until('binary_sensor.bathroom_alarm', 'on');
    await dashboard.waitForTimeout(2000);
    await shoot(dashboard, 'dashboard');
    await home.api.act('button.press', { entity_id: 'button.bathroom_acknowledge' });
    await shoot(await open(`/config/devices/device/${device.id}`, 2060, 'Diagnostic'), 'device');
  } finally {
    await browser.close();
    await home.close();
  }
}
