import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../support/daemon.js';
import { sharedFolder } from '../support/require.js';

const shared = sharedFolder();
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
    expect((await run(['models'], env)).stdout).toContain('bathnet* (4), audioset (521)');
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
