import { execFileSync } from 'node:child_process';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { Api } from './api.js';

/** Debian's Chromium. */
export function openBrowser(): Promise<Browser> {
  const executablePath = execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim();
  return chromium.launch({ executablePath, args: ['--no-sandbox'] }); // root, as who Home Assistant runs, has none
}

/** A page of Home Assistant, seen by somebody who is signed in. */
export async function openPage(browser: Browser, api: Api, options: BrowserContextOptions): Promise<Page> {
  const page = await browser.newPage(options);
  const kept = { hassTokens: api.pageTokens(), dockedSidebar: '"always_hidden"' };
  const content = `Object.assign(localStorage, ${JSON.stringify(kept)})`;
  await page.addInitScript({ content });
  return page;
}
