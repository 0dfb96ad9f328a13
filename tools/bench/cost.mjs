// What more sound costs: more microphones in one process, more hours of files.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuSeconds, memoryMb, runWorker } from './process.mjs';
import { writeHour } from './scene.mjs';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const MICROPHONES = fileURLToPath(new URL('workers/microphones.mjs', import.meta.url));
const LOOK_MS = 100;

/** @returns of each count the share of a core and the memory of its process */
export async function costOfMicrophones({ folder }, counts, seconds) {
  const rows = [];
  for (const count of counts)
    rows.push({ count, ...(await runWorker(process.execPath, [MICROPHONES, folder, count, seconds])) });
  return rows;
}

/**
 * `classify` of as many files of an hour: decoding, log-mel, network and decision, on all cores.
 *
 * @returns of each number of hours how long it took, its CPU time, and its memory at most
 */
export async function costOfHours({ folder }, hours, dir) {
  if (hours.length === 0) return [];
  const hour = join(dir, 'hour.wav');
  await writeHour(hour);
  const rows = [];
  for (const count of hours) {
    const files = mkdtempSync(join(dir, 'hours-'));
    for (let i = 0; i < count; i++) linkSync(hour, join(files, `${i}.wav`));
    rows.push({ hours: count, ...(await classify(folder, files)) });
  }
  return rows;
}

async function classify(folder, files) {
  const begin = performance.now();
  const child = spawn(process.execPath, [MAIN, 'classify', files, '--model', folder, '--json'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  let seconds = 0;
  let highestMb = 0;
  const look = () => {
    seconds = Math.max(seconds, cpuSeconds(child.pid));
    highestMb = Math.max(highestMb, memoryMb(child.pid).highestMb);
  };
  const looking = setInterval(look, LOOK_MS);
  const [code] = await once(child, 'exit').finally(() => clearInterval(looking));
  if (code !== 0) throw new Error(`classify ${files} ended with ${code}`);
  return { wallSeconds: (performance.now() - begin) / 1000, cpuSeconds: seconds, highestMb };
}
