import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ExitCode, messageOf, UserError } from '../../errors.js';
import type { Bundle } from '../bundle.js';
import { backboneTflite } from '../export/export.js';
import { type Sidecar, sidecarOf } from './compiled.js';

/** A small network takes seconds. */
const COMPILER_LIMIT_MS = 5 * 60_000;
/** So much of what the compiler prints an error repeats. */
const PRINTED_CHARACTERS = 600;

/**
 * Compiles a bundle's backbone for an NPU of MediaTek with their `ncc-tflite`.
 *
 * Half precision inside (`--relax-fp32`: the NPU has no other floats), float32 in and out; accuracy before speed, of
 * which there is plenty.
 *
 * @param compiler the program: a name or a path
 * @param arch what the compiler calls the NPU: `mdla3.0`
 * @throws UserError unavailable, where the compiler is not installed; bad data, where it refuses the network
 */
export async function compileBackbone(
  bundle: Bundle,
  compiler: string,
  arch: string,
): Promise<{ readonly compiled: Uint8Array; readonly sidecar: Sidecar }> {
  const folder = await mkdtemp(join(tmpdir(), 'bathnet-compile-'));
  try {
    const [source, target] = [join(folder, 'backbone.tflite'), join(folder, 'backbone.dla')];
    await writeFile(source, await backboneTflite(bundle));
    const options = [`--arch=${arch}`, '--relax-fp32', '--opt-accuracy'];
    await runCompiler(compiler, [...options, '-d', target, source]);
    const compiled = await readFile(target).catch((error) => {
      throw refused(compiler, `it says that all went well, but wrote nothing (${messageOf(error)})`, error);
    });
    return { compiled, sidecar: sidecarOf(bundle, compiled, ['ncc-tflite', ...options]) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runCompiler(compiler: string, args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)(compiler, args, { timeout: COMPILER_LIMIT_MS, killSignal: 'SIGKILL' });
  } catch (error) {
    const {
      code,
      killed,
      stdout = '',
      stderr = '',
    } = error as NodeJS.ErrnoException & {
      killed?: boolean;
      stdout?: string;
      stderr?: string;
    };
    if (code === 'ENOENT' || code === 'EACCES')
      throw new UserError(
        ExitCode.unavailable,
        `MediaTek's compiler ${compiler} ${code === 'ENOENT' ? 'is not installed' : 'may not be run'}`,
        "It comes with MediaTek NeuroPilot: with the board's image, or for a PC (x86-64 Linux) from https://neuropilot.mediatek.com. Give its path with --ncc; compiled on a PC, copy the .dla and the .dla.json beside it to the board.",
        { cause: error },
      );
    if (killed) throw refused(compiler, `it has not ended for ${COMPILER_LIMIT_MS / 60_000} minutes`, error);
    const printed = `${stdout}\n${stderr}`.trim().slice(-PRINTED_CHARACTERS);
    throw refused(compiler, `it ends with ${code ?? 'a signal'}${printed && `: ${printed}`}`, error);
  }
}

function refused(compiler: string, what: string, cause: unknown): UserError {
  return new UserError(
    ExitCode.badData,
    `${compiler} does not compile the backbone: ${what}`,
    'See what NPUs it knows with "ncc-tflite --arch=?", and give the name of this one with --arch.',
    { cause },
  );
}
