import { join } from 'node:path';
import { writeWav } from './audio/wav-writer.js';
import type { Config } from './config/schema.js';
import { ClipRecorder } from './storage/clips.js';
import { FeedbackStore } from './storage/feedback.js';
import { History } from './storage/history.js';
import type { Clock, Logger } from './types.js';

/** What is kept of alarms on the disk. */
export interface Kept {
  /** Verdicts of people. */
  readonly feedback: FeedbackStore;
  /** Sound around alarms, where that is wanted. */
  readonly clips: ClipRecorder | undefined;
  /** What HTTP shows. */
  readonly history: History;
}

/**
 * @param folder of the device
 * @param heardBy model and backbone, of which embeddings are kept
 * @param veto learns of verdicts; left out where nothing does
 */
export function keptOfAlarms(
  config: Pick<Config, 'clips' | 'sense'>,
  folder: string,
  heardBy: ConstructorParameters<typeof FeedbackStore>[1],
  veto: ConstructorParameters<typeof FeedbackStore>[2],
  log: Logger,
  clock: Clock,
): Kept {
  const feedback = new FeedbackStore(join(folder, 'feedback'), heardBy, veto, log, clock).load();
  const clipOptions = { ...config.clips, speechLabels: config.sense.speechLabels };
  const writeClip = (path: string, sound: Float32Array) => writeWav(path, [sound]);
  const clips = config.clips.enabled
    ? new ClipRecorder(join(folder, 'clips'), clipOptions, writeClip, log)
    : undefined;
  return { feedback, clips, history: new History(join(folder, 'history'), log) };
}
