import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decodeFile } from '../../src/audio/decode.js';
import { pruneCache, readEntry, writeEntry } from '../../src/files/cache.js';
import { type ExtractOptions, extractEmbeddings } from '../../src/files/embeddings.js';
import { Listener } from '../../src/listener.js';
import { type Bundle, readBundle } from '../../src/model/bundle.js';
import { AUDIOSET_HEAD, denseScores } from '../../src/model/head.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { Pipeline } from '../../src/pipeline.js';
import { systemClock } from '../../src/system/clock.js';
import type { ClipEmbeddings } from '../../src/training/embeddings.js';
import { SCENE } from '../support/daemon.js';
import { GOLDEN, maxDifference, readFloats } from '../support/golden.js';
import { silentLog, tone, writeWav } from '../support/sound.js';

let bundle: Bundle;
let dir: string;
beforeAll(async () => {
  bundle = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
});
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-embeddings-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const golden = (name: string) => join(GOLDEN, `${name}.wav`);
const extract = async (
  paths: readonly string[],
  options: Partial<ExtractOptions> = {},
): Promise<ClipEmbeddings[]> => {
  const sounds = paths.map((path) => ({ path, lays: [{ how: 'as it is' } as const] }));
  const setup = { bundle, engine: 'tfjs-wasm', hopSeconds: 0.48, jobs: 2 } as const;
  return (await extractEmbeddings(sounds, { ...setup, ...options })).files.flat();
};

