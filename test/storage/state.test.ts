import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endedByRestart, State, stateFolder } from '../../src/storage/state.js';
import type { Logger } from '../../src/types.js';
import { recordingLog } from '../publish/samples.js';
import { silentLog } from '../support/sound.js';
import { makeUnreadable } from '../support/unreadable.js';

const DAY_MS = 86_400_000;
let dir: string;
let folder: string;
let warnings: string[];
let log: Logger;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-state-'));
  folder = join(dir, 'state');
  warnings = [];
  log = { ...silentLog, warn: (_, message) => void warnings.push(message) };
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const OPEN = { episodeId: 'e1', label: 'abnormal', peakConfidence: 0.9, startedAtMs: 5000 };

describe('the state folder', () => {
  it('keeps the device id: a hash, not the machine id', () => {
    const id = new State(folder, log).deviceId();
    expect(id).toMatch(/^[0-9a-f]{12}$/);
    expect(new State(folder, log).deviceId()).toBe(id);
    writeFileSync(join(folder, 'device-id'), 'bathroom\n');
    expect(new State(folder, log).deviceId()).toBe('bathroom');
  });

  it('makes a new device id where the kept one is damaged', () => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'device-id'), 'no/topic#');
    expect(new State(folder, log).deviceId()).toMatch(/^[0-9a-f]{12}$/);
  });

  it('takes no new device id for a damaged one where something is kept under another alone', () => {
    const id = new State(folder, log).deviceId('this host');
    const damage = (text: string) => writeFileSync(join(folder, 'device-id'), text);
    mkdirSync(join(folder, 'devices', id), { recursive: true });
    for (const text of ['', '\0\0', 'Bath room']) {
      damage(text);
      const ofHost = (host: string | null) => () => new State(folder, log).deviceId(host);
      for (const other of [null, 'another host']) {
        expect(ofHost(other)).toThrow(/device-id, cannot be read: it is damaged/);
        expect(ofHost(other)).toThrow(expect.objectContaining({ code: 66 }));
      }
      expect(ofHost('this host')()).toBe(id);
      expect(readFileSync(join(folder, 'device-id'), 'utf8')).toBe(`${id}\n`);
    }
  });

  it('keeps an alarm until it has ended, whole files only', async () => {
    const state = new State(folder, log);
    expect(state.openAlarm()).toBeUndefined();
    state.keepAlarm(OPEN);
    await state.settled();
    expect(new State(folder, log).openAlarm()).toEqual(OPEN);
    state.keepAlarm({ ...OPEN, kind: 'impact' });
    await state.settled();
    expect(endedByRestart(new State(folder, log).openAlarm()!, 9000)).toMatchObject({ kind: 'impact' });
    expect(readdirSync(folder)).toEqual(['open-alarm.json']);
    state.keepAlarm(undefined);
    await state.settled();
    expect(new State(folder, log).openAlarm()).toBeUndefined();
  });

  it('does not know how long an alarm was where the clock was set since', () => {
    const startedAtMs = Date.UTC(2026, 10, 22);
    const open = { episodeId: 'e1', label: 'abnormal', peakConfidence: 0.9, startedAtMs };
    const duration = (changes: object, nowMs: number) =>
      endedByRestart({ ...open, ...changes }, nowMs).durationSeconds;
    expect(duration({}, startedAtMs + 5000)).toBe(5);
    expect(duration({ startedAtMs: 5000 }, startedAtMs)).toBeNaN();
    expect(duration({}, 5000)).toBeNaN();
    expect(duration({}, startedAtMs + 10 * 365 * DAY_MS)).toBeNaN();
    expect(duration({}, startedAtMs - 14 * DAY_MS)).toBeNaN();
  });

  it.each([
    '',
    '{',
    '[]',
    '{"episodeId":7}',
    'null',
    '{"episodeId":"x","startedAtMs":1}',
    '{"episodeId":"x","label":"y","peakConfidence":1,"startedAtMs":1e300}',
  ])('takes a damaged record for none: %s', (text) => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'open-alarm.json'), text);
    expect(new State(folder, log).openAlarm()).toBeUndefined();
    expect(warnings.join()).toContain('it cannot be read which alarm was on');
  });

  it('keeps a device id that it cannot read, and is not to be used with another', () => {
    mkdirSync(folder);
    makeUnreadable(join(folder, 'device-id'));
    const id = () => new State(folder, log).deviceId(null);
    expect(id).toThrow(join(folder, 'device-id'));
    expect(id).toThrow(expect.objectContaining({ code: 66, hint: expect.stringContaining('chown') }));
    expect(lstatSync(join(folder, 'device-id')).isSymbolicLink()).toBe(true);
  });

  it('says which file cannot be read, how that is mended and what follows, and does not take it for none', () => {
    mkdirSync(folder);
    const path = join(folder, 'open-alarm.json');
    makeUnreadable(path);
    const lines = recordingLog();
    const state = new State(folder, lines);
    expect(state.openAlarm()).toBeUndefined();
    expect(lines.lines).toEqual([
      expect.stringMatching(`warn what is kept cannot be read. .*chown.*${path}.*ELOOP`),
      expect.stringMatching(/warn it cannot be read which alarm was on/),
    ]);
    expect(() => state.read('open-alarm.json')).toThrow('ELOOP');
    expect(lines.lines).toHaveLength(2);
  });

  it('that cannot be written is said once and stops nothing', async () => {
    const blocked = join(dir, 'file');
    writeFileSync(blocked, '');
    chmodSync(blocked, 0o600);
    const state = new State(join(blocked, 'state'), log);
    expect(state.deviceId()).toMatch(/^[0-9a-f]{12}$/);
    state.keepAlarm(OPEN);
    state.keepAlarm(undefined);
    await state.settled();
    expect(warnings).toHaveLength(1);
    expect(readFileSync(blocked, 'utf8')).toBe('');
  });

  it('has what was said last once it can be written, however often it could not', async () => {
    const infos: string[] = [];
    const state = new State(folder, { ...log, info: (_, message) => void infos.push(message) });
    const settled = async () => {
      await state.settled();
      return existsSync(join(folder, 'settings.json')) && readFileSync(join(folder, 'settings.json'), 'utf8');
    };
    state.write('settings.json', 'off');
    state.keepAlarm(OPEN);
    expect(await settled()).toBe('off');
    for (const outage of [1, 2]) {
      renameSync(folder, `${folder}-away`);
      writeFileSync(folder, '');
      state.write('settings.json', 'on');
      state.write('settings.json', `on ${outage}`);
      state.keepAlarm(undefined);
      state.writeAgain();
      await settled();
      expect(warnings).toHaveLength(outage);
      rmSync(folder);
      renameSync(`${folder}-away`, folder);
      expect(new State(folder, log).openAlarm()).toEqual(outage === 1 ? OPEN : undefined);
      state.read('settings.json'); // what it was is not what it should be
      state.writeAgain();
      state.write('settings.json', `newest ${outage}`);
      state.writeAgain();
      expect(await settled()).toBe(`newest ${outage}`);
      expect(new State(folder, log).openAlarm()).toBeUndefined();
      expect(infos).toHaveLength(outage);
    }
  });

  it('keeps no half-written file where the disk is full or a folder is in the way', async () => {
    mkdirSync(join(folder, 'settings.json'), { recursive: true });
    const state = new State(folder, log);
    state.write('settings.json', 'on');
    await state.settled();
    expect(readdirSync(folder)).toEqual(['settings.json']);
    expect(warnings).toHaveLength(1);
  });

  it('is the configured one, else systemd’s, else the user’s', () => {
    expect(stateFolder('/x', { STATE_DIRECTORY: '/y' })).toBe('/x');
    expect(stateFolder(undefined, { STATE_DIRECTORY: '/y:/z', XDG_STATE_HOME: '/h' })).toBe('/y');
    expect(stateFolder(undefined, { XDG_STATE_HOME: '/h' })).toBe('/h/bathnet2mqtt');
    expect(stateFolder(undefined, {})).toMatch(/\.local\/state\/bathnet2mqtt$/);
  });
});
