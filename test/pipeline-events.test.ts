import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { WINDOW_SAMPLES } from '../src/constants.js';
import { ExitCode } from '../src/errors.js';
import { LevelHistory } from '../src/features/level-history.js';
import { type Bundle, readBundle } from '../src/model/bundle.js';
import { EventHead } from '../src/model/event-head.js';
import { SHIPPED_MODELS } from '../src/model/shelf.js';
import { Pipeline, type PipelineOptions } from '../src/pipeline.js';
import type { PipelineResult } from '../src/types.js';
import { mappingOnly } from './support/bundles.js';
import { EVENT, sayingAlways, withEventHead } from './support/event-head.js';

let plain: Bundle;
beforeAll(async () => {
  plain = mappingOnly(await readBundle(join(SHIPPED_MODELS, 'bathnet-mini')));
});

const HOP = EVENT.hopSamples;
/** Something that is never the same, and not silent. */
const sound = Float32Array.from(
  { length: WINDOW_SAMPLES + 8 * HOP },
  (_, i) => 0.3 * Math.sin(i * i * 1e-6) * Math.sin(i / 20_000),
);

/** What the pipeline says of windows that begin there. */
async function heard(
  bundle: Bundle,
  starts: readonly number[],
  options: PipelineOptions = {},
): Promise<PipelineResult[]> {
  const pipeline = await Pipeline.create(bundle, options);
  const results: PipelineResult[] = [];
  for (const startSample of starts) {
    const from = startSample % (8 * HOP);
    const samples = sound.subarray(from, from + WINDOW_SAMPLES);
    const result = await pipeline.process({ samples, startSample, endAtMs: startSample / 16 });
    results.push({ ...result, embedding: result.embedding.slice() });
  }
  await pipeline.close();
  return results;
}

const starts = (count: number, from = 0) => Array.from({ length: count }, (_, k) => from + k * HOP);

describe('kinds of events', () => {
  it('are told of each window by the event head, from embeddings and levels so far', async () => {
    const bundle = withEventHead(plain);
    const results = await heard(bundle, starts(6)); // too few for a second look
    const head = new EventHead(EVENT, bundle.tensors);
    const levels = new LevelHistory(EVENT.levels);
    for (const [k, { embedding, scored }] of results.entries()) {
      const samples = sound.subarray(k * HOP, k * HOP + WINDOW_SAMPLES);
      const said = head.push(
        embedding,
        levels.push({ samples, startSample: k * HOP }),
        k * HOP + WINDOW_SAMPLES,
      );
      expect(scored.kinds).toEqual(Object.fromEntries(EVENT.kinds.map((kind, i) => [kind, said[i]])));
    }
  });

  it('are not there without an event head, and change nothing else', async () => {
    const [result] = await heard(plain, [0]);
    expect(result?.scored.kinds).toBeUndefined();
    const [same] = await heard(withEventHead(plain), [0]);
    expect({ ...same?.scored, kinds: undefined }).toEqual(result?.scored);
  });

  it.each([
    ['sound was lost', 8 * HOP * 1000],
    ['another stream begins', 0],
  ])('are told from scratch where %s', async (_, from) => {
    const bundle = withEventHead(plain);
    const [first] = await heard(bundle, [from]);
    const after = (await heard(bundle, [...starts(5, 8 * HOP), from])).at(-1);
    expect(after?.scored.kinds).toEqual(first?.scored.kinds);
  });

  it('stay with a head of other classes', async () => {
    const [result] = await heard(withEventHead(plain), [0], { head: 'audioset' });
    expect(Object.keys(result?.scored.kinds ?? {})).toEqual(EVENT.kinds);
  });
});

describe('an alarm of evidence', () => {
  const reasons = async (logOdds: readonly number[], alarm: PipelineOptions['alarm'] = {}) => {
    const results = await heard(sayingAlways(plain, logOdds), starts(4), { alarm });
    return results.map(({ event }) => (event?.type === 'alarm_started' ? event.kind : undefined));
  };

  it('comes by the bundle’s rule of the sensitivity that is set, normal if none is', async () => {
    expect(await reasons([2.1, -9, 0])).toEqual([undefined, undefined, undefined, undefined]); // 2.1, 3.2, 3.7, 3.9
    expect(await reasons([2.4, -9, 0])).toEqual([undefined, undefined, 'impact', undefined]); // 2.4, 3.6, 4.2
    expect(await reasons([2.4, -9, 0], { sensitivity: 'high' })).toEqual([
      'impact',
      ...Array(3).fill(undefined),
    ]);
    expect(await reasons([2.4, -9, 0], { sensitivity: 'low' })).toEqual(Array(4).fill(undefined));
  });

  it('comes of the kinds that are set, and of none that does not alarm', async () => {
    expect(await reasons([9, 9, 0], { kinds: ['scream'] })).toEqual(['scream', ...Array(3).fill(undefined)]);
    expect(await reasons([9, 9, 0], { kinds: [] })).toEqual(Array(4).fill(undefined));
    expect(await reasons([-9, -9, 9])).toEqual(Array(4).fill(undefined));
  });

  it('is told to those who announce it', async () => {
    const pipeline = await Pipeline.create(withEventHead(plain));
    expect(pipeline.model.alarmKinds).toEqual(['impact', 'scream']);
    expect(pipeline.rule).toMatchObject({ sensitivity: 'normal', evidence: { memorySeconds: 2.4 } });
    await pipeline.close();
    const other = await Pipeline.create(plain, { alarm: { sensitivity: 'high' } });
    expect(other.model.alarmKinds).toEqual([]);
    expect(other.rule.sensitivity).toBeUndefined();
    await other.close();
  });

  it.each([
    [true, /alarm\.kinds: model bathnet-mini has no kind door that alarms/, /impact, scream/],
    [false, /has no kind door/, /Leave alarm\.kinds out/],
  ])('is refused for a kind that does not alarm (with an event head: %s)', async (has, message, hint) => {
    const bundle = has ? withEventHead(plain) : plain;
    const error = await Pipeline.create(bundle, { alarm: { kinds: ['door'] } }).catch((reason) => reason);
    expect(error).toMatchObject({ code: ExitCode.config, hint: expect.stringMatching(hint) });
    expect(error.message).toMatch(message);
  });
});
