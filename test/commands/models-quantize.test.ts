import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Manifest, readBundle } from '../../src/model/bundle.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { writeCalibrationSounds } from '../support/calibration-sounds.js';
import { run } from '../support/daemon.js';
import { serveFile } from '../support/file-server.js';
import { kerasFile } from '../support/keras-file.js';
import { lacksPackage } from '../support/require.js';
import { smallNetwork } from '../support/tflite-file.js';

const lacksOnnx = lacksPackage('onnxruntime-node');
const MINI = join(SHIPPED_MODELS, 'bathnet-mini');
let stateDir: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'bathnet-quantize-'));
  env = { BATHNET_STATE_DIR: stateDir };
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

describe('models quantize', () => {
  it.skipIf(lacksOnnx)(
    'calibrates a bundle in its place, and everything that runs it can take int8',
    async () => {
      const folder = join(stateDir, 'models', 'mine');
      cpSync(MINI, folder, { recursive: true });
      const manifestFile = join(folder, 'model.json');
      const manifest = () => JSON.parse(readFileSync(manifestFile, 'utf8')) as Manifest;
      const { quantization: _, ...plain } = manifest();
      writeFileSync(manifestFile, JSON.stringify({ ...plain, name: 'mine' }));
      const audio = await writeCalibrationSounds(join(stateDir, 'audio'));
      const sound = join(audio, '00.wav');
      const int8 = ['--model', 'mine', '--set', 'model.precision=int8'];
      expect(await run(['classify', sound, ...int8], env)).toMatchObject({
        code: 78,
        stderr: expect.stringMatching(
          /model mine is not calibrated for it\n {2}hint: .*models quantize mine/,
        ),
      });

      const made = await run(['models', 'quantize', 'mine', audio], env);
      expect(made).toMatchObject({ code: 0 });
      expect(made.stdout).toMatch(/^mine: int8: \d+ of 27 convolutions, agrees with float32 to 0\.99\d* /);
      const { quantization, ...rest } = manifest();
      expect(rest).toEqual({ ...plain, name: 'mine' });
      expect(quantization?.agreement.windows).toBeGreaterThan(5);
      expect(readdirSync(folder).sort()).toEqual(readdirSync(MINI).sort());
      expect((await run(['models', 'list'], env)).stdout).toContain('int8: ');
      expect((await run(['models', 'verify', 'mine'], env)).stdout).toMatch(
        /^ok {3}mine: .* on onnxruntime in float32 and int8$/m,
      );
      expect((await run(['classify', sound, ...int8], env)).code).toBe(0);

      writeFileSync(
        manifestFile,
        JSON.stringify({ ...manifest(), quantization: { ...quantization, backbone: '0'.repeat(64) } }),
      );
      const stale = await run(['classify', sound, ...int8], env);
      expect(stale).toMatchObject({
        code: 65,
        stderr: expect.stringMatching(/calibrated for other weights/),
      });
      expect((await run(['models', 'verify', 'mine'], env)).stdout).toMatch(/^BAD {2}mine: .*other weights/m);
      expect((await run(['models', 'quantize', 'mine', audio], env)).code).toBe(0); // which mends it
      expect((await run(['models', 'verify', 'mine'], env)).code).toBe(0);
    },
    240_000,
  );

  it('refuses too few files, and files that hold no sound', async () => {
    const one = join(stateDir, 'one.wav');
    writeFileSync(one, 'no sound');
    const few = await run(['models', 'quantize', 'bathnet-mini', one], env);
    expect(few).toMatchObject({ code: 64, stderr: expect.stringMatching(/one file to calibrate with/) });
    mkdirSync(join(stateDir, 'bad'));
    for (const i of [1, 2, 3, 4]) cpSync(one, join(stateDir, 'bad', `${i}.wav`));
    const bad = await run(['models', 'quantize', 'bathnet-mini', join(stateDir, 'bad')], env);
    expect(bad).toMatchObject({ code: 65, stderr: expect.stringMatching(/4 files hold 0 windows of sound/) });
  });

  it.skipIf(lacksOnnx)(
    'is done at once where a bundle is pulled with --calibrate, and its files are looked for first',
    async () => {
      const file = await kerasFile(await readBundle(MINI));
      const server = await serveFile(file);
      const sha256 = createHash('sha256').update(file).digest('hex');
      const pull = ['models', 'pull', 'yamnet', '--url', server.url, '--sha256', sha256, '--calibrate'];
      try {
        expect((await run([...pull, join(stateDir, 'nothing')], env)).code).toBe(66);
        expect(server.ranges).toHaveLength(0);
        expect(await run([...pull, noSound()], env)).toMatchObject({ code: 65 });
        expect(readdirSync(join(stateDir, 'models'))).toEqual([expect.stringMatching(/^yamnet-.*\.part$/)]);
        const audio = await writeCalibrationSounds(join(stateDir, 'audio'));
        const pulled = await run([...pull, audio, '--json'], env);
        expect(pulled).toMatchObject({ code: 0 });
        expect(JSON.parse(pulled.stdout).int8.meanCosine).toBeGreaterThan(0.99);
        expect(server.ranges).toHaveLength(1); // what had come was kept
        const { manifest } = await readBundle(join(stateDir, 'models', 'yamnet'));
        expect(manifest.quantization?.agreement).toEqual(JSON.parse(pulled.stdout).int8);
      } finally {
        await server.close();
      }
    },
    240_000,
  );

  it('leaves no bundle behind where one that is imported cannot be calibrated', async () => {
    const file = join(stateDir, 'small.tflite');
    writeFileSync(file, smallNetwork());
    const importing = ['models', 'import', file, '--name', 'small'];
    expect(await run([...importing, '--calibrate', noSound()], env)).toMatchObject({
      code: 65,
      stderr: expect.stringMatching(/error: 4 files hold 0 windows of sound/),
    });
    expect(existsSync(join(stateDir, 'models'))).toBe(false);
    expect(await run(importing, env)).toMatchObject({ code: 0 });
    // Before a minute of calibrating.
    const again = await run([...importing, '--calibrate', noSound()], env);
    expect(again).toMatchObject({ code: 73, stderr: expect.stringMatching(/there is a model already/) });
  });
});

/** A folder of files that are no sound. */
function noSound(): string {
  const folder = join(stateDir, 'no-sound');
  mkdirSync(folder, { recursive: true });
  for (const name of ['a', 'b', 'c', 'd']) writeFileSync(join(folder, `${name}.wav`), 'no sound');
  return folder;
}
