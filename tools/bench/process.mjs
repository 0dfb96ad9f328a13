// Processes that are measured: started, waited for, and looked at in /proc from outside.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';

/** What hangs is ended. */
const LONGEST_MS = 600_000;
const TICKS_PER_SECOND = 100; // USER_HZ, the same on every Linux

/**
 * Runs a worker to its end. It prints one JSON object a line: the first when its first result is there, the last with
 * its figures.
 *
 * @returns the figures, and `firstResultMs` from the start of its process
 */
export async function runWorker(command, args) {
  const begin = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: LONGEST_MS });
  const complaints = [];
  child.stderr.on('data', (data) => complaints.push(data));
  const ended = once(child, 'close');
  let firstResultMs;
  let figures;
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) continue; // what a library prints by the way
    firstResultMs ??= performance.now() - begin;
    figures = JSON.parse(line);
  }
  const [code] = await ended;
  if (code !== 0 || !figures?.wholeMs)
    throw new Error(
      `${command} ${args[0]} ended with ${code}: ${Buffer.concat(complaints).toString().slice(-400)}`,
    );
  return { ...figures, firstResultMs };
}

/** CPU time that a process and its children have used, seconds; what they used before they ended counts as well. */
export function cpuSeconds(pid) {
  return family(pid).reduce((sum, each) => {
    const [user, system] = stat(each).slice(11, 13).map(Number);
    return sum + ((user ?? 0) + (system ?? 0)) / TICKS_PER_SECOND;
  }, 0);
}

/** Resident memory in MB: of the process itself, at most so far, and of its children. */
export function memoryMb(pid) {
  const [own, ...children] = family(pid);
  return {
    residentMb: statusMb(own, 'VmRSS'),
    highestMb: statusMb(own, 'VmHWM'),
    childrenMb: children.reduce((sum, each) => sum + statusMb(each, 'VmRSS'), 0),
  };
}

/** CPU time that the whole machine was busy, seconds. */
export function machineSeconds() {
  const [user, nice, system, , , interrupts, softInterrupts] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + interrupts + softInterrupts) / TICKS_PER_SECOND;
}

/** Watches how busy the machine is. @returns what says its share since then, all cores together, 0 to 1 */
export function watchMachine() {
  const [beginMs, begin] = [performance.now(), machineSeconds()];
  return () => ((machineSeconds() - begin) * 1000) / (performance.now() - beginMs) / cpus().length;
}

/** The process and its children; each thread has a list of those that it has started. */
function family(pid) {
  const lists = tasks(pid).map((task) => read(`/proc/${pid}/task/${task}/children`));
  return [pid, ...lists.join('').split(' ').filter(Boolean).map(Number)];
}

function tasks(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // gone since
  }
}

/** What follows the name in /proc/PID/stat: state, parent, … */
function stat(pid) {
  return read(`/proc/${pid}/stat`).split(') ').at(-1).split(' ');
}

function statusMb(pid, field) {
  const kib = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(read(`/proc/${pid}/status`))?.[1] ?? '0';
  return (Number(kib) * 1024) / 1e6;
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // gone since
  }
}
