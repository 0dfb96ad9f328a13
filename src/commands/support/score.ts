import { decodeFile } from '../../audio/decode.js';
import { SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../../constants.js';
import { UserError } from '../../errors.js';
import { Listener } from '../../listener.js';
import type { Pipeline } from '../../pipeline.js';
import { systemClock } from '../../system/clock.js';
import type { ScoredClip } from '../../training/clip-figures.js';
import { blocksOf, type LaidClip, layInLife, type Surroundings } from '../../training/life.js';
import { inRoom } from '../../training/room.js';
import type { LifeTrack } from '../../training/track.js';
import { type Recording, Track } from '../../training/track.js';
import type { Logger, ScoredWindow } from '../../types.js';
import type { Material } from './material.js';
import { showProgress } from './progress.js';

/** A listener logs what happens to live sound, and here is none. */
const SILENT_LOG: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** What all files of an evaluation are scored with. */
export interface Scorer {
  readonly pipeline: Pipeline;
  readonly hopSeconds: number;
  readonly signal: AbortSignal;
  /** Lays every clip into life as well. */
  readonly life?: Life | undefined;
}

export interface Life {
  readonly surroundings: Surroundings;
  /** What kind of sound a clip is, and its name, the same wherever its folder lies: it decides where it is laid. */
  describe(path: string, label: string): { readonly kind: string; readonly name: string };
}

/** All of an evaluation's material after the network, and what could not be read. */
export interface Heard {
  readonly clips: ScoredClip[];
  readonly recordings: Recording[];
  readonly failed: UserError[];
}

/**
 * Sends everything through the network once, file by file; a file that cannot be read is left out. Of a recording
 * only what the decision stage needs is kept (see `Track`), whatever its length.
 *
 * @throws the signal's reason once it is aborted
 */
export async function hear({ clips, recordings }: Material, scorer: Scorer): Promise<Heard> {
  const heard: Heard = { clips: [], recordings: [], failed: [] };
  const alarmLabels = scorer.pipeline.rule.labels;
  const progress = showProgress('listen', clips.length + recordings.length);
  let done = 0;
  const step = async (path: string, action: () => Promise<unknown>) => {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      heard.failed.push(error);
    }
    progress.update(++done, path);
  };
  try {
    for (const { path, label } of clips)
      await step(path, async () => heard.clips.push(await scoreClip(path, label, scorer)));
    for (const { path, labels } of recordings)
      await step(path, async () => {
        const minutes = (seconds: number) =>
          progress.update(done, `${path}, ${Math.floor(seconds / 60)} min`);
        const track = await scoreRecording(path, scorer, minutes);
        for (const { startSeconds, label } of labels)
          if (startSeconds > track.seconds)
            console.error(
              `warning: ${path}: label ${label} at ${startSeconds} s lies beyond its end, ${Math.round(track.seconds)} s`,
            );
        heard.recordings.push({ track, events: labels.filter(({ label }) => alarmLabels.includes(label)) });
      });
  } finally {
    progress.stop();
  }
  return heard;
}

/**
 * A clip: its mean scores, and apart from that a track for the decision stage, with a window of the room before and
 * after it. Cut to a second, a sound would fill one window; in a room it lies in three, and those are what `hits` and
 * `window` of the alarm rule count.
 */
async function scoreClip(path: string, label: string, scorer: Scorer): Promise<ScoredClip> {
  const { labels } = scorer.pipeline.model;
  const sums = labels.map(() => 0);
  let windows = 0;
  const track = trackOf(path, scorer);
  track.seconds = await scoreFile(path, scorer, {
    onWindow({ scores }) {
      windows++;
      for (const [i, name] of labels.entries()) sums[i]! += scores[name]!;
    },
    aroundSamples: 0,
  });
  await scoreFile(path, scorer, {
    onWindow: (window) => track.push(window),
    onWarning: () => {}, // said already
    aroundSamples: WINDOW_SAMPLES,
  });
  const scores = Object.fromEntries(labels.map((name, i) => [name, sums[i]! / windows]));
  return {
    path,
    label,
    scores,
    track,
    life: scorer.life && (await scoreLife(path, label, scorer, scorer.life)),
  };
}

