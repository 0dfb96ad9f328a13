import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import type { Logger } from '../types.js';
import { makeFolder, writeFileWhole } from './files.js';
import { entrySchema, type HistoryEntry, MOST_EVENTS } from './history-entry.js';

/** So many alarms and faults are kept; the oldest make room. */
export const MOST_ENTRIES = 200;
/** Of them, so many may be faults: a flapping microphone must not push out alarms. */
const MOST_FAULTS = 50;
/** No entry of ours is longer. */
const MOST_BYTES = 200_000;

/**
 * The last alarms and faults, one file for each: what the page shows. It is beside the way of an alarm, never in it: a
 * disk that is full or slow costs the history, and that is said once.
 */
export class History {
  /** By id, oldest first. */
  #entries = new Map<string, HistoryEntry>();
  /** Ids of what is to be written, or removed. */
  readonly #waiting = new Set<string>();
  #loading: Promise<unknown> = Promise.resolve();
  #writing: Promise<void> = Promise.resolve();
  #complained = false;

  /** @param folder of this device, made when there is something to keep */
  constructor(
    private readonly folder: string,
    private readonly log: Logger,
  ) {}

  /**
   * Takes up what earlier runs have kept; what is damaged is left out. Of an alarm of an earlier run something may be said
   * before it has been read – its end, or that nobody has acknowledged it –, and nothing is written until then.
   */
  async load(): Promise<this> {
    const loading = this.#load();
    this.#loading = loading;
    await loading;
    return this;
  }

  async #load(): Promise<void> {
    const names = await readdir(this.folder).catch(() => []);
    const kept = await Promise.all(
      names
        .filter((name) => name.endsWith('.json'))
        .slice(0, 10 * MOST_ENTRIES)
        .map((name) => readEntry(join(this.folder, name))),
    );
    const known = kept.filter((entry) => entry !== undefined).sort((a, b) => timeOf(a) - timeOf(b));
    const said = this.#entries;
    this.#entries = new Map(known.map((entry) => [entry.id, followed(entry, said.get(entry.id))]));
    for (const [id, entry] of said) if (!this.#entries.has(id)) this.#entries.set(id, entry);
    this.#shorten();
  }

  /** Newest first. */
  get entries(): HistoryEntry[] {
    return [...this.#entries.values()].reverse();
  }

  get(id: string): HistoryEntry | undefined {
    return this.#entries.get(id);
  }

  /**
   * Adds what was said to its entry, or begins one.
   *
   * @param event a message as MQTT has it, with its `id` and, where it is of an alarm, its `episodeId`
   */
  add(event: { readonly [key: string]: unknown }, spectrogram?: string): void {
    const id = String(event.episodeId ?? event.id);
    const known = this.#entries.get(id);
    const said = {
      id,
      events: [event as HistoryEntry['events'][number]],
      ...(spectrogram && { spectrogram }),
    };
    this.#put(known ? followed(known, said) : said);
  }

  /** Adds what a person says of an entry, where there is such a one. */
  judge(id: string, verdict: string): void {
    const known = this.#entries.get(id);
    if (known) this.#put({ ...known, verdict });
  }

  /** Resolves when all is written, or cannot be. */
  settled(): Promise<void> {
    return this.#writing;
  }

  #put(entry: HistoryEntry): void {
    this.#entries.set(entry.id, entry);
    this.#ask(entry.id);
    this.#shorten();
  }

  /** The latest alarm stays: it may be the one that nobody has acknowledged. */
  #shorten(): void {
    const is = (type: string) => (entry: HistoryEntry) => entry.events[0]?.event_type === type;
    const faults = [...this.#entries.values()].filter(is('fault'));
    for (const { id } of faults.slice(0, -MOST_FAULTS)) this.#remove(id);
    const tooMany = this.#entries.size - MOST_ENTRIES;
    if (tooMany <= 0) return;
    const alarm = this.entries.find(is('alarm_started'));
    const others = [...this.#entries.keys()].filter((id) => id !== alarm?.id);
    for (const id of others.slice(0, tooMany)) this.#remove(id);
  }

  #remove(id: string): void {
    this.#entries.delete(id);
    this.#ask(id);
  }

  #ask(id: string): void {
    if (this.#waiting.has(id)) return; // it will be written as it is by then
    this.#waiting.add(id);
    this.#writing = this.#writing.then(() => this.#write(id));
  }

  async #write(id: string): Promise<void> {
    await this.#loading;
    this.#waiting.delete(id);
    const entry = this.#entries.get(id);
    const path = join(this.folder, `${id}.json`);
    try {
      if (!entry) return await rm(path, { force: true });
      await makeFolder(this.folder);
      await writeFileWhole(path, `${JSON.stringify(entry)}\n`);
      this.#complained = false;
    } catch (error) {
      if (this.#complained) return;
      this.#complained = true;
      this.log.warn({ folder: this.folder, reason: messageOf(error) }, 'the history cannot be kept');
    }
  }
}

/** An entry with what was said later. The first says what it was, the last what has become of it. */
function followed(entry: HistoryEntry, later?: HistoryEntry): HistoryEntry {
  const events = [...entry.events, ...(later?.events ?? [])];
  if (events.length > MOST_EVENTS) events.splice(1, events.length - MOST_EVENTS);
  return { ...later, ...entry, events };
}

/** Wall clock of the first that was said; 0 where that is no time. */
function timeOf({ events }: HistoryEntry): number {
  return Date.parse(String(events[0]?.at)) || 0;
}

async function readEntry(path: string): Promise<HistoryEntry | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    return text.length > MOST_BYTES ? undefined : entrySchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