describe('embeddings of sound files', () => {
  it('are those of the reference', async () => {
    const [embeddings] = await extract([golden('decaying-thud')]);
    expect(embeddings?.count).toBe(1);
    const expected = readFloats(GOLDEN, 'decaying-thud.mini-embedding.f32');
    expect(maxDifference(embeddings?.frames as Float32Array, expected)).toBeLessThan(1e-3);
  });

  it('come of the same windows as the daemon hears, and give the same scores', async () => {
    const [embeddings] = await extract([SCENE]);
    const pipeline = await Pipeline.create(bundle, { head: AUDIOSET_HEAD, engine: 'tfjs-wasm' });
    const windows: { rmsDbfs: number; scores: number[] }[] = [];
    const listener = new Listener(
      pipeline,
      { hopSeconds: 0.48, live: false },
      {
        onWindow: ({ scored: { rmsDbfs, scores } }) =>
          windows.push({ rmsDbfs, scores: Object.values(scores) }),
        onEvent() {},
      },
      systemClock,
      silentLog,
    );
    for await (const samples of decodeFile(SCENE)) await listener.chunk({ samples, capturedAtMs: 0 });
    await listener.finish();
    await listener.stop();
    await pipeline.close();
    expect(embeddings?.count).toBe(windows.length);
    expect(
      maxDifference(
        embeddings?.rmsDbfs ?? [],
        windows.map(({ rmsDbfs }) => rmsDbfs),
      ),
    ).toBeLessThan(1e-4);
    const scores = denseScores(bundle, AUDIOSET_HEAD, embeddings?.frames as Float32Array);
    expect(
      maxDifference(
        scores,
        windows.flatMap((window) => window.scores),
      ),
    ).toBeLessThan(1e-4);
  });

  it('are filled up with zeros at the end', async () => {
    const path = await writeWav(join(dir, 'a.wav'), [tone(440, 1.2)]);
    const [embeddings] = await extract([path], { hopSeconds: 0.96 });
    expect(embeddings?.count).toBe(2);
    expect(embeddings?.frames).toHaveLength(2 * 1024);
    expect(embeddings?.rmsDbfs[1]).toBeLessThan((embeddings?.rmsDbfs[0] ?? 0) - 5);
  });

  it('are computed once, whatever the file is called, and again for another hop', async () => {
    const cacheDir = join(dir, 'cache');
    const first = await writeWav(join(dir, 'a.wav'), [tone(440, 1)]);
    const again = await writeWav(join(dir, 'b.wav'), [tone(440, 1)]);
    const [computed] = await extract([first], { cacheDir });
    const [name] = readdirSync(cacheDir);
    const [cached] = await extract([again], { cacheDir });
    expect(readdirSync(cacheDir)).toEqual([name]);
    expect(cached).toEqual({ ...computed, path: again });
    // Other numbers in its place come out: nothing is computed.
    const entry = join(cacheDir, name as string);
    const kept = (await readEntry(entry)) as NonNullable<Awaited<ReturnType<typeof readEntry>>>;
    kept[0]?.tables[0]?.values.fill(7);
    await writeEntry(entry, kept);
    expect((await extract([again], { cacheDir }))[0]?.frames).toEqual(computed?.frames.fill(7));
    await extract([first], { cacheDir, hopSeconds: 0.4 });
    expect(readdirSync(cacheDir)).toHaveLength(2);
  });

  it('are computed again where the cache is damaged', async () => {
    const [computed] = await extract([golden('white-noise')], { cacheDir: dir });
    const entry = join(dir, readdirSync(dir)[0] as string);
    const whole = readFileSync(entry);
    const flipped = Buffer.from(whole);
    const middle = flipped.length >> 1;
    flipped.writeUInt8(flipped.readUInt8(middle) ^ 1, middle);
    for (const damaged of [Buffer.alloc(0), whole.subarray(0, 1000), flipped]) {
      writeFileSync(entry, damaged);
      expect(await extract([golden('white-noise')], { cacheDir: dir })).toEqual([computed]);
      expect(readFileSync(entry)).toEqual(whole);
    }
  });

  it('do without a cache that cannot be written', async () => {
    writeFileSync(join(dir, 'file'), '');
    expect(await extract([golden('silence')], { cacheDir: join(dir, 'file') })).toHaveLength(1);
  });

  it('name all files that are no sound in one error, or leave them out', async () => {
    const bad = ['a.wav', 'b.wav'].map((name) => join(dir, name));
    for (const path of bad) writeFileSync(path, 'no sound');
    const paths = [bad[0] as string, golden('silence'), bad[1] as string, join(dir, 'none.wav')];
    await expect(extract(paths)).rejects.toMatchObject({
      code: 65,
      message: expect.stringMatching(/^3 files cannot be used:\n.*a\.wav.*\n.*b\.wav.*\n.*none\.wav/),
      hint: expect.stringContaining('--skip-bad'),
    });
    const warnings: string[] = [];
    const found = await extract(paths, { skipBad: true, onWarning: (message) => warnings.push(message) });
    expect(found.map(({ path }) => path)).toEqual([golden('silence')]);
    expect(warnings).toHaveLength(3);
  });

  it('stop when they are told to', async () => {
    const controller = new AbortController();
    const done: number[] = [];
    const extracting = extract([golden('silence'), golden('white-noise')], {
      signal: controller.signal,
      onProgress(count) {
        done.push(count);
        controller.abort();
      },
    });
    await expect(extracting).rejects.toThrow('abort');
    expect(done).toEqual([1]);
  });
});

describe('the cache of embeddings', () => {
  it('loses what was not used for the longest time when it grows too large', async () => {
    for (const [i, name] of ['old', 'older', 'new'].entries()) {
      const path = join(dir, name);
      writeFileSync(path, Buffer.alloc(1000));
      const at = new Date(Date.UTC(2026, 0, [2, 1, 3][i]));
      utimesSync(path, at, at);
    }
    await pruneCache(dir, 3000);
    expect(readdirSync(dir)).toHaveLength(3);
    await pruneCache(dir, 1500);
    expect(readdirSync(dir)).toEqual(['new']);
    expect(statSync(join(dir, 'new')).size).toBe(1000);
    await pruneCache(join(dir, 'none'), 0);
    mkdirSync(join(dir, 'no entry'));
    await pruneCache(dir, 0); // what cannot be removed stays
    expect(readdirSync(dir)).toEqual(['no entry']);
  });
});
