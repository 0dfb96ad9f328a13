import { describe, expect, it } from 'vitest';
import { DEFAULT_ALARM_RULE } from '../../src/alarm/decision.js';
import { decadeAxis, unitAxis } from '../../src/plot/axes.js';
import type { ScoredClip } from '../../src/training/clip-figures.js';
import { evaluate } from '../../src/training/evaluation.js';
import { renderPlot } from '../../src/training/report/plot.js';
import { renderReport } from '../../src/training/report/report.js';
import type { Recording } from '../../src/training/track.js';
import { trackOf } from '../support/track.js';

const NASTY = `data/water/<img src=x onerror="alert('1')">&.wav`;
const MODEL = {
  name: 'bathnet-mini',
  version: '1 < 2',
  sha256: 'ab',
  engine: 'tfjs-wasm',
  precision: 'float32',
  npu: false,
  labels: ['background', 'a<b>', 'abnormal'],
  alarmLabels: ['abnormal'],
  alarmKinds: [],
};

function clip(path: string, label: string, abnormal: number): ScoredClip {
  const scores = { background: (1 - abnormal) * 0.6, 'a<b>': (1 - abnormal) * 0.4, abnormal };
  return { path, label, scores, track: trackOf(path, [abnormal, abnormal, abnormal]) };
}

const CLIPS = [
  clip('data/abnormal/1.wav', 'abnormal', 0.9),
  clip('data/abnormal/2.wav', 'abnormal', 0.2),
  clip('data/background/1.wav', 'background', 0.1),
  clip(NASTY, 'a<b>', 0.7),
];
const EVENTS = [{ startSeconds: 1, endSeconds: 3, label: 'abnormal' }];
const RECORDINGS: Recording[] = [
  {
    track: trackOf('data/long.wav', [0.1, 0.1, 0.8, 0.8, ...new Array<number>(90).fill(0.1), 0.9, 0.9]),
    events: EVENTS,
  },
  { track: trackOf('data/missed.wav', new Array<number>(20).fill(0)), events: EVENTS },
];
const evaluated = (clips: ScoredClip[], recordings: Recording[]) =>
  evaluate({
    model: MODEL,
    head: 'bathnet',
    rule: DEFAULT_ALARM_RULE,
    collarSeconds: 2,
    clips,
    recordings,
  });

describe('an evaluation', () => {
  it('judges clips by their mean scores, and by the alarm they raise', () => {
    const { clips } = evaluated(CLIPS, []);
    expect(clips?.accuracy).toBe(0.5);
    expect(clips?.alarms).toEqual([
      { label: 'background', clips: 1, alarms: 0 },
      { label: 'a<b>', clips: 1, alarms: 1 },
      { label: 'abnormal', clips: 2, alarms: 1 },
    ]);
    expect(clips?.curves?.rocAuc).toBe(0.75);
    expect(clips?.mistakes.map(({ path, predicted }) => [path, predicted])).toEqual([
      [NASTY, 'abnormal'],
      ['data/abnormal/2.wav', 'background'],
    ]);
  });

  it('says how many alarm clips raise no alarm, and how many others raise one', () => {
    const { clips } = evaluated(CLIPS, []);
    expect(clips?.missedAlarms).toEqual({ clips: 2, count: 1, share: 0.5 });
    expect(clips?.falseAlarms).toEqual({ clips: 2, count: 1, share: 0.5 });
    const harmless = evaluated(CLIPS.slice(2), []).clips;
    expect(harmless?.missedAlarms).toEqual({ clips: 0, count: 0, share: undefined });
  });

  it('keeps kinds of sound apart, by class and then by kind, where they are given', () => {
    expect(evaluated(CLIPS, []).clips?.kinds).toBeUndefined();
    const kinds = ['scream', '', 'door', 'a<b>'];
    const { clips } = evaluated(
      CLIPS.map((each, i) => ({ ...each, kind: kinds[i] })),
      [],
    );
    const all = { background: 0, 'a<b>': 0, abnormal: 0 };
    expect(clips?.kinds).toEqual([
      {
        label: 'background',
        kind: 'door',
        clips: 1,
        decided: { ...all, background: 1 },
        alarms: 0,
        alarmShare: 0,
      },
      {
        label: 'a<b>',
        kind: 'a<b>',
        clips: 1,
        decided: { ...all, abnormal: 1 },
        alarms: 1,
        alarmShare: 1,
      },
      {
        label: 'abnormal',
        kind: '',
        clips: 1,
        decided: { ...all, background: 1 },
        alarms: 0,
        alarmShare: 0,
      },
      {
        label: 'abnormal',
        kind: 'scream',
        clips: 1,
        decided: { ...all, abnormal: 1 },
        alarms: 1,
        alarmShare: 1,
      },
    ]);
  });

  it('names false alarms and missed events of recordings', () => {
    const { recordings } = evaluated([], RECORDINGS);
    expect(recordings?.outcome).toMatchObject({ alarms: 2, falseAlarms: 1, events: 2, found: 1 });
    expect(recordings?.falseAlarms.map(({ path }) => path)).toEqual(['data/long.wav']);
    expect(recordings?.missed).toEqual([{ path: 'data/missed.wav', atSeconds: 1, label: 'abnormal' }]);
  });

  it('has the rule itself among the thresholds, and never fewer alarms at a lower one', () => {
    const { thresholds } = evaluated(CLIPS, RECORDINGS);
    expect(thresholds.filter(({ chosen }) => chosen).map(({ threshold }) => threshold)).toEqual([0.6]);
    const found = thresholds.map(({ clips }) => clips?.found ?? 0);
    expect(found).toEqual([...found].sort((a, b) => b - a));
  });
});

