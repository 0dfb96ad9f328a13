import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { lacksPrograms } from './require.js';

/** Whether tests in a browser must be skipped. */
export const lacksBrowser = () => lacksPrograms('chromium');

/** The document that a page has become once its scripts have run and it has been idle. */
export async function domOf(path: string): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), 'bathnet-browser-'));
  const child = spawn(
    'chromium',
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      `--user-data-dir=${profile}`,
      '--window-size=1000,900',
      '--virtual-time-budget=5000',
      '--dump-dom',
      pathToFileURL(path).href,
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  try {
    let dom = '';
    child.stdout.on('data', (data) => {
      dom += data;
    });
    await once(child, 'close');
    return dom;
  } finally {
    child.kill('SIGKILL');
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
