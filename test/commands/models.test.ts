import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Bundle, type Manifest, readBundle, writeBundle } from '../../src/model/bundle.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { Program, run } from '../support/daemon.js';
import { withEventHead } from '../support/event-head.js';
import { serveFile } from '../support/file-server.js';
import { kerasFile } from '../support/keras-file.js';
import { sharedFolder } from '../support/require.js';
import { lacksMount, mountSmallDisk } from '../support/small-disk.js';

const shared = sharedFolder();
const MINI = join(SHIPPED_MODELS, 'bathnet-mini');
const { version, heads }: Manifest = JSON.parse(readFileSync(join(MINI, 'model.json'), 'utf8'));
let stateDir: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'bathnet-models-'));
  env = { BATHNET_STATE_DIR: stateDir };
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

describe('models', () => {
  it('lists the shipped bundle', async () => {
    const { code, stdout } = await run(['models', 'list', '--json'], env);
    expect(code).toBe(0);
    const [mini] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(mini).toMatchObject({ name: 'bathnet-mini', defaultHead: 'bathnet' });
    const named = Object.entries(heads).map(
      ([name, { labels }]) => `${name}${name === 'bathnet' ? '*' : ''} (${labels.length})`,
    );
    expect(named).toContain('bathnet* (4)');
    expect(named).toContain('audioset (521)');
    expect((await run(['models'], env)).stdout).toContain(named.join(', '));
  });

  it('say what kinds of events a bundle alarms of, how often wrongly, and that its event head runs', async () => {
    const { manifest, tensors } = withEventHead(await readBundle(MINI));
    await writeBundle(join(stateDir, 'models', 'events'), { ...manifest, name: 'events' }, tensors);
    expect((await run(['models', 'list'], env)).stdout).toContain(
      'alarms of impact, scream; false ones a day by sensitivity: low 0.1, normal 1, high 10',
    );
    const verified = await run(['models', 'verify', 'events'], env);
    expect(verified.stdout).toMatch(/^ok {3}events: .* and event head run on /);
  });

  it('takes the heads for YAMNet for no bundle, and says how to get YAMNet itself', async () => {
    const { stdout, stderr } = await run(['models', 'list', '--json'], env);
    expect(stderr).toBe('');
    expect(stdout).not.toContain('"name":"yamnet"');
    const refused = await run(['classify', '--model', 'yamnet', MINI], env);
    expect(refused.code).toBe(66);
    expect(refused.stderr).toMatch(
      /^error: there is no model "yamnet" yet: YAMNet itself does not come .*\n {2}hint: .*models pull yamnet.*models import /,
    );
  });

  it('imports nothing of a file that is no model, and says so', async () => {
    const file = join(stateDir, 'garbage.tflite');
    writeFileSync(file, 'garbage');
    const { code, stderr } = await run(['models', 'import', file, '--name', 'x'], env);
    expect(code).toBe(65);
    expect(stderr).toMatch(/^error: .*garbage\.tflite: .*\n {2}hint: .*\n$/);
    expect(readdirSync(stateDir)).toEqual(['garbage.tflite']);
  });

  it('wants a name', async () => {
    expect((await run(['models', 'import', 'x.tflite'], env)).code).toBe(64);
  });

  it.skipIf(!shared)('imports BATHNet and the full YAMNet, which then classify', async () => {
    const file = (name: string) => join(shared as string, 'models', name);
    const bathnet = await run(['models', 'import', file('bathnet.tflite'), '--name', 'bathnet'], env);
    expect(bathnet.stderr).toBe('');
    expect(bathnet.code).toBe(0);
    const both = [file('bathnet.tflite'), file('yamnet-dynamic-range.tflite')];
    expect((await run(['models', 'import', ...both, '--name', 'yamnet'], env)).code).toBe(0);
    expect((await run(['models', 'import', ...both, '--name', 'yamnet'], env)).code).toBe(73);

    const clip = join(shared as string, 'golden', 'singing-speech_004.wav');
    for (const model of ['bathnet', 'yamnet']) {
      const { stdout } = await run(['classify', '--json', '--model', model, clip], env);
      expect(JSON.parse(stdout).verdict).toBe('speech');
    }
    const { stdout } = await run(
      ['classify', '--json', '--model', 'bathnet', '--head', 'audioset', clip],
      env,
    );
    expect(stdout).toBe('');
  });
});

/** A copy of the shipped bundle among the person's own. */
function ownCopy(name: string): string {
  const folder = join(stateDir, 'models', name);
  cpSync(MINI, folder, { recursive: true });
  return folder;
}

