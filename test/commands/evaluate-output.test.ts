import { expect, it } from 'vitest';
import { DEFAULT_ALARM_RULE } from '../../src/alarm/decision.js';
import { evaluationLines } from '../../src/commands/evaluate/output.js';
import type { ScoredClip } from '../../src/training/clip-figures.js';
import { type Evaluation, evaluate } from '../../src/training/evaluation.js';
import { renderReport } from '../../src/training/report/report.js';
import type { Recording } from '../../src/training/track.js';
import { trackOf } from '../support/track.js';

function clip(label: string, abnormal: number, windows = 2): ScoredClip {
  const path = `data/${label}/1.wav`;
  return {
    path,
    label,
    scores: { water: 1 - abnormal, abnormal },
    track: trackOf(path, new Array<number>(windows).fill(abnormal)),
  };
}

function evaluated(clips: readonly ScoredClip[], recordings: readonly Recording[]): Evaluation {
  const labels = ['water', 'abnormal'];
  const model = {
    name: 'm',
    version: '1.0.0',
    sha256: '',
    engine: 'tfjs-wasm',
    precision: 'float32',
    npu: false,
    labels,
    alarmLabels: ['abnormal'],
    alarmKinds: [],
  };
  return evaluate({ model, head: 'h', rule: DEFAULT_ALARM_RULE, collarSeconds: 2, clips, recordings });
}

const text = (clips: readonly ScoredClip[], recordings: readonly Recording[]) =>
  evaluationLines(evaluated(clips, recordings)).join('\n');

it('says how often clips alarm in an hour of them, where there is no other sound', () => {
  const clips = [clip('water', 0.99), clip('abnormal', 0.99)];
  expect(text(clips, [])).toContain(
    'false alarms per hour of clips that are no alarm: 3750, 1 in 1 s (95 % interval 94.9–20900); for the rate of a home: --ordinary FOLDER',
  );
  const ordinary = [{ track: trackOf('x.wav', [0, 0]), events: [] }];
  expect(text(clips, ordinary)).not.toContain('per hour of clips');
  expect(text(clips.slice(1), [])).not.toContain('per hour of clips');
});

it('counts each other clip that alarms once at a threshold, for however many minutes it does', () => {
  const clips = [clip('abnormal', 0.99), clip('water', 0.99, 1000), clip('water', 0.1)];
  expect(text(clips, [])).toMatch(/\n0\.6 \* +1\/1 +1\n/);
  const page = renderReport(evaluated(clips, []), new Date(0), () => undefined);
  expect(page).toMatch(/<td[^>]*>1 of 1<\/td><td[^>]*>1<\/td><\/tr>/);
  expect(page).not.toMatch(/<td[^>]*>1 of 1<\/td><td[^>]*>[^12]/);
});
