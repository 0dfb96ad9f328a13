import { printable } from '../support/print.js';
import type { FileResult } from './result.js';

/** One line of JSON. */
export function* asJson({
  file,
  verdict,
  confidence,
  windows,
  alarms,
  sounds,
}: FileResult): Generator<string> {
  const begin = JSON.stringify({ file, verdict, confidence: round(confidence) });
  yield `${begin.slice(0, -1)},"windows":[`;
  let comma = '';
  for (const { startSeconds, label, scores, kinds, rmsDbfs } of windows()) {
    const window = {
      startSeconds,
      label,
      scores: rounded(scores),
      ...(kinds && { kinds: rounded(kinds) }),
      levelDbfs: round(rmsDbfs),
    };
    yield comma + JSON.stringify(window);
    comma = ',';
  }
  const ended = alarms.map(({ atSeconds, durationSeconds, kind, peakConfidence }) => ({
    kind,
    startSeconds: round(atSeconds - durationSeconds),
    endSeconds: round(atSeconds),
    peakConfidence: round(peakConfidence),
  }));
  const heard = sounds.map(({ id, name, startSeconds, endSeconds, peakScore }) => ({
    sound: id,
    name,
    startSeconds: round(startSeconds),
    endSeconds: round(endSeconds),
    peakScore: round(peakScore),
  }));
  yield `],"alarms":${JSON.stringify(ended)},"sounds":${JSON.stringify(heard)}}\n`;
}

/**
 * A line per window, and one that says it all.
 *
 * @param shown how a class's name is shown
 * @param strip a picture of one line, for a terminal
 */
export function* asText(
  { file, verdict, confidence, windows, alarms, sounds }: FileResult,
  shown: (label: string) => string,
  strip: string | undefined,
): Generator<string> {
  for (const { startSeconds, label, confidence: score, rmsDbfs } of windows())
    yield `${startSeconds.toFixed(2).padStart(8)} s  ${score.toFixed(2)}  ${rmsDbfs.toFixed(1).padStart(6)} dBFS  ${shown(label)}\n`;
  for (const { atSeconds, durationSeconds, label, kind, peakConfidence } of alarms)
    yield `   alarm ${(atSeconds - durationSeconds).toFixed(2)}–${atSeconds.toFixed(2)} s  ${peakConfidence.toFixed(2)}  ${label}${kind ? `, ${kind}` : ''}\n`;
  for (const { name, startSeconds, endSeconds, peakScore } of sounds)
    yield `   sound ${startSeconds.toFixed(2)}–${endSeconds.toFixed(2)} s  ${peakScore.toFixed(2)}  ${name}\n`;
  if (strip !== undefined) yield `${strip}\n`;
  yield `${printable(file)}: ${shown(verdict)} (${confidence.toFixed(2)})\n`;
}

function rounded(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, round(value)]));
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
