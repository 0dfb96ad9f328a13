import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PRECISIONS } from '../../src/constants.js';

interface Row {
  readonly model: string;
  readonly name: string;
  readonly engine: string;
  readonly melMs: Times;
  readonly networkMs: Times;
  readonly restMs: Times;
  readonly wholeMs: Times;
  readonly firstResultMs: number;
  readonly startMs: number;
  readonly batchPerSecond: number;
  readonly streamMb: number;
  readonly daemon: { readonly residentMb: number; readonly cpuSecondsPerHour: number };
}
interface Times {
  readonly p50: number;
  readonly p99: number;
}
interface Figures {
  readonly rows: readonly Row[];
  readonly microphones: Record<string, readonly { count: number; ofCore: number; windows: number }[]>;
}

const MAIN = fileURLToPath(new URL('../../tools/bench/main.mjs', import.meta.url));
const bench = (...args: string[]) =>
  promisify(execFile)(process.execPath, [MAIN, '--models', 'bathnet-mini', ...args], {
    env: { ...process.env, TMPDIR: dir },
  });
let dir: string;

describe('npm run bench', () => {
  let json: string;
  let shown: string;
  let figures: Figures;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'bathnet-bench-'));
    json = join(dir, 'bench.json');
    const small = [
      '--rounds',
      '1',
      '--windows',
      '40',
      '--minutes',
      '0.05',
      '--microphones',
      '1',
      '--seconds',
      '5',
      '--hours',
      '0',
    ];
    shown = (await bench(...small, '--json', json)).stdout;
    figures = JSON.parse(readFileSync(json, 'utf8'));
  }, 400_000);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('measures every engine and precision that are there, stage by stage', () => {
    expect(figures.rows.map(({ engine }) => engine)).toContain('tfjs-wasm');
    const onnx = figures.rows.filter(({ engine }) => engine === 'onnxruntime');
    expect([0, PRECISIONS.length]).toContain(onnx.length);
    for (const row of figures.rows) {
      const { melMs, networkMs, restMs, wholeMs } = row;
      for (const { p50, p99 } of [melMs, networkMs, restMs, wholeMs]) {
        expect(p50).toBeGreaterThan(0);
        expect(p99).toBeGreaterThanOrEqual(p50);
      }
      expect(wholeMs.p50).toBeGreaterThanOrEqual(networkMs.p50);
      for (const value of [row.firstResultMs, row.startMs, row.batchPerSecond, row.streamMb])
        expect(value).toBeGreaterThan(0);
      expect(row.daemon.residentMb).toBeGreaterThan(40); // a Node that does nothing has that
      expect(row.daemon.cpuSecondsPerHour).toBeGreaterThan(0);
    }
  });

  it('plays to a microphone in real time and hears all of it', () => {
    const [one] = figures.microphones['bathnet-mini'] ?? [];
    expect(one).toMatchObject({ count: 1, dropped: 0 });
    expect(one?.windows).toBeGreaterThanOrEqual(9); // 5 s, a window every 0.48 s
    expect(one?.ofCore).toBeGreaterThan(0);
  });

  it('shows the figures of an earlier run as it showed them then', async () => {
    expect((await bench('--from', json)).stdout).toBe(shown);
    for (const { name } of figures.rows) expect(shown).toContain(name);
  });

  it('says what it cannot measure', async () => {
    const refused = (message: RegExp, ...args: string[]) =>
      expect(bench(...args)).rejects.toMatchObject({ code: 64, stderr: expect.stringMatching(message) });
    await Promise.all([
      refused(/--rounds is many\n {2}hint: Give a number/, '--rounds', 'many'),
      refused(/--hours is 1,x\n {2}hint: Give whole numbers/, '--hours', '1,x'),
      refused(/none of the models is there\n {2}hint:/, '--models', 'nowhere'),
    ]);
    expect(readdirSync(dir).filter((name) => name.startsWith('bathnet'))).toEqual([]); // nothing is left behind
  });
});
