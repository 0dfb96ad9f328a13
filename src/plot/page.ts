import { existsSync, readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { joined } from '../files/sketch.js';
import { clock } from './axes.js';
import { escapeHtml, standalonePage } from './html.js';
import { PAGE_STYLE } from './page-style.js';
import { type Key, type Panel, panelsOf } from './panels.js';
import { laneOf, type Recording, summary } from './recording.js';
import { number } from './shapes.js';
import { soundAddress } from './sound-address.js';
import { PLOT_STYLE } from './style.js';

/** As many columns as nobody zooms beyond; a spectrogram of them is half a megabyte. */
const COLUMNS = 8192;
/** A recording that is larger stays where it is, and the page says so. */
const EMBEDDED_BYTES = 16 * 2 ** 20;
/** Buttons for so many alarms, and for so many sounds; all of them are drawn. */
const LISTED = 30;

const TYPES: Readonly<Record<string, string>> = {
  '.wav': 'audio/wav',
  '.flac': 'audio/flac',
  '.ogg': 'audio/ogg',
  '.oga': 'audio/ogg',
  '.opus': 'audio/ogg',
  '.mp3': 'audio/mpeg',
  '.mp2': 'audio/mpeg',
};

/**
 * A page that shows and plays one recording: one file, that asks for nothing from outside. A recording of up to 16 MiB
 * is in it; a larger one is played from where it lies.
 *
 * @param sound where the recording lies
 * @param place where the page will lie
 */
export async function renderPage(recording: Recording, sound: string, place: string): Promise<string> {
  const { name, seconds, sketches } = recording;
  const sketch = joined(sketches, seconds, COLUMNS);
  const panels = panelsOf(recording, sketch, COLUMNS);
  const columnSeconds = Math.max(sketches[0]?.columnSeconds ?? 0, seconds / COLUMNS);
  const { size } = await stat(sound);
  const embedded = size <= EMBEDDED_BYTES;
  const address = embedded ? await dataOf(sound) : soundAddress(place, sound);
  const kept = embedded
    ? `The recording is in this file: whoever gets the page can hear it.`
    : `The recording (${(size / 2 ** 20).toFixed(0)} MiB) is larger than ${EMBEDDED_BYTES / 2 ** 20} MiB, so it is not in this file but played from ${soundAddress(place, sound)}; keep both where they are.`;
  const resolution = `A column of waveform and spectrogram is ${columnSeconds < 1 ? `${Math.round(columnSeconds * 1000)} ms` : `${columnSeconds.toFixed(1)} s`}; of what it holds the loudest is drawn.`;
  const main = `<h1>${escapeHtml(name)}</h1>
<p>${escapeHtml(summary(recording))}</p>
${placeButtons(recording)}
<div class="tools">
<audio controls preload="metadata" src="${escapeHtml(address)}"></audio>
<span id="at"></span>
<button type="button" data-zoom="0.5" aria-label="zoom out">−</button>
<button type="button" data-zoom="2" aria-label="zoom in">+</button>
<button type="button" id="whole">whole recording</button>
</div>
<p id="silent" hidden>This browser cannot play the recording: it is not where it was, or of a format that the browser does not know. “bathnet2mqtt convert” makes a WAV of it.</p>
<div class="plots" style="--rows:${2 * panels.length + 2}">
<div class="scale" aria-hidden="true"><div class="lane">alarm</div>${panels.map(scale).join('')}</div>
<div id="frame" role="group" tabindex="0" aria-label="plots over time; they scroll when zoomed">
<div id="inner" data-seconds="${seconds}" data-columns="${sketch.low.length}">
<div class="lane">${
    laneOf(recording)
      .map((each) => bar(each, seconds))
      .join('') || '<small>none</small>'
  }</div>
${panels.map(panel).join('\n')}
<div id="axis" aria-hidden="true"></div>
<div id="playhead"></div>
</div>
</div>
</div>
<footer>
<p>Click to hear a place. <kbd>+</kbd> <kbd>−</kbd> or Ctrl and the wheel zoom, <kbd>0</kbd> shows all, the space bar plays.</p>
<p>${escapeHtml(`${kept} ${resolution}`)}</p>
</footer>`;
  return standalonePage(`${basename(name)}: what was heard`, PAGE_STYLE + PLOT_STYLE, main, script());
}

async function dataOf(sound: string): Promise<string> {
  const type = TYPES[extname(sound).toLowerCase()] ?? 'application/octet-stream';
  return `data:${type};base64,${(await readFile(sound)).toString('base64')}`;
}

function placeButtons({ alarms, sounds }: Recording): string {
  const ofAlarms = alarms.map(({ peakConfidence, ...span }) => ({ ...span, peak: peakConfidence }));
  const ofSounds = sounds.map(({ peakScore, ...span }) => ({ ...span, peak: peakScore }));
  return buttons('alarms', ofAlarms) + buttons('sounds', ofSounds);
}

/** Each shows and plays a place. */
function buttons(
  what: string,
  places: readonly { readonly name: string; readonly startSeconds: number; readonly peak: number }[],
): string {
  if (places.length === 0) return '';
  const each = places
    .slice(0, LISTED)
    .map(
      ({ name, startSeconds, peak }) =>
        `<li><button type="button" data-at="${number(startSeconds)}">${escapeHtml(`${name} at ${clock(startSeconds)} (${peak.toFixed(2)})`)}</button></li>`,
    );
  return `<ul class="places" aria-label="${what}">${each.join('')}</ul>`;
}

function bar(span: ReturnType<typeof laneOf>[number], all: number): string {
  const { name, startSeconds, endSeconds, peakConfidence, cooldown } = span;
  const percent = (value: number) => `${number((100 * value) / all)}%`;
  const tip = `${cooldown ? 'cooldown, in which no other alarm starts:' : `${name} (${peakConfidence.toFixed(2)}),`} ${clock(startSeconds)} to ${clock(endSeconds)}`;
  return `<b${cooldown ? ' class="cool"' : ''} style="left:${percent(startSeconds)};width:${percent(endSeconds - startSeconds)}" title="${escapeHtml(tip)}"><span>${escapeHtml(name)}</span></b>`;
}

function scale({ ticks }: Panel): string {
  const words = ticks.map(
    ({ at, text }) => `<i style="top:${number(100 * (1 - at))}%">${escapeHtml(text)}</i>`,
  );
  return `<div class="panel"><div class="ticks">${words.join('')}</div></div>`;
}

function panel({ title, height, shapes, keys }: Panel): string {
  const legend = keys.map((key) => `<span>${swatch(key)}${escapeHtml(key.label)}</span>`);
  return `<div class="panel" style="--height:${height}px"><div class="caption"><strong>${escapeHtml(title)}</strong>${legend.join('')}</div><svg viewBox="0 0 ${COLUMNS} ${height}" preserveAspectRatio="none" role="img" aria-label="${escapeHtml(title)}">${shapes}</svg></div>`;
}

function swatch({ look }: Key): string {
  const line = 'd="M0 6H22"';
  const shape =
    'fill' in look
      ? `<rect class="f${look.fill}" x="5" width="12" height="12" rx="3"/>`
      : 'limit' in look
        ? `<path class="${look.limit}" ${line}/>`
        : `<path class="curve s${look.stroke}"${look.dash ? ` stroke-dasharray="${look.dash}"` : ''} ${line}/>`;
  return `<svg viewBox="0 0 22 12" aria-hidden="true">${shape}</svg>`;
}

/** Compiled by itself, for browsers (page/tsconfig.json); a test runner that runs this file uncompiled finds it in dist/. */
function script(): string {
  const found = ['./page/zoom.js', '../../dist/plot/page/zoom.js']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find(existsSync);
  if (found === undefined) throw new Error('dist/plot/page/zoom.js is missing: npm run build');
  return readFileSync(found, 'utf8');
}
