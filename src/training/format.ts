import { poissonInterval } from './metrics.js';

/** Figures as people read them, the same on a terminal and on a page; `–` where there is none. */

export const NOTHING = '–';

/** 0.934 */
export function share(value: number | undefined): string {
  return value === undefined ? NOTHING : value.toFixed(3);
}

/** 93.4 % */
export function percent(value: number | undefined): string {
  return value === undefined ? NOTHING : `${(value * 100).toFixed(1)} %`;
}

/** 0.912–0.951 */
export function interval(range: readonly [low: number, high: number] | undefined): string {
  return range === undefined ? NOTHING : range.map(share).join('–');
}

/** 12.3, 0.12, 0.0034: three digits that count. */
export function rate(value: number | undefined): string {
  if (value === undefined) return NOTHING;
  return value === 0 ? '0' : String(Number(value.toPrecision(3)));
}

/** 0.3–12: the 95 % interval (exact, two-sided) of a rate that was counted in so many hours */
export function rateInterval(count: number, hours: number): string {
  return poissonInterval(count)
    .map((mean) => rate(mean / hours))
    .join('–');
}

/** 1.4 s */
export function seconds(value: number | undefined): string {
  return value === undefined ? NOTHING : `${value.toFixed(1)} s`;
}

/** 75 s, 12.5 min, 3.2 h */
export function duration(hours: number): string {
  if (hours < 2 / 60) return `${Math.round(hours * 3600)} s`;
  return hours < 2 ? `${(hours * 60).toFixed(1)} min` : `${hours.toFixed(1)} h`;
}

/** 1:02:03.5, where something lies in a recording */
export function position(atSeconds: number): string {
  const [h, m, s] = [Math.floor(atSeconds / 3600), Math.floor(atSeconds / 60) % 60, atSeconds % 60];
  const tail = s.toFixed(1).padStart(4, '0');
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${tail}` : `${m}:${tail}`;
}
