import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExitCode, messageOf, UserError } from '../errors.js';
import type { Logger } from '../types.js';
import { makeFolderSync } from './files.js';
import { hold, holderOf, type Lock } from './held-name.js';

const NAME = 'lock';
const OPENING = 'opening';
/** Longer than opening a device takes, on a slow card too. */
const LONGEST_OPENING_MS = 30_000;
const LOOK_AGAIN_MS = 20;

/** Another process has it. */
export class Taken extends UserError {}

/** What it is that is locked, for whoever is refused. */
interface Refusal {
  /** As in `the device bathroom`. */
  readonly purpose: string;
  /** What to do about it. */
  readonly hint: string;
  /** Of the lock in the folder. */
  readonly name?: string;
}

/**
 * Keeps a folder for this process alone, until it ends in whatever way.
 *
 * @throws Taken where another process has it
 */
export async function lockFolder(
  folder: string,
  { purpose, hint, name = NAME }: Refusal,
  log: Pick<Logger, 'warn'>,
): Promise<Lock> {
  const lock = await hold(folder, name).catch((error) => {
    log.warn(
      { folder, problem: messageOf(error) },
      'the folder cannot be locked: nothing keeps a second process out of it. Set stateDir to a folder that can be written',
    );
    const missing = !existsSync(folder); // a disk may be mounted late
    return { holds: async () => !missing, release: async () => {} };
  });
  if (typeof lock !== 'string') return lock;
  throw new Taken(
    ExitCode.unavailable,
    `${purpose} is in the hands of another process (${lock || 'it does not answer: it hangs, or is stopped'}), which holds ${join(folder, name)}`,
    hint,
  );
}

/**
 * Does the work while no other process does such work in this folder: what nobody has held a moment ago is in somebody's
 * hands a moment later. One that hangs keeps the others for a while, not for ever, and a folder that cannot be locked
 * keeps nobody.
 */
export async function oneAtATime<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = await waitFor(folder).catch(() => undefined); // the lock of the device will say so
  try {
    return await work();
  } finally {
    await lock?.release();
  }
}

/** Whether a process holds the folder just now. */
export async function isLocked(folder: string): Promise<boolean> {
  return (await holderOf(folder, NAME)) !== undefined;
}

async function waitFor(folder: string): Promise<Lock | undefined> {
  makeFolderSync(folder);
  const until = performance.now() + LONGEST_OPENING_MS;
  do {
    const lock = await hold(folder, OPENING);
    if (typeof lock !== 'string') return lock;
    await sleep(LOOK_AGAIN_MS);
  } while (performance.now() < until);
  return undefined;
}
