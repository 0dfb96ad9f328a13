import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What is kept of an event until the broker has acknowledged it. */
export interface OutboxRecord {
  readonly topic: string;
  readonly payload: string;
  /** When it was put into the outbox, wall clock. */
  readonly keptAtMs: number;
}

/** When this was first released: no event can be older. */
const FIRST_CREDIBLE_MS = Date.UTC(2026, 0, 1);
const NAME = /^(\d{12})-[0-9a-f]{8}\.json$/;
const LEFTOVER = /^\d{12}-[0-9a-f]{8}\.json\.tmp$/;
/** Two daemons that are given the same folder by mistake never overwrite each other's files. */
const OWN = randomBytes(4).toString('hex');

/** Names in the order of their sequence numbers are in the order of events. */
export function recordName(sequence: number): string {
  return `${String(sequence).padStart(12, '0')}-${OWN}.json`;
}

export function sequenceOf(name: string): number {
  return Number(NAME.exec(name)?.[1]);
}

/** The records' names, oldest first. */
export function recordNames(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => NAME.test(name))
    .sort();
}

/** Removes what a cut left half-written. */
export function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder).filter((name) => LEFTOVER.test(name)))
    rmSync(join(folder, name), { force: true });
}

export function readRecord(folder: string, name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

/** Not synced: the worst that a power cut does then is that the event is sent again. */
export async function removeRecord(folder: string, name: string): Promise<void> {
  await rm(join(folder, name), { force: true });
}

/** Rejects where a record could not be written now. */
export async function probe(folder: string): Promise<void> {
  const path = join(folder, `${recordName(0)}.tmp`);
  try {
    await writeFile(path, ' '.repeat(4096), { flush: true });
  } finally {
    await rm(path, { force: true });
  }
}

/** A board without a battery starts in 1970 or 2000: such a date says nothing of an event's age, and it is 0. */
export function ageOf({ keptAtMs }: OutboxRecord, nowWallMs: number): number {
  return keptAtMs >= FIRST_CREDIBLE_MS ? Math.max(0, nowWallMs - keptAtMs) : 0;
}

/** SHA-256 of the JSON, then the JSON: tells the damage that a disk may do, not only what is cut short. */
export function encodeRecord(record: OutboxRecord): string {
  const json = JSON.stringify(record);
  return `${sha256(json)}\n${json}`;
}

/** Undefined where the text is not what was written. */
export function decodeRecord(text: string): OutboxRecord | undefined {
  const [hash, json] = text.split('\n', 2);
  return json !== undefined && text.length === 65 + json.length && hash === sha256(json)
    ? (JSON.parse(json) as OutboxRecord)
    : undefined;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
