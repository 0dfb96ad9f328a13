import { join } from 'node:path';
import { messageOf } from '../errors.js';
import type { Clock, Logger } from '../types.js';
import { elapsedMs } from './age.js';
import { makeFolder, writeWholeSync } from './files.js';
import {
  decodeRecord,
  encodeRecord,
  type OutboxRecord,
  probe,
  readRecord,
  recordName,
  recordNames,
  removeLeftovers,
  removeRecord,
  sequenceOf,
  setRecordAside,
} from './outbox-folder.js';

/** How often a folder that could not be written is tried again. */
const RETRY_MS = 60_000;
/** What an earlier run has left is tried for so long, however old it is: nobody could deliver it while this did not run. */
const GRACE_MS = 86_400_000;
const DAY_MS = 86_400_000;

export interface OutboxOptions {
  /** Undefined: in memory only. */
  readonly folder?: string | undefined;
  /** Bounds; the oldest events make room. The newest one stays, however big. */
  readonly events: number;
  readonly bytes: number;
  readonly days: number;
  /** Whether a payload that an earlier run has kept can be sent. */
  readonly isPayload?: (payload: string) => boolean;
}

export interface WaitingEvent extends OutboxRecord {
  /** It could not be sent when it happened. */
  replayed: boolean;
  /** When it came, monotonic; undefined: in an earlier run. */
  readonly addedAtMs: number | undefined;
  /** Names it as long as it waits. */
  readonly name: string;
}

interface Entry extends WaitingEvent {
  readonly bytes: number;
  /** Monotonic, because the wall clock of a board jumps when it first hears of the time. */
  readonly expiresAtMs: number;
  /** What is still to be written to the disk. */
  unsaved: string | undefined;
}

