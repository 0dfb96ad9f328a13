import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lacksPackage } from '../support/require.js';
import { tone, writeWav } from '../support/sound.js';

const root = new URL('../..', import.meta.url);
/** In a thread, the second call of ONNX Runtime never returns: C's pause() waits for a signal. */
const HANG = `
  const { isMainThread } = require('node:worker_threads');
  const { createRequire } = require('node:module');
  const load = createRequire(${JSON.stringify(new URL('package.json', root).pathname)});
  if (!isMainThread) {
    const { InferenceSession } = load('onnxruntime-node');
    const pause = load('koffi').load('libc.so.6').func('int pause()');
    const { run } = InferenceSession.prototype;
    let calls = 0;
    InferenceSession.prototype.run = function (...args) {
      if (++calls === 2) pause();
      return run.apply(this, args);
    };
  }`;
const LISTEN = `
  import { listenToFiles } from ${JSON.stringify(new URL('dist/files/listen.js', root).href)};
  import { readBundle } from ${JSON.stringify(new URL('dist/model/bundle.js', root).href)};
  const bundle = await readBundle(${JSON.stringify(new URL('models/bathnet-mini', root).pathname)});
  const sounds = [1, 2, 3].map(() => ({ path: process.argv[2], lays: [{ how: 'as it is' }] }));
  const options = { bundle, wanted: 'scores', hopSamples: 7680, jobs: 2, engine: 'onnxruntime', answerMs: 4000 };
  try {
    for await (const file of listenToFiles(sounds, options)) console.log('heard', file.error?.message);
  } catch ({ code, message }) {
    console.log(code, message);
  }`;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-hang-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe.skipIf(lacksPackage('onnxruntime-node') || lacksPackage('koffi'))('an engine that hangs', () => {
  it('ends the work with one error, and the process with it', { timeout: 120_000 }, async () => {
    const sound = await writeWav(join(dir, 'a.wav'), [tone(440, 1)]);
    const [hang, listen] = [join(dir, 'hang.cjs'), join(dir, 'listen.mjs')];
    writeFileSync(hang, HANG);
    writeFileSync(listen, LISTEN);
    const child = spawn(process.execPath, ['--require', hang, listen, sound], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (text) => {
      said += text;
    });
    const [, signal] = await once(child, 'close');
    expect(said.trimEnd()).toBe('69 the engine that computes the model has not answered for 4 s');
    expect(signal).toBe('SIGKILL');
  });
});
