import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VERSION } from '../constants.js';
import type { Manifest } from '../model/bundle.js';
import { backboneFingerprint } from '../model/fingerprint.js';
import type { Extent } from '../training/lay.js';
import type { HearSetup } from './hear-protocol.js';
import type { Sketch } from './sketch.js';
import type { Table } from './table.js';

/** What a cache may hold; the entries that were not used for the longest time go first. */
export const CACHE_MAX_BYTES = 2 ** 30;
/** Changes when the way its numbers are computed does within a version, so that old entries are not used. */
const CACHE_FORMAT = 6;
const DIGEST_BYTES = 32;
const SIZE_BYTES = 4;

/** What was heard of a file, as the threads gave it: of each lay its extent and its windows. */
export type HeardLays = ReadonlyArray<{
  readonly extent: Extent;
  readonly tables: readonly Table[];
  /** What the sound looks like, where that is wanted; no entry has it. */
  readonly sketches?: readonly Sketch[] | undefined;
}>;

/** What the numbers depend on beside file, lays, engine and precision; rules of alarms are not among it. */
export function computedBy(setup: HearSetup): string {
  const { bundle, head, wanted, hopSamples, surroundings } = setup;
  const { frontEnd, heads, event, defaultHead, quantization } = bundle.manifest;
  const hash = createHash('sha256').update(`${VERSION},${CACHE_FORMAT},${wanted},${frontEnd},${hopSamples}`);
  hash.update(backboneFingerprint(bundle));
  if (setup.precision !== 'float32') hash.update(JSON.stringify(quantization?.convolutions ?? []));
  if (wanted === 'embeddings') return hash.digest('hex');
  if (setup.watched) hash.update(JSON.stringify(setup.watched));
  if (bundle.events) {
    hash.update(backboneFingerprint(bundle.events)).update(bundle.events.manifest.frontEnd);
    hash.update(JSON.stringify(withoutAlarms(bundle.events.manifest.heads)));
  }
  // Of another head than the default one the companion has no say.
  hash.update(JSON.stringify([head ?? defaultHead, defaultHead, withoutAlarms(heads)]));
  hash.update(JSON.stringify([withoutAlarm(event), surroundings?.seed, surroundings?.silenceSeconds]));
  for (const { tensors } of bundle.events ? [bundle, bundle.events] : [bundle])
    for (const [name, { data }] of tensors) if (!name.startsWith('backbone.')) hash.update(name).update(data);
  for (const piece of surroundings?.pieces ?? []) hash.update(piece);
  return hash.digest('hex');
}

const withoutAlarm = (part: object | undefined) => ({ ...part, alarm: undefined });

function withoutAlarms(heads: Manifest['heads']) {
  return Object.entries(heads).map(([name, each]) => [name, withoutAlarm(each)]);
}

/**
 * Names the entry of a file by its content, whatever it is called, and by all that else the result depends on.
 *
 * @returns undefined where the file cannot be read: its decoder says why
 */
export async function entryOf(dir: string, path: string, computedBy: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    // A pipe would be waited for, for ever.
    if (!(await stat(path)).isFile()) return undefined;
    for await (const block of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(block);
  } catch {
    return undefined;
  }
  const key = createHash('sha256')
    .update(`${computedBy},${hash.digest('hex')}`)
    .digest('hex');
  return join(dir, `${key}.heard`);
}

/**
 * Reads an entry: the SHA-256 of the rest, the size of a header, the header in JSON, then the numbers in the order of
 * the header's tables, levels before values. Anything but that is computed again.
 */
export async function readEntry(entry: string): Promise<HeardLays | undefined> {
  const bytes = await readFile(entry).catch(() => undefined);
  if (!bytes || bytes.length < DIGEST_BYTES + SIZE_BYTES) return undefined;
  const body = bytes.subarray(DIGEST_BYTES);
  if (!createHash('sha256').update(body).digest().equals(bytes.subarray(0, DIGEST_BYTES))) return undefined;
  const headerBytes = body.readUInt32LE(0);
  const header = JSON.parse(body.toString('utf8', SIZE_BYTES, SIZE_BYTES + headerBytes)) as Header;
  let at = SIZE_BYTES + headerBytes;
  const fill = <T extends Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(values: T): T => {
    const part = body.subarray(at, at + values.byteLength);
    new Uint8Array(values.buffer).set(part);
    at += part.length;
    return values;
  };
  const now = new Date();
  await utimes(entry, now, now).catch(() => {}); // used now, so it goes last
  return header.map(({ extent, tables }): HeardLays[number] => ({
    extent,
    tables: tables.map(
      ({ count, width }): Table => ({
        count,
        levels: fill(new Float64Array(2 * count)),
        values: fill(new Float32Array(count * width)),
      }),
    ),
  }));
}

type Header = ReadonlyArray<{
  readonly extent: Extent;
  readonly tables: ReadonlyArray<{ readonly count: number; readonly width: number }>;
}>;

/** A cache that cannot be written costs time, nothing else. */
export async function writeEntry(entry: string, lays: HeardLays): Promise<void> {
  const header: Header = lays.map(({ extent, tables }) => ({
    extent,
    tables: tables.map(({ count, values }) => ({ count, width: count === 0 ? 0 : values.length / count })),
  }));
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(SIZE_BYTES);
  size.writeUInt32LE(text.length);
  const numbers = lays.flatMap(({ tables }) => tables.flatMap(({ levels, values }) => [levels, values]));
  const parts = [
    size,
    text,
    ...numbers.map((each) => Buffer.from(each.buffer, each.byteOffset, each.byteLength)),
  ];
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  const temporary = `${entry}.${randomUUID()}.tmp`;
  try {
    await mkdir(join(entry, '..'), { recursive: true });
    await writeFile(temporary, [hash.digest(), ...parts]);
    await rename(temporary, entry);
  } catch {
    await rm(temporary, { force: true }).catch(() => {});
  }
}

/** Removes what was not used for the longest time until the rest fits; what cannot be removed stays. */
export async function pruneCache(dir: string, maxBytes: number): Promise<void> {
  const names = await readdir(dir).catch(() => []);
  const entries = await Promise.all(
    names.map(async (name) => {
      const path = join(dir, name);
      const { size = 0, mtimeMs = 0 } = (await stat(path).catch(() => undefined)) ?? {};
      return { path, size, mtimeMs };
    }),
  );
  let bytes = entries.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of entries.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
    if (bytes <= maxBytes) return;
    await rm(path, { force: true }).catch(() => {});
    bytes -= size;
  }
}
