import type { AlarmRule } from '../../alarm/decision.js';
import { kindsLookedAt } from '../../alarm/impact.js';
import type { SenseOptions } from '../../alarm/sense.js';
import { Verdict } from '../../alarm/verdict.js';
import { SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../../constants.js';
import type { UserError } from '../../errors.js';
import { columnsOf } from '../../files/ear.js';
import { type HeardFile, type ListenOptions, listenToFiles } from '../../files/listen.js';
import { scoredWindows, type Table } from '../../files/table.js';
import type { ScoredClip } from '../../training/clip-figures.js';
import type { Lay } from '../../training/lay.js';
import type { Surroundings } from '../../training/life.js';
import { type Recording, Track } from '../../training/track.js';
import type { ModelInfo, ScoredWindow } from '../../types.js';
import type { Material } from './material.js';
import { warn } from './print.js';
import { showProgress } from './progress.js';

/** What all files of an evaluation are scored with. */
export interface Scorer extends Omit<ListenOptions, 'wanted' | 'onProgress' | 'surroundings'> {
  readonly rule: AlarmRule;
  readonly sense: SenseOptions;
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
  /** What ran the network. */
  readonly network: Pick<ModelInfo, 'engine' | 'precision' | 'npu'>;
}

/**
 * Hears everything once, on all cores; a file that cannot be read is left out. Of a recording only what the decision
 * stage needs is kept (see `Track`), whatever its length.
 *
 * @throws the signal's reason once it is aborted
 */
export async function hear({ clips, recordings }: Material, scorer: Scorer): Promise<Heard> {
  const heard = {
    clips: [] as ScoredClip[],
    recordings: [] as Recording[],
    failed: [] as UserError[],
    network: { engine: '', precision: '', npu: false } as Heard['network'],
  };
  const sounds = [
    ...clips.map((clip) => ({ path: clip.path, lays: laysOf(clip, scorer), clip, recording: undefined })),
    ...recordings.map((recording) => ({
      path: recording.path,
      lays: [AS_IT_IS],
      clip: undefined,
      recording,
    })),
  ];
  const { rule, sense, life, ...options } = scorer;
  const progress = showProgress('listen', sounds.length);
  let done = 0;
  const onProgress = (path: string, seconds: number) =>
    progress.update(done, `${path}, ${Math.floor(seconds / 60)} min`);
  const surroundings = life?.surroundings;
  try {
    for await (const file of listenToFiles(sounds, {
      ...options,
      surroundings,
      wanted: 'scores',
      onProgress,
    })) {
      const { path, clip, recording } = file.sound;
      if ('error' in file) heard.failed.push(file.error);
      else {
        heard.network = file.network;
        for (const warning of file.warnings) warn(warning);
        if (clip) heard.clips.push(clipOf(clip, file, scorer));
        if (recording) heard.recordings.push(recordingOf(recording, file, scorer));
      }
      progress.update(++done, path);
    }
  } finally {
    progress.stop();
  }
  return heard;
}

type Clip = Material['clips'][number];
type Lays = Extract<HeardFile, { lays: unknown }>['lays'];

const AS_IT_IS: Lay = { how: 'as it is' };

/**
 * A clip alone, for its mean scores, and for the decision stage with a window of the room before and after it. Cut
 * to a second, a sound would fill one window; in a room it lies in three, and those are what `hits` and `window` of
 * the alarm rule count.
 */
function laysOf({ path, label }: Clip, { life }: Scorer): Lay[] {
  const alone: Lay = { how: 'in a room', aroundSamples: 0 };
  const room: Lay = { how: 'in a room', aroundSamples: WINDOW_SAMPLES };
  return [alone, room, ...(life ? [{ how: 'in life', name: life.describe(path, label).name } as const] : [])];
}

function clipOf({ path, label }: Clip, { lays }: { readonly lays: Lays }, scorer: Scorer): ScoredClip {
  const [alone, inRoom, inLife] = lays as [Lays[number], Lays[number], Lays[number] | undefined];
  const verdict = new Verdict(scorer.rule);
  for (const window of windowsOf(alone.tables, scorer)) verdict.push(window);
  const { life } = scorer;
  return {
    path,
    label,
    scores: verdict.scores,
    track: trackOf(path, inRoom.tables, alone.extent.fileSeconds, scorer),
    life:
      life && inLife
        ? {
            track: trackOf(path, inLife.tables, inLife.extent.seconds, scorer),
            kind: life.describe(path, label).kind,
            startSeconds: inLife.extent.startSeconds,
            endSeconds: inLife.extent.endSeconds,
          }
        : undefined,
  };
}

function recordingOf(
  { path, labels }: Material['recordings'][number],
  { lays }: { readonly lays: Lays },
  scorer: Scorer,
): Recording {
  const [{ tables, extent }] = lays as [Lays[number]];
  for (const { startSeconds, label } of labels)
    if (startSeconds > extent.seconds)
      warn(
        `${path}: label ${label} at ${startSeconds} s lies beyond its end, ${Math.round(extent.seconds)} s`,
      );
  return {
    track: trackOf(path, tables, extent.seconds, scorer),
    events: labels.filter(({ label }) => scorer.rule.labels.includes(label)),
  };
}

function trackOf(path: string, tables: readonly Table[], seconds: number, scorer: Scorer): Track {
  const { rule, sense, bundle, head, hopSamples } = scorer;
  const wanted = [...rule.labels, ...sense.speechLabels, ...sense.waterLabels];
  const labels = columnsOf(bundle, head).labels.filter((label) => wanted.includes(label));
  const track = new Track(path, labels, hopSamples / SAMPLE_RATE_HZ, kindsLookedAt(rule), sense);
  for (const window of windowsOf(tables, scorer)) track.push(window);
  track.seconds = seconds;
  return track;
}

function windowsOf(tables: readonly Table[], { bundle, head, hopSamples }: Scorer): Iterable<ScoredWindow> {
  return scoredWindows(tables, columnsOf(bundle, head), hopSamples);
}
