import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { PATCH_VALUES, WINDOW_SAMPLES } from '../src/constants.js';
import { createFrontEnd } from '../src/features/create-front-end.js';
import { LevelHistory } from '../src/features/level-history.js';
import { type Bundle, readBundle } from '../src/model/bundle.js';
import { createNetwork } from '../src/model/engines/create-network.js';
import { EventHead } from '../src/model/event-head.js';
import type { Network } from '../src/model/network.js';
import { SHIPPED_MODELS } from '../src/model/shelf.js';
import { EARLIER_SAMPLES, SecondLook } from '../src/second-look.js';
import { EVENT, withEventHead } from './support/event-head.js';

const { hopSamples: HOP, windows: WINDOWS } = EVENT;
const SPEAKS = Float32Array.of(-1.9, -9, 0);
/** After so many windows enough of the stream is known. */
const ENOUGH = WINDOWS + 1;

let bundle: Bundle;
let network: Network;
/** So many windows the network was given. */
let asked = 0;
beforeAll(async () => {
  bundle = withEventHead(await readBundle(join(SHIPPED_MODELS, 'bathnet-mini')));
  const computes = await createNetwork(bundle, 'auto', []);
  network = {
    ...computes,
    run(mel) {
      asked += mel.length / PATCH_VALUES;
      return computes.run(mel);
    },
  };
  return () => network.close();
});

/** Something that is never the same. */
const sound = Float32Array.from(
  { length: WINDOW_SAMPLES + 20 * HOP },
  (_, i) => 0.3 * Math.sin(i * i * 1e-6) * Math.sin(i / 20_000),
);
const windowAt = (startSample: number) => ({
  samples: sound.subarray(startSample, startSample + WINDOW_SAMPLES),
  startSample,
  endAtMs: 0,
});

/** One that has been given so many windows, the first of them at `from`. */
function given(count: number, from = 0, hop = HOP): SecondLook {
  const second = new SecondLook(EVENT, bundle.tensors, createFrontEnd(bundle.manifest.frontEnd), network);
  for (let k = 0; k < count; k++) second.push(windowAt(from + k * hop));
  return second;
}

/** What the event head says of the sound before `endSample`, heard by itself. */
async function saidBefore(endSample: number): Promise<Float32Array> {
  const frontEnd = createFrontEnd(bundle.manifest.frontEnd);
  const head = new EventHead(EVENT, bundle.tensors);
  const levels = new LevelHistory(EVENT.levels);
  let said = new Float32Array();
  for (let k = WINDOWS - 1; k >= 0; k--) {
    const window = windowAt(endSample - WINDOW_SAMPLES - k * HOP);
    const mel = new Float32Array(PATCH_VALUES);
    frontEnd.compute(window, mel);
    const { embedding } = await network.run(mel);
    said = Float32Array.from(head.push(embedding, levels.push(window), endSample - k * HOP));
  }
  return said;
}

describe('the second look', () => {
  it.each([
    ['is of the sound as it lies in windows that end earlier', HOP, ENOUGH],
    ['is the same wherever the windows come from', HOP, 14],
    ['takes the windows as far apart as the event head knows them, whatever the daemon does', 1.5 * HOP, 8],
  ])('%s', async (_, hop, count) => {
    const end = (count - 1) * hop + WINDOW_SAMPLES;
    const said = await saidBefore(end - EARLIER_SAMPLES);
    const mean = SPEAKS.map((first, i) => (first + said[i]!) / 2);
    expect(await given(count, 0, hop).weigh(SPEAKS)).toEqual(mean);
    expect(said).not.toEqual(await saidBefore(end)); // or a shift would not be seen
  });

  it.each([
    ['nothing speaks for an alarm', ENOUGH, Float32Array.of(-2.1, -2.1, 9)],
    ['too little of the stream is known', ENOUGH - 1, SPEAKS],
  ])('is not taken where %s', async (_, count, logOdds) => {
    asked = 0;
    expect(await given(count).weigh(logOdds)).toBe(logOdds);
    expect(asked).toBe(0);
  });

  it('forgets what was before', async () => {
    const second = given(ENOUGH);
    second.forget();
    for (let k = 0; k < ENOUGH - 1; k++) second.push(windowAt((8 + k) * HOP));
    expect(await second.weigh(SPEAKS)).toBe(SPEAKS);
    second.push(windowAt((7 + ENOUGH) * HOP));
    expect(await second.weigh(SPEAKS)).toEqual(await given(ENOUGH, 8 * HOP).weigh(SPEAKS));
  });
});
