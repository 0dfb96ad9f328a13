import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, linkSync, openSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { access, constants, stat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';

/** Of sun_path, unix(7), with a little room. */
const LONGEST_PATH = 105;
/** What may be added to a name for a moment. */
const LONGEST_END = '.01234567.dead'.length;
const ANSWER_MS = 2000;
/** It is another user's, or too many ask one that hangs. */
const OF_THE_LIVING: readonly (string | undefined)[] = ['EACCES', 'EAGAIN'];

/** What keeps others out, until this process ends in whatever way. */
export interface Lock {
  /** False where others can come in meanwhile: the folder was removed or replaced. */
  holds(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * Takes a name in a folder: a socket on which the process says who it is. A file with a process id would not do; two
 * containers that share a folder may both be process 1. Where the file system takes no sockets or nothing at all, the
 * name is taken on this host alone.
 *
 * @returns what gives it back; where another process has it, what that says of itself, nothing where it hangs
 * @throws Error where neither is possible
 */
export async function hold(folder: string, name: string): Promise<Lock | string> {
  await access(folder, constants.X_OK); // else each name in it would look like another user's
  const holder = await holderOf(folder, name);
  return holder ?? (await holdInFolder(folder, name).catch(() => holdOnHost(folder, name)));
}

/** What the holder says of itself; undefined where there is none. */
export async function holderOf(folder: string, name: string): Promise<string | undefined> {
  const { at, close } = reach(folder, name);
  const holder = await ask(at(name));
  close();
  return holder ?? (await askOnHost(folder, name));
}

/** It listens before it gets its name, which link(2) gives one only: nobody takes it for that of a dead process. */
async function holdInFolder(folder: string, name: string): Promise<Lock | string> {
  const { at, close } = reach(folder, name);
  const first = at(`${name}.${randomBytes(4).toString('hex')}`);
  let server: Server | undefined;
  const end = () =>
    new Promise<void>((resolve) => {
      if (!server) resolve();
      else server.close(() => resolve()); // removes `first` as well
    }).finally(close);
  try {
    server = await listen(first);
    chmodSync(first, 0o666); // else another user could not tell it from that of the living once this process is dead
    while (!isNamed(first, at(name))) {
      const holder = await ask(at(name));
      if (holder !== undefined) return await end().then(() => holder);
      await removeDead(at(name), `${first}.dead`);
    }
    unlinkSync(first);
  } catch (error) {
    await end();
    throw error;
  }
  const path = join(folder, name);
  const own = await identityOf(path);
  let released: Promise<void> | undefined;
  // Once it is given back, another file may have its number.
  const holds = async () => !released && own !== undefined && (await identityOf(path)) === own;
  const giveBack = async () => {
    if ((await identityOf(path)) === own) await unlink(path).catch(() => {}); // removed in this moment
    await end();
  };
  const release = () => {
    released ??= giveBack();
    return released;
  };
  return { holds, release };
}

async function holdOnHost(folder: string, name: string): Promise<Lock | string> {
  try {
    const own = await identityOf(folder);
    const server = await listen(onHost(folder, name));
    return {
      holds: async () => (await identityOf(folder)) === own,
      release: () => new Promise((resolve) => server.close(() => resolve())),
    };
  } catch (error) {
    const holder = await askOnHost(folder, name); // it was quicker
    if (holder === undefined) throw error;
    return holder;
  }
}

/** False where it is somebody's already. */
function isNamed(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Takes it out of the way before it looks again whether it is dead: meanwhile it may be that of a living process. */
async function removeDead(path: string, aside: string): Promise<void> {
  try {
    renameSync(path, aside);
  } catch {
    return; // another process has done it
  }
  if ((await ask(aside)) !== undefined) isNamed(aside, path);
  unlinkSync(aside);
}

function listen(path: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`process ${process.pid}`);
  });
  return new Promise((resolve, reject) => {
    server
      .once('error', reject)
      .listen(path, () => resolve(server))
      .unref();
  });
}

function ask(path: string): Promise<string | undefined> {
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
      .on('error', ({ code }: NodeJS.ErrnoException) => {
        connected ||= OF_THE_LIVING.includes(code);
      })
      .on('close', () => resolve(connected ? said : undefined));
  });
}

async function askOnHost(folder: string, name: string): Promise<string | undefined> {
  try {
    return await ask(onHost(folder, name));
  } catch {
    return undefined; // no such folder
  }
}

/** In the abstract namespace, unix(7), which only Linux has. */
function onHost(folder: string, name: string): string {
  if (process.platform !== 'linux') throw new Error('this file system takes no sockets');
  const { dev, ino } = statSync(folder);
  return `\0bathnet2mqtt ${dev} ${ino} ${name}`;
}

/** A socket's path must be short; Linux reaches a folder by its descriptor, too. */
function reach(folder: string, name: string): { at(name: string): string; close(): void } {
  if (join(folder, name).length <= LONGEST_PATH - LONGEST_END || process.platform !== 'linux')
    return { at: (name) => join(folder, name), close: () => {} };
  try {
    const descriptor = openSync(folder, 'r');
    const at = (name: string) => `/proc/self/fd/${descriptor}/${name}`;
    let open = true;
    const close = () => {
      if (open) closeSync(descriptor);
      open = false;
    };
    return { at, close };
  } catch {
    return { at: (name) => join(folder, name), close: () => {} };
  }
}

/** The very file that has the name now. Not statSync, nor rmSync: they lead modules astray (test/linked-packages.test.ts). */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path);
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}