/**
 * Events that wait for their acknowledgement, first in, first out: each on the disk before `add` returns, and
 * again here after a restart. Where the disk cannot be written they wait in memory, and are written as soon as
 * it can.
 *
 * One small file per event, written beside its place, synced and renamed: a cut leaves the event whole or not
 * at all. Not a memory-mapped database: LMDB ends the process (SIGBUS, SIGSEGV, an unhandled rejection) where
 * its file is damaged or the disk is full, again after every restart.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #log: Logger;
  readonly #clock: Clock;
  #entries: Entry[] = [];
  #bytes = 0;
  #dropped = 0;
  #sequence = 0;
  #durable = true;
  #cancelRetry = () => {};

  constructor(options: OutboxOptions, log: Logger, clock: Clock) {
    this.#options = options;
    this.#log = log;
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Events lost since the start: they made room, were too old, or their file cannot be used. */
  get dropped(): number {
    return this.#dropped;
  }

  /** False where events should survive a restart and would not. */
  get durable(): boolean {
    return this.#durable;
  }

  /** All that waits survives a restart. */
  get kept(): boolean {
    return this.#options.folder !== undefined && this.#entries.every(({ unsaved }) => unsaved === undefined);
  }

  /** Takes up what an earlier run could not deliver; those events count as replayed. */
  start(): void {
    const { folder } = this.#options;
    if (folder === undefined) return;
    try {
      makeFolder(folder);
      for (const name of recordNames(folder)) this.#load(folder, name);
      removeLeftovers(folder);
    } catch (error) {
      this.#degrade(error);
    }
    this.#makeRoom();
    if (this.size + this.#dropped > 0)
      this.#log.info({ events: this.size, dropped: this.#dropped }, 'events of an earlier run wait');
    this.#save();
  }

  stop(): void {
    this.#cancelRetry();
  }

  /** @param replayed it cannot be sent now */
  add(topic: string, payload: string, replayed: boolean): void {
    const record = { topic, payload, keptAtMs: this.#clock.wallMs() };
    const text = encodeRecord(record);
    this.#push(recordName(++this.#sequence), record, text, { replayed, unsaved: text });
    this.#makeRoom();
    this.#save();
  }

  /**
   * The oldest event; it stays until it is removed.
   *
   * @param isHeld which events to pass over
   */
  next(isHeld: (event: WaitingEvent) => boolean = () => false): WaitingEvent | undefined {
    this.#makeRoom();
    return this.#entries.find((entry) => !isHeld(entry));
  }

  /** It has been neither delivered nor dropped. */
  has(event: WaitingEvent): boolean {
    return this.#entries.some((entry) => entry === event);
  }

  /** Takes this very event out; it may have been dropped while it was on its way. */
  remove(event: WaitingEvent): void {
    const entry = this.#entries.find((entry) => entry === event);
    if (entry === undefined) return;
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    this.#forget(entry);
  }

  /** What waits now comes late. */
  markReplayed(): void {
    for (const entry of this.#entries) entry.replayed = true;
  }

  #load(folder: string, name: string): void {
    this.#sequence = Math.max(this.#sequence, sequenceOf(name));
    let text: string;
    try {
      text = readRecord(folder, name);
    } catch (error) {
      this.#log.warn({ file: name, problem: messageOf(error) }, 'a waiting event cannot be read');
      return;
    }
    try {
      const record = decodeRecord(text);
      if (this.#options.isPayload?.(record.payload) === false) throw new Error('its payload is no event');
      this.#push(name, record, text, { replayed: true, unsaved: undefined });
    } catch (error) {
      this.#dropped++;
      const moved = setRecordAside(folder, name);
      const problem = messageOf(error);
      this.#log.warn({ file: name, problem, moved }, 'a waiting event cannot be sent and is set aside');
    }
  }

  #push(name: string, record: OutboxRecord, text: string, state: Pick<Entry, 'replayed' | 'unsaved'>): void {
    const ageMs = Math.max(0, elapsedMs(record.keptAtMs, this.#clock.wallMs()) || 0);
    const longestMs = this.#options.days * DAY_MS;
    const leftMs = Math.max(longestMs - ageMs, Math.min(longestMs, GRACE_MS));
    const nowMs = this.#clock.now();
    const expiresAtMs = nowMs + leftMs;
    const addedAtMs = state.unsaved === undefined ? undefined : nowMs;
    const bytes = Buffer.byteLength(text);
    this.#bytes += bytes;
    this.#entries.push({ ...record, ...state, name, bytes, expiresAtMs, addedAtMs });
  }

  /** Drops the oldest until the rest is within the bounds. */
  #makeRoom(): void {
    const { events, bytes } = this.#options;
    const now = this.#clock.now();
    for (let [oldest] = this.#entries; oldest; [oldest] = this.#entries) {
      const full = this.size > 1 && (this.size > events || this.#bytes > bytes);
      if (!full && oldest.expiresAtMs > now) return;
      this.#entries.shift();
      this.#dropped++;
      this.#forget(oldest);
    }
  }

  #forget({ name, bytes }: Entry): void {
    this.#bytes -= bytes;
    const { folder } = this.#options;
    if (folder === undefined) return;
    try {
      removeRecord(folder, name);
    } catch (error) {
      this.#degrade(error); // it comes again after a restart, with the same id
    }
  }

  /** Writes what is not on the disk yet, oldest first. */
  #save(): void {
    const { folder } = this.#options;
    if (folder === undefined) return;
    this.#cancelRetry();
    try {
      makeFolder(folder);
      if (this.kept) probe(folder);
      for (const entry of this.#entries) {
        if (entry.unsaved === undefined) continue;
        writeWholeSync(join(folder, entry.name), entry.unsaved);
        entry.unsaved = undefined;
      }
      if (!this.#durable) this.#log.info({ folder }, 'the outbox can be written again');
      this.#durable = true;
    } catch (error) {
      this.#degrade(error);
    }
  }

  /** Says it once, goes on in memory, and tries again later. */
  #degrade(error: unknown): void {
    const { folder } = this.#options;
    if (this.#durable)
      this.#log.warn(
        { folder, problem: messageOf(error) },
        'the outbox cannot be written: events that are not delivered yet are lost at a restart. Make room on the disk, or set stateDir to a folder that can be written',
      );
    this.#durable = false;
    this.#cancelRetry();
    this.#cancelRetry = this.#clock.after(RETRY_MS, () => this.#save());
  }
}