/** A clip in a room or in ordinary sound, from a fresh start. */
async function scoreLife(path: string, label: string, scorer: Scorer, life: Life): Promise<LifeTrack> {
  const { kind, name } = life.describe(path, label);
  const track = trackOf(path, scorer);
  let laid: LaidClip = { samples: new Float32Array(0), startSeconds: 0, endSeconds: 0 };
  await scoreFile(path, scorer, {
    onWindow: (window) => track.push(window),
    onWarning: () => {}, // said already
    async *lay(sound) {
      laid = await layInLife(sound, name, life.surroundings);
      yield* blocksOf(laid.samples);
    },
  });
  track.seconds = laid.samples.length / SAMPLE_RATE_HZ;
  return { track, kind, startSeconds: laid.startSeconds, endSeconds: laid.endSeconds };
}

async function scoreRecording(
  path: string,
  scorer: Scorer,
  onMinute: (seconds: number) => void,
): Promise<Track> {
  const track = trackOf(path, scorer);
  track.seconds = await scoreFile(path, scorer, { onWindow: (window) => track.push(window), onMinute });
  return track;
}

function trackOf(path: string, { pipeline, hopSeconds }: Scorer): Track {
  const { rule, senseOptions, model } = pipeline;
  const wanted = [...rule.labels, ...senseOptions.speechLabels, ...senseOptions.waterLabels];
  const labels = model.labels.filter((label) => wanted.includes(label));
  const hop = Math.round(hopSeconds * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ;
  return new Track(path, labels, hop, rule.evidence?.kinds, senseOptions);
}

interface FileHandlers {
  onWindow(window: ScoredWindow): void;
  onMinute?(seconds: number): void;
  onWarning?(message: string): void;
  /** Puts the file into a quiet room, with so much of it before and after. */
  readonly aroundSamples?: number;
  /** Puts it elsewhere. */
  lay?(sound: AsyncIterable<Float32Array>): AsyncIterable<Float32Array>;
}

/**
 * Runs a file through the same listener and pipeline as the daemon, as fast as the network allows.
 *
 * @returns the file's length, seconds
 * @throws UserError where the file cannot be read or is no audio
 */
async function scoreFile(
  path: string,
  { pipeline, hopSeconds, signal }: Scorer,
  { onWindow, onMinute, onWarning = warn, aroundSamples, lay = asItIs }: FileHandlers,
): Promise<number> {
  pipeline.reset();
  const listener = new Listener(
    pipeline,
    { hopSeconds, live: false },
    { onWindow: ({ scored }) => onWindow(scored), onEvent() {} },
    systemClock,
    SILENT_LOG,
  );
  let count = 0;
  let minutes = 0;
  async function* decoded() {
    for await (const samples of decodeFile(path, onWarning)) {
      signal.throwIfAborted();
      yield samples;
      count += samples.length;
      if (count / SAMPLE_RATE_HZ / 60 < minutes + 1) continue;
      minutes++;
      onMinute?.(count / SAMPLE_RATE_HZ);
    }
  }
  const hopSamples = Math.round(hopSeconds * SAMPLE_RATE_HZ);
  const sound =
    aroundSamples === undefined ? lay(decoded()) : inRoom(decoded(), { hopSamples, aroundSamples });
  for await (const samples of sound) await listener.chunk({ samples, capturedAtMs: 0 });
  await listener.finish();
  await listener.stop();
  return count / SAMPLE_RATE_HZ;
}

const asItIs = (sound: AsyncIterable<Float32Array>) => sound;

function warn(message: string): void {
  console.error(`warning: ${message}`);
}
