import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PUBLISHABLE_TOPIC } from '../constants.js';
import { beside, makeFolderSync } from './files.js';

/** Of what a record looks like: another one is for a program that knows it. */
const VERSION = 1;

const recordSchema = z.object({
  /** Left out by the first versions of this program. */
  version: z.literal(VERSION).default(VERSION),
  topic: z.string().regex(PUBLISHABLE_TOPIC),
  payload: z.string(),
  keptAtMs: z.number(),
});

/** What is kept of an event until the broker has acknowledged it. */
export interface OutboxRecord {
  readonly topic: string;
  readonly payload: string;
  /** When it was put into the outbox, wall clock. */
  readonly keptAtMs: number;
}

const NAME = /^(\d{12})-[0-9a-f]{8}\.json$/;
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

export function readRecord(folder: string, name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

/** Not synced: the worst that a power cut does then is that the event is sent again. */
export async function removeRecord(folder: string, name: string): Promise<void> {
  await rm(join(folder, name), { force: true });
}

/** Moves a record that cannot be used to a folder beside this one; a person or another version may know better. */
export function setRecordAside(folder: string, name: string): string {
  const aside = `${folder}-set-aside`;
  makeFolderSync(aside);
  renameSync(join(folder, name), join(aside, name));
  return aside;
}

/** Rejects where a record could not be written now. */
export async function probe(folder: string): Promise<void> {
  const path = beside(join(folder, recordName(0)));
  try {
    await writeFile(path, ' '.repeat(4096), { flush: true });
  } finally {
    await rm(path, { force: true });
  }
}

/** SHA-256 of the JSON, then the JSON: tells the damage that a disk may do, not only what is cut short. */
export function encodeRecord({ topic, payload, keptAtMs }: OutboxRecord): string {
  const json = JSON.stringify({ version: VERSION, topic, payload, keptAtMs });
  return `${sha256(json)}\n${json}`;
}

/** @throws Error where the text is not what was written, or not what this version writes */
export function decodeRecord(text: string): OutboxRecord {
  const [hash, json] = text.split('\n', 2);
  if (json === undefined || text.length !== 65 + json.length || hash !== sha256(json))
    throw new Error('it is damaged');
  const { success, data, error } = recordSchema.safeParse(JSON.parse(json));
  if (!success) throw new Error(z.prettifyError(error).replaceAll(/\s+/g, ' '));
  const { topic, payload, keptAtMs } = data;
  return { topic, payload, keptAtMs };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
