import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SCENE } from '../support/daemon.js';
import { smokeAlarm, writeWav } from '../support/sound.js';
import { lacksTerminal, linesOf, runOnTerminal } from '../support/terminal.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-run-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const args = (source: string) => [
  'run',
  ...['--source', source, '--speed', '20', '--mqtt-url', 'mqtt://127.0.0.1:1'],
  ...['--set', `stateDir=${dir}`],
];
const LIVE = /^── \d\d:\d\d:\d\d {2}\w+ +[█·]{10} +\d+ % {3}[█·]{10} +-\d+ dBFS$/;

describe.skipIf(lacksTerminal())('run on a terminal', () => {
  it('shows what is heard below its log, and alarms so that nobody overlooks them', async () => {
    const { code, screen } = await runOnTerminal(args(`file:${SCENE}`));
    expect(code).toBe(0);
    const lines = linesOf(screen);
    expect(lines.filter((line) => LIVE.test(line)).length).toBeGreaterThan(80);
    expect(lines.filter((line) => /^ {4}ALARM {2}abnormal {2}\d+ % {2}[\d:]{8} +$/.test(line))).toHaveLength(
      2,
    );
    const logged = lines.filter((line) => / (INFO|WARN): /.test(line));
    expect(logged.length).toBeGreaterThan(5);
    for (const line of logged) expect(line).toMatch(/^\[[\d:.]+\] (INFO|WARN): /);
    expect(screen.endsWith('\r\x1b[K')).toBe(true); // nothing is left behind
  });

  it('says when a sound beside the alarm begins and is over', async () => {
    const file = await writeWav(join(dir, 'smoke.wav'), [smokeAlarm(10)]);
    const { screen } = await runOnTerminal([...args(`file:${file}`), '--set', 'log.level=error']);
    const said = linesOf(screen).filter((line) => line.startsWith('── Smoke alarm'));
    expect(said).toEqual([
      expect.stringMatching(/^── Smoke alarm is heard {2}[\d:]{8}$/),
      expect.stringMatching(/^── Smoke alarm is over {2}[\d:]{8}$/),
    ]);
  });

  it('ends, and with it the alarm, when the terminal is closed', async () => {
    const { screen } = await runOnTerminal(
      [...args(`file:${SCENE}`), '--loop', '--set', 'alarm.releaseSeconds=1000'],
      {},
      { seconds: 12, signal: 'HUP' },
    );
    expect(screen).toContain('alarm_started');
    expect(screen).toContain('alarm_ended');
    expect(screen).not.toContain('the configuration is read again');
  });

  it('says that there is no sound', async () => {
    const { screen } = await runOnTerminal(
      args('command:head -c 64000 /dev/zero; exec sleep 30'),
      {},
      { seconds: 9 },
    );
    const lines = linesOf(screen);
    expect(lines.some((line) => LIVE.test(line))).toBe(true);
    expect(lines).toContain('── no sound');
  });

  it.each<[string, NodeJS.ProcessEnv, string]>([
    ['the log goes elsewhere', {}, '2>log'],
    ['results go elsewhere', {}, '>/dev/null'],
    ['it is a service', { NOTIFY_SOCKET: '/nonexistent' }, ''],
    ['the terminal cannot draw', { TERM: 'dumb' }, ''],
  ])('shows nothing where %s', async (_, env, redirect) => {
    const { code, screen } = await runOnTerminal(args(`file:${SCENE}`), env, { redirect, cwd: dir });
    expect(code).toBe(0);
    expect(screen).not.toContain('──');
    if (redirect !== '2>log') expect(screen).toContain('alarm_started');
    else {
      expect(screen).toBe('');
      for (const line of readFileSync(join(dir, 'log'), 'utf8').trimEnd().split('\n'))
        expect(JSON.parse(line)).toHaveProperty('level');
    }
  });
});
