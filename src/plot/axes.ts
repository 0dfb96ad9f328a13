export interface Axis {
  readonly label: string;
  /** Where the axis begins and ends; both are positive on a logarithmic one. */
  readonly min: number;
  readonly max: number;
  readonly log?: boolean;
  readonly ticks: ReadonlyArray<{ readonly at: number; readonly text: string }>;
}

/** An axis from 0 to 1. */
export function unitAxis(label: string): Axis {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, text: String(at) }));
  return { label, min: 0, max: 1, ticks };
}

/** A logarithmic axis of whole decades around the values; those that are 0 lie on its lower end, so marked. */
export function decadeAxis(label: string, values: readonly number[]): Axis {
  const positive = values.filter((value) => value > 0);
  const lowest = Math.floor(Math.log10(Math.min(1, ...positive)));
  const highest = Math.max(lowest + 1, Math.ceil(Math.log10(Math.max(1, ...positive))));
  const hasZero = positive.length < values.length;
  const first = hasZero ? lowest - 1 : lowest;
  const ticks = Array.from({ length: highest - first + 1 }, (_, i) => {
    const at = 10 ** (first + i);
    return { at, text: hasZero && i === 0 ? '0' : String(Number(at.toPrecision(1))) };
  });
  return { label, min: 10 ** first, max: 10 ** highest, log: true, ticks };
}

/** Where a value lies on the axis, 0…1; one outside lies at its end. */
export function place(value: number, { min, max, log }: Axis): number {
  const inside = Math.min(max, Math.max(min, value));
  return log ? Math.log(inside / min) / Math.log(max / min) : (inside - min) / (max - min);
}

/** Steps of a time axis, seconds. */
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200];

/** An axis of time, with so many ticks or fewer. */
export function timeAxis(seconds: number, most: number): Axis {
  const step = STEPS.find((each) => seconds / each <= most) ?? 86_400 * Math.ceil(seconds / most / 86_400);
  const ticks = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, i) => {
    const at = i * step;
    return { at, text: clock(at) };
  });
  return { label: 'time', min: 0, max: seconds, ticks };
}

/** 2.4 s, 1:02, 1:02:03 */
export function clock(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