/** Every value of it is a number, but what it computes is not. */
function overflowing({ manifest, tensors }: Bundle): [Bundle['manifest'], Bundle['tensors']] {
  const layers = [{ units: 2, activation: 'softmax' as const }];
  const kernel = { shape: [1024, 2], data: new Float32Array(2048).fill(3e38) };
  return [
    {
      ...manifest,
      name: 'infinite',
      heads: { ...manifest.heads, loud: { type: 'dense', labels: ['a', 'b'], layers } },
    },
    new Map([
      ...tensors,
      ['heads.loud.0.kernel', kernel],
      ['heads.loud.0.bias', { shape: [2], data: new Float32Array(2) }],
    ]),
  ];
}

describe('models verify', () => {
  it('finds the shipped bundle good, in one line', async () => {
    const { code, stdout } = await run(['models', 'verify'], env);
    expect(stdout).toMatch(
      /^ok {3}bathnet-mini: .*, SHA-256 .*, heads .* run on (onnxruntime( in float32 and int8)?|tfjs-.*)\n$/,
    );
    expect(stdout).toContain(`bathnet-mini: ${version}, `);
    expect(stdout).toContain(`heads ${Object.keys(heads).join(', ')} and event head run`);
    expect(code).toBe(0);
  });

  it('names what is bad, goes on with the others, and exits with 65', async () => {
    const weights = join(ownCopy('broken'), 'weights.safetensors');
    const bytes = readFileSync(weights);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(weights, bytes);
    rmSync(join(ownCopy('halved'), 'weights.safetensors'));
    writeFileSync(join(ownCopy('odd'), 'model.json'), '{"format":2}');
    await writeBundle(join(stateDir, 'models', 'infinite'), ...overflowing(await readBundle(MINI)));

    const { code, stdout, stderr } = await run(['models', 'verify', '--json'], env);
    expect(code).toBe(65);
    expect(stderr).toBe('');
    const findings = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(Object.fromEntries(findings.map(({ name, problem }) => [name, problem]))).toEqual({
      broken: expect.stringContaining('SHA-256 is'),
      halved: expect.stringContaining('cannot be read'),
      odd: expect.stringContaining('is not a model bundle'),
      infinite: expect.stringMatching(/head loud has the value NaN/),
      'bathnet-mini': undefined,
    });
    expect(findings.every(({ problem }) => !problem?.includes('\n'))).toBe(true);
    expect((await run(['models', 'verify', 'bathnet-mini'], env)).code).toBe(0);
    expect((await run(['models', 'verify', 'bathnet-mini', 'broken'], env)).code).toBe(65);
    expect((await run(['models', 'verify', 'nosuch'], env)).code).toBe(66);
  }, 60_000);
});

describe('models remove', () => {
  it('removes one of the person’s own, and says so', async () => {
    const folder = ownCopy('mine');
    const { code, stdout } = await run(['models', 'remove', 'mine'], env);
    expect(code).toBe(0);
    expect(stdout).toBe(`removed ${folder}\n`);
    expect(readdirSync(join(stateDir, 'models'))).toEqual([]);
  });

  it('says which bundle has that name then', async () => {
    ownCopy('bathnet-mini');
    const { stdout } = await run(['models', 'remove', 'bathnet-mini'], env);
    expect(stdout).toContain(`"bathnet-mini" is now ${MINI}`);
  });

  it('removes even what is damaged', async () => {
    writeFileSync(join(ownCopy('odd'), 'model.json'), 'garbage');
    expect((await run(['models', 'remove', 'odd'], env)).code).toBe(0);
  });

  it.each([
    ['a shipped one', 'bathnet-mini', 64],
    ['one that is not there', 'nosuch', 66],
    ['one elsewhere, by its path', MINI, 64],
    ['the shelf itself', '..', 66],
  ])('does not remove %s', async (_, name, expected) => {
    ownCopy('mine');
    expect((await run(['models', 'remove', name], env)).code).toBe(expected);
    expect(readdirSync(join(stateDir, 'models'))).toEqual(['mine']);
    expect(readdirSync(MINI)).toContain('model.json');
  });
});

