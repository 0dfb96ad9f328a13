import { type Axis, place } from '../../plot/axes.js';
import { escapeHtml } from '../../plot/html.js';

/**
 * Line plots that are as wide as their figure: lines are SVG and stretch, dots and words are HTML and do not. No
 * word stands where a line can be: what lines and dots mean is said in a legend above. Colours come from style.ts.
 */

interface Series {
  /** Class of the line in the style sheet. */
  readonly style: 'main' | 'second' | 'guide';
  readonly points: ReadonlyArray<readonly [x: number, y: number]>;
  /** What it is, for the legend. */
  readonly label?: string;
}

interface Mark {
  readonly x: number;
  readonly y: number;
  /** px */
  readonly radius?: number;
  /** What a pointer that rests on it shows. */
  readonly title: string;
  /** What it is, for the legend. */
  readonly label?: string;
}

export interface Plot {
  /** For those who do not see it. */
  readonly description: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly marks?: readonly Mark[];
  /** Upright lines, such as the chosen threshold; their words stand above the plot. */
  readonly rulers?: ReadonlyArray<{ readonly x: number; readonly label: string }>;
}

/** The area between the axes in the units of its SVG, px at its narrowest; style.ts has the same margins. */
const LEFT = 54;
const RIGHT = 366;
const TOP = 20;
const BOTTOM = 246;

/** Values outside the axes are drawn at their ends. */
export function renderPlot(plot: Plot): string {
  const { description, x, y, marks = [], rulers = [] } = plot;
  const across = (value: number) => percent(place(value, x));
  const down = (value: number) => percent(1 - place(value, y));
  const words = [
    ...y.ticks.map(({ at, text }) => `<i class="tick-y" style="top:${down(at)}">${escapeHtml(text)}</i>`),
    ...x.ticks.map(({ at, text }) => `<i class="tick-x" style="left:${across(at)}">${escapeHtml(text)}</i>`),
    `<i class="axis-x">${escapeHtml(x.label)}</i><i class="axis-y">${escapeHtml(y.label)}</i>`,
    // Moved back by the same share of its own width, it never leaves the plot.
    ...rulers.map(
      ({ x: at, label }) =>
        `<i class="above" style="left:${across(at)};transform:translateX(-${across(at)})">${escapeHtml(label)}</i>`,
    ),
  ];
  const dots = marks.map(
    ({ x: vx, y: vy, radius = 4.5, title }) =>
      `<i class="mark" style="left:${across(vx)};top:${down(vy)};--radius:${radius.toFixed(1)}px" title="${escapeHtml(title)}"></i>`,
  );
  const picture = `<div class="plot" role="img" aria-label="${escapeHtml(description)}"><div class="area">${lines(plot)}${words.join('')}${dots.join('')}</div></div>`;
  return legend(plot) + picture;
}

function lines({ x, y, series, rulers = [] }: Plot): string {
  const px = (value: number) => round(LEFT + place(value, x) * (RIGHT - LEFT));
  const py = (value: number) => round(BOTTOM - place(value, y) * (BOTTOM - TOP));
  const upright = (name: string, at: number) =>
    `<line class="${name}" x1="${px(at)}" x2="${px(at)}" y1="${TOP}" y2="${BOTTOM}"/>`;
  const parts = [
    ...y.ticks.map(
      ({ at }) => `<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${py(at)}" y2="${py(at)}"/>`,
    ),
    ...x.ticks.map(({ at }) => upright('grid', at)),
    ...rulers.map(({ x: at }) => upright('ruler', at)),
    ...series.map(({ style, points }) => {
      const corners = points.map(([vx, vy]) => `${px(vx)},${py(vy)}`).join(' ');
      return `<polyline class="line ${style}" points="${corners}"/>`;
    }),
  ];
  return `<svg viewBox="${LEFT} ${TOP} ${RIGHT - LEFT} ${BOTTOM - TOP}" preserveAspectRatio="none" aria-hidden="true">${parts.join('')}</svg>`;
}

function legend({ series, marks = [] }: Plot): string {
  const line = (style: string) =>
    `<svg viewBox="0 0 26 10" aria-hidden="true"><line class="line ${style}" x1="0" x2="26" y1="5" y2="5"/></svg>`;
  const dot = '<svg viewBox="0 0 10 10" aria-hidden="true"><circle class="dot" cx="5" cy="5" r="4.5"/></svg>';
  const entry = (key: string, label: string) => `<li>${key}${escapeHtml(label)}</li>`;
  const entries = [
    ...series.flatMap(({ style, label }) => (label === undefined ? [] : entry(line(style), label))),
    ...marks.flatMap(({ label }) => (label === undefined ? [] : entry(dot, label))),
  ];
  return entries.length > 0 ? `<ul class="legend">${entries.join('')}</ul>` : '';
}

const percent = (part: number) => `${round(100 * part)}%`;

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
