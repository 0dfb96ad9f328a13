import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ExitCode } from '../../../src/errors.js';
import { createFrontEnd } from '../../../src/features/create-front-end.js';
import { type Bundle, readBundle } from '../../../src/model/bundle.js';
import { createNetwork } from '../../../src/model/engines/create-network.js';
import { partOf, pullYamnet } from '../../../src/model/import/pull.js';
import type { Tensor } from '../../../src/model/safetensors.js';
import { SHIPPED_MODELS } from '../../../src/model/shelf.js';
import { type Behaviour, type FileServer, type ServerOptions, serveFile } from '../../support/file-server.js';
import { GOLDEN, maxDifference, readWindow } from '../../support/golden.js';
import { kerasFile, NESTINGS, type Nesting } from '../../support/keras-file.js';

const TIMING = { idleTimeoutMs: 30_000, totalTimeoutMs: 60_000, backoffMs: 1 };
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let mini: Bundle;
let file: Uint8Array;
let shelf: string;
let server: FileServer;
beforeAll(async () => {
  mini = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
  file = await kerasFile(mini);
});
beforeEach(async () => {
  shelf = join(await mkdtemp(join(tmpdir(), 'bathnet-pull-')), 'models');
});
afterEach(async () => {
  await server?.close();
  await rm(join(shelf, '..'), { recursive: true, force: true });
});

const request = (url = server.url, sha256 = hashOf(file)) => ({ name: 'yamnet', url, sha256, shelf });
const part = () => partOf(request());

interface Course {
  readonly bytes: number[];
  readonly retries: string[];
}

async function pull(
  { url, sha256, name }: Partial<ReturnType<typeof request>> = {},
  {
    timing = TIMING,
    signal = new AbortController().signal,
    course = { bytes: [], retries: [] } as Course,
  } = {},
) {
  const result = await pullYamnet(
    { ...request(url, sha256), ...(name !== undefined && { name }) },
    {
      signal,
      timing,
      onProgress: (bytes) => course.bytes.push(bytes),
      onRetry: (why) => course.retries.push(why),
    },
  );
  return { ...result, ...course };
}

const partBytes = async () => (await stat(part()).catch(() => undefined))?.size ?? 0;

async function serve(behaviours: Behaviour[] = [], options: ServerOptions = {}, content = file) {
  const beforeBreak = (sent: number) => expect.poll(partBytes, { timeout: 10_000 }).toBe(sent);
  server = await serveFile(content, behaviours, { beforeBreak, ...options });
}

async function outputs(bundle: Bundle) {
  const mel = new Float32Array(96 * 64);
  createFrontEnd('yamnet-log-mel').compute(readWindow(GOLDEN, 'white-noise'), mel);
  const network = await createNetwork(bundle, 'tfjs-wasm');
  const { embedding, heads } = await network.run(mel);
  await network.close();
  return { embedding, audioset: heads.audioset as Float32Array };
}

describe('a pulled YAMNet', () => {
  it.each(Object.keys(NESTINGS) as Nesting[])(
    'gives the outputs of the weights that were folded into it (names %s)',
    async (nesting) => {
      const nested = await kerasFile(mini, { nesting });
      await serve([], {}, nested);
      const { folder } = await pull({ sha256: hashOf(nested) });
      const pulled = await readBundle(folder);
      expect(pulled.manifest.backbone).toEqual(mini.manifest.backbone);
      const [actual, expected] = [await outputs(pulled), await outputs(mini)];
      expect(maxDifference(actual.embedding, expected.embedding)).toBeLessThan(1e-4);
      expect(maxDifference(actual.audioset, expected.audioset)).toBeLessThan(1e-4);
    },
  );

  it('says where it comes from, and leaves nothing but the bundle', async () => {
    await serve();
    const { manifest, bytes } = await pull();
    expect(manifest).toMatchObject({
      name: 'yamnet',
      version: `h5-${hashOf(file).slice(0, 12)}`,
      licence: 'Apache-2.0',
      source: `${server.url} (SHA-256 ${hashOf(file)})`,
      frontEnd: 'yamnet-log-mel',
      defaultHead: 'bathnet',
      heads: { audioset: { type: 'dense' }, bathnet: { type: 'map', from: 'audioset' } },
    });
    expect(bytes.at(-1)).toBe(file.length);
    expect(await readdir(shelf)).toEqual(['yamnet']);
  });
});

