import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { skipped } from './require.js';

export interface SmallDisk {
  readonly path: string;
  /** Leaves no room for a single byte. */
  fill(): void;
  empty(): void;
  readOnly(): void;
  unmount(): void;
}

/** Whether tests that mount a disk must be skipped (TESTS_REQUIRE: `mount`): only root may. */
export function lacksMount(): boolean {
  const parent = mkdtempSync(join(tmpdir(), 'bathnet-mount-'));
  try {
    mountSmallDisk(parent).unmount();
    return false;
  } catch {
    return skipped(['mount']);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

/** A disk in memory of 64 kB. */
export function mountSmallDisk(parent: string): SmallDisk {
  const path = join(parent, 'disk');
  const filler = join(path, 'filler');
  mkdirSync(path, { recursive: true });
  command('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path);
  return {
    path,
    fill() {
      try {
        for (;;) writeFileSync(filler, Buffer.alloc(4096), { flag: 'a' });
      } catch {
        // full, as it should be
      }
    },
    empty: () => rmSync(filler),
    readOnly: () => command('mount', '-o', 'remount,ro', path),
    unmount: () => command('umount', '-l', path),
  };
}

function command(...[name = '', ...args]: string[]): void {
  const { status, stderr } = spawnSync(name, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${stderr}`);
}
