import { encode } from 'fast-png';
import { MEL_BANDS, WINDOW_SECONDS } from '../constants.js';
import type { Sketch } from '../files/sketch.js';
import { clock } from './axes.js';
import { DASHES, OTHER_COLOUR, spectrogramPalette } from './colours.js';
import { escapeHtml } from './html.js';
import type { AlarmSpan, Curve, Recording, SoundSpan } from './recording.js';

/** Shapes of SVG in an area of so many units; a page may stretch them, so strokes do not scale. */
export interface Area {
  readonly width: number;
  readonly height: number;
}

/** Of all values of a spectrogram, how much may be darker or lighter than its palette. */
const TOO_QUIET = 0.05;
const TOO_LOUD = 0.002;
/** Quieter sound than this is not made to look loud, of 255. */
const LEAST_CONTRAST = 64;

/** The envelope, a shape for each run of columns of the same colour; the loudest sample reaches the edge. */
export function waveform(
  sketch: Sketch,
  recording: Recording,
  colours: readonly number[],
  { width, height }: Area,
): string {
  const columns = sketch.low.length;
  const across = (column: number) => number((column / columns) * width);
  const scale = height / 2 / Math.max(peakOf(sketch), 1e-6);
  const up = (column: number) => number(height / 2 - Math.max(sketch.high[column]! * scale, 0.4));
  const down = (column: number) => number(height / 2 - Math.min(sketch.low[column]! * scale, -0.4));
  const paths = new Map<number, string[]>();
  for (let from = 0, to = 0; from < columns; from = to) {
    const colour = colourAt(from);
    for (to = from + 1; to < columns && colourAt(to) === colour; ) to++;
    const run = Array.from({ length: to - from }, (_, i) => from + i);
    const above = run.map((column) => `${across(column)} ${up(column)}H${across(column + 1)}`);
    const below = run.reverse().map((column) => `${across(column + 1)} ${down(column)}H${across(column)}`);
    paths.set(colour, [...(paths.get(colour) ?? []), `M${above.join('L')}L${below.join('L')}Z`]);
  }
  return [...paths].map(([colour, runs]) => `<path class="f${colour}" d="${runs.join('')}"/>`).join('');

  /** An alarm class where one is heard in it, however short, else the class of its middle. */
  function colourAt(column: number): number {
    const { taken, classes, hopSeconds } = recording;
    const last = taken.length - 1;
    // A window stands for the sound that is nearer to its middle than to that of others.
    const windowAt = (seconds: number) =>
      Math.max(0, Math.min(last, Math.round((seconds - WINDOW_SECONDS / 2) / hopSeconds)));
    const first = windowAt(column * sketch.columnSeconds);
    const end = windowAt((column + 1) * sketch.columnSeconds);
    let shown = taken[windowAt((column + 0.5) * sketch.columnSeconds)]!;
    for (let i = first; i < end; i++) if (classes[taken[i]!]?.role === 'alarm') shown = taken[i]!;
    return colours[shown] ?? OTHER_COLOUR;
  }
}

/** The loudest sample. */
export function peakOf({ low, high }: Sketch): number {
  let peak = 0;
  for (let i = 0; i < low.length; i++) peak = Math.max(peak, high[i]!, -low[i]!);
  return peak;
}

/** The log-mel as a picture in the picture, its contrast as wide as its values. */
export function spectrogram({ mel }: Sketch, { width, height }: Area): string {
  const [quiet, loud] = contrast(mel);
  const columns = mel.length / MEL_BANDS;
  const data = new Uint8Array(mel.length);
  for (let column = 0; column < columns; column++)
    for (let band = 0; band < MEL_BANDS; band++) {
      const value = (mel[column * MEL_BANDS + band]! - quiet) / (loud - quiet);
      data[(MEL_BANDS - 1 - band) * columns + column] = Math.round(255 * Math.max(0, Math.min(1, value)));
    }
  const palette = spectrogramPalette();
  const png = encode({ width: columns, height: MEL_BANDS, data, depth: 8, channels: 1, palette });
  const href = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
  return `<image width="${width}" height="${height}" preserveAspectRatio="none" href="${href}"/>`;
}

