import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ExitCode, messageOf, UserError } from '../errors.js';
import type { AlarmEnded, AlarmStarted, Logger } from '../types.js';
import { elapsedMs } from './age.js';
import { makeFolder, makeFolderSync, writeFileWhole, writeWholeSync } from './files.js';
import { entryId } from './history-entry.js';
import { hostId } from './host-id.js';

/** What mends a file that cannot be read, as after the daemon was once started by root. */
const UNREADABLE_HINT = 'Run this as the user that owns it, or give it to the one that this runs as (chown)';

const OLD_ID = 'to the one that its topics have';

/** What must be known of an alarm while it is on, so that the next start can end it. */
export const openAlarmSchema = z.object({
  episodeId: entryId,
  label: z.string(),
  kind: z.string().optional(),
  peakConfidence: z.number(),
  startedAtMs: z.number().min(0).max(8.64e15), // what a Date can hold
});

export type OpenAlarm = z.infer<typeof openAlarmSchema>;

export function openAlarmOf({ episodeId, label, kind, confidence, atMs }: AlarmStarted): OpenAlarm {
  return { episodeId, label, kind, peakConfidence: confidence, startedAtMs: atMs };
}

/** What may be part of a topic and the name of a folder. */
export function isDeviceId(id: unknown): id is string {
  return typeof id === 'string' && /^[a-z0-9_-]+$/.test(id);
}

/** The folder that survives a restart: configured, systemd's, or the user's. */
export function stateFolder(configured: string | undefined, env: NodeJS.ProcessEnv): string {
  // systemd gives several folders separated by colons; the unit asks for one.
  const systemd = env.STATE_DIRECTORY?.split(':')[0];
  return (
    configured ?? systemd ?? join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'bathnet2mqtt')
  );
}

/**
 * The little that must survive a restart. A folder that cannot be written costs just that: it is said
 * once and tried again, and the daemon goes on, because listening matters more.
 */
export class State {
  #complained = false;
  /** What is being written: one after the other. */
  #writing: Promise<void> = Promise.resolve();
  /** Of each file what it should hold. */
  readonly #texts = new Map<string, string>();
  /** What is to be in each file that waits to be written; undefined: nothing, it goes. */
  readonly #waiting = new Map<string, string | undefined>();
  /** The same of each that could not be written. */
  readonly #unwritten = new Map<string, string | undefined>();
  /** What cannot be read, and that was said. */
  readonly #unreadable = new Set<string>();

  constructor(
    readonly folder: string,
    private readonly log: Logger,
  ) {}

  /**
   * A name for this machine that stays: a hash of what the host has of its own – never that itself, which may be
   * confidential (machine-id(5)) – kept in the folder, so that a new container keeps it, too.
   *
   * @param ofHost something of this host that stays; null where there is nothing
   * @throws UserError no input, where one is kept and cannot be read or is damaged: with another id all alarms would go
   *   where nobody listens, while a daemon that does not start is missed, and tried again
   */
  deviceId(ofHost: string | null = hostId() ?? null): string {
    const kept = this.#keptId()?.trim();
    if (isDeviceId(kept)) return kept;
    const seed = ofHost ?? randomBytes(16).toString('hex');
    const id = createHash('sha256').update(`bathnet2mqtt:${seed}`).digest('hex').slice(0, 12);
    const devices = join(this.folder, 'devices');
    // A damaged one was this one where anything is kept under this; where all that is kept is another's, who knows.
    if (kept !== undefined && existsSync(devices) && !existsSync(join(devices, id)))
      throw this.#unknownId('it is damaged', `Remove it and set device.id ${OLD_ID}.`);
    try {
      makeFolderSync(this.folder);
      writeWholeSync(join(this.folder, 'device-id'), `${id}\n`);
      this.#texts.set('device-id', `${id}\n`);
    } catch (error) {
      this.#complain(error);
      if (ofHost === null)
        this.log.warn(
          { deviceId: id },
          'this host has no id of its own and none can be kept: Home Assistant gets one more device at every start. Set device.id',
        );
    }
    return id;
  }

  /** The alarm that was on when the last run ended without ending it. */
  openAlarm(): OpenAlarm | undefined {
    try {
      const text = this.read('open-alarm.json');
      return text === undefined ? undefined : openAlarmSchema.parse(JSON.parse(text));
    } catch (error) {
      this.log.warn(
        { file: 'open-alarm.json', problem: messageOf(error).replaceAll(/\s+/g, ' ') },
        'it cannot be read which alarm was on: unless the broker knows it, all that is said of it is that none is on',
      );
      return undefined;
    }
  }

