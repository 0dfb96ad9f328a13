// What those who look at the page need: a daemon that shows it, and Debian's Chromium.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Starts the built program with its page on a free port.
 *
 * @returns where the page is, and what ends the daemon
 */
export async function showPage(command, args) {
  const web = ['--log-level', 'info', '--set', 'web.enabled=true', '--set', 'web.port=0'];
  const daemon = spawn(process.execPath, [`${ROOT}dist/main.js`, command, ...web, ...args]);
  const ended = once(daemon, 'exit');
  const stop = async () => {
    daemon.kill();
    await ended;
  };
  const url = await new Promise((resolve, reject) => {
    let said = '';
    daemon.stderr.on('data', (data) => {
      said += data;
      const found = /url"?: ?"(http:[^"]+)"/.exec(said);
      if (found) resolve(found[1]);
    });
    daemon.on('exit', () => reject(new Error(`the daemon has ended: ${said}`)));
  });
  return { url, stop };
}

export function openBrowser() {
  const executablePath = execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim();
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}
