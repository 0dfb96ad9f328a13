import type { Clock, Logger } from '../types.js';
import { elapsedMs } from './age.js';
import { OutboxDisk, type Writable } from './outbox-disk.js';
import { encodeRecord, type OutboxRecord } from './outbox-folder.js';

/** What an earlier run has left is tried for so long, however old it is: nobody could deliver it while this did not run. */
const GRACE_MS = 86_400_000;
const DAY_MS = 86_400_000;

export interface OutboxOptions {
  /** Undefined: in memory only. */
  readonly folder?: string | undefined;
  /**
   * Where events go that an earlier run has left: its own topic may be one on which nobody listens any more. Left out:
   * where they were to go then.
   */
  readonly topic?: string | undefined;
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
  /** When it came, `uptimeMs`; undefined: in an earlier run. */
  readonly addedAtMs: number | undefined;
  /** Names it as long as it waits. */
  readonly name: string;
}

interface Entry extends WaitingEvent, Writable {
  readonly name: string;
  readonly bytes: number;
  /** Monotonic, because the wall clock of a board jumps when it first hears of the time. */
  readonly expiresAtMs: number;
}

/**
 * Events that wait for their acknowledgement, first in, first out, and again here after a restart. Each is written
 * to the disk while it is sent: an alarm never waits for a disk that is slow. Where the disk cannot be written they
 * wait in memory, and are written as soon as it can.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #disk: OutboxDisk;
  #entries: Entry[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(options: OutboxOptions, log: Logger, clock: Clock) {
    this.#options = options;
    this.#log = log;
    this.#clock = clock;
    this.#disk = new OutboxDisk(options.folder, () => this.#entries, log, clock);
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Events lost since the start: they made room, were too old, or their file cannot be used, or not be read in this run. */
  get dropped(): number {
    return this.#dropped;
  }

  /** False where events should survive a restart and would not. */
  get durable(): boolean {
    return this.#disk.durable;
  }

  /** All that waits survives a restart. */
  get kept(): boolean {
    return this.#disk.kept;
  }

  /** Of all events that wait, oldest first. */
  get payloads(): string[] {
    return this.#entries.map(({ payload }) => payload);
  }

  /** Takes up what an earlier run could not deliver; those events count as replayed. */
  start(): void {
    this.#dropped += this.#disk.load((name, record, text) => {
      if (this.#options.isPayload?.(record.payload) === false) throw new Error('its payload is no event');
      const { topic = record.topic } = this.#options;
      this.#push(name, { ...record, topic }, text, { replayed: true, unsaved: undefined });
    });
    this.#makeRoom();
    if (this.size + this.#dropped > 0)
      this.#log.info({ events: this.size, dropped: this.#dropped }, 'events of an earlier run wait');
    this.#disk.save();
  }

  /** Waits for the disk, but not for ever. */
  stop(): Promise<void> {
    return this.#disk.stop();
  }

  /** Resolves when all that waits is on the disk, or cannot be written now. */
  settled(): Promise<void> {
    return this.#disk.settled();
  }

  /** @param replayed it cannot be sent now */
  add(topic: string, payload: string, replayed: boolean): void {
    const record = { topic, payload, keptAtMs: this.#clock.wallMs() };
    const text = encodeRecord(record);
    this.#push(this.#disk.newName(), record, text, { replayed, unsaved: text });
    this.#makeRoom();
    this.#disk.save();
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

  /** Of the events that are wanted the newest; it stays as well. */
  newest(isWanted: (event: WaitingEvent) => boolean): WaitingEvent | undefined {
    this.#makeRoom();
    return this.#entries.findLast(isWanted);
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

  /** Writes again all that waits, where the folder was removed or replaced. */
  keepAgain(): void {
    for (const entry of this.#entries) entry.unsaved = encodeRecord(entry);
    this.#disk.save();
  }

  /** What waits now comes late. */
  markReplayed(): void {
    for (const entry of this.#entries) entry.replayed = true;
  }

  #push(name: string, record: OutboxRecord, text: string, state: Pick<Entry, 'replayed' | 'unsaved'>): void {
    const ageMs = Math.max(0, elapsedMs(record.keptAtMs, this.#clock.wallMs()) || 0);
    const longestMs = this.#options.days * DAY_MS;
    const leftMs = Math.max(longestMs - ageMs, Math.min(longestMs, GRACE_MS));
    const expiresAtMs = this.#clock.now() + leftMs;
    const addedAtMs = state.unsaved === undefined ? undefined : this.#clock.uptimeMs();
    const bytes = Buffer.byteLength(text);
    this.#bytes += bytes;
    this.#entries.push({ ...record, ...state, name, bytes, expiresAtMs, addedAtMs });
  }

  /** Drops the oldest until the rest is within the bounds. */
  #makeRoom(): void {
    const { events, bytes } = this.#options;
    const now = this.#clock.now();
    const before = this.#dropped;
    for (let [oldest] = this.#entries; oldest; [oldest] = this.#entries) {
      const full = this.size > 1 && (this.size > events || this.#bytes > bytes);
      if (!full && oldest.expiresAtMs > now) break;
      this.#entries.shift();
      this.#dropped++;
      this.#forget(oldest);
    }
    const { folder } = this.#options;
    if (this.#dropped > before)
      this.#log.error(
        { folder, dropped: this.#dropped, waiting: this.size },
        'too many events wait, or for too long: the oldest are lost',
      );
  }

  #forget({ name, bytes }: Entry): void {
    this.#bytes -= bytes;
    this.#disk.remove(name);
  }
}
