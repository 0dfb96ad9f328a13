import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { run } from '../support/daemon.js';
import { lacksPrograms } from '../support/require.js';

let page: string;
beforeAll(async () => {
  page = (await run(['man'])).stdout;
});

const env = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', MANWIDTH: '80' };

describe('the manual page', () => {
  it('has every command, flag and exit code', () => {
    expect(page).toMatch(/^\.TH BATHNET2MQTT 1 \d{4}-\d\d-\d\d "bathnet2mqtt \d+\.\d+\.\d+"$/m);
    expect(page).toContain('.SS "models export [options] <bundle>"');
    expect(page).toContain('.B \\-\\-false\\-alarms\\-per\\-hour <rate>');
    for (const code of [0, 64, 65, 66, 69, 70, 73, 78]) expect(page).toContain(`.TP\n.B ${code}\n`);
  });

  it.skipIf(lacksPrograms('mandoc'))('has no fault that mandoc finds', () => {
    const { status, stdout, stderr } = spawnSync('mandoc', ['-T', 'lint', '-W', 'style'], {
      input: page,
      encoding: 'utf8',
    });
    expect(stdout + stderr).toBe('');
    expect(status).toBe(0);
  });

  it.skipIf(lacksPrograms('man', 'groff'))('is shown by man without a warning', () => {
    const { stdout, stderr } = spawnSync('man', ['--warnings', '-l', '-'], {
      input: page,
      encoding: 'utf8',
      env,
    });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^NAME\n +bathnet2mqtt - listens/m);
    expect(stdout).toMatch(/^ {3}classify \[options\] <file\.\.\.>$/m);
  });
});
