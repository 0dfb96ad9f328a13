import { WINDOW_SECONDS } from '../constants.js';
import { groupsBy } from './collections.js';
import type { Clip } from './dataset.js';
import { type Fingerprint, sameness } from './fingerprint.js';
import { quantile, ratio } from './metrics.js';

/** The daemon's default alarm rule hears nothing below this. */
const SILENT_DBFS = -60;
const CLIPPED_SHARE = 0.001;
const SHORT_SECONDS = 0.2;
/** Correlation from which on two waveforms are one sound; other sounds of one kind stay below 0.5. */
const SAME = 0.8;
const FEW_CLIPS = 20;
const FEW_RECORDINGS = 3;
const IMBALANCE = 5;
/** Median lengths of classes, counted up to the window that a model hears at once, that differ by more teach something. */
const UNEQUAL_LENGTHS = 2;

type FindingKind =
  | 'unreadable'
  | 'silent'
  | 'in-two-classes'
  | 'duplicate'
  | 'near-duplicate'
  | 'clipped'
  | 'too-short'
  | 'too-few'
  | 'imbalance'
  | 'unequal-lengths';

/** One kind of fault, and all that have it. */
export interface Finding {
  readonly kind: FindingKind;
  /** A fault spoils training or its figures; a warning is worth a look. */
  readonly severity: 'fault' | 'warning';
  readonly text: string;
  readonly advice: string;
  /** Files, or groups of files that are one sound; empty where it is about classes. */
  readonly files: readonly (readonly string[])[];
}

/** A clip with what is known of it, or why nothing is. */
export interface CheckedClip extends Clip {
  readonly fingerprint: Fingerprint | undefined;
  readonly error?: string;
}

/** What kinds of faults there are, what each means – of clips; of classes the figures say it – and what to do. */
const KINDS: Record<FindingKind, Pick<Finding, 'severity' | 'advice'> & { readonly what?: string }> = {
  unreadable: {
    severity: 'fault',
    what: 'cannot be read',
    advice: 'Remove or replace them.',
  },
  silent: {
    severity: 'fault',
    what: `silent: nowhere louder than ${SILENT_DBFS} dBFS`,
    advice: 'Remove them: silence would be learnt as a sound of its class.',
  },
  'in-two-classes': {
    severity: 'fault',
    what: 'in more than one class, though the same sound',
    advice: 'Keep each sound in the one class it belongs to.',
  },
  duplicate: {
    severity: 'fault',
    what: 'exact copies of each other',
    advice: 'Keep one of each: train uses the first alone, and evaluate counts them all.',
  },
  'near-duplicate': {
    severity: 'warning',
    what: 'nearly the same sound, from different recordings',
    advice: 'Keep one of each, or let --group-by keep them on one side of the split.',
  },
  clipped: {
    severity: 'warning',
    what: `clipped: more than ${CLIPPED_SHARE * 100} % of the samples cut off at full scale`,
    advice: 'Record again with less gain, unless the daemon will hear them clipped as well.',
  },
  'too-short': {
    severity: 'warning',
    what: `shorter than ${SHORT_SECONDS} s`,
    advice:
      'Prefer cuts of about a second: the rest of the window is filled up with the tone of a quiet room.',
  },
  'too-few': { severity: 'warning', advice: 'Record more, on different days and places.' },
  imbalance: {
    severity: 'warning',
    advice: 'Record more of the small classes; class weights help only so far.',
  },
  'unequal-lengths': {
    severity: 'warning',
    advice: 'Cut all classes alike: else their length, and the room around them, is what is learnt.',
  },
};

/**
 * Looks for what spoils training. Faults first, then by kind. Cuts of one recording are not compared with each
 * other, unless they lie in two classes: training keeps them on one side anyway.
 *
 * @param onPair told now and then how many of the clips have been compared with all before them
 */
export async function checkClips(
  clips: readonly CheckedClip[],
  onPair: (done: number) => void | Promise<void> = () => {},
): Promise<Finding[]> {
  const readable = clips.filter((clip): clip is Readable => clip.fingerprint !== undefined);
  const silent = readable.filter(({ fingerprint }) => fingerprint.rmsDbfs < SILENT_DBFS);
  const audible = readable.filter((clip) => !silent.includes(clip));
  const { copies, alike } = await sameSounds(audible, onPair);
  const isMixed = (group: readonly Clip[]) => new Set(group.map(({ label }) => label)).size > 1;
  const alone = (members: readonly CheckedClip[]) => members.map((clip) => [clip]);
  return [
    ...clipFinding('unreadable', alone(clips.filter(({ fingerprint }) => !fingerprint))),
    ...clipFinding('silent', alone(silent)),
    ...clipFinding('in-two-classes', [...copies, ...alike].filter(isMixed)),
    ...clipFinding(
      'duplicate',
      copies.filter((group) => !isMixed(group)),
    ),
    ...clipFinding(
      'near-duplicate',
      alike.filter((group) => !isMixed(group)),
    ),
    ...clipFinding(
      'clipped',
      alone(audible.filter(({ fingerprint }) => fingerprint.clippedShare > CLIPPED_SHARE)),
    ),
    ...clipFinding(
      'too-short',
      alone(audible.filter(({ fingerprint }) => fingerprint.seconds < SHORT_SECONDS)),
    ),
    ...classFindings(clips),
  ];
}

