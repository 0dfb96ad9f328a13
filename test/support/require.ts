import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Parts that must be there, comma-separated (`mosquitto,pulseaudio`): CI sets it, so that nothing is skipped unseen. */
const required = new Set((process.env.TESTS_REQUIRE ?? '').split(',').filter(Boolean));

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Folder of reference data that exists only where the project is developed. */
const SHARED = fileURLToPath(new URL('../../../shared', import.meta.url));

/**
 * Whether tests that need these programs must be skipped; says so on stderr.
 * @throws Error where one is missing although TESTS_REQUIRE names it
 */
export function lacksPrograms(...programs: string[]): boolean {
  const missing = programs.filter((program) => spawnSync('which', [program]).status !== 0);
  return skipped(missing);
}

/** Whether tests of a microphone must be skipped: the optional package naudiodon is not installed, or not built for this Node. */
export function lacksNaudiodon(): boolean {
  if (lacksPackage('naudiodon')) return true;
  const { status } = spawnSync(process.execPath, ['-e', "require('naudiodon')"], {
    cwd: HERE,
    stdio: 'ignore',
  });
  return status !== 0 && skipped(['naudiodon'], 'it is installed and does not load');
}

/** Whether tests that need an optional package must be skipped. */
export function lacksPackage(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return false;
  } catch {
    return skipped([name]);
  }
}

/** Whether tests that render Home Assistant's templates must be skipped. */
export function lacksJinja(): boolean {
  const { status } = spawnSync('python3', ['-c', 'import jinja2'], { stdio: 'ignore' });
  return status !== 0 && skipped(['jinja2']);
}

/** The reference folder, or undefined (said on stderr) where it is missing. */
export function sharedFolder(): string | undefined {
  return skipped(existsSync(SHARED) ? [] : ['shared']) ? undefined : SHARED;
}

/** @param because why it is missing, where that is not plain */
export function skipped(missing: string[], because?: string): boolean {
  const needed = missing.filter((name) => required.has(name));
  if (needed.length > 0) throw new Error(`TESTS_REQUIRE demands ${needed.join(', ')}, which is missing`);
  if (missing.length > 0)
    console.warn(
      `SKIPPED: tests that need ${missing.join(', ')}, which is missing here${because ? `: ${because}` : ''}`,
    );
  return missing.length > 0;
}
