import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFile } from '../../src/audio/decode.js';
import { columnsOf } from '../../src/files/ear.js';
import { type HeardFile, type ListenOptions, listenToFiles } from '../../src/files/listen.js';
import { FILES_AHEAD } from '../../src/files/schedule.js';
import { scoredWindows } from '../../src/files/table.js';
import { Listener } from '../../src/listener.js';
import { type Bundle, readBundle } from '../../src/model/bundle.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { Pipeline } from '../../src/pipeline.js';
import { systemClock } from '../../src/system/clock.js';
import { createRandom } from '../../src/training/random.js';
import type { ScoredWindow } from '../../src/types.js';
import { lacksPackage } from '../support/require.js';
import { silentLog, tone, writeWav } from '../support/sound.js';

const HOP_SAMPLES = 7680;
/** Long enough for more than the event head remembers. */
const SEGMENT_SECONDS = 8;
let bundle: Bundle;
let dir: string;
/** A recording of some segments, three clips, and among them a file that is no sound. */
let paths: string[];
beforeAll(async () => {
  bundle = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
  dir = mkdtempSync(join(tmpdir(), 'bathnet-files-'));
  const random = createRandom(1);
  const seconds = 2.1 * SEGMENT_SECONDS;
  const noise = Float32Array.from(
    { length: seconds * 16_000 },
    (_, i) => (i % 50_000 < 3000 ? 0.5 : 0.01) * (2 * random() - 1),
  );
  paths = [
    await writeWav(join(dir, 'a.wav'), [tone(440, 1)]),
    await writeWav(join(dir, 'long.wav'), [noise]),
    join(dir, 'no-sound.wav'),
    await writeWav(join(dir, 'b.wav'), [tone(880, 2)]),
    await writeWav(join(dir, 'c.wav'), [tone(1000, 0.3)]),
  ];
  writeFileSync(paths[2] as string, 'no sound');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const soundsOf = (files: readonly string[]) =>
  files.map((path) => ({ path, lays: [{ how: 'as it is' } as const] }));
const options = (more: Partial<ListenOptions> = {}): ListenOptions => ({
  bundle,
  wanted: 'scores',
  hopSamples: HOP_SAMPLES,
  jobs: 2,
  aloneMs: 0,
  segmentSeconds: SEGMENT_SECONDS,
  ...more,
});
const windowsOf = (file: HeardFile): ScoredWindow[] =>
  'error' in file ? [] : [...scoredWindows(file.lays[0]!.tables, columnsOf(bundle), HOP_SAMPLES)];

async function all(jobs: number): Promise<HeardFile[]> {
  const heard: HeardFile[] = [];
  for await (const file of listenToFiles(soundsOf(paths), options({ jobs }))) heard.push(file);
  return heard;
}

/** As the daemon hears it: one window after the other. */
async function asTheDaemon(path: string): Promise<ScoredWindow[]> {
  const pipeline = await Pipeline.create(bundle);
  const windows: ScoredWindow[] = [];
  const onWindow = ({ scored }: { scored: ScoredWindow }) => void windows.push({ ...scored, endAtMs: 0 });
  const settings = { hopSeconds: HOP_SAMPLES / 16_000, live: false };
  const listener = new Listener(pipeline, settings, { onWindow, onEvent() {} }, systemClock, silentLog);
  for await (const samples of decodeFile(path)) await listener.chunk({ samples, capturedAtMs: 0 });
  await listener.finish();
  await listener.stop();
  await pipeline.close();
  return windows.map(({ vetoed: _, ...window }) => window);
}

describe('files that are heard on several threads', () => {
  it('come in their order, and to the last digit as the daemon hears them on one', async () => {
    const [one, three] = [await all(1), await all(3)];
    expect(three).toEqual(one);
    expect(one.map(({ sound }) => sound.path)).toEqual(paths);
    const [long] = one.filter(({ sound }) => sound.path === paths[1]);
    const windows = windowsOf(long as HeardFile);
    expect(windows).toEqual(await asTheDaemon(paths[1] as string));
    expect(windows.length).toBeGreaterThan((2 * SEGMENT_SECONDS) / 0.48);
    expect(windows[0]?.kinds).toBeDefined();
  });

  it.skipIf(lacksPackage('onnxruntime-node'))(
    'are heard by all in the precision that is asked for',
    async () => {
      const precisionsOf = async (more: Partial<ListenOptions>) => {
        const sounds = soundsOf(paths.slice(0, 2));
        const heard: HeardFile[] = [];
        for await (const file of listenToFiles(sounds, options({ jobs: 3, ...more }))) heard.push(file);
        return heard.map((file) => ('error' in file ? undefined : file.network.precision));
      };
      const cacheDir = join(dir, 'cache');
      for (const precision of ['int8', 'float32'] as const) {
        expect(await precisionsOf({ precision, cacheDir })).toEqual([precision, precision]);
        expect(await precisionsOf({ precision, cacheDir })).toEqual([precision, precision]);
      }
      expect(readdirSync(cacheDir)).toHaveLength(4); // what is heard in one is no answer for the other
    },
  );

  it('take no other down where one is no sound, and say so', async () => {
    const heard = await all(3);
    expect(heard.filter((file) => 'error' in file)).toMatchObject([
      { sound: { path: paths[2] }, error: { code: 65, message: expect.stringContaining('no-sound.wav') } },
    ]);
    expect(heard.map(windowsOf).map(({ length }) => length > 0)).toEqual([true, true, false, true, true]);
  });

  it('are opened as the results are taken, and no more of them than wait', async () => {
    let opened = 0;
    function* endless() {
      for (;;) {
        opened++;
        yield { path: paths[4] as string, lays: [{ how: 'as it is' } as const] };
      }
    }
    const listening = listenToFiles(endless(), options({ jobs: 2 }));
    for (let taken = 1; taken <= 12; taken++) {
      await listening.next();
      await new Promise((resolve) => setTimeout(resolve, 50)); // time to run ahead
      expect(opened).toBeLessThanOrEqual(taken + 2 * FILES_AHEAD);
    }
    await listening.return();
  });

  it('are given up at once when they are told to', async () => {
    const controller = new AbortController();
    const listening = listenToFiles(soundsOf(paths), options({ signal: controller.signal }));
    await listening.next();
    controller.abort();
    await expect(listening.next()).rejects.toThrow('abort');
  });

  it('fail as one where the engine is not there', async () => {
    const listening = listenToFiles(soundsOf(paths), options({ head: 'none' }));
    await expect(listening.next()).rejects.toMatchObject({
      code: 64,
      message: expect.stringContaining('none'),
    });
  });
});