describe('models export', () => {
  const file = () => join(stateDir, 'model.tflite');
  const exported = (...more: string[]) =>
    run(['models', 'export', 'bathnet-mini', '--format', 'tflite', '-o', file(), ...more], env);

  it('writes the model and its labels, and says what it is', async () => {
    const { code, stdout } = await exported('--head', 'bathnet', '--input', 'bands-frames');
    expect(code).toBe(0);
    expect(stdout).toContain(`bathnet-mini ${version}, head bathnet`);
    expect(readFileSync(file()).toString('latin1', 4, 8)).toBe('TFL3');
    expect(readFileSync(`${file()}.labels.txt`, 'utf8')).toBe('background\nwater\nspeech\nabnormal\n');
    expect(readdirSync(stateDir).sort()).toEqual(['model.tflite', 'model.tflite.labels.txt']);
  });

  it('replaces neither file unless it is told to', async () => {
    writeFileSync(`${file()}.labels.txt`, 'mine');
    const { code, stderr } = await exported();
    expect(code).toBe(73);
    expect(stderr).toMatch(/labels\.txt cannot be written: it exists already\n {2}hint: .*--force/);
    expect(readdirSync(stateDir)).toEqual(['model.tflite.labels.txt']);
    expect((await exported('--force')).code).toBe(0);
    expect(readFileSync(`${file()}.labels.txt`, 'utf8')).not.toBe('mine');
  });

  it.skipIf(lacksMount())('says that a disk is full, and leaves nothing on it', async () => {
    const disk = mountSmallDisk(stateDir);
    try {
      const path = join(disk.path, 'model.onnx');
      const { code, stderr } = await run(
        ['models', 'export', 'bathnet-mini', '--format', 'onnx', '-o', path],
        env,
      );
      expect(code).toBe(73);
      expect(stderr).toBe(
        `error: ${path} cannot be written: the disk is full\n  hint: Make room, then run it again.\n`,
      );
      expect(readdirSync(disk.path)).toEqual([]);
    } finally {
      disk.unmount();
    }
  });

  it.each([
    ['a head that is not there', ['--head', 'games'], 64],
    ['another format', ['--format', 'coreml'], 64],
    ['another order', ['--input', 'upside-down'], 64],
    ['an order of weights alone', ['--format', 'safetensors', '--input', 'frames-bands'], 64],
    ['a folder that is not there', ['-o', '/nowhere/model.tflite'], 73],
  ])('refuses %s and writes nothing', async (_, flags, expected) => {
    expect((await exported(...flags)).code).toBe(expected);
    expect(readdirSync(stateDir)).toEqual([]);
  });
});

describe('models pull', () => {
  let file: Uint8Array;
  const flags = (url: string) => {
    const sha256 = createHash('sha256').update(file).digest('hex');
    return ['models', 'pull', 'yamnet', '--url', url, '--sha256', sha256];
  };
  beforeAll(async () => {
    file = await kerasFile(await readBundle(MINI));
  });

  it('stopped by Ctrl-C, leaves the part that has come and goes on with it', async () => {
    const server = await serveFile(file, [{ stallAfter: 1_000_000 }]);
    const program = new Program(flags(server.url), env);
    const shelf = join(stateDir, 'models');
    mkdirSync(shelf);
    const parts = () => readdirSync(shelf).filter((name) => name.endsWith('.part'));
    const sizes = () => parts().map((name) => readFileSync(join(shelf, name)).length);
    await expect.poll(sizes, { timeout: 30_000 }).toEqual([1_000_000]);
    const { code, stderr } = await program.kill('SIGINT');
    expect(code).not.toBe(0);
    expect(stderr).toContain('interrupted: run it again to go on');
    expect(sizes()).toEqual([1_000_000]);

    const second = await run(flags(server.url), env);
    await server.close();
    expect(second.code).toBe(0);
    expect(second.stdout).toContain(`yamnet: audioset, bathnet → ${join(shelf, 'yamnet')}`);
    expect(server.ranges).toEqual([undefined, 'bytes=1000000-']);
    expect(readdirSync(shelf)).toEqual(['yamnet']);
    expect((await run(['models', 'verify', 'yamnet'], env)).code).toBe(0);
  });

  it('by two at once spoils no file: the second is told who does it already', async () => {
    const server = await serveFile(file, [{ stallAfter: 1_000_000 }]);
    const first = new Program(flags(server.url), env);
    await expect.poll(() => server.ranges, { timeout: 30_000 }).toEqual([undefined]);
    const second = await run(flags(server.url), env);
    expect(second.code).toBe(69);
    expect(second.stderr).toContain(
      `the download of yamnet is in the hands of another process (process ${first.pid})`,
    );
    expect(server.ranges).toEqual([undefined]);
    await first.kill('SIGKILL');
    expect((await run(flags(server.url), env)).code).toBe(0);
    await server.close();
    expect(readdirSync(join(stateDir, 'models'))).toEqual(['yamnet']);
  });

  it('of anything else is refused', async () => {
    expect((await run(['models', 'pull', 'resnet'], env)).code).toBe(64);
  });
});
