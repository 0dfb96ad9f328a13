import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { bareEnvironment } from './environment.js';
import { lacksPrograms } from './require.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Whether tests on a pseudo-terminal must be skipped: they need `script` of util-linux. */
export const lacksTerminal = () => lacksPrograms('script', 'stty', 'timeout');

/**
 * The built program on a terminal of 80 columns; stdout and stderr are one, as a person sees them.
 *
 * @param options `seconds`: Ctrl-C comes after so long, or `signal`
 */
export async function runOnTerminal(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  { redirect = '', cwd = tmpdir(), seconds = 50, signal = 'INT' } = {},
): Promise<{ code: number | null; screen: string }> {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn(
    'script',
    [
      '-qec',
      `stty cols 80 rows 24; exec timeout -s ${signal} ${seconds} ${command} ${redirect}`,
      '/dev/null',
    ],
    {
      cwd,
      env: { ...bareEnvironment(), TERM: 'xterm-256color', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let screen = '';
  child.stdout.on('data', (data) => {
    screen += data;
  });
  const [code] = await once(child, 'close');
  return { code, screen };
}

/** The lines that one could read at some time; a line that was drawn again counts for each time. */
export function linesOf(screen: string): string[] {
  return screen
    .replaceAll('\r\x1b[K', '\n')
    .split(/\r?\n/)
    .map((line) => stripVTControlCharacters(line))
    .filter((line) => line !== '');
}
