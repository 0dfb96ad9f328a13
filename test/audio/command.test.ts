import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CommandSource } from '../../src/audio/command.js';
import { ExitCode, UserError } from '../../src/errors.js';
import { systemClock } from '../../src/system/clock.js';
import type { Logger } from '../../src/types.js';
import { chirp, concatenate, silentLog, wavBytes } from '../support/sound.js';

const layout = { format: 's16le', sampleRateHz: 16_000, channels: 1 } as const;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'command-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const source = (command: string, log: Logger = silentLog) =>
  new CommandSource(command, layout, log, systemClock);

async function read(
  command: string,
  signal = new AbortController().signal,
  log?: Logger,
): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for await (const { samples } of source(command, log).chunks(signal)) parts.push(samples);
  return concatenate(parts);
}

/** Whether a process runs; where nobody reaps orphans, they stay as zombies. */
function isAlive(pid: number): boolean {
  return !/^$|^Z/.test(
    spawnSync('ps', ['-o', 'stat=', '-p', String(pid)])
      .stdout.toString()
      .trim(),
  );
}

describe('command source', () => {
  it('reads what the command writes and ends with it', async () => {
    const path = join(folder, 'clip.raw');
    await writeFile(path, wavBytes([chirp(100, 5000, 1)]).subarray(44));
    expect(await read(`cat ${path}; echo done >&2`)).toHaveLength(16_000);
  });

  it('says how the command failed, with its last words and without its passwords', async () => {
    const debug = vi.fn();
    const command = 'for i in 1 2 3 4; do echo "line $i of rtsp://me:secret@camera/1" >&2; done; exit 3';
    const error = await read(command, undefined, { ...silentLog, debug }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    const { code, message } = error as UserError;
    expect(code).toBe(ExitCode.unavailable);
    expect(message).toContain('exit code 3');
    expect(message).toContain('line 4 of rtsp://me:***@camera/1');
    expect(message).not.toContain('line 1 of rtsp');
    expect(JSON.stringify([message, debug.mock.calls, source(command).description])).not.toContain('secret');
  });

  it('says so of a command that is killed or does not exist', async () => {
    await expect(read('kill -SEGV $$')).rejects.toThrow('SIGSEGV');
    await expect(read('no-such-program-here')).rejects.toThrow(/exit code 127.*not found/);
  });

  it.each([
    ['that ends when asked', ''],
    ['that ignores SIGTERM', 'trap "" TERM;'],
  ])('ends a whole tree of processes %s', async (_, trap) => {
    const pids = join(folder, 'pids');
    await writeFile(pids, '');
    const command = `${trap} echo $$ >>${pids}; (${trap} sh -c 'echo $$ >>${pids}; while :; do sleep 0.2; done' & wait) & cat /dev/zero`;
    const stop = new AbortController();
    for await (const _chunk of source(command).chunks(stop.signal))
      if ((await readFile(pids, 'utf8')).split('\n').length > 2) stop.abort();
    const [shell, grandchild] = (await readFile(pids, 'utf8')).split('\n').map(Number);
    await vi.waitFor(() => expect([shell, grandchild].map((pid) => isAlive(pid!))).toEqual([false, false]));
  });

  it('ends the command when its reader goes away', async () => {
    const pids = join(folder, 'reader');
    for await (const _chunk of source(`echo $$ >${pids}; exec cat /dev/zero`).chunks(
      new AbortController().signal,
    ))
      break;
    expect(isAlive(Number(await readFile(pids, 'utf8')))).toBe(false);
  });

  it('ends without an error when it is stopped while the command says nothing', async () => {
    const stop = new AbortController();
    const reading = read('sleep 1000', stop.signal);
    setTimeout(() => stop.abort(), 50);
    expect(await reading).toHaveLength(0);
  });

  it('does not wait for a command that has closed its stdout', async () => {
    expect(await read('exec >&-; sleep 1000')).toHaveLength(0);
  });
});

const freezer = `/sys/fs/cgroup/freezer/bathnet-test-${process.pid}`;
const lacksFreezer = (() => {
  try {
    mkdirSync(freezer);
    return false;
  } catch {
    return true;
  }
})();
afterAll(() => {
  if (!lacksFreezer) rmdirSync(freezer);
});

/** What is frozen goes on as if it hung in a driver: SIGKILL does not end it. */
describe.skipIf(lacksFreezer)(
  'a command that cannot be ended (needs the freezer of cgroups, version 1)',
  () => {
    const freeze = (state: 'FROZEN' | 'THAWED') => writeFileSync(join(freezer, 'freezer.state'), state);
    const hanging = () =>
      readFileSync(join(freezer, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).length;
    const pipes = () => readdirSync('/proc/self/fd').length;

    it('is left behind with nothing open, and only so often, until it has ended', async () => {
      freeze('FROZEN');
      const before = pipes();
      const stuck = source(`echo $$ > ${freezer}/cgroup.procs; printf done`);
      const open = async () => {
        const stop = new AbortController();
        const hung = hanging();
        const opened = stuck.chunks(stop.signal).next();
        await vi.waitFor(() => expect(hanging()).toBe(hung + 1));
        stop.abort();
        await opened;
      };
      try {
        for (let i = 0; i < 3; i++) await open();
        expect(pipes()).toBe(before);
        const refused = {
          code: ExitCode.unavailable,
          message: expect.stringContaining('3 processes that had it'),
        };
        await expect(stuck.chunks(new AbortController().signal).next()).rejects.toMatchObject(refused);
        expect(hanging()).toBe(3);
      } finally {
        freeze('THAWED');
      }
      const heard = await vi.waitFor(async () => {
        const counts: number[] = [];
        const opened = stuck.chunks(new AbortController().signal);
        for await (const { samples } of opened) counts.push(samples.length);
        return counts;
      });
      expect(heard).toEqual([2]);
    }, 30_000);
  },
);
