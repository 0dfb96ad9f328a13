import { expect, it } from 'vitest';
import { DEFAULT_ALARM_RULE } from '../../src/alarm/decision.js';
import { evaluationLines } from '../../src/commands/evaluate/output.js';
import type { ScoredClip } from '../../src/training/clip-figures.js';
import { evaluate } from '../../src/training/evaluation.js';
import type { Recording } from '../../src/training/track.js';
import { trackOf } from '../support/track.js';

function clip(label: string, abnormal: number): ScoredClip {
  const path = `data/${label}/1.wav`;
  return {
    path,
    label,
    scores: { water: 1 - abnormal, abnormal },
    track: trackOf(path, [abnormal, abnormal]),
  };
}

function text(clips: readonly ScoredClip[], recordings: readonly Recording[]): string {
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
  const measured = { model, head: 'h', rule: DEFAULT_ALARM_RULE, collarSeconds: 2, clips, recordings };
  return evaluationLines(evaluate(measured)).join('\n');
}

it('says how often clips alarm in an hour of them, where there is no other sound', () => {
  const clips = [clip('water', 0.99), clip('abnormal', 0.99)];
  expect(text(clips, [])).toContain(
    'false alarms per hour of clips that are no alarm: 3750, 1 in 1 s (95 % interval 94.9–20900); for the rate of a home: --ordinary FOLDER',
  );
  const ordinary = [{ track: trackOf('x.wav', [0, 0]), events: [] }];
  expect(text(clips, ordinary)).not.toContain('per hour of clips');
  expect(text(clips.slice(1), [])).not.toContain('per hour of clips');
});
