import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ExitCode, messageOf, UserError } from '../errors.js';

const recordSchema = z.object({
  episodeId: z.string(),
  verdict: z.enum(['false_alarm', 'real_alarm']),
  label: z.string(),
  /** Kind of event that it was; left out where the model tells none. */
  kind: z.string().optional(),
  alarmAt: z.string(),
  givenAt: z.string(),
  /** Embeddings mean something only for the backbone that they come from. */
  model: z.object({ name: z.string(), backbone: z.string() }),
  /** Of each sound that spoke for the alarm, float32 little-endian in base64. */
  embeddings: z.array(
    z.base64().refine((text) => valuesOf(text)?.every(Number.isFinite) === true, 'not numbers'),
  ),
});

export type FeedbackRecord = z.infer<typeof recordSchema>;

/**
 * All verdicts that are kept, oldest first.
 *
 * @param onUnusable is told of files that are left out, and why
 * @throws UserError no input, where the folder cannot be read
 */
export function readFeedback(folder: string, onUnusable: (what: string) => void): FeedbackRecord[] {
  return recordFiles(folder).flatMap((name) => {
    const path = join(folder, name);
    try {
      return [recordSchema.parse(JSON.parse(readFileSync(path, 'utf8')))];
    } catch (error) {
      const unread = (error as NodeJS.ErrnoException).syscall !== undefined;
      onUnusable(`${path} ${unread ? `cannot be read: ${messageOf(error)}` : 'is damaged'}`);
      return [];
    }
  });
}

/**
 * Deletes one verdict, or all.
 *
 * @returns how many there were: some may go by another hand meanwhile
 * @throws UserError no input, where the folder cannot be read; cannot create, where one cannot be deleted
 */
export function deleteFeedback(folder: string, episodeId?: string): number {
  const doomed = recordFiles(folder).filter(
    (name) => episodeId === undefined || name === `${episodeId}.json`,
  );
  for (const name of doomed)
    try {
      rmSync(join(folder, name), { force: true });
    } catch (error) {
      throw notYours(ExitCode.cannotCreate, `${join(folder, name)} cannot be deleted`, error);
    }
  return doomed.length;
}

/** The embeddings of a record, one array each. */
export function embeddingsOf({ embeddings }: FeedbackRecord): Float32Array[] {
  return embeddings.map((text) => valuesOf(text) ?? new Float32Array());
}

/** Undefined where the bytes are no whole number of values. */
function valuesOf(text: string): Float32Array | undefined {
  const bytes = new Uint8Array(Buffer.from(text, 'base64')); // a copy, so aligned
  return bytes.length % Float32Array.BYTES_PER_ELEMENT === 0 ? new Float32Array(bytes.buffer) : undefined;
}

/** An embedding as a record has it. */
export function toBase64(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

function recordFiles(folder: string): string[] {
  return namesOfRecords(namesIn(folder));
}

/**
 * What lies in a folder in which verdicts are, or may be; nothing where none have been kept yet.
 *
 * @throws UserError no input, where it cannot be read
 */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw notYours(ExitCode.noInput, `${folder} cannot be read`, error);
  }
}

function notYours(code: ExitCode, what: string, error: unknown): UserError {
  return new UserError(
    code,
    `${what}: ${messageOf(error)}`,
    'Call this as the user whom it belongs to: what the service keeps, as root.',
    { cause: error },
  );
}

/** Of the files of a folder the records, oldest first: UUID v7 sort by time. */
export function namesOfRecords(names: readonly string[]): string[] {
  return names.filter((name) => name.endsWith('.json')).sort();
}
