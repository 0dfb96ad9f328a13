import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Problem } from '../../src/problems.js';
import { DISK_SPACE_MS, DiskSpace } from '../../src/storage/disk-space.js';
import { ManualClock } from '../support/clock.js';
import { until } from '../support/mosquitto.js';
import { lacksMount, mountSmallDisk } from '../support/small-disk.js';

const log = pino({ level: 'silent' });
let parent: string;
let clock: ManualClock;
let said: (readonly Problem[])[];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'bathnet-disk-'));
  clock = new ManualClock();
  said = [];
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

function watch(folder: string): DiskSpace {
  const space = new DiskSpace(folder, (problems) => said.push(problems), clock, log);
  space.start();
  return space;
}

/** It has looked, and looks again later. */
const looked = () => until(() => clock.pending === 1, 'nobody looks again');

describe.skipIf(lacksMount())('a disk of 64 kB', () => {
  it('is said to be nearly full once, and that there is room again', async () => {
    const disk = mountSmallDisk(parent);
    const space = watch(disk.path);
    try {
      await looked();
      expect([space.health().diskFreeBytes, said]).toEqual([65_536, []]);
      disk.fill();
      for (let i = 0; i < 2; i++) {
        await clock.advance(DISK_SPACE_MS);
        await looked();
      }
      expect([space.health().diskFreeBytes, said]).toEqual([0, [['disk_nearly_full']]]);
      disk.empty();
      await clock.advance(DISK_SPACE_MS);
      await looked();
      expect([space.health().diskFreeBytes, said]).toEqual([65_536, [['disk_nearly_full'], []]]);
    } finally {
      space.stop();
      disk.unmount();
    }
  });
});

describe('a folder that is not there', () => {
  it('has no room that anybody knows of, and no problem', async () => {
    const space = watch(join(parent, 'none'));
    await looked();
    expect([space.health().diskFreeBytes, said]).toEqual([undefined, []]);
    space.stop();
    expect(clock.pending).toBe(0);
  });
});
