import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CommandChannel } from '../../src/notify/command.js';
import { systemClock } from '../../src/system/clock.js';
import { recordingLog } from '../publish/samples.js';
import { until } from '../support/mosquitto.js';
import { lacksPrograms } from '../support/require.js';

let folder: string;
let log: ReturnType<typeof recordingLog>;
let troubles: boolean[];
let losses: number;
let channel: CommandChannel | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bathnet-command-'));
  log = recordingLog();
  troubles = [];
  losses = 0;
});
afterEach(async () => {
  await channel?.stop();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const path = (name: string) => join(folder, name);
/** What the log says is wrong. */
const problems = (): string[] => log.lines.map((line) => JSON.parse(line.slice(line.indexOf('{'))).problem);
const read = (name: string) => (existsSync(path(name)) ? readFileSync(path(name), 'utf8') : '');

function start(command: readonly string[], limitMs = 20_000): CommandChannel {
  const trouble = {
    fails: () => troubles.push(true),
    works: () => troubles.push(false),
    loses: () => losses++,
  };
  channel = new CommandChannel({ command, limitMs }, trouble, log, systemClock);
  channel.start();
  return channel;
}

/** A script, and its own arguments. */
const sh = (script: string, ...args: string[]) => ['/bin/sh', '-c', script, 'sh', ...args];

describe('a command', () => {
  it('gets the event on stdin, its arguments as they are, and no password of ours', async () => {
    vi.stubEnv('BATHNET_MQTT__PASSWORD', 'secret');
    vi.stubEnv('NOTIFY_SOCKET', '/run/systemd/notify');
    const odd = '$(touch hurt); `id` "x" \'y\'';
    start(sh('cat >"$2/event"; printf %s "$1" >"$2/argument"; env >"$2/environment"', odd, folder)).tell(
      '{"event_type":"alarm_started"}',
    );
    await until(() => troubles.length > 0, 'it has not ended');
    expect(troubles).toEqual([false]);
    expect(JSON.parse(read('event'))).toEqual({ event_type: 'alarm_started' });
    expect(read('argument')).toBe(odd);
    expect(read('environment')).toContain('PATH=');
    expect(read('environment')).not.toMatch(/secret|NOTIFY_SOCKET/);
    expect(log.lines).toEqual([]);
  });

  it('that fails is said, with the last it printed, and works again with the next', async () => {
    const commands = start(
      sh('if test -e "$1"; then exit 0; fi; seq 100000; echo sorry >&2; exit 3', path('fine')),
    );
    commands.tell('{}');
    await until(() => troubles.length > 0, 'it has not ended');
    expect(problems()).toEqual([expect.stringMatching(/^exit code 3: .*sorry/)]);
    expect(problems()[0]?.length).toBeLessThan(1000);
    expect(log.lines.join()).toMatch(/error .*may have been told.*exit code 3/);
    expect(losses).toBe(1);
    writeFileSync(path('fine'), '');
    commands.tell('{}');
    await until(() => troubles.length > 1, 'it has not ended');
    expect(troubles[1]).toBe(false);
    expect(losses).toBe(1);
  });

  it('that is not there is said at the start', () => {
    start(['no-such-siren']);
    expect(problems()).toEqual(['no-such-siren is no program that can be run']);
    expect(losses).toBe(0);
  });

  it.each([
    ['a folder', () => [folder]],
    ['a file that may not be run', () => [path('plain')]],
    ['no program for this system', () => [path('odd')]],
  ])('that is %s is said and breaks nothing', async (_, command) => {
    writeFileSync(path('plain'), 'x');
    writeFileSync(path('odd'), '\u0000\u0001', { mode: 0o700 });
    start(command()).tell('{}');
    await until(() => log.lines.length > 0 && troubles.length > 0, 'nothing was said');
    expect(problems().at(-1)).toMatch(/EACCES|exit code 127|no program/);
  });

  it.skipIf(lacksPrograms('prlimit'))(
    'for which the system has no descriptors left is lost, said, and breaks nothing',
    async () => {
      const limit = (soft: string) =>
        execFileSync('prlimit', [`--pid=${process.pid}`, `--nofile=${soft}:`], { encoding: 'utf8' });
      const before = execFileSync(
        'prlimit',
        [`--pid=${process.pid}`, '--nofile', '--output=SOFT', '--noheadings'],
        {
          encoding: 'utf8',
        },
      ).trim();
      const commands = start(sh('exit 0'));
      const open: number[] = [];
      limit('500');
      try {
        for (;;) open.push(openSync('/dev/null', 'r'));
      } catch {
        commands.tell('{}');
        await new Promise((resolve) => setImmediate(resolve));
      } finally {
        for (const descriptor of open) closeSync(descriptor);
        limit(before);
      }
      await until(() => losses === 1, 'nothing was said');
      expect(problems().at(-1)).toMatch(/EMFILE/);
      commands.tell('{}');
      await until(() => troubles.at(-1) === false, 'it does not work again');
    },
  );

  it('that neither reads nor ends, and what it has started, is ended after its time', async () => {
    const script =
      'trap "" TERM; (trap "" TERM; echo $$ >"$1"; while :; do sleep 0.1; echo x >>"$2"; done) & while :; do sleep 1; done';
    start(sh(script, path('pid'), path('alive')), 300).tell('x'.repeat(1_000_000));
    await until(() => troubles.length > 0, 'it goes on');
    expect(problems()).toEqual(['ended after 0.3 s']);
    const before = read('alive');
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(read('alive')).toBe(before);
  });

  it('that leaves something running counts as done, and what it leaves is ended', async () => {
    start(sh('(while :; do sleep 0.1; echo x >>"$1"; done) & exit 0', path('alive'))).tell('{}');
    await until(() => troubles.length > 0, 'it goes on');
    expect(troubles).toEqual([false]);
    const before = read('alive');
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(read('alive')).toBe(before);
  });

  it('runs four times at once and no more, and none is left out', async () => {
    const script = 'echo begin >>"$1"; while ! test -e "$2"; do sleep 0.05; done; echo end >>"$1"';
    const commands = start(sh(script, path('runs'), path('go')));
    for (let i = 0; i < 10; i++) commands.tell('{}');
    await until(() => read('runs').split('begin').length > 4, 'four do not run');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(read('runs')).toBe('begin\n'.repeat(4));
    writeFileSync(path('go'), '');
    await until(() => troubles.length === 10, 'not all have ended');
    expect(read('runs').split('end').length).toBe(11);
  });

  it('for which too many events wait loses the oldest, and says so', async () => {
    const commands = start(
      sh('cat >>"$1"; while ! test -e "$2"; do sleep 0.05; done', path('events'), path('go')),
    );
    for (let i = 1; i <= 106; i++) commands.tell(`event ${i}`);
    expect(troubles).toHaveLength(2);
    expect(losses).toBe(2);
    writeFileSync(path('go'), '');
    await until(() => read('events').includes('event 106\n'), 'the newest was not told');
    expect(read('events')).not.toMatch(/event [56]\n/);
    expect(read('events')).toContain('event 7\n');
  });

  it('that hangs is ended by a stop, which does not wait for its time', async () => {
    start(sh('echo x >"$1"; while :; do sleep 1; done', path('runs'))).tell('{}');
    await until(() => read('runs') !== '', 'it does not run');
    await channel?.stop();
    expect(problems()).toEqual(['ended, because the daemon stops']);
  });

  it('for which events wait at a stop says how many are left out', async () => {
    const commands = start(sh('echo x >>"$1"; while :; do sleep 1; done', path('runs')));
    for (let i = 0; i < 7; i++) commands.tell('{}');
    await until(() => read('runs').length === 8, 'four do not run');
    await channel?.stop();
    expect(problems()[0]).toBe('3 events are left out, because the daemon stops');
    expect(log.lines.join()).toMatch(/error .*may have been told.*3 events are left out/);
    expect(read('runs').length).toBe(8);
  });
});
