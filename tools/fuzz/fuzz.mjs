// Feeds the program damaged files, configurations and messages, and says where it does anything but refuse them
// clearly: npm run fuzz. README.md says what is checked.
//
//   --cases N         of each target (default 100000); the first N of a seed are always the same
//   --seconds N       of each target at most (default: no limit)
//   --seed N          other cases (default 1)
//   --targets A,B     these only
//   --from N          begin with this case
//   --replay FILE     run one input that was saved, with --targets A
//   --out FOLDER      where inputs of findings are saved (default fuzz-findings)
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { targets } from './targets.mjs';

const WORKER = fileURLToPath(new URL('worker.mjs', import.meta.url));
/** A case that does not end within this is ended from outside; long, because the machine may be busy. */
const HANG_MS = 30_000;
const LOOK_MS = 500;
/** A target with so many findings is given up. */
const MOST_FINDINGS = 10;

const { values: flags } = parseArgs({
  options: {
    cases: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '1e9' },
    seed: { type: 'string', default: '1' },
    targets: { type: 'string', default: Object.keys(targets).join() },
    from: { type: 'string', default: '0' },
    replay: { type: 'string' },
    out: { type: 'string', default: 'fuzz-findings' },
  },
});
const names = flags.targets.split(',');
for (const name of names)
  if (!Object.hasOwn(targets, name))
    throw new Error(`no target ${name}; there are ${Object.keys(targets).join(', ')}`);

const scratch = mkdtempSync(join(tmpdir(), 'bathnet-fuzz-'));
const failed = [];
const waiting = [...names];
console.log('target        cases   refused  slowest ms  most MB  findings');
await Promise.all(Array.from({ length: availableParallelism() }, work));
rmSync(scratch, { recursive: true, force: true });
if (failed.length > 0) {
  console.error(`${failed.length} findings:\n${failed.join('\n')}`);
  process.exitCode = 1;
}

async function work() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await fuzz(name);
}

/** Runs all cases of a target, in a new process after each one that did not survive. */
async function fuzz(name) {
  const total = { cases: 0, refused: 0, slowestMs: 0, mostBytes: 0 };
  const findings = [];
  const endMs = performance.now() + Number(flags.seconds) * 1000;
  const to = Number(flags.from) + (flags.replay ? 1 : Number(flags.cases));
  for (let from = Number(flags.from); from < to && findings.length < MOST_FINDINGS; ) {
    const seconds = (endMs - performance.now()) / 1000;
    if (seconds <= 0) break;
    const part = await run(name, { from, to, seconds, replay: flags.replay });
    findings.push(...part.findings);
    if (part.total) {
      total.cases += part.total.cases;
      total.refused += part.total.refused;
      total.slowestMs = Math.max(total.slowestMs, part.total.slowestMs);
      total.mostBytes = Math.max(total.mostBytes, part.total.mostBytes);
      break;
    }
    total.cases += part.last + 1 - from;
    from = part.last + 1;
  }
  for (const finding of findings) failed.push(await describe(name, finding));
  const { cases, refused, slowestMs, mostBytes } = total;
  const cells = [cases, refused, slowestMs.toFixed(0), (mostBytes / 1e6).toFixed(0), findings.length];
  console.log(
    name.padEnd(11) + cells.map((cell, i) => String(cell).padStart([8, 10, 12, 9, 10][i])).join(''),
  );
}

/** One worker, watched: it tells what it finds, and its progress file where it was when it did not come back. */
async function run(name, job) {
  const progress = join(scratch, `${name}.progress`);
  writeFileSync(progress, position(job.from - 1)); // nothing has begun yet
  const lastCase = () => readFileSync(progress).readDoubleLE();
  const findings = [];
  let total;
  const child = fork(WORKER, [name, JSON.stringify({ seed: Number(flags.seed), progress, ...job })], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.on('message', (message) => {
    if (message.finding) findings.push(message.finding);
    total = message.total ?? total;
    if (findings.length >= MOST_FINDINGS) child.kill('SIGKILL');
  });
  let seen = { last: job.from - 1, atMs: performance.now() };
  const watchdog = setInterval(() => {
    const last = lastCase();
    if (last !== seen.last) seen = { last, atMs: performance.now() };
    else if (last >= job.from && performance.now() - seen.atMs > HANG_MS) {
      findings.push({ number: last, kind: 'hang', what: `no end after ${HANG_MS} ms` });
      child.kill('SIGKILL');
    }
  }, LOOK_MS);
  const [code, signal] = await new Promise((resolve) => child.on('close', (...how) => resolve(how)));
  clearInterval(watchdog);
  const last = lastCase();
  if (total === undefined && !findings.some(({ number }) => number === last))
    findings.push({ number: last, kind: 'crash', what: `the process ended: ${signal ?? code}` });
  return { findings, total, last };
}

function position(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(number);
  return bytes;
}

/** Saves the input, so that it can be looked at and replayed. */
async function describe(name, { number, kind, what }) {
  if (flags.replay) return `${name} ${kind}: ${what}`;
  mkdirSync(flags.out, { recursive: true });
  const path = join(flags.out, `${name}-${flags.seed}-${number}`);
  await new Promise((resolve) => {
    const job = JSON.stringify({ seed: Number(flags.seed), from: number, save: path });
    fork(WORKER, [name, job], { execArgv: ['--expose-gc'] }).on('close', resolve);
  });
  return `${name} case ${number} of seed ${flags.seed}, ${kind}: ${what}\n  again: npm run fuzz -- --targets ${name} --replay ${path}`;
}
