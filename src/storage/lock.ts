import { closeSync, mkdirSync, openSync, rmdirSync, statSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExitCode, messageOf, UserError } from '../errors.js';
import type { Logger } from '../types.js';
import { makeFolderSync } from './files.js';

const NAME = 'lock';
/** Of sun_path, unix(7), with a little room. */
const LONGEST_PATH = 100;
const ANSWER_MS = 2000;
const OPENING = 'opening';
/** Longer than opening a device takes, on a slow card too. */
const LONGEST_OPENING_MS = 5000;
const LOOK_AGAIN_MS = 20;

/** Another process has it. */
export class Taken extends UserError {}

/**
 * Does the work while no other process does such work in this folder: what nobody has held a moment ago is in somebody's
 * hands a moment later. Whoever was killed meanwhile keeps the others for some seconds, not for ever, and a folder that
 * cannot be written keeps nobody.
 */
export async function oneAtATime<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const path = join(folder, OPENING);
  try {
    makeFolderSync(folder);
  } catch {
    return work();
  }
  let waitedFor: string | undefined;
  let until = 0;
  while (!canMake(path)) {
    const holder = lookAt(path);
    if (holder !== waitedFor) {
      waitedFor = holder;
      until = performance.now() + LONGEST_OPENING_MS;
    } else if (performance.now() >= until && !remove(path)) break;
    await sleep(LOOK_AGAIN_MS);
  }
  try {
    return await work();
  } finally {
    remove(path);
  }
}

/**
 * Keeps a folder for this process alone, until it ends in whatever way: a socket on which it says who it is. A file
 * with a process id would not do; two containers that share a folder may both be process 1.
 *
 * @param purpose what the folder is for, as in `the device bathroom`
 * @returns what gives it free
 * @throws Taken where another process has it
 */
export async function lockFolder(folder: string, purpose: string, log: Logger): Promise<() => Promise<void>> {
  const { path, close } = shortPath(folder);
  const holder = await askHolder(path);
  if (holder !== undefined) {
    close();
    throw new Taken(
      ExitCode.unavailable,
      `${purpose} is in the hands of another process (${holder || 'it does not say which'}), which holds ${join(folder, NAME)}`,
      'Stop that one, or give each daemon its own device.id.',
    );
  }
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`process ${process.pid}`);
  });
  try {
    removeSocket(path);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(path, resolve);
    });
  } catch (error) {
    close();
    log.debug({ folder, problem: messageOf(error) }, 'the folder cannot be locked');
    return async () => {};
  }
  server.unref();
  return () =>
    new Promise((resolve) => {
      server.close(() => {
        close();
        resolve();
      });
    });
}

/** Whether a process holds the folder just now. */
export async function isLocked(folder: string): Promise<boolean> {
  const { path, close } = shortPath(folder);
  const holder = await askHolder(path);
  close();
  return holder !== undefined;
}

/** What the holder says of itself; undefined where there is none. */
function askHolder(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let said = '';
    let connected = false;
    const socket = connect(path)
      .setEncoding('utf8')
      .setTimeout(ANSWER_MS, () => socket.destroy())
      .on('connect', () => {
        connected = true;
      })
      .on('data', (text) => {
        said += text;
      })
      .on('error', () => {})
      .on('close', () => resolve(connected ? said : undefined));
  });
}

/** Of a process that was killed. rmSync would ask what it is, which leads modules astray (test/linked-packages.test.ts). */
function removeSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** A socket's path must be short; Linux reaches a folder by its descriptor, too. */
function shortPath(folder: string): { path: string; close(): void } {
  const path = join(folder, NAME);
  if (path.length <= LONGEST_PATH || process.platform !== 'linux') return { path, close: () => {} };
  try {
    const descriptor = openSync(folder, 'r');
    return { path: `/proc/self/fd/${descriptor}/${NAME}`, close: () => closeSync(descriptor) };
  } catch {
    return { path, close: () => {} };
  }
}

/** False where somebody else has made it before. */
function canMake(path: string): boolean {
  try {
    mkdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
  }
  return true;
}

/** Tells one holder from the next. */
function lookAt(path: string): string {
  try {
    const { ino, mtimeMs } = statSync(path);
    return `${ino} ${mtimeMs}`;
  } catch {
    return '';
  }
}

function remove(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
