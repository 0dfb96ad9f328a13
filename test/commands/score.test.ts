import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_ALARM_RULE } from '../../src/alarm/decision.js';
import { SENSE_OFF } from '../../src/alarm/sense.js';
import { decodeFile } from '../../src/audio/decode.js';
import { hear } from '../../src/commands/support/score.js';
import { WINDOW_SAMPLES } from '../../src/constants.js';
import { Hearing } from '../../src/hearing.js';
import { readBundle } from '../../src/model/bundle.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { inRoom } from '../../src/training/room.js';
import { collect, tone, writeWav } from '../support/sound.js';

const HOP_SAMPLES = 7680;
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-score-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the mean scores of a clip', () => {
  it('are those of the windows in which it lies alone in a quiet room', async () => {
    const bundle = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
    const path = await writeWav(join(dir, 'a.wav'), [tone(440, 1.7)]);
    const { clips } = await hear(
      { clips: [{ path, label: 'abnormal' }], recordings: [] },
      {
        bundle,
        engine: 'tfjs-wasm',
        hopSamples: HOP_SAMPLES,
        jobs: 1,
        rule: DEFAULT_ALARM_RULE,
        sense: SENSE_OFF,
        signal: new AbortController().signal,
      },
    );
    const samples = await collect(inRoom(decodeFile(path), { hopSamples: HOP_SAMPLES }));
    const hearing = await Hearing.create(bundle, undefined, 'tfjs-wasm');
    const starts = [0, HOP_SAMPLES, 2 * HOP_SAMPLES];
    expect(samples).toHaveLength(starts[2]! + WINDOW_SAMPLES);
    const { windows } = await hearing.hear(
      starts.map((startSample) => ({
        samples: samples.slice(startSample, startSample + WINDOW_SAMPLES),
        startSample,
        endAtMs: 0,
      })),
    );
    for (const [label, mean] of Object.entries(clips[0]!.scores))
      expect(mean).toBeCloseTo(
        windows.reduce((sum, { scored }) => sum + scored.scores[label]! / 3, 0),
        5,
      );
    await hearing.close();
  });
});