  /** Keeps which alarm is on, or that there is none. */
  keepAlarm(open: OpenAlarm | undefined): void {
    if (open) this.write('open-alarm.json', `${JSON.stringify(open)}\n`);
    else this.#keep('open-alarm.json', undefined);
  }

  /**
   * The text of a file of this folder; undefined where there is none.
   *
   * @throws Error where there is one that cannot be read, which is no reason to take it for none; it is said, too
   */
  read(name: string): string | undefined {
    try {
      return this.#textOf(name);
    } catch (error) {
      if (!this.#unreadable.has(name))
        this.log.warn(
          { file: join(this.folder, name), problem: messageOf(error) },
          `what is kept cannot be read. ${UNREADABLE_HINT}`,
        );
      this.#unreadable.add(name);
      throw error;
    }
  }

  /** Writes again what is missing, where the folder was removed or replaced. */
  keepAgain(): void {
    this.#unwritten.clear(); // what lies there was not known when that was said
    for (const [name, text] of this.#texts) if (!existsSync(join(this.folder, name))) this.write(name, text);
  }

  /** Tries again what could not be written, as while the disk was full: else an earlier word would hold after a restart. */
  writeAgain(): void {
    for (const [name, text] of this.#unwritten) this.#ask(name, text);
  }

  /**
   * Writes a file whole or not at all, after those that were written before; sound does not wait for it. Of what is
   * written faster than the disk is, the newest is.
   */
  write(name: string, text: string): void {
    this.#keep(name, text);
  }

  /** Resolves when all is written: then it survives a power cut. */
  settled(): Promise<void> {
    return this.#writing;
  }

  #keptId(): string | undefined {
    try {
      return this.#textOf('device-id');
    } catch (error) {
      throw this.#unknownId(messageOf(error), `${UNREADABLE_HINT}; or set device.id ${OLD_ID}.`, error);
    }
  }

  #unknownId(problem: string, hint: string, cause?: unknown): UserError {
    const what = `the id of this device, ${join(this.folder, 'device-id')}, cannot be read`;
    return new UserError(ExitCode.noInput, `${what}: ${problem}`, hint, { cause });
  }

  #textOf(name: string): string | undefined {
    try {
      const text = readFileSync(join(this.folder, name), 'utf8');
      this.#texts.set(name, text);
      return text;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (['ENOENT', 'ENOTDIR'].includes(code)) return undefined;
      throw error;
    }
  }

  #keep(name: string, text: string | undefined): void {
    if (text === undefined) this.#texts.delete(name);
    else this.#texts.set(name, text);
    this.#unwritten.delete(name); // what is newer takes its place
    this.#ask(name, text);
  }

  #ask(name: string, text: string | undefined): void {
    const waits = this.#waiting.has(name);
    this.#waiting.set(name, text);
    if (waits) return;
    this.#writing = this.#writing.then(() => this.#writeNewest(name));
  }

  async #writeNewest(name: string): Promise<void> {
    const text = this.#waiting.get(name);
    this.#waiting.delete(name);
    try {
      await this.#put(name, text);
      this.#unwritten.delete(name);
      if (this.#unwritten.size === 0) this.#works();
    } catch (error) {
      if (!this.#waiting.has(name)) this.#unwritten.set(name, text);
      this.#complain(error);
    }
  }

  async #put(name: string, text: string | undefined): Promise<void> {
    const path = join(this.folder, name);
    if (text === undefined) return rm(path, { force: true });
    await makeFolder(this.folder);
    await writeFileWhole(path, text);
  }

  #complain(error: unknown): void {
    if (!this.#complained)
      this.log.warn(
        { folder: this.folder, problem: messageOf(error) },
        'state folder cannot be written: what is set and what is open now is forgotten at a restart. Set stateDir',
      );
    this.#complained = true;
  }

  #works(): void {
    if (this.#complained) this.log.info({ folder: this.folder }, 'the state folder can be written again');
    this.#complained = false;
  }
}

/** The end of an alarm that was on when the last run ended without ending it; how long it was may not be known. */
export function endedByRestart({ startedAtMs, ...open }: OpenAlarm, nowMs: number): AlarmEnded {
  const durationSeconds = Math.max(0, elapsedMs(startedAtMs, nowMs) / 1000);
  return { type: 'alarm_ended', ...open, atMs: nowMs, atSeconds: 0, durationSeconds, endedBy: 'restart' };
}