describe('a download', () => {
  it('that breaks goes on where it stopped', async () => {
    await serve([{ breakAfter: 1_000_000 }, { breakAfter: 500_000 }]);
    const { retries } = await pull();
    expect(retries).toHaveLength(2);
    expect(server.ranges).toEqual([undefined, 'bytes=1000000-', 'bytes=1500000-']);
  });

  it('goes on with what the last run left', async () => {
    await serve();
    await mkdir(shelf, { recursive: true });
    await writeFile(part(), file.subarray(0, 2_000_000));
    await pull();
    expect(server.ranges).toEqual(['bytes=2000000-']);
  });

  it('begins again where the server knows no ranges', async () => {
    await serve([{ breakAfter: 1_000_000 }], { ranges: false });
    await pull();
    expect(server.ranges).toEqual([undefined, 'bytes=1000000-']);
  });

  it('begins again where more is there than there can be', async () => {
    await serve();
    await mkdir(shelf, { recursive: true });
    await writeFile(part(), Buffer.concat([file, Buffer.of(0)]));
    await pull();
    expect(server.ranges).toEqual([`bytes=${file.length + 1}-`, undefined]);
  });

  it('that ends too soon without a word is found out by its hash, and thrown away', async () => {
    await serve([], { promised: false }, file.subarray(0, 1_000_000));
    await expect(pull()).rejects.toMatchObject({ code: ExitCode.badData });
    expect(await readdir(shelf)).toEqual([]);
  });

  it('is tried again while the server is in trouble, and given up after four attempts without a byte', async () => {
    await serve([{ status: 503 }, { status: 429 }]);
    expect((await pull()).retries).toEqual(['the server answers 503', 'the server answers 429']);
    await server.close();

    await serve(Array(9).fill({ status: 503 }));
    await expect(pull({ name: 'other' })).rejects.toMatchObject({ code: ExitCode.unavailable });
    expect(server.ranges).toHaveLength(4);
  });

  it('that breaks for good leaves its part, which the next run takes up', async () => {
    await serve([{ breakAfter: 1_000_000 }, ...Array(3).fill({ status: 503 })]);
    const failure = await pull().catch((error) => error);
    expect(failure).toMatchObject({ code: ExitCode.unavailable });
    expect(failure.hint).toContain('go on after 1000000 bytes');
    expect(await readdir(shelf)).toEqual([basename(part())]);
    await pull();
    expect(server.ranges.at(-1)).toBe('bytes=1000000-');
  });

  it('on which nothing comes any more is broken off and goes on', async () => {
    await serve([{ stallAfter: 1_000_000 }]);
    const { retries } = await pull({}, { timing: { ...TIMING, idleTimeoutMs: 300 } });
    expect(retries).toEqual(['nothing came for 0.3 s']);
  });

  it('that takes too long altogether is given up', async () => {
    await serve([{ stallAfter: 1000 }]);
    const failure = await pull({}, { timing: { ...TIMING, totalTimeoutMs: 300 } }).catch((error) => error);
    expect(failure).toMatchObject({ code: ExitCode.unavailable });
    expect(failure.message).toContain('it takes too long');
  });

  it('of another file is thrown away, and no bundle is made', async () => {
    await serve();
    const failure = await pull({ sha256: 'a'.repeat(64) }).catch((error) => error);
    expect(failure).toMatchObject({ code: ExitCode.badData });
    expect(failure.message).toContain(`its SHA-256 is ${hashOf(file)}, not aaa`);
    expect(await readdir(shelf)).toEqual([]);
  });

  it('that is too large is not even begun', async () => {
    await serve([], {}, new Uint8Array(150_000_001));
    await expect(pull()).rejects.toMatchObject({ code: ExitCode.badData });
    expect(await readdir(shelf)).toEqual([]);
  });

  it('of what is not there fails at once', async () => {
    await serve([{ status: 404 }]);
    const failure = await pull().catch((error) => error);
    expect(failure).toMatchObject({ code: ExitCode.unavailable });
    expect(failure.message).toContain('the server answers 404');
    expect(server.ranges).toHaveLength(1);
  });

  it('without a network says so', async () => {
    await serve();
    await server.close(); // nobody listens at this port now
    const refused = await pull().catch((error) => error);
    expect(refused).toMatchObject({ code: ExitCode.unavailable });
    expect(refused.message).toContain('the connection is refused');
    const unknown = await pull({ url: 'http://nowhere.invalid/yamnet.h5' }).catch((error) => error);
    expect(unknown.message).toContain('its name is not found (no network?)');
    expect(unknown.hint).toContain(`put the file itself at ${part()}`);
  });

  it('is not needed where the whole file was put in its place', async () => {
    await serve();
    await mkdir(shelf, { recursive: true });
    await writeFile(part(), file);
    await pull();
    expect(server.ranges).toEqual([]);
    expect(await readdir(shelf)).toEqual(['yamnet']);
  });

  it('that is stopped leaves the part that has come, and nothing else', async () => {
    await serve([{ stallAfter: 1_000_000 }]);
    const stop = new AbortController();
    const pulling = pull({}, { signal: stop.signal }).catch((error) => error);
    await expect.poll(partBytes, { timeout: 10_000 }).toBe(1_000_000);
    stop.abort();
    expect(await pulling).toMatchObject({ name: 'AbortError' });
    expect(await readdir(shelf)).toEqual([basename(part())]);
    expect(Buffer.compare(await readFile(part()), file.subarray(0, 1_000_000))).toBe(0);
  });
});

