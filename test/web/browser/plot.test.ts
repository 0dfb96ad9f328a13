import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lacksBrowser } from '../../support/browser.js';
import { run, SCENE } from '../../support/daemon.js';

const skip = lacksBrowser();

describe.skipIf(skip)('the page of a recording', () => {
  let dir: string;
  let browser: Browser;
  let url: string;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'bathnet-plot-'));
    const file = join(dir, 'scene.html');
    expect((await run(['classify', SCENE, '--plot', file])).code).toBe(0);
    url = pathToFileURL(file).href;
    const executablePath = execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim();
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] }); // as in page.test.ts
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it.each([320, 360, 800, 1280])(
    'shows whole legends and scales beside their plots, %i pixels wide, also zoomed',
    async (width) => {
      const page = await browser.newPage({ viewport: { width, height: 800 } });
      await page.goto(url);
      for (const scroll of [0, 200]) {
        const seen = await page.evaluate((left) => {
          const frame = document.querySelector('#frame')!;
          frame.scrollLeft = left;
          const box = (element: Element) => element.getBoundingClientRect();
          const visible = box(frame);
          const words = [...frame.querySelectorAll('.caption > *')];
          const plots = [...frame.querySelectorAll('.panel > svg')];
          const scales = [...document.querySelectorAll('.scale .ticks')];
          return {
            legends: words.length,
            outside: words
              .filter((each) => box(each).left < visible.left - 1 || box(each).right > visible.right + 1)
              .map((each) => each.textContent),
            askew: scales.filter((each, i) => {
              const [scale, plot] = [box(each), box(plots[i]!)];
              return Math.abs(scale.top - plot.top) > 1 || Math.abs(scale.height - plot.height) > 1;
            }).length,
            scales: scales.length,
            scrolls: document.documentElement.scrollWidth > innerWidth,
          };
        }, scroll);
        expect(seen).toEqual({ legends: seen.legends, outside: [], askew: 0, scales: 4, scrolls: false });
        expect(seen.legends).toBeGreaterThan(10);
        await page.getByRole('button', { name: 'zoom in' }).click();
        await page.getByRole('button', { name: 'zoom in' }).click();
      }
      await page.close();
    },
  );
});
