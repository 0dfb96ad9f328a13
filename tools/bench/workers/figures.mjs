// What every worker in JavaScript does alike: warm up, take times, report.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const WARM_UP_WINDOWS = 50;
/** So many windows in a row are looked at together. */
const STRETCH = 20;
/** So long a slow program is timed; a fast one until it has had `windows`. */
const LONGEST_MS = 8000;

/** Says that the first result is there. */
export function sayFirst() {
  console.log('{"first":true}');
}

/** Prints the figures of a worker, of which `wholeMs` is one. */
export function sayFigures(figures) {
  console.log(JSON.stringify({ ...figures, residentMb: process.memoryUsage.rss() / 1e6 }));
}

/** @returns that part of the times that `q` says lies below it */
export function quantile(times, q) {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

/**
 * Takes the time of `run(i)`, window by window.
 *
 * @param run resolves to the milliseconds of its stages
 * @returns by stage, and as `wholeMs`, the median of the quietest stretch, in which least else was done by the
 *   machine, and the 99th percentile of all windows; and CPU time per window, that of all threads
 */
export async function timeWindows(run, windows) {
  const all = [];
  const longest = performance.now() + LONGEST_MS;
  const warmUp = Math.min(WARM_UP_WINDOWS, windows / 4);
  let cpu = process.cpuUsage();
  for (let i = 0; i < windows + warmUp && (performance.now() < longest || all.length < STRETCH); i++) {
    if (i === warmUp) cpu = process.cpuUsage();
    const begin = performance.now();
    const stages = await run(i);
    const wholeMs = performance.now() - begin;
    if (i >= warmUp) all.push({ ...stages, wholeMs });
  }
  const { user, system } = process.cpuUsage(cpu);
  const quiet = quietest(all);
  const figures = Object.keys(all[0]).map((stage) => {
    const of = (windows) => windows.map((window) => window[stage]);
    return [stage, { p50: quantile(of(quiet), 0.5), p99: quantile(of(all), 0.99) }];
  });
  return { ...Object.fromEntries(figures), cpuMs: (user + system) / 1000 / all.length };
}

/** The stretch with the least median. */
function quietest(all) {
  let best = { median: Number.POSITIVE_INFINITY, stretch: all };
  for (let at = 0; at + STRETCH <= all.length; at += STRETCH) {
    const stretch = all.slice(at, at + STRETCH);
    const median = quantile(
      stretch.map(({ wholeMs }) => wholeMs),
      0.5,
    );
    if (median < best.median) best = { median, stretch };
  }
  return best.stretch;
}

/** The log-mels of the scene. @returns that of the i-th window, from the first again after the last */
export function melsOf(folder) {
  const { buffer, byteOffset, byteLength } = readFileSync(join(folder, 'mels.f32'));
  const all = new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
  const size = 96 * 64;
  const count = all.length / size;
  return (i) => all.subarray((i % count) * size, ((i % count) + 1) * size);
}
