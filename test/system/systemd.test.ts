import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExitCode } from '../../src/errors.js';
import { lacksPrograms } from '../support/require.js';

const unit = readFileSync(
  fileURLToPath(new URL('../../systemd/bathnet2mqtt.service', import.meta.url)),
  'utf8',
);

describe.skipIf(lacksPrograms('systemd-analyze'))('the systemd unit (needs systemd-analyze)', () => {
  let folder: string;
  let copy: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'bathnet-unit-'));
    copy = join(folder, 'bathnet2mqtt.service');
    // The program is not installed under /opt here, and verify wants a command that exists.
    writeFileSync(copy, unit.replace(/^ExecStart=node /m, `ExecStart=${process.execPath} `));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is understood by systemd without a complaint', () => {
    const { status, stderr } = analyze('verify', '--man=no', copy);
    expect(stderr.split('\n').filter((line) => line.includes('bathnet2mqtt'))).toEqual([]);
    expect(status).toBe(0);
  });

  it('is hardened to an exposure of 2.0 or less', () => {
    const { stdout } = analyze('security', '--offline=true', '--no-pager', copy);
    const exposure = /Overall exposure level for bathnet2mqtt\.service: ([\d.]+)/.exec(stdout)?.[1];
    expect(Number(exposure)).toBeLessThanOrEqual(2);
  });
});

it('the systemd unit knows the device class of ALSA, also where no microphone is there yet', () => {
  expect(unit).toMatch(/^DeviceAllow=char-alsa rw$/m);
  for (const key of ['Wants', 'After'])
    expect(unit).toMatch(new RegExp(`^${key}=.*modprobe@snd.service`, 'm'));
});

it('the systemd unit does not restart what only a person can mend', () => {
  const codes = /^RestartPreventExitStatus=(.*)$/m.exec(unit)?.[1]?.split(' ').map(Number);
  expect(codes).toEqual([ExitCode.usage, ExitCode.config]);
});

function analyze(...args: string[]) {
  return spawnSync('systemd-analyze', args, { encoding: 'utf8' });
}
