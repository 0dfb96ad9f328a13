import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { within } from '../system/within.js';
import type { Clock, Logger } from '../types.js';
import { makeFolder, makeFolderSync, writeFileWhole } from './files.js';
import {
  decodeRecord,
  type OutboxRecord,
  probe,
  readRecord,
  recordName,
  recordNames,
  removeRecord,
  sequenceOf,
  setRecordAside,
} from './outbox-folder.js';

/** How long a stop waits for the disk. */
const STOP_MS = 3000;
/** How often a folder that could not be written is tried again. */
export const RETRY_MS = 60_000;

/** An event, as far as its file is concerned. */
export interface Writable {
  /** Of its file. */
  readonly name: string;
  /** What is still to be written to the disk. */
  unsaved: string | undefined;
}

/**
 * The files of the events that wait, brought up to date beside everything else: nobody waits for a disk that is slow.
 * One that cannot be written is tried again, and costs nothing but the durability.
 *
 * One small file per event, written beside its place, synced and renamed: a cut leaves the event whole or not
 * at all (docs/architecture.md says why it is no database).
 */
export class OutboxDisk {
  #sequence = 0;
  #durable = true;
  /** Names of files whose events are gone. */
  #removable: string[] = [];
  #saving: Promise<void> | undefined;
  #again = false;
  #cancelRetry = () => {};

  /**
   * @param folder undefined: nothing is kept
   * @param waiting all events that wait, oldest first
   */
  constructor(
    private readonly folder: string | undefined,
    private readonly waiting: () => readonly Writable[],
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {}

  /** False where events should survive a restart and would not. */
  get durable(): boolean {
    return this.#durable;
  }

  /** All that waits survives a restart. */
  get kept(): boolean {
    return this.folder !== undefined && this.waiting().every(({ unsaved }) => unsaved === undefined);
  }

  /** Of the file of the next event. */
  newName(): string {
    return recordName(++this.#sequence);
  }

  /**
   * Reads what an earlier run has left. What cannot be used is set aside; what cannot be read stays, for another run.
   *
   * @param take throws where it cannot use a record
   * @returns how many are not sent
   */
  load(take: (name: string, record: OutboxRecord, text: string) => void): number {
    const { folder } = this;
    if (folder === undefined) return 0;
    let lost = 0;
    try {
      makeFolderSync(folder);
      for (const name of recordNames(folder)) if (!this.#loadOne(folder, name, take)) lost++;
    } catch (error) {
      this.#degrade(error);
    }
    return lost;
  }

  /** Removes the file of an event that is gone. */
  remove(name: string): void {
    this.#removable.push(name);
    this.save();
  }

  /** Brings the disk up to date; one that is busy with it goes on to the end. */
  save(): void {
    const { folder } = this;
    if (folder === undefined) return;
    this.#cancelRetry();
    this.#again = true; // also where the one that is at it fails
    if (this.#saving) return;
    this.#saving = this.#saveAll(folder)
      .catch((error) => this.#degrade(error))
      .finally(() => {
        this.#saving = undefined;
        if (this.#again) this.save();
      });
  }

  /** Resolves when all that waits is on the disk, or cannot be written now. */
  async settled(): Promise<void> {
    while (this.#saving) await this.#saving;
  }

  /** Waits for the disk, but not for ever. */
  async stop(): Promise<void> {
    await within(this.clock, STOP_MS, this.settled());
    this.#cancelRetry();
  }

  /** @returns false where it is not sent */
  #loadOne(folder: string, name: string, take: Parameters<OutboxDisk['load']>[0]): boolean {
    this.#sequence = Math.max(this.#sequence, sequenceOf(name));
    let text: string;
    try {
      text = readRecord(folder, name);
    } catch (error) {
      this.log.warn({ file: name, problem: messageOf(error) }, 'a waiting event cannot be read');
      return false;
    }
    try {
      take(name, decodeRecord(text), text);
      return true;
    } catch (error) {
      const problem = messageOf(error);
      const moved = this.#setAside(folder, name);
      this.log.warn({ file: name, problem, moved }, 'a waiting event cannot be sent and is set aside');
      return false;
    }
  }

  /** Where the disk does not allow that, the others are sent all the same. */
  #setAside(folder: string, name: string): string | undefined {
    try {
      return setRecordAside(folder, name);
    } catch (error) {
      this.#degrade(error);
      return undefined;
    }
  }

  async #saveAll(folder: string): Promise<void> {
    this.#again = false;
    await makeFolder(folder);
    let proven = this.kept;
    if (proven) await probe(folder);
    for (;;) {
      const entry = this.waiting().find(({ unsaved }) => unsaved !== undefined);
      const removable = this.#removable[0];
      // Files of events that are gone first: they make room.
      if (removable !== undefined) {
        await removeRecord(folder, removable); // where that fails it comes again after a restart, with the same id
        this.#removable.shift();
      } else if (entry?.unsaved !== undefined) {
        await writeFileWhole(join(folder, entry.name), entry.unsaved);
        entry.unsaved = undefined;
        proven = true;
      } else break;
    }
    this.#again = false;
    if (!this.#durable && !proven) await probe(folder); // what was to be written is delivered by now
    if (!this.#durable) this.log.info({ folder }, 'the outbox can be written again');
    this.#durable = true;
  }

  /** Says it once, goes on in memory, and tries again later. */
  #degrade(error: unknown): void {
    const { folder } = this;
    if (this.#durable)
      this.log.warn(
        { folder, problem: messageOf(error) },
        'the outbox cannot be written: events that are not delivered yet are lost at a restart. Make room on the disk, or set stateDir to a folder that can be written',
      );
    this.#durable = false;
    this.#cancelRetry();
    this.#cancelRetry = this.clock.after(RETRY_MS, () => this.save());
  }
}
