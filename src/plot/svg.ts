import { joined } from '../files/sketch.js';
import { clock, place, timeAxis } from './axes.js';
import { escapeHtml } from './html.js';
import { type Key, type Panel, panelsOf } from './panels.js';
import { describe, laneOf, type Recording } from './recording.js';
import { number } from './shapes.js';
import { PLOT_STYLE } from './style.js';

const WIDTH = 1200;
const LEFT = 74;
const RIGHT = WIDTH - 24;
const PLOT_WIDTH = RIGHT - LEFT;
/** Above each panel: its title and legend. */
const CAPTION = 30;
const HEADER = 76;
const LANE = 22;
const FOOTER = 40;
/** About as wide as a letter is, where nothing measures it. */
const LETTER = 6.7;
const MAX_TICKS = 14;

const STYLE = `
text { font-family: Inter, system-ui, sans-serif; font-size: 12px; fill: #56606c; }
.paper { fill: #ffffff; }
.name { font-size: 20px; font-weight: 600; fill: #1b2027; }
.title { font-weight: 600; fill: #1b2027; }
.on-bar { fill: #ffffff; font-weight: 600; }
.frame { fill: none; stroke: #c3cbd4; stroke-width: 1; }
@media (prefers-color-scheme: dark) {
  text { fill: #a5afba; }
  .paper { fill: #14181c; }
  .name, .title { fill: #e8ebef; }
  .frame { stroke: #4a545e; }
}`;

/** A picture of the whole recording: SVG that stands alone, in light and dark. */
export function renderSvg(recording: Recording): string {
  const panels = panelsOf(recording, joined(recording.sketches, recording.seconds, PLOT_WIDTH), PLOT_WIDTH);
  let y = HEADER;
  const parts = [lane(recording, y)];
  y += LANE;
  for (const panel of panels) {
    parts.push(drawn(panel, y + CAPTION));
    y += CAPTION + panel.height;
  }
  parts.push(time(recording.seconds, y));
  const height = y + FOOTER;
  const { name, verdict, confidence, heardBy, seconds } = recording;
  const summary = `${verdict} (${confidence.toFixed(2)}) · ${clock(seconds)}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">${escapeHtml(name)}</title>
<desc id="desc">${escapeHtml(describe(recording))}</desc>
<style>${STYLE}${PLOT_STYLE}</style>
<rect class="paper" width="${WIDTH}" height="${height}" rx="10"/>
<text class="name" x="${LEFT}" y="38">${escapeHtml(shortened(name, 90))}</text>
<text x="${LEFT}" y="58">${escapeHtml(`${summary} · ${heardBy}`)}</text>
${parts.join('\n')}
</svg>
`;
}

function drawn({ title, height, shapes, ticks, keys }: Panel, y: number): string {
  let x = LEFT + title.length * LETTER * 1.08 + 22;
  const legend = keys.map((key) => {
    const at = x;
    x += 26 + key.label.length * LETTER + 16;
    return swatch(key, at, y - 11) + text(at + 26, y - 7, key.label);
  });
  const labels = ticks.map(({ at, text: each }) =>
    text(LEFT - 9, y + height * (1 - at) + 4, each, 'text-anchor="end"'),
  );
  return `<g>${text(LEFT, y - 7, title, 'class="title"')}${legend.join('')}${labels.join('')}<g transform="translate(${LEFT} ${number(y)})">${shapes}</g><rect class="frame" x="${LEFT}" y="${number(y)}" width="${PLOT_WIDTH}" height="${height}"/></g>`;
}

/** Alarms in words, where there is room for them. */
function lane(recording: Recording, y: number): string {
  const { alarms, seconds } = recording;
  if (alarms.length === 0) return text(LEFT, y + 15, 'no alarm');
  const bars = laneOf(recording).map(({ name, startSeconds, endSeconds, peakConfidence, cooldown }) => {
    const x = LEFT + (startSeconds / seconds) * PLOT_WIDTH;
    const width = Math.max(2, ((endSeconds - startSeconds) / seconds) * PLOT_WIDTH);
    const room = Math.floor((width - 14) / (LETTER * 1.1));
    const words =
      room >= 4 ? text(x + 7, y + 15, shortened(name, room), cooldown ? '' : 'class="on-bar"') : '';
    const tip = cooldown ? name : `${name} (${peakConfidence.toFixed(2)})`;
    return `<g><title>${escapeHtml(tip)}</title><rect class="${cooldown ? 'cool' : 'bar'}" x="${number(x)}" y="${y}" width="${number(width)}" height="${LANE - 1}" rx="3"/>${words}</g>`;
  });
  return text(LEFT - 9, y + 15, 'alarm', 'text-anchor="end"') + bars.join('');
}

function time(seconds: number, y: number): string {
  const axis = timeAxis(seconds, MAX_TICKS);
  return axis.ticks
    .map(({ at, text: each }) => {
      const x = LEFT + place(at, axis) * PLOT_WIDTH;
      return `<path class="frame" d="M${number(x)} ${y}v5"/>${text(x, y + 20, each, 'text-anchor="middle"')}`;
    })
    .join('');
}

/** A sample of what the legend's word stands for. */
function swatch({ look }: Key, x: number, y: number): string {
  const line = `d="M${number(x)} ${y}h20"`;
  if ('fill' in look)
    return `<rect class="f${look.fill}" x="${number(x + 4)}" y="${y - 6}" width="13" height="12" rx="3"/>`;
  if ('limit' in look) return `<path class="${look.limit}" ${line}/>`;
  return `<path class="curve s${look.stroke}"${look.dash ? ` stroke-dasharray="${look.dash}"` : ''} ${line}/>`;
}

function text(x: number, y: number, words: string, attributes = ''): string {
  return `<text x="${number(x)}" y="${number(y)}" ${attributes}>${escapeHtml(words)}</text>`;
}

/** The end of a name says more than its beginning. */
function shortened(words: string, most: number): string {
  return words.length <= most ? words : `…${words.slice(1 - most)}`;
}
