/** Small line plots as SVG text; colours come from the page's style sheet (see report.ts). */

export interface Axis {
  readonly label: string;
  /** Where the axis begins and ends; both are positive on a logarithmic one. */
  readonly min: number;
  readonly max: number;
  readonly log?: boolean;
  readonly ticks: ReadonlyArray<{ readonly at: number; readonly text: string }>;
}

interface Series {
  /** Class of the line in the style sheet. */
  readonly style: 'main' | 'second' | 'guide';
  readonly points: ReadonlyArray<readonly [x: number, y: number]>;
  /** Written at the line's end. */
  readonly label?: string;
}

interface Mark {
  readonly x: number;
  readonly y: number;
  readonly radius?: number;
  /** What a pointer that rests on it shows. */
  readonly title: string;
  /** Written beside it. */
  readonly label?: string;
}

export interface Plot {
  /** For those who do not see it. */
  readonly description: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly marks?: readonly Mark[];
  /** Upright lines, such as the chosen threshold. */
  readonly rulers?: ReadonlyArray<{ readonly x: number; readonly label: string }>;
}

const WIDTH = 380;
const HEIGHT = 290;
const LEFT = 54;
const RIGHT = WIDTH - 14;
const TOP = 20;
const BOTTOM = HEIGHT - 44;

/** A plot; values outside the axes are drawn at their ends. */
export function renderPlot({ description, x, y, series, marks = [], rulers = [] }: Plot): string {
  const px = (value: number) => round(LEFT + place(value, x) * (RIGHT - LEFT));
  const py = (value: number) => round(BOTTOM - place(value, y) * (BOTTOM - TOP));
  const anchor = (at: number) => (at > (LEFT + RIGHT) / 2 ? 'end' : 'start');
  const parts = [
    ...y.ticks.map(
      ({ at, text }) =>
        `<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${py(at)}" y2="${py(at)}"/><text x="${LEFT - 7}" y="${py(at) + 4}" text-anchor="end">${escapeHtml(text)}</text>`,
    ),
    ...x.ticks.map(
      ({ at, text }) =>
        `<line class="grid" x1="${px(at)}" x2="${px(at)}" y1="${TOP}" y2="${BOTTOM}"/><text x="${px(at)}" y="${BOTTOM + 17}" text-anchor="middle">${escapeHtml(text)}</text>`,
    ),
    `<text class="axis" x="${(LEFT + RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escapeHtml(x.label)}</text>`,
    `<text class="axis" transform="translate(13 ${(TOP + BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(y.label)}</text>`,
    ...rulers.map(
      ({ x: at, label }) =>
        `<line class="ruler" x1="${px(at)}" x2="${px(at)}" y1="${TOP}" y2="${BOTTOM}"/><text class="strong" x="${px(at)}" y="${TOP - 7}" text-anchor="middle">${escapeHtml(label)}</text>`,
    ),
    ...series.map(({ style, points, label }) => {
      const line = points.map(([vx, vy]) => `${px(vx)},${py(vy)}`).join(' ');
      const end = points.at(-1);
      const text =
        label && end
          ? `<text class="label ${style}" x="${px(end[0])}" y="${py(end[1]) - 7}" text-anchor="${anchor(px(end[0]))}">${escapeHtml(label)}</text>`
          : '';
      return `<polyline class="line ${style}" points="${line}"/>${text}`;
    }),
    ...marks.map(({ x: vx, y: vy, radius = 4, title, label }) => {
      const side = anchor(px(vx)) === 'end' ? -1 : 1;
      const text = label
        ? `<text class="strong" x="${px(vx) + side * (radius + 5)}" y="${Math.min(py(vy) + 16, BOTTOM - 6)}" text-anchor="${anchor(px(vx))}">${escapeHtml(label)}</text>`
        : '';
      return `<circle class="mark" cx="${px(vx)}" cy="${py(vy)}" r="${radius}"><title>${escapeHtml(title)}</title></circle>${text}`;
    }),
  ];
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(description)}">${parts.join('')}</svg>`;
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

/** Text that means nothing to HTML: file names and labels may hold anything. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** 0…1 along the axis. */
function place(value: number, { min, max, log }: Axis): number {
  const inside = Math.min(max, Math.max(min, value));
  return log ? Math.log(inside / min) / Math.log(max / min) : (inside - min) / (max - min);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
