import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const HEARTBEAT = fileURLToPath(new URL('../../dist/system/heartbeat.js', import.meta.url));

/** Runs code in a process that is watched over and obeys signals, and waits until it says `ready`. */
async function start(longestMs: number, code: string) {
  const script = `
    import { watchOver } from '${HEARTBEAT}';
    const watch = watchOver(${longestMs});
    const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    const ready = () => process.stdout.write('ready');
    setTimeout(() => { ${code} }, 500); // the thread has begun by then
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  await Promise.race([once(child.stdout, 'data'), ended]);
  return { kill: (signal: NodeJS.Signals) => child.kill(signal), ended };
}

const NEVER = 2 ** 30;

it('ends a process that hangs', async () => {
  const { ended } = await start(1000, 'sleep()');
  expect(await ended).toEqual([null, 'SIGKILL']);
});

it('allows it more or less from some time on', async () => {
  const { ended } = await start(NEVER, 'watch.allow(1000); sleep()');
  expect(await ended).toEqual([null, 'SIGKILL']);
});

it.each(['SIGTERM', 'SIGINT'] as const)('ends one that hangs and is asked to stop: %s', async (signal) => {
  const { kill, ended } = await start(NEVER, `process.on('${signal}', () => {}); ready(); sleep();`);
  // On a busy machine the thread may hear the first ones not yet; one that it hears needs no second.
  const asking = setInterval(() => kill(signal), 3000);
  kill(signal);
  expect(await ended).toEqual([null, 'SIGKILL']);
  clearInterval(asking);
});

it('leaves one alone that lives and takes its time to stop', async () => {
  const stop = 'setTimeout(() => { watch.end(); setTimeout(() => process.exit(7), 200); }, 2500)';
  const { kill, ended } = await start(
    NEVER,
    `setInterval(() => {}, 100); process.on('SIGTERM', () => ${stop}); ready();`,
  );
  kill('SIGTERM');
  expect(await ended).toEqual([7, null]);
});

it('lets a second signal end it at once, as that signal does', async () => {
  const forget = "process.removeAllListeners('SIGTERM'); process.kill(process.pid, 'SIGTERM');";
  const code = `let asked = 0; process.on('SIGTERM', () => { process.stdout.write('asked'); if (++asked === 2) { ${forget} } });`;
  const { kill, ended } = await start(NEVER, `setInterval(() => {}, 100); ${code} ready();`);
  kill('SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 300)); // two at the same moment are one
  kill('SIGTERM');
  expect(await ended).toEqual([null, 'SIGTERM']);
});

it('keeps no process', async () => {
  const { ended } = await start(NEVER, '');
  expect(await ended).toEqual([0, null]);
});
