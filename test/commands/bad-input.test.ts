import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFile } from '../../src/audio/decode.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { run, SCENE } from '../support/daemon.js';
import { GOLDEN } from '../support/golden.js';
import { collect, type WavOptions, wavBytes } from '../support/sound.js';

let dir: string;
let water: Float32Array;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-bad-input-'));
  water = (await collect(decodeFile(SCENE))).slice(2 * 16_000, 5 * 16_000);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('sound in another form', () => {
  it('is classified as the same sound', async () => {
    const at8k = every(water, 2);
    const forms: [string, Float32Array[], WavOptions][] = [
      ['16-bit', [water], {}],
      ['8-bit', [water.map((x) => x * 4)], { bits: 8 }],
      ['24-bit', [water], { bits: 24 }],
      ['float', [water], { bits: 32, float: true }],
      ['extensible', [water], { bits: 24, extensible: true }],
      ['6-channel', [water, water, water, water, water, water], {}],
      ['96 kHz', [repeat(water, 6)], { rateHz: 96_000 }],
      ['8 kHz', [at8k], { rateHz: 8000 }],
      ['truncated in its sound', [water], { promisedBytes: 10_000_000 }],
    ];
    const files = forms.map(([name, channels, options]) => {
      const path = join(dir, `${name}.wav`);
      writeFileSync(path, wavBytes(channels, options));
      return path;
    });
    const { code, stdout, stderr } = await run(['classify', '--json', ...files]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: .*truncated in its sound\.wav.*\n$/);
    const results = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(results.map(({ verdict }) => verdict)).toEqual(
      forms.map(([name]) => (name === '8 kHz' ? expect.any(String) : 'water')),
    );
    for (const { file, windows } of results) expect(windows, file).toHaveLength(results[0].windows.length);
  });
});

describe('what is no sound', () => {
  const header = () => wavBytes([new Float32Array(100)]);
  it.each<[string, () => Buffer, number]>([
    ['empty.wav', () => Buffer.alloc(0), 65],
    ['header-only.wav', () => header().subarray(0, 30), 65],
    ['no-samples.wav', () => wavBytes([[]]), 65],
    ['text.wav', () => Buffer.from('RIFF and nothing else'), 65],
    ['picture.wav', () => Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), 65],
    ['noise.mp3', () => Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251)), 65],
    ['cut.flac', () => readFileSync(SCENE).subarray(0, 20), 65],
    ['no-channels.wav', () => zeroAt(header(), 22), 65],
    ['no-rate.wav', () => zeroAt(zeroAt(header(), 24), 26), 65],
  ])('%s gives one clear error and exit code %#', async (name, bytes, exitCode) => {
    const path = join(dir, name);
    writeFileSync(path, bytes());
    const { code, stdout, stderr } = await run(['classify', path]);
    expect(stderr).toMatch(/^error: [^\n]*\n {2}hint: [^\n]*\n$/);
    expect(stderr).toContain(path);
    expect(code).toBe(exitCode);
    expect(stdout).toBe('');
  });

  it('a folder without any or nothing at all is missing input', async () => {
    mkdirSync(join(dir, 'empty'));
    expect((await run(['classify', join(dir, 'empty')])).code).toBe(66);
    expect((await run(['classify', join(dir, 'none.wav')])).code).toBe(66);
  });

  it('the daemon gives the same error for it', async () => {
    const path = join(dir, 'daemon.wav');
    writeFileSync(path, 'nothing');
    const args = [
      '--source',
      `file:${path}`,
      '--mqtt-url',
      'mqtt://127.0.0.1:1',
      '--set',
      `stateDir=${dir}/state`,
    ];
    const { code, stderr } = await run(['run', ...args]);
    expect(code).toBe(65);
    expect(stderr).toMatch(/error: .*daemon\.wav: .*\n {2}hint: .*\n$/);
  });
});

describe('a damaged model', () => {
  interface Damage {
    readonly weights?: (weights: Buffer) => Buffer;
    readonly manifest?: (manifest: { backbone: object[] }) => void;
  }
  const damages: [string, Damage, RegExp][] = [
    [
      'wrong hash',
      { weights: (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.from([0x55])]) },
      /SHA-256/,
    ],
    ['cut short', { weights: (bytes) => bytes.subarray(0, 1000) }, /1000 bytes/],
    ['missing tensor', { manifest: ({ backbone }) => backbone.push(backbone[13]!) }, /is missing/],
    [
      'wrong shape',
      { manifest: ({ backbone }) => Object.assign(backbone[1]!, { filters: 33 }) },
      /expected \[1,1,\d+,33\]/,
    ],
  ];

  it.each(damages)('(%s) is refused in one error', async (name, damage, message) => {
    const folder = join(dir, name.replaceAll(' ', '-'));
    cpSync(join(SHIPPED_MODELS, 'bathnet-mini'), folder, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
    damage.manifest?.(manifest);
    const weights = readFileSync(join(folder, 'weights.safetensors'));
    writeFileSync(join(folder, 'weights.safetensors'), damage.weights?.(weights) ?? weights);
    writeFileSync(join(folder, 'model.json'), JSON.stringify(manifest));
    const { code, stdout, stderr } = await run(['classify', '--model', folder, join(GOLDEN, 'silence.wav')]);
    expect(stderr).toMatch(/^error: .*\n {2}hint: .*\n$/);
    expect(stderr).toMatch(message);
    expect(code).toBe(65);
    expect(stdout).toBe('');
    expect(readdirSync(folder).sort()).toEqual(['README.md', 'model.json', 'weights.safetensors']);
  });
});

function every(samples: Float32Array, n: number): Float32Array {
  return samples.filter((_, i) => i % n === 0);
}

function repeat(samples: Float32Array, n: number): Float32Array {
  return Float32Array.from({ length: samples.length * n }, (_, i) => samples[Math.floor(i / n)]!);
}

function zeroAt(bytes: Buffer, offset: number): Buffer {
  bytes.writeUInt16LE(0, offset);
  return bytes;
}
