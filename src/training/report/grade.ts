import { escapeHtml } from '../../plot/html.js';

/** How a figure is to be taken; `open` where there is too little sound to say. */
export type Grade = 'good' | 'fair' | 'poor' | 'open';

/** A figure's limits: what is still good, and what is still fair. */
interface Limits {
  readonly what: string;
  readonly good: number;
  readonly fair: number;
  readonly unit?: string;
}

/**
 * Rules of thumb, stated on the page. Up to 0.1 false alarms per hour, one in ten hours of sound, is what `tune`
 * aims at unless told otherwise; a miss in ten is what one microphone in a room can be asked for.
 */
export const LIMITS = {
  share: { what: 'accuracy, ROC AUC, precision, recall, events found', good: 0.9, fair: 0.75 },
  missed: { what: 'missed alarms', good: 0.1, fair: 0.25 },
  falseClips: { what: 'other clips that alarm', good: 0.02, fair: 0.1 },
  calibration: { what: 'calibration error', good: 0.05, fair: 0.15 },
  falseAlarms: { what: 'false alarms per hour', good: 0.1, fair: 1 },
  delay: { what: 'detection delay', good: 2, fair: 5, unit: ' s' },
} satisfies Record<string, Limits>;

/** Good limits above fair ones are those of a figure of which more is better. */
export function gradeOf(value: number | undefined, { good, fair }: Limits): Grade | undefined {
  if (value === undefined) return undefined;
  const sign = good > fair ? 1 : -1;
  if (sign * (value - good) >= 0) return 'good';
  return sign * (value - fair) >= 0 ? 'fair' : 'poor';
}

/** A rate is good only where so much was heard that it cannot well be a bad one. */
export function gradeOfRate(value: number | undefined, upperBound: number | undefined): Grade | undefined {
  const grade = gradeOf(value, LIMITS.falseAlarms);
  return grade === 'good' && gradeOf(upperBound, LIMITS.falseAlarms) !== 'good' ? 'open' : grade;
}

/** Sign and word, so that no colour is needed. */
const SIGNS: Record<Grade, string> = { good: '✓', fair: '~', poor: '✕', open: '?' };
const WORDS: Record<Grade, string> = { good: 'good', fair: 'fair', poor: 'poor', open: 'too little sound' };

export function badge(grade: Grade): string {
  return `<em class="badge ${grade}"><span aria-hidden="true">${SIGNS[grade]}</span> ${WORDS[grade]}</em>`;
}

/** A figure in a table; a poor one is marked with sign and word. */
export function gradedFigure(text: string, grade: Grade | undefined): string {
  if (grade !== 'poor') return escapeHtml(text);
  return `<em class="flag" title="poor"><span aria-hidden="true">${SIGNS.poor}</span><span class="unseen">poor: </span></em> ${escapeHtml(text)}`;
}

/** What the badges mean. */
export function gradeKey(): string {
  const rows = Object.values<Limits>(LIMITS).map(({ what, good, fair, unit = '' }) => {
    const word = good > fair ? 'from' : 'up to';
    return `<li>${escapeHtml(what)}: good ${word} ${good}${unit}, fair ${word} ${fair}${unit}</li>`;
  });
  return `<details><summary>What counts as good</summary><ul>${rows.join('')}</ul><p>Rules of thumb: what is good enough depends on whom it is for. ${badge('open')} means that none or few false alarms were counted in so little sound that the real rate may still be above the limit.</p></details>`;
}
