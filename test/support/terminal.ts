import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { lacksPrograms } from './require.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Whether tests on a pseudo-terminal must be skipped: they need `script` of util-linux. */
export const lacksTerminal = () => lacksPrograms('script', 'stty');

/** The built program on a terminal of 80 columns; stdout and stderr are one, as a person sees them. */
export async function runOnTerminal(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  { redirect = '' } = {},
): Promise<{ code: number | null; screen: string }> {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  const { PATH, HOME } = process.env;
  const child = spawn('script', ['-qec', `stty cols 80 rows 24; exec ${command} ${redirect}`, '/dev/null'], {
    env: { PATH, HOME, TERM: 'xterm-256color', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let screen = '';
  child.stdout.on('data', (data) => {
    screen += data;
  });
  const [code] = await once(child, 'close');
  return { code, screen };
}
