import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Mosquitto } from '../../test/support/mosquitto.js';
import type { Ended } from './container.js';
import type { Report } from './report.js';

/** Runs the program where it is tried; each word is free of what a shell minds. */
export type RunProgram = (args: readonly string[]) => Promise<Ended>;

interface Heard {
  readonly verdict: string;
  readonly windows: readonly { readonly label: string; readonly scores: Record<string, number> }[];
  readonly alarms: readonly { readonly kind: string; readonly startSeconds: number }[];
}

const ENGINES = [
  ['onnxruntime', 'float32'],
  ['onnxruntime', 'int8'],
  ['tfjs-wasm', 'float32'],
] as const;
/** By which scores in float32 may differ between processors: what is printed has four digits. */
const FLOAT32_TOLERANCE = 0.0002;
/** In 8-bit integers a product that is rounded otherwise is a step of the next layer. */
const INT8_TOLERANCE = 0.1;

/**
 * The program's answers there are those it gives here, on this machine's processor.
 *
 * @param here the built program of this tree
 * @param there the same, installed where it is tried
 * @param scene the bundled sound, as a WAV file, by its name here and there
 */
export async function tryProgram(
  here: string,
  there: RunProgram,
  scene: { readonly here: string; readonly there: string },
  report: Report,
): Promise<void> {
  const runHere: RunProgram = async (args) => {
    const { stdout } = await promisify(execFile)(process.execPath, [here, ...args], { maxBuffer: 1 << 26 });
    return { code: 0, stdout };
  };
  const classify = (engine: string, precision: string, file: string) => [
    'classify',
    '--json',
    '--jobs',
    '1',
    '--engine',
    engine,
    '--set',
    `model.precision=${precision}`,
    file,
  ];

  await report.step(
    'bathnet2mqtt devices',
    async () => {
      const { code, stdout } = await there(['devices']);
      if (code !== 0) throw new Error(`ended with ${code}`);
      return `naudiodon and PortAudio answer, ${stdout.trim()}`;
    },
    false,
  );
  for (const [engine, precision] of ENGINES)
    await report.step(
      `bathnet2mqtt classify, ${engine} in ${precision}`,
      async () => {
        const expected = await runHere(classify(engine, precision, scene.here));
        const { code, stdout } = await there(classify(engine, precision, scene.there));
        if (code !== 0) throw new Error(`ended with ${code}`);
        const tolerance = precision === 'int8' ? INT8_TOLERANCE : FLOAT32_TOLERANCE;
        return compare(JSON.parse(expected.stdout), JSON.parse(stdout), tolerance);
      },
      false,
    );
  await report.step(
    'bathnet2mqtt demo',
    async () => {
      const expected: Heard = JSON.parse(
        (await runHere(classify('tfjs-wasm', 'float32', scene.here))).stdout,
      );
      const { code, stdout } = await there(['demo', '--speed', '1']);
      const alarms = stdout.split('\n').filter((line) => line.endsWith('/alarm ON')).length;
      if (code !== 0) throw new Error(`ended with ${code}`);
      if (alarms !== expected.alarms.length)
        throw new Error(`${alarms} alarms over MQTT instead of ${expected.alarms.length}`);
      return `${alarms} alarms over MQTT; ${stdout.trim().split('\n').at(-1)}`;
    },
    false,
  );
  await report.step('bathnet2mqtt doctor', () => tryDoctor(there, scene.there), false);
}

/** Nothing fails: a file stands in for the microphone. That no daemon has announced itself yet is said, as it should be. */
async function tryDoctor(there: RunProgram, file: string): Promise<string> {
  const broker = await Mosquitto.start();
  try {
    const args = ['doctor', '--json', '--mqtt-url', broker.url, '--source', `file:${file}`];
    const { code, stdout } = await there([...args, '--set', 'stateDir=/tmp/doctor']);
    const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; detail: string }[] };
    const bad = checks.filter(({ status }) => status === 'fail');
    if (code !== 0 || bad.length > 0)
      throw new Error(bad.map(({ name, detail }) => `${name}: ${detail}`).join('; '));
    const detail = (wanted: string) => checks.find(({ name }) => name === wanted)?.detail;
    return `${checks.length} checks, none has failed; ${detail('node')}, ${detail('model')}`;
  } finally {
    await broker.close();
  }
}

/**
 * @returns by how much the scores differ
 * @throws Error where the verdicts do, or alarms, or scores by more than the tolerance
 */
export function compare(expected: Heard, found: Heard, tolerance: number): string {
  if (found.windows.length !== expected.windows.length)
    throw new Error(`${found.windows.length} windows instead of ${expected.windows.length}`);
  if (found.verdict !== expected.verdict) throw new Error(`${found.verdict} instead of ${expected.verdict}`);
  const alarms = ({ alarms }: Heard) =>
    JSON.stringify(alarms.map(({ kind, startSeconds }) => [kind, startSeconds]));
  if (alarms(found) !== alarms(expected))
    throw new Error(`alarms ${alarms(found)} instead of ${alarms(expected)}`);
  const differences = expected.windows.flatMap(({ scores }, index) =>
    Object.entries(scores).map(([label, score]) =>
      Math.abs(score - (found.windows[index]?.scores[label] ?? Number.NaN)),
    ),
  );
  const most = Math.max(...differences);
  if (!(most <= tolerance))
    throw new Error(`scores differ by up to ${most}, which is more than ${tolerance}`);
  return `the same verdict and ${found.alarms.length} alarms as on ${process.arch}, scores differ by at most ${most.toFixed(4)}`;
}
