import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockFolder, oneAtATime } from '../../src/storage/lock.js';
import { recordingLog } from '../publish/samples.js';

const DIST = fileURLToPath(new URL('../../dist/storage/', import.meta.url));
const WHAT = { purpose: 'the folder', hint: 'Wait.' };

let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bathnet-lock-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A process of its own with the lock's functions, on a host that has nothing of its own to be known by. */
function start(script: string) {
  const head = `
    import fs from 'node:fs';
    import os from 'node:os';
    import { syncBuiltinESMExports } from 'node:module';
    const [folder] = process.argv.slice(1);
    const { readFileSync } = fs;
    fs.readFileSync = (path, ...more) => {
      if (/^\\/(etc|var|sys)\\//.test(path)) throw new Error('not here');
      return readFileSync(path, ...more);
    };
    os.networkInterfaces = () => ({});
    const say = (text) => fs.writeSync(1, text + '\\n');
    const stop = (signal) => process.kill(process.pid, signal);
    const live = () => setInterval(() => {}, 1000);
    const log = { debug() {}, info() {}, warn: (_, text) => say(text), error() {} };
    const what = ${JSON.stringify(WHAT)};
    const lock = async () => {
      try {
        await lockFolder(folder, what, log);
        say('locked');
        live();
      } catch (error) {
        say(error.message);
      }
    };
    // What looks at files is loaded when they are as they shall be.
    const load = async () => {
      syncBuiltinESMExports();
      const { lockFolder, oneAtATime } = await import('${DIST}lock.js');
      const { openDevice } = await import('${DIST}device.js');
      Object.assign(globalThis, { lockFolder, oneAtATime, openDevice });
    };
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', `${head}${script}`, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  let said = '';
  child.stdout.on('data', (data) => {
    said += data;
  });
  const hears = async (text: string) => {
    while (!said.includes(text)) await once(child.stdout, 'data');
  };
  return { child, hears, said: () => said };
}

async function killed(script: string): Promise<void> {
  const { child } = start(script);
  const [, signal] = await once(child, 'exit');
  expect(signal).toBe('SIGKILL');
}

describe('a folder', () => {
  it('is free again after its holder was killed, at once', async () => {
    await killed(`await load(); await lockFolder(folder, what, log); stop('SIGKILL');`);
    const lock = await lockFolder(folder, WHAT, recordingLog());
    expect(readdirSync(folder)).toEqual(['lock']);
    expect(await lock.holds()).toBe(true);
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)('is free again for another user, too (needs root)', async () => {
    await killed(`await load(); await lockFolder(folder, what, log); stop('SIGKILL');`);
    chmodSync(folder, 0o777);
    const other = start(`await load(); process.setuid(65534); await lock();`);
    await other.hears('\n');
    expect(other.said()).toBe('locked\n');
    await expect(lockFolder(folder, WHAT, recordingLog())).rejects.toThrow('process');
  });

  it('given back twice is not taken from the next one', async () => {
    const first = await lockFolder(folder, WHAT, recordingLog());
    await first.release();
    const next = await lockFolder(folder, WHAT, recordingLog());
    await first.release();
    expect([await first.holds(), await next.holds()]).toEqual([false, true]);
    await next.release();
  });

  it('stays with a holder that hangs, and the second is told that', async () => {
    const { child, hears } = start(`await load(); await lock();`);
    await hears('locked');
    child.kill('SIGSTOP');
    await expect(lockFolder(folder, WHAT, recordingLog())).rejects.toThrow('it does not answer');
  });

  it('is not taken from one that took it over from a dead one a moment earlier', async () => {
    await killed(`await load(); await lockFolder(folder, what, log); stop('SIGKILL');`);
    const slow = start(`
      for (const call of ['unlinkSync', 'renameSync']) {
        const real = fs[call];
        fs[call] = (path, ...more) => {
          const first = path.endsWith('/lock') && !globalThis.stopped;
          globalThis.stopped ||= first;
          if (first) say('sees a dead one');
          if (first) stop('SIGSTOP');
          return real(path, ...more);
        };
      }
      await load();
      await lock();
    `);
    await slow.hears('sees a dead one');
    const lock = await lockFolder(folder, WHAT, recordingLog());
    // More than once: it may not have stopped yet.
    const goOn = setInterval(() => slow.child.kill('SIGCONT'), 20);
    await slow.hears(`process ${process.pid}`).finally(() => clearInterval(goOn));
    expect(slow.said()).not.toContain('locked');
    expect(await lock.holds()).toBe(true);
    expect(readdirSync(folder)).toEqual(['lock']);
    await lock.release();
  });

  it('is no more held where it was removed', async () => {
    const lock = await lockFolder(folder, WHAT, recordingLog());
    rmSync(folder, { recursive: true });
    expect(await lock.holds()).toBe(false);
    await lock.release();
  });

  it.runIf(process.platform === 'linux')('is locked on this host where it takes no sockets', async () => {
    const what = { ...WHAT, name: randomUUID() };
    const log = recordingLog();
    const lock = await lockFolder('/proc', what, log);
    await expect(lockFolder('/proc', what, log)).rejects.toThrow(`process ${process.pid}`);
    await lock.release();
    await lockFolder('/proc', what, log).then((again) => again.release());
    expect(log.lines).toEqual([]);
  });

  it.runIf(process.platform === 'linux')('is no more held where it took no sockets, either', async () => {
    const child = spawn('sleep', ['600']);
    children.push(child);
    const lock = await lockFolder(`/proc/${child.pid}`, WHAT, recordingLog());
    expect(await lock.holds()).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await lock.holds()).toBe(false);
    await lock.release();
  });

  it.runIf(process.getuid?.() === 0)(
    'that this user may not enter is not taken for held (needs root)',
    async () => {
      chmodSync(folder, 0o700);
      const other = start(`await load(); process.setuid(65534); await lock();`);
      await other.hears('locked\n');
      expect(other.said()).toMatch(/^the folder cannot be locked: .*\nlocked\n$/);
    },
  );

  it('that cannot be locked is worth a warning', async () => {
    const log = recordingLog();
    await lockFolder(join(folder, 'missing'), WHAT, log);
    expect(log.lines.join()).toContain('nothing keeps a second process out of it');
  });
});

describe('what one does at a time', () => {
  it('is done at once where another was killed in the middle of it', async () => {
    await killed(`await load(); await oneAtATime(folder, async () => stop('SIGKILL'));`);
    await oneAtATime(folder, async () => expect(readdirSync(folder)).toEqual(['opening']));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is the id of a host that has none of its own: all who start at once have the same', async () => {
    const daemons = [1, 2, 3].map(() =>
      start(`
        await load();
        say('ready');
        await new Promise((resolve) => process.stdin.once('data', resolve));
        try {
          const { id } = await openDevice(folder, undefined, { source: 'stdin', device: '' }, log);
          say('has it: ' + id + '.');
          live();
        } catch (error) {
          say('refused: ' + error.message + '.');
          process.exit();
        }
      `),
    );
    await Promise.all(daemons.map(({ hears }) => hears('ready')));
    for (const { child } of daemons) child.stdin?.write('go');
    await Promise.all(daemons.map(({ hears }) => hears('.')));
    expect(daemons.filter(({ said }) => said().includes('has it'))).toHaveLength(1);
    expect(daemons.filter(({ said }) => said().includes('refused'))).toHaveLength(2);
    expect(readdirSync(join(folder, 'devices'))).toHaveLength(1);
    expect(readdirSync(folder).sort()).toEqual(['device-id', 'devices']);
  });
});
