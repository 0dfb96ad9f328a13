import { MEL_BANDS } from '../constants.js';
import type { Sketch } from '../files/sketch.js';
import { classColours, DASHES, kindColours } from './colours.js';
import type { Recording, SoundSpan } from './recording.js';
import {
  type Area,
  curves,
  endOf,
  level,
  middleOf,
  peakOf,
  rows,
  spans,
  spectrogram,
  waveform,
} from './shapes.js';

/** Evidence is shown up to twice the line, where it stops growing. */
const TOP_EVIDENCE = 2;
/** Of the row of a sound. */
const ROW_HEIGHT = 16;
const FREQUENCIES_HZ = [250, 500, 1000, 2000, 4000];

/** What a swatch in a legend looks like. */
export interface Key {
  readonly label: string;
  readonly look:
    | { readonly fill: number }
    | { readonly stroke: number; readonly dash: string }
    | { readonly limit: string };
}

/** One of the plots that lie below each other over the same time. */
export interface Panel {
  readonly title: string;
  readonly height: number;
  readonly shapes: string;
  /** From 0 at the bottom to 1 at the top. */
  readonly ticks: ReadonlyArray<{ readonly at: number; readonly text: string }>;
  readonly keys: readonly Key[];
}

/**
 * Draws a recording.
 *
 * @param sketch waveform and spectrogram of all of it, in no more columns than `width`
 * @param width in units; a page stretches them
 */
export function panelsOf(recording: Recording, sketch: Sketch, width: number): Panel[] {
  const { seconds, classes, classesLeftOut, evidence, alarms, hopSeconds } = recording;
  const colours = classColours(classes, classesLeftOut > 0);
  const area = (height: number): Area => ({ width, height });
  const behind = (height: number) => spans(alarms, seconds, area(height));
  const others: Key[] = classesLeftOut > 0 ? [{ label: `${classesLeftOut} others`, look: { fill: 0 } }] : [];
  const dashes = dashesOf(colours);
  const alarmClasses = classes.some(({ role }) => role === 'alarm');
  const limits = alarmClasses
    ? level('limit', recording.threshold, area(120)) +
      level('limit fine', recording.instantThreshold, area(120))
    : '';
  const limitKeys: Key[] = alarmClasses
    ? [
        { label: `hit from ${recording.threshold}`, look: { limit: 'limit' } },
        { label: `at once from ${recording.instantThreshold}`, look: { limit: 'limit fine' } },
      ]
    : [];
  const panels: Panel[] = [
    ...soundsPanel(recording, width),
    {
      title: `Waveform, peak ${dbfs(peakOf(sketch))}`,
      height: 110,
      shapes: behind(110) + waveform(sketch, recording, colours, area(110)),
      ticks: [],
      keys: [...classes.map(({ name }, i) => ({ label: name, look: { fill: colours[i]! } })), ...others],
    },
    {
      title: 'Log-mel spectrogram, as the network sees it',
      height: 140,
      shapes: spectrogram(sketch, area(140)),
      ticks: FREQUENCIES_HZ.map((hz) => ({
        at: (recording.bandOf(hz) + 0.5) / MEL_BANDS,
        text: hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`,
      })),
      keys: [],
    },
    {
      title: 'Class scores',
      height: 120,
      shapes:
        grid([0, 0.5, 1], area(120)) +
        behind(120) +
        limits +
        curves(classes, colours, dashes, middleOf(hopSeconds), 1, seconds, area(120)),
      ticks: [0, 0.5, 1].map((at) => ({ at, text: String(at) })),
      keys: [...classes.map(({ name }, i) => lineKey(name, colours[i]!, dashes[i]!)), ...limitKeys],
    },
  ];
  if (evidence.length === 0) return panels;
  const ofKinds = kindColours(evidence);
  const kindDashes = evidence.map((_, i) => i);
  panels.push({
    title: 'Evidence for kinds of events',
    height: 120,
    shapes:
      grid([0, 1], area(120)) +
      behind(120) +
      level('limit', 1 / TOP_EVIDENCE, area(120)) +
      curves(evidence, ofKinds, kindDashes, endOf(hopSeconds), TOP_EVIDENCE, seconds, area(120)),
    ticks: [
      { at: 0, text: '0' },
      { at: 0.5, text: 'alarm' },
      { at: 1, text: 'twice' },
    ],
    keys: [
      ...evidence.map(({ name }, i) => lineKey(name, ofKinds[i]!, i)),
      { label: 'line of the alarm', look: { limit: 'limit' } },
    ],
  });
  return panels;
}

/** When sounds beside the alarm were on; nothing where none was. */
function soundsPanel({ sounds, seconds }: Recording, width: number): Panel[] {
  const byId = new Map<string, SoundSpan[]>();
  for (const span of sounds) byId.set(span.id, [...(byId.get(span.id) ?? []), span]);
  const heard = [...byId.values()];
  if (heard.length === 0) return [];
  const colours = kindColours(heard);
  const height = ROW_HEIGHT * heard.length;
  const keys = heard.map(([first], i) => ({ label: first!.name, look: { fill: colours[i]! } }));
  const shapes = rows(heard, colours, seconds, { width, height });
  return [{ title: 'Sounds', height, shapes, ticks: [], keys }];
}

/** Lines of the same colour are dashed differently. */
function dashesOf(colours: readonly number[]): number[] {
  return colours.map((colour, i) => colours.slice(0, i).filter((each) => each === colour).length);
}

function lineKey(label: string, stroke: number, dash: number): Key {
  return { label, look: { stroke, dash: DASHES[dash % DASHES.length]! } };
}

function grid(levels: readonly number[], area: Area): string {
  return levels.map((at) => level('grid', at, area)).join('');
}

function dbfs(peak: number): string {
  return peak === 0
    ? 'none: it is silent'
    : `${(20 * Math.log10(peak))
        .toFixed(1)
        .replace(/^-0\.0$/, '0.0')
        .replace('-', '−')} dBFS`;
}