describe('pull', () => {
  it('refuses a name that is taken, before anything is downloaded', async () => {
    await serve();
    await pull();
    await expect(pull()).rejects.toMatchObject({ code: ExitCode.cannotCreate });
    expect(server.ranges).toHaveLength(1);
  });

  it.each([
    ['a name', { name: '../x' }],
    ['an address', { url: 'yamnet.h5' }],
    ['an address of another kind', { url: 'file:///yamnet.h5' }],
    ['a hash', { sha256: '13c33' }],
  ])('refuses what is not %s', async (_, wrong) => {
    await serve();
    await expect(pull(wrong)).rejects.toMatchObject({ code: ExitCode.usage });
    expect(server.ranges).toEqual([]);
  });

  const rename = (weights: Map<string, Tensor>, from: string, to: string) => {
    const path = [...weights.keys()].find((key) => key.endsWith(from)) as string;
    weights.set(path.replace(from, to), weights.get(path) as Tensor);
    weights.delete(path);
  };
  const replace = (weights: Map<string, Tensor>, end: string, tensor: Tensor) =>
    weights.set([...weights.keys()].find((key) => key.endsWith(end)) as string, tensor);

  it.each<[string, (weights: Map<string, Tensor>) => void, RegExp]>([
    [
      'without a layer',
      (w) => rename(w, 'layer7/pointwise_conv/kernel:0', 'x'),
      /layer 7\/pointwise_conv\/kernel/,
    ],
    [
      'with one layer more',
      (w) => w.set('layer15/conv/kernel:0', w.values().next().value!),
      /layer 15\/conv/,
    ],
    [
      'with a scale that YAMNet has not',
      (w) => rename(w, 'layer2/depthwise_conv/bn/beta:0', 'layer2/depthwise_conv/bn/gamma:0'),
      /beta/,
    ],
    [
      'with a kernel of another size',
      (w) => replace(w, 'layer1/conv/kernel:0', { shape: [3, 2, 1, 16], data: new Float32Array(96) }),
      /\[3,2,1,16\]/,
    ],
    [
      'with values that are no numbers',
      (w) =>
        replace(w, 'layer1/conv/bn/beta:0', { shape: [16], data: new Float32Array(16).fill(Number.NaN) }),
      /no numbers/,
    ],
    [
      'with another dense layer',
      (w) => replace(w, 'logits/kernel:0', { shape: [512, 521], data: new Float32Array(512 * 521) }),
      /\[512,521\]/,
    ],
  ])('refuses weights %s', async (_, change, message) => {
    const odd = await kerasFile(mini, { change });
    await serve([], {}, odd);
    const failure = await pull({ sha256: hashOf(odd) }).catch((error) => error);
    expect(failure).toMatchObject({ code: ExitCode.badData });
    expect(failure.message).toMatch(message);
  });

  it.each([
    ['text', Buffer.from('a shopping list')],
    ['the beginning of an HDF5 file', undefined],
  ])('refuses %s', async (_, content) => {
    const odd = content ?? file.subarray(0, 5000);
    await serve([], {}, odd);
    await expect(pull({ sha256: hashOf(odd) })).rejects.toMatchObject({ code: ExitCode.badData });
  });
});
