import { closeSync, openSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { ExitCode, messageOf, UserError } from '../errors.js';
import type { Logger } from '../types.js';

const NAME = 'lock';
/** Of sun_path, unix(7), with a little room. */
const LONGEST_PATH = 100;
const ANSWER_MS = 2000;

/**
 * Keeps a folder for this process alone, until it ends in whatever way: a socket on which it says who it is. A file
 * with a process id would not do; two containers that share a folder may both be process 1.
 *
 * @param purpose what the folder is for, as in `the device bathroom`
 * @returns what gives it free
 * @throws UserError unavailable, where another process has it
 */
export async function lockFolder(folder: string, purpose: string, log: Logger): Promise<() => Promise<void>> {
  const { path, close } = shortPath(folder);
  const holder = await askHolder(path);
  if (holder !== undefined) {
    close();
    throw new UserError(
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
