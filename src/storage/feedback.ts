import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../errors.js';
import type { DecisionEvent, Logger, PipelineResult, Verdict } from '../types.js';
import { makeFolder, writeWholeSync } from './files.js';

/** Windows of one alarm that are remembered: half a minute at the default hop. */
const MAX_WINDOWS = 64;
/** The oldest verdict makes room for a newer one. */
const MAX_RECORDS = 1000;

const recordSchema = z.object({
  episodeId: z.string(),
  verdict: z.enum(['false_alarm', 'real_alarm']),
  label: z.string(),
  alarmAt: z.string(),
  givenAt: z.string(),
  /** Embeddings mean something only for the backbone that they come from. */
  model: z.object({ name: z.string(), backbone: z.string() }),
  /** Of each hit, float32 little-endian in base64. */
  embeddings: z.array(z.string()),
});

export type FeedbackRecord = z.infer<typeof recordSchema>;

/**
 * Verdicts on alarms, as data for training: the embeddings of the alarm's windows – never the sound, which
 * cannot be made out of them – in one file per alarm.
 */
export class FeedbackStore {
  /** The alarm that a verdict would be about: the one that is on, or else the last one. */
  #alarm: { episodeId: string; label: string; atMs: number; embeddings: Float32Array[] } | undefined;
  #open = false;
  /** What has been kept last. */
  #given = '';
  /** Of the newest window, if it is a hit. */
  #newest: Float32Array | undefined;

  constructor(
    private readonly folder: string,
    private readonly model: FeedbackRecord['model'],
    private readonly isHit: (result: PipelineResult) => boolean,
    private readonly log: Logger,
  ) {}

  /** Takes every result, before the event that it may cause; remembers those of an alarm. */
  window(result: PipelineResult): void {
    this.#newest = this.isHit(result) ? result.embedding.slice() : undefined;
    const known = this.#alarm?.embeddings;
    if (this.#open && this.#newest && known && known.length < MAX_WINDOWS) known.push(this.#newest);
  }

  /** Takes every event. */
  event(event: DecisionEvent): void {
    if (event.type === 'alarm_ended') this.#open = false;
    if (event.type !== 'alarm_started') return;
    const { episodeId, label, atMs } = event;
    this.#open = true;
    this.#alarm = { episodeId, label, atMs, embeddings: this.#newest ? [this.#newest] : [] };
  }

  /**
   * Keeps a verdict on the last alarm; a second one on the same alarm replaces the first.
   *
   * @returns why it was not kept, where it was not
   */
  give(verdict: Verdict): string | undefined {
    const alarm = this.#alarm;
    if (alarm === undefined) return 'there has been no alarm since the start';
    const given = `${alarm.episodeId} ${verdict} ${alarm.embeddings.length}`;
    if (given === this.#given) return undefined; // a button pressed twice
    const record: FeedbackRecord = {
      episodeId: alarm.episodeId,
      verdict,
      label: alarm.label,
      alarmAt: new Date(alarm.atMs).toISOString(),
      givenAt: new Date().toISOString(),
      model: this.model,
      embeddings: alarm.embeddings.map(toBase64),
    };
    try {
      makeFolder(this.folder);
      writeWholeSync(join(this.folder, `${alarm.episodeId}.json`), `${JSON.stringify(record)}\n`);
      // UUID v7 sort by time.
      for (const old of recordFiles(this.folder).slice(0, -MAX_RECORDS)) rmSync(join(this.folder, old));
      this.#given = given;
      this.log.info({ verdict, episodeId: alarm.episodeId }, 'feedback kept');
      return undefined;
    } catch (error) {
      return `it cannot be kept: ${messageOf(error)}`;
    }
  }
}

/** All verdicts that are kept, oldest first; damaged files are named and left out. */
export function readFeedback(folder: string, onDamaged: (path: string) => void): FeedbackRecord[] {
  return recordFiles(folder).flatMap((name) => {
    const path = join(folder, name);
    try {
      return [recordSchema.parse(JSON.parse(readFileSync(path, 'utf8')))];
    } catch {
      onDamaged(path);
      return [];
    }
  });
}

/** Deletes one verdict, or all; @returns how many there were */
export function deleteFeedback(folder: string, episodeId?: string): number {
  const doomed = recordFiles(folder).filter(
    (name) => episodeId === undefined || name === `${episodeId}.json`,
  );
  for (const name of doomed) rmSync(join(folder, name));
  return doomed.length;
}

/** The embeddings of a record, one array each. */
export function embeddingsOf({ embeddings }: FeedbackRecord): Float32Array[] {
  return embeddings.map((text) => new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer));
}

function toBase64(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

function recordFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .sort();
  } catch {
    return []; // nothing has been kept yet
  }
}
