import type { AlarmRule } from '../../alarm/decision.js';
import { escapeHtml, standalonePage } from '../../plot/html.js';
import type { Evaluation } from '../evaluation.js';
import { clipSection, kindSection } from './clip-section.js';
import { lifeSection } from './life-section.js';
import { mistakeSections, type SoundOf } from './mistake-sections.js';
import { STYLE } from './style.js';
import { thresholdSection } from './threshold-section.js';
import { tileSection } from './tiles.js';

/**
 * One page that stands alone: no script, nothing to load, readable in light and dark, on a phone and on paper.
 *
 * @param at when the evaluation was made
 * @param soundOf where a file lies, seen from the page, so that its mistakes can be played; without it none can
 */
export function renderReport(evaluation: Evaluation, at: Date, soundOf: SoundOf = () => undefined): string {
  const { model, head, rule, clips, recordings, life, thresholds } = evaluation;
  const title = `${model.name} ${model.version}, head ${head}`;
  const main = `<header>
<h1>${escapeHtml(title)}</h1>
<p>Evaluated ${at.toISOString().slice(0, 16).replace('T', ' ')} UTC on ${escapeHtml(model.engine)} in ${escapeHtml(model.precision)}. Alarm: ${escapeHtml(ruleText(rule))}.</p>
</header>
${tileSection(clips, recordings, rule.labels)}
${clips ? clipSection(clips, rule.threshold) : ''}
${clips?.kinds ? kindSection(clips.kinds, clips.labels) : ''}
${life ? lifeSection(life) : ''}
${thresholdSection(thresholds, recordings, clips, evaluation.collarSeconds)}
${mistakeSections(clips, recordings, soundOf)}
<footer>Made by bathnet2mqtt evaluate. Weights SHA-256 <code>${escapeHtml(model.sha256)}</code></footer>`;
  return standalonePage(`${title}: evaluation`, STYLE, main);
}

function ruleText({ labels, threshold, hits, window, instantThreshold }: AlarmRule): string {
  if (labels.length === 0) return 'no class of this head';
  return `${labels.join(', ')} from ${threshold} on, in ${hits} of ${window} windows, or at once from ${instantThreshold} on`;
}
