/**
 * Takes the pictures of Home Assistant in docs/: the device's page, and the dashboard that ships, after an alarm.
 *
 *   apt-get install chromium debootstrap mosquitto pngquant
 *   npm run build && node tools/home-assistant/screenshots.mjs [FOLDER]
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Home } from './home.js';
import { install } from './install.js';
import { openBrowser, openPage } from './page.js';

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url));
const COLOURS = '128';
/** The dashboard shows the last minutes: so many there are to see. */
const MINUTES = 3;

export async function main([folder = DOCS]: readonly string[]): Promise<void> {
  const installed = await install(console.log);
  if (typeof installed === 'string') throw new Error(`Home Assistant is missing: it needs ${installed}`);
  const home = await Home.start(installed);
  const browser = await openBrowser();
  try {
    const { microphone } = await home.room('bathroom', 'Bathroom', '--set', 'sense.longStayMinutes=30');
    const device = await home.device('Bathroom');
    await home.until('sensor.bathroom_sound', 'background');
    await new Promise((resolve) => setTimeout(resolve, (MINUTES - 1) * 60_000));
    microphone.fall();
    await home.until('binary_sensor.bathroom_alarm', 'on');
    const open = (path: string, height: number) =>
      openPage(browser, home.api, { viewport: { width: 1280, height }, locale: 'en' }).then(async (page) => {
        await page.goto(home.homeAssistant.url + path);
        return page;
      });
    const shoot = async (path: string, name: string, height: number, text: string) => {
      const page = await open(path, height);
      await page.getByText(text).first().waitFor({ timeout: 60_000 });
      await page.waitForTimeout(8000); // its graphs
      const file = join(folder, `home-assistant-${name}.png`);
      await page.screenshot({ path: file });
      execFileSync('pngquant', ['--force', '--strip', '--speed', '1', '--output', file, COLOURS, file]);
      await page.close();
    };
    await shoot('/bath-room/bathroom', 'dashboard', 1000, 'Is everything all right?');
    await home.api.act('button.press', { entity_id: 'button.bathroom_acknowledge' });
    await shoot(`/config/devices/device/${device.id}`, 'device', 1300, 'Diagnostic');
  } finally {
    await browser.close();
    await home.close();
  }
}