type Readable = CheckedClip & { readonly fingerprint: Fingerprint };

/** Groups of exact copies, and groups of clips (one for each set of copies) that are nearly the same sound. */
async function sameSounds(clips: readonly Readable[], onPair: (done: number) => void | Promise<void>) {
  const byHash = groupsBy(clips, ({ fingerprint }) => fingerprint.hash);
  const sounds = [...byHash.values()];
  const alike: number[] = sounds.map((_, i) => i); // each points to the first of its group
  for (const [i, group] of sounds.entries()) {
    for (const [j, other] of sounds.slice(0, i).entries()) {
      const [a, b] = [group[0]!, other[0]!];
      if (a.label === b.label && a.group === b.group) continue;
      if (alike[i] === alike[j] || sameness(a.fingerprint, b.fingerprint) < SAME) continue;
      const [from, to] = [alike[i]!, alike[j]!];
      for (let k = 0; k <= i; k++) if (alike[k] === from) alike[k] = to;
    }
    await onPair(i + 1);
  }
  const groups = groupsBy(sounds.keys(), (i) => alike[i]);
  return {
    copies: sounds.filter((group) => group.length > 1),
    alike: [...groups.values()]
      .filter((members) => members.length > 1)
      .map((members) => members.map((i) => sounds[i]![0]!)),
  };
}

/** None where no clip has the fault. */
function clipFinding(kind: FindingKind, groups: readonly (readonly CheckedClip[])[]): Finding[] {
  if (groups.length === 0) return [];
  const count = groups.flat().length;
  const files = groups.map((group) => group.map(({ path }) => path));
  return [finding(kind, `${count} ${count === 1 ? 'clip' : 'clips'} ${KINDS[kind].what}`, files)];
}

function finding(kind: FindingKind, text: string, files: Finding['files'] = []): Finding {
  const { severity, advice } = KINDS[kind];
  return { kind, severity, text, advice, files };
}

function classFindings(clips: readonly CheckedClip[]): Finding[] {
  const classes = [...groupsBy(clips, ({ label }) => label)].map(([label, members]) => ({
    label,
    clips: members.length,
    recordings: new Set(members.map(({ group }) => group)).size,
    seconds: medianSeconds(members),
  }));
  const few = classes.filter((each) => each.clips < FEW_CLIPS || each.recordings < FEW_RECORDINGS);
  const smallest = classes.reduce((a, b) => (b.clips < a.clips ? b : a));
  const largest = classes.reduce((a, b) => (b.clips > a.clips ? b : a));
  const times = ratio(largest.clips, smallest.clips) ?? 1;
  const shortest = classes.reduce((a, b) => (b.seconds < a.seconds ? b : a));
  const longest = classes.reduce((a, b) => (b.seconds > a.seconds ? b : a));
  const findings = few.map((each) =>
    finding(
      'too-few',
      `${each.label} has ${each.clips} clips of ${each.recordings} ${each.recordings === 1 ? 'recording' : 'recordings'}; ${FEW_CLIPS} clips of ${FEW_RECORDINGS} recordings is little`,
    ),
  );
  if (times > IMBALANCE)
    findings.push(
      finding(
        'imbalance',
        `${largest.label} has ${times.toFixed(1)} times as many clips as ${smallest.label}`,
      ),
    );
  if (Math.min(WINDOW_SECONDS, longest.seconds) > UNEQUAL_LENGTHS * shortest.seconds)
    findings.push(
      finding(
        'unequal-lengths',
        `clips of ${shortest.label} are ${shortest.seconds.toFixed(2)} s long (median), those of ${longest.label} ${longest.seconds.toFixed(2)} s`,
      ),
    );
  return findings;
}

/** Of the clips that can be read; as long as a window where there is none. */
function medianSeconds(clips: readonly CheckedClip[]): number {
  const seconds = clips.flatMap(({ fingerprint }) => (fingerprint ? [fingerprint.seconds] : []));
  return quantile(seconds, 0.5) ?? WINDOW_SECONDS;
}
