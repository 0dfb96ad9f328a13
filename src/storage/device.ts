import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import type { Clock, Logger } from '../types.js';
import { namesIn } from './feedback-records.js';
import { makeFolder, makeFolderSync, removeLeftovers } from './files.js';
import type { Lock } from './held-name.js';
import { keptText } from './kept-file.js';
import { isLocked, lockFolder, oneAtATime } from './lock.js';
import { isDeviceId, State } from './state.js';

/** What lay right in the state folder as long as it was one device's. */
const OLD_LAYOUT = ['settings.json', 'open-alarm.json', 'announced.json', 'outbox', 'feedback', 'clips'];
/** How often it is looked whether the folder is still the device's own. */
export const LOOK_MS = 10_000;
/** Where it is kept which sound the device listens to. */
const INPUT = 'input';
const HINT = 'Stop that one, or give each daemon its own device.id.';

interface InputOptions {
  readonly source: 'portaudio' | 'command' | 'file' | 'stdin';
  readonly device: string;
  readonly command?: string | undefined;
  readonly file?: string | undefined;
}

export interface OpenDevice {
  readonly id: string;
  /** That of all devices, models among them. */
  readonly stateFolder: string;
  /** What it keeps. */
  readonly state: State;
  /**
   * Looks from time to time whether the folder was removed or replaced, as by a disk that is mounted late: then it is
   * made and held again, and what the state knows is kept again. What could not be written is tried again as well.
   *
   * @param onReplaced keeps again what else must survive a restart
   * @returns what ends that
   */
  watch(onReplaced: () => void, clock: Clock): () => void;
  /** Lets another process have it, once all is written. */
  release(): Promise<void>;
}

/**
 * The id that a device has where none is configured: one made from this host, the same for all who ask.
 *
 * @throws UserError no input, where one is kept and cannot be read
 */
export function ownDeviceId(stateFolder: string, log: Logger): Promise<string> {
  return oneAtATime(stateFolder, async () => new State(stateFolder, log).deviceId());
}

/** Where a device keeps what is its own: several rooms may share one state folder. */
export function deviceFolder(stateFolder: string, id: string): string {
  return join(stateFolder, 'devices', id);
}

/** What a device keeps, to be looked at only: what an earlier version has left becomes its own at the next start. */
export function stateOf(stateFolder: string, id: string, log: Logger): State {
  const folder = deviceFolder(stateFolder, id);
  return new State(existsSync(folder) ? folder : stateFolder, log);
}

/**
 * Opens the folder of a device for this process alone.
 *
 * A device that has a new id keeps its folder, so that the old one can be taken back and no waiting alarm is lost. It
 * is the same device where it listens to the same sound, and no process has the folder.
 *
 * @param id configured; undefined: one made from this host
 * @param heard the sound it listens to
 * @param others ids of the other microphones of this process: what they have is theirs, also before they have started
 * @throws Taken where another process has it; UserError no input, where its id is kept and cannot be read
 */
export async function openDevice(
  stateFolder: string,
  id: string | undefined,
  heard: InputOptions,
  log: Logger,
  others: readonly string[] = [],
): Promise<OpenDevice> {
  const input = nameOf(heard);
  const common = new State(stateFolder, log);
  const opened = await oneAtATime(stateFolder, async () => {
    const deviceId = id ?? common.deviceId();
    const folder = deviceFolder(stateFolder, deviceId);
    try {
      if (!existsSync(folder)) moveOldLayout(stateFolder, deviceId);
      if (!existsSync(folder)) await takeOver(stateFolder, folder, input, others, log);
      makeFolderSync(folder);
    } catch (error) {
      log.debug({ folder, problem: messageOf(error) }, 'the folder of the device cannot be made');
    }
    return { deviceId, folder, lock: await lockDevice(folder, deviceId, log) };
  });
  const { deviceId, folder } = opened;
  let { lock } = opened;
  removeLeftovers(folder);
  const state = new State(folder, log);
  if (keptText(state, INPUT) !== input) state.write(INPUT, input);
  let looking = Promise.resolve();
  const release = async () => {
    await looking;
    await state.settled(); // what is still being written must not land in the hands of the next one
    await lock.release();
  };
  const takeAgain = async () => {
    await lock.release();
    await makeFolder(folder);
    lock = await lockDevice(folder, deviceId, log);
    log.error(
      { folder },
      'the folder of the device was removed or replaced: what waits and what is set is kept there again, and what else lies there counts from the next start on',
    );
    common.keepAgain();
    state.keepAgain();
  };
  const watch = (onReplaced: () => void, clock: Clock) => {
    let cancel = () => {};
    let ended = false;
    let said: string | undefined;
    const look = async () => {
      try {
        if (!(await lock.holds())) await takeAgain().then(onReplaced);
        state.writeAgain();
        said = undefined;
      } catch (error) {
        const problem = messageOf(error);
        if (problem !== said)
          log.error({ folder, problem }, 'the folder of the device cannot be taken again');
        said = problem;
      }
      if (!ended) lookLater();
    };
    const lookLater = () => {
      cancel = clock.after(LOOK_MS, () => {
        looking = look();
      });
    };
    lookLater();
    return () => {
      ended = true;
      cancel();
    };
  };
  return { id: deviceId, stateFolder, state, watch, release };
}

function lockDevice(folder: string, id: string, log: Logger): Promise<Lock> {
  return lockFolder(folder, { purpose: `the device ${id}`, hint: HINT }, log);
}

/**
 * Where verdicts on alarms lie, of all devices and of the one that an earlier version knew.
 *
 * @throws UserError no input, where the devices cannot be read
 */
export function feedbackFolders(stateFolder: string): string[] {
  const all = join(stateFolder, 'devices');
  const ids = namesIn(all).sort();
  return [stateFolder, ...ids.map((id) => join(all, id))].map((folder) => join(folder, 'feedback'));
}

/** Two devices of one host listen to different sound. */
function nameOf({ source, device, command, file }: InputOptions): string {
  return [source, { portaudio: device, command, file, stdin: '' }[source]].join(':');
}

/** The device that is announced there, or else this one, gets what an earlier version has left. */
function moveOldLayout(stateFolder: string, deviceId: string): void {
  const old = OLD_LAYOUT.filter((name) => existsSync(join(stateFolder, name)));
  if (old.length === 0) return;
  const folder = deviceFolder(stateFolder, announcedId(stateFolder) ?? deviceId);
  makeFolderSync(folder);
  for (const name of old) renameSync(join(stateFolder, name), join(folder, name));
}

async function takeOver(
  stateFolder: string,
  folder: string,
  input: string,
  others: readonly string[],
  log: Logger,
): Promise<void> {
  const all = join(stateFolder, 'devices');
  const ids = existsSync(all) ? readdirSync(all) : [];
  for (const id of ids.filter((each) => !others.includes(each))) {
    const old = join(all, id);
    const kept = keptText(new State(old, log), INPUT);
    // Earlier versions did not say what they listened to: it was the one device there was.
    if ((kept ?? input) !== input || (await isLocked(old))) continue;
    renameSync(old, folder);
    log.info({ before: id }, 'the device has a new id and keeps what it had under the old one');
    return;
  }
}

function announcedId(folder: string): string | undefined {
  try {
    const { deviceId } = JSON.parse(readFileSync(join(folder, 'announced.json'), 'utf8'));
    return isDeviceId(deviceId) ? deviceId : undefined;
  } catch {
    return undefined;
  }
}
