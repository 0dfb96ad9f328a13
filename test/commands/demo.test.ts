import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../support/daemon.js';
import { lacksTerminal, linesOf, runOnTerminal } from '../support/terminal.js';

interface ExpectedAlarm {
  readonly sound: string;
  readonly label: string;
  /** Earliest and latest, seconds of the scene. */
  readonly startSeconds: readonly [number, number];
  readonly endSeconds: readonly [number, number];
}

const expected: ExpectedAlarm[] = JSON.parse(
  readFileSync(new URL('../../config/demo/bathroom.alarms.json', import.meta.url), 'utf8'),
);

describe('demo', () => {
  it('prints every message as mosquitto_sub -v would, raises the alarms of the scene and ends by itself', async () => {
    const { code, stdout, stderr } = await run(['demo', '--speed', '20']);
    expect(code, stderr).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    const messages = lines.filter((line) => !line.startsWith('──')).map((line) => line.split(/ (.*)/s));
    const on = (topic: string) =>
      messages.filter(([name]) => name === topic).map(([, payload]) => payload as string);
    expect(on('bathnet/demo/availability')).toEqual(['online', 'offline']);
    expect(JSON.parse(on('homeassistant/device/demo/config')[0] as string).dev.name).toBe('Demo bathroom');
    const events = on('bathnet/demo/event').map((payload) => JSON.parse(payload));
    const started = events.filter(({ event_type }) => event_type === 'alarm_started');
    expect(started.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
    expect(events).toHaveLength(2 * expected.length);

    const live = lines.filter((line) => line.startsWith('──'));
    expect(live[0]).toMatch(/── +\d+\.\d s {2}background +█+·* +\d+ % +█*·* +-\d+ dBFS/);
    expect(live.at(-1)).toMatch(/── \d+ windows, 2 alarms, latency p50 [\d.]+ ms, p99 [\d.]+ ms/);
    expect(live.filter((line) => line.startsWith('── ALARM'))).toEqual(
      expected.map(({ label }) =>
        expect.stringMatching(new RegExp(`^── ALARM {2}${label} {2}\\d+ % {2}[\\d.]+ s$`)),
      ),
    );
    for (const line of stderr.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');
  });
});

describe('demo where a daemon is configured', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bathnet-demo-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('tells nobody, opens no microphone and asks for no broker', async () => {
    const file = join(folder, 'config.yaml');
    const notify = `notify: { command: [/bin/sh, -c, "echo told >${folder}/told"] }`;
    const input = `input: { source: command, command: "echo open >${folder}/open; cat /dev/zero" }`;
    writeFileSync(
      file,
      `${notify}\ninputs: [{ device: { id: bath }, ${input} }]\nmqtt: { caFile: ca.pem }\n`,
    );
    const env = { BATHNET_CONFIG: file, BATHNET_NOTIFY__NTFY_URL: 'http://127.0.0.1:1/t' };
    const { code, stdout, stderr } = await run(['demo', '--speed', '40'], env);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/── \d+ windows, 2 alarms/);
    expect(stdout).not.toContain('notify_failed');
    expect(readdirSync(folder)).toEqual(['config.yaml']);
  });
});

describe.skipIf(lacksTerminal())('demo on a terminal', () => {
  it('folds the discovery message, and its alarms cannot be overlooked', async () => {
    const { code, screen } = await runOnTerminal(['demo', '--speed', '20']);
    expect(code).toBe(0);
    const lines = linesOf(screen);
    const config = lines.findIndex((line) => line.startsWith('homeassistant/'));
    expect(lines.slice(config, config + 3)).toEqual([
      'homeassistant/device/demo/config Demo bathroom, Sound detector:',
      '    binary_sensor   Abnormal sound',
      '    event           Alarm',
    ]);
    expect(lines).toContain('    device trigger  started');
    expect(lines.some((line) => line.startsWith('{"level"'))).toBe(false);
    const inverse = screen.split('\x1b[7m\x1b[1m').slice(1);
    const banners = inverse.map((text) => text.split('\x1b')[0]);
    expect(banners).toHaveLength(expected.length);
    expect(banners[0]).toMatch(/^ {4}ALARM {2}abnormal {2}\d+ % {2}1\d\.\d s +$/);
    expect(lines.at(-1)).toMatch(/^── \d+ windows, 2 alarms/);
  });

  it('does so without colours, too', async () => {
    const { screen } = await runOnTerminal(['demo', '--speed', '20', '--log-level', 'info'], {
      NO_COLOR: '1',
    });
    const lines = linesOf(screen);
    const banners = lines.filter((line) => line.startsWith('███'));
    expect(banners).toHaveLength(expected.length);
    for (const banner of banners) expect(banner).toMatch(/^███ ALARM {2}\w+ {2}\d+ % {2}[\d.]+ s █+$/);
    for (const banner of banners) expect(banner).toHaveLength(79);
    // What is logged stands on lines of its own.
    const logged = lines.filter((line) => / (INFO|WARN): /.test(line));
    expect(logged.length).toBeGreaterThan(5);
    for (const line of logged) expect(line).toMatch(/^\[[\d:.]+\] (INFO|WARN): /);
  });
});

describe('classify', () => {
  it('finds the alarms of the bundled scene where its list says they are, and no other', async () => {
    const scene = new URL('../../config/demo/bathroom.flac', import.meta.url).pathname;
    const { stdout } = await run(['classify', '--json', scene]);
    const { alarms } = JSON.parse(stdout);
    expect(alarms).toHaveLength(expected.length);
    for (const [i, { startSeconds, endSeconds }] of expected.entries()) {
      expect(alarms[i].startSeconds).toBeGreaterThanOrEqual(startSeconds[0]);
      expect(alarms[i].startSeconds).toBeLessThanOrEqual(startSeconds[1]);
      expect(alarms[i].endSeconds).toBeGreaterThanOrEqual(endSeconds[0]);
      expect(alarms[i].endSeconds).toBeLessThanOrEqual(endSeconds[1]);
    }
  });
});