describe('the report', () => {
  const at = new Date('2026-11-22T10:00:00Z');

  it('stands alone: no script, no address, nothing to load', () => {
    const html = renderReport(evaluated(CLIPS, RECORDINGS), at);
    expect(html).not.toMatch(/<script|<link|<img|\bsrc=[^x]|href=|url\(|@import|https?:/i);
    expect(html).toContain('2026-11-22 10:00 UTC');
  });

  it('escapes file names and labels', () => {
    const html = renderReport(evaluated(CLIPS, RECORDINGS), at);
    expect(html).toContain('&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;.wav');
    expect(html).toContain('a&lt;b&gt;');
    expect(html).not.toContain('<b>.');
    expect(html).not.toContain('a<b>');
  });

  it.each([
    ['clips alone', CLIPS, []],
    ['recordings alone', [], RECORDINGS],
    ['one class alone', CLIPS.slice(0, 2), []],
    ['ordinary sound alone', [], [{ track: trackOf('x.wav', [0, 0]), events: [] }]],
  ])('is whole and without NaN for %s', (_, clips, recordings) => {
    const html = renderReport(evaluated(clips, recordings), at);
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
    for (const tag of ['section', 'figure', 'table', 'svg', 'div', 'tr', 'p'])
      expect(html.match(new RegExp(`<${tag}[ >]`, 'g'))?.length ?? 0).toBe(
        html.match(new RegExp(`</${tag}>`, 'g'))?.length ?? 0,
      );
  });

  it('has a row for each kind of sound, where they are given', () => {
    const kinds = CLIPS.map((each) => ({ ...each, kind: each.label === 'background' ? 'do<b>or' : '' }));
    const html = renderReport(evaluated(kinds, []), at);
    expect(html).toContain(
      '<tr><td>background</td><td>do&lt;b&gt;or</td><td>1</td><td>1.000</td><td>0.000</td><td>0.000</td><td>0.000</td></tr>',
    );
    expect(html).toContain('<td>abnormal</td><td>–</td><td>2</td><td>0.500</td>');
    expect(renderReport(evaluated(CLIPS, []), at)).not.toContain('Kinds of sound');
  });

  it('marks the chosen threshold in the plot and in the table', () => {
    const html = renderReport(evaluated([], RECORDINGS), at);
    expect(html).toContain('now 0.6');
    expect(html).toMatch(/<tr class="chosen"><td>0\.6<\/td>/);
  });
});

describe('a plot', () => {
  it('puts values where the axes say, and those outside at their ends', () => {
    const svg = renderPlot({
      description: 'x',
      x: unitAxis('x'),
      y: unitAxis('y'),
      series: [
        {
          style: 'main',
          points: [
            [0, 0],
            [1, 1],
            [2, -1],
          ],
        },
      ],
    });
    expect(svg).toContain('points="54,246 366,20 366,246"');
  });

  it('gives a logarithmic axis whole decades, and zero a place of its own', () => {
    const { min, max, ticks } = decadeAxis('per hour', [0, 0.3, 40]);
    expect([min, max]).toEqual([0.01, 100]);
    expect(ticks.map(({ text }) => text)).toEqual(['0', '0.1', '1', '10', '100']);
    expect(decadeAxis('', []).ticks.map(({ text }) => text)).toEqual(['1', '10']);
  });
});
