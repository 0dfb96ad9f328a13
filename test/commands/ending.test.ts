import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bareEnvironment } from '../support/environment.js';
import { lacksPackage } from '../support/require.js';
import { chirp, writeWav } from '../support/sound.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const TRIES = 3;

/** Says when ONNX Runtime begins to read the model. */
const STARTING = `
  const { isMainThread } = require('node:worker_threads');
  const load = require('node:module').createRequire(${JSON.stringify(MAIN)});
  if (!isMainThread) {
    const { InferenceSession } = load('onnxruntime-node');
    const { create } = InferenceSession;
    InferenceSession.create = (...args) => {
      require('node:fs').writeSync(1, 'starting');
      return create.apply(InferenceSession, args);
    };
  }`;

let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-ending-'));
  const sound = await writeWav(join(dir, 'sound.wav'), [chirp(100, 6000, 20)]);
  for (const name of ['a', 'b']) mkdirSync(join(dir, 'clips', name), { recursive: true });
  for (let i = 0; i < 24; i++) copyFileSync(sound, join(dir, 'clips', 'ab'[i % 2]!, `${i}.wav`));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const start = (
  args: readonly string[],
  stdout: 'pipe' | number = 'pipe',
  preloaded: readonly string[] = [],
) =>
  spawn(process.execPath, [...preloaded.flatMap((path) => ['--require', path]), MAIN, ...args], {
    cwd: dir,
    env: bareEnvironment(),
    stdio: ['ignore', stdout, 'pipe'],
  });

/** Does something to it once it has said something, and tells how it ended. */
async function end(child: ChildProcess, how: () => void): Promise<unknown> {
  let stderr = '';
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  const closed = once(child, 'close');
  if (child.stdout) await once(child.stdout, 'data');
  how();
  const [code, signal] = await closed;
  return { code, signal, stderr };
}

// ONNX Runtime would abort the process where one of its threads is ended while it computes.
describe('what is ended while it computes in threads', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('ends by %s, where that comes', async (signal) => {
    for (let i = 0; i < TRIES; i++) {
      const child = start(['classify', 'clips', '--jobs', '4']);
      expect(await end(child, () => child.kill(signal))).toEqual({ code: null, signal, stderr: '' });
    }
  });

  it.skipIf(lacksPackage('onnxruntime-node'))('waits for an engine that is slow to start', async () => {
    const starting = join(dir, 'starting.cjs');
    writeFileSync(starting, STARTING);
    for (let i = 0; i < TRIES; i++) {
      const child = start(['classify', 'clips', '--set', 'model.engine=onnxruntime'], 'pipe', [starting]);
      const ended = await end(child, () => {
        child.kill('SIGTERM');
        // A machine that is so busy that seconds pass, while the library reads the model.
        setTimeout(() => child.kill('SIGSTOP'), 60);
        setTimeout(() => child.kill('SIGCONT'), 2600);
      });
      expect(ended).toEqual({ code: null, signal: 'SIGTERM', stderr: '' });
    }
  });

  it('ends as done where nobody reads its results any more', async () => {
    for (let i = 0; i < TRIES; i++) {
      const child = start(['classify', 'clips', '--jobs', '4']);
      const ended = await end(child, () => child.stdout?.destroy());
      expect(ended).toEqual({ code: 0, signal: null, stderr: '' });
    }
  });

  it('says once that its results cannot be written', async () => {
    const child = start(['classify', 'clips', '--jobs', '4'], openSync('/dev/full', 'w'));
    const stderr = expect.stringMatching(/^error: results cannot be written: .*\n {2}hint: .*\n$/);
    expect(await end(child, () => {})).toEqual({ code: 73, signal: null, stderr });
  });

  it('goes on where nobody reads its progress', async () => {
    const child = start(['dataset', 'check', 'clips']);
    child.stderr?.destroy();
    expect(await end(child, () => {})).toMatchObject({ signal: null, code: 65 }); // all clips are the same
  });
});