function contrast(mel: Uint8Array): [quiet: number, loud: number] {
  const counts = new Uint32Array(256);
  for (const value of mel) counts[value]!++;
  const quantile = (share: number) => {
    let rest = share * mel.length;
    return counts.findIndex((count) => {
      rest -= count;
      return rest < 0;
    });
  };
  const quiet = quantile(TOO_QUIET);
  return [quiet, Math.max(quantile(1 - TOO_LOUD), quiet + LEAST_CONTRAST)];
}

/**
 * Lines, a point for each window; of more than an area can show the highest remain.
 *
 * @param secondsOf the time of a window
 * @param top value at the upper edge
 */
export function curves(
  drawn: readonly Curve[],
  colours: readonly number[],
  dashes: readonly number[],
  secondsOf: (window: number) => number,
  top: number,
  seconds: number,
  { width, height }: Area,
): string {
  return drawn
    .map(({ values }, k) => {
      const step = Math.max(1, Math.ceil(values.length / width));
      const points: string[] = [];
      for (let from = 0; from < values.length; from += step) {
        const part = values.subarray(from, from + step);
        const best = part.reduce((a, value, i) => (value > part[a]! ? i : a), 0);
        const x = (Math.min(seconds, secondsOf(from + best)) / seconds) * width;
        points.push(`${number(x)} ${number(height * (1 - Math.min(1, part[best]! / top)))}`);
      }
      // What is known of the first window and of the last holds to the edges.
      const path = `M0 ${points[0]?.split(' ')[1] ?? height}L${points.join('L')}H${width}`;
      const dash = DASHES[dashes[k]! % DASHES.length];
      return `<path class="curve s${colours[k]}"${dash ? ` stroke-dasharray="${dash}"` : ''} vector-effect="non-scaling-stroke" d="${path}"/>`;
    })
    .join('');
}

/** Time of a window's middle, of which its scores speak. */
export function middleOf(hopSeconds: number): (window: number) => number {
  return (window) => window * hopSeconds + WINDOW_SECONDS / 2;
}

/** Time of a window's end, when its evidence is known. */
export function endOf(hopSeconds: number): (window: number) => number {
  return (window) => window * hopSeconds + WINDOW_SECONDS;
}

/** A line across at a height from 0 to 1. */
export function level(name: string, at: number, { width, height }: Area): string {
  const y = number(height * (1 - at));
  return `<path class="${name}" vector-effect="non-scaling-stroke" d="M0 ${y}H${width}"/>`;
}

/** The time of alarms, over the whole height. */
export function spans(alarms: readonly AlarmSpan[], seconds: number, { width, height }: Area): string {
  return alarms
    .map(({ startSeconds, endSeconds }) => {
      const [x, end] = [(startSeconds / seconds) * width, (endSeconds / seconds) * width];
      const d = `M${number(x)} 0V${height}`;
      return `<rect class="alarm" x="${number(x)}" width="${number(Math.max(1, end - x))}" height="${height}"/><path class="onset" vector-effect="non-scaling-stroke" d="${d}"/>`;
    })
    .join('');
}

/** Times of sounds, a row for each of them, the first on top. */
export function rows(
  sounds: readonly (readonly SoundSpan[])[],
  colours: readonly number[],
  seconds: number,
  { width, height }: Area,
): string {
  const step = height / sounds.length;
  const rect = ({ name, startSeconds, endSeconds, peakScore }: SoundSpan, row: number) => {
    const [x, end] = [(startSeconds / seconds) * width, (endSeconds / seconds) * width];
    const tip = `${name} (${peakScore.toFixed(2)}), ${clock(startSeconds)} to ${clock(endSeconds)}`;
    return `<rect class="f${colours[row]}" x="${number(x)}" y="${number((row + 0.15) * step)}" width="${number(Math.max(1, end - x))}" height="${number(0.7 * step)}"><title>${escapeHtml(tip)}</title></rect>`;
  };
  return sounds.flatMap((spans, row) => spans.map((span) => rect(span, row))).join('');
}

/** Two digits after the point are finer than any screen. */
export function number(value: number): string {
  return String(Math.round(value * 100) / 100);
}
