// The whole daemon, with a broker: how soon it says what it hears, and what it costs in real time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Aedes } from 'aedes';
import { connectAsync } from 'mqtt';
import { cpuSeconds, memoryMb } from './process.mjs';
import { SCENE } from './scene.mjs';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** What systemd/bathnet2mqtt.service and the image set. */
const UNIT_ENVIRONMENT = { MALLOC_MMAP_THRESHOLD_: '131072' };
/** After this the start is over at the latest: modules are loaded, the first windows heard. */
const STARTED_MS = 10_000;
/** Even on a busy machine it has said something by then. */
const LONGEST_START_MS = 120_000;

/** From the start of the process to the first class on the broker, milliseconds; its sound is there at once. */
export function timeStart(subject) {
  return withBroker(async (url, subscriber) => {
    const begin = performance.now();
    const first = new Promise((resolve) => {
      subscriber.on('message', (topic) => topic.endsWith('/class') && resolve(performance.now() - begin));
    });
    return withDaemon(subject, url, ['--source', `file:${SCENE}`, '--speed', '1000'], () =>
      Promise.race([first, tooLate(subject)]),
    );
  });
}

/**
 * Daemons side by side in real time.
 *
 * @param source what they listen to; a file is played again and again
 * @returns of each its memory at the end and its CPU time for an hour of sound, the start left out
 */
export function listen(subjects, minutes, source) {
  return withBroker(async (url) => {
    const pids = [];
    const start = ([subject, ...rest]) =>
      subject
        ? withDaemon(subject, url, ['--source', source, '--loop'], (pid) => {
            pids.push(pid);
            return start(rest);
          })
        : watch();
    const watch = async () => {
      await sleep(Math.min(STARTED_MS, minutes * 60_000)); // who listens for seconds only wants to see that it runs
      const before = pids.map(cpuSeconds);
      const begin = performance.now();
      await sleep(minutes * 60_000);
      const hours = (performance.now() - begin) / 3_600_000;
      return pids.map((pid, i) => ({
        ...memoryMb(pid),
        cpuSecondsPerHour: (cpuSeconds(pid) - before[i]) / hours,
      }));
    };
    return start(subjects);
  });
}

async function tooLate({ model, name }) {
  await sleep(LONGEST_START_MS, undefined, { ref: false });
  throw new Error(`the daemon with ${model}, ${name} said nothing within ${LONGEST_START_MS / 1000} s`);
}

async function withBroker(action) {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `mqtt://127.0.0.1:${server.address().port}`;
  const subscriber = await connectAsync(url);
  await subscriber.subscribeAsync('bathnet/#', { qos: 1 });
  try {
    return await action(url, subscriber);
  } finally {
    await subscriber.endAsync(true);
    await new Promise((resolve) => aedes.close(() => server.close(resolve)));
  }
}

async function withDaemon({ folder, engine, precision, name }, url, args, action) {
  const stateDir = mkdtempSync(join(tmpdir(), 'bathnet2mqtt-bench-'));
  const settings = [
    `device.id=${name.replaceAll(/\W+/g, '-')}`,
    `stateDir=${stateDir}`,
    `model.engine=${engine}`,
    `model.precision=${precision}`,
  ].flatMap((setting) => ['--set', setting]);
  const flags = ['--mqtt-url', url, '--model', folder, '--log-level', 'error', ...settings, ...args];
  const daemon = spawn(process.execPath, [MAIN, 'run', ...flags], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...UNIT_ENVIRONMENT },
  });
  const exited = once(daemon, 'exit');
  try {
    const failed = exited.then(([code]) => {
      throw new Error(`the daemon with ${name} ended with ${code}`);
    });
    return await Promise.race([action(daemon.pid), failed]);
  } finally {
    daemon.kill();
    await exited;
    rmSync(stateDir, { recursive: true });
  }
}
