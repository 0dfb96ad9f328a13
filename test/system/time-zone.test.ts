import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { sayQuietHours, timeZone, ZoneWatch } from '../../src/system/time-zone.js';

const before = process.env.TZ;
const set = (zone: string | undefined) => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
};
afterAll(() => set(before));

describe('the time zone in force', () => {
  it.each([
    ['Asia/Kolkata', /^\d\d:\d\d now \(Asia\/(Kolkata|Calcutta), UTC\+05:30\)$/],
    ['America/Caracas', /^\d\d:\d\d now \(America\/Caracas, UTC−04:00\)$/],
    ['Etc/UTC', /^\d\d:\d\d now \(UTC\)$/],
    ['GMT', /^\d\d:\d\d now \(UTC\)$/],
  ])('is said: %s', (zone, text) => {
    set(zone);
    expect(timeZone()).toEqual({ text: expect.stringMatching(text) });
  });

  it.each([
    ['"Europe/Berlin"', 'TZ=Europe/Berlin'],
    ["'Asia/Tokyo'", 'TZ=Asia/Tokyo'],
    [' Asia/Tokyo ', 'TZ=Asia/Tokyo'],
    ['Europe/Belrin', 'TZ=Europe/Berlin'],
    ['CET-1CEST,M3.5.0,M10.5.0/3', 'TZ=Europe/Berlin'],
  ])('is UTC where TZ is %s, and what it should be is said', (zone, hint) => {
    set(zone);
    const lines: unknown[][] = [];
    const log = (level: string) => (fields: object, text: string) => void lines.push([level, fields, text]);
    sayQuietHours(
      { from: '22:00', to: '7:00' },
      { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    );
    expect(new Date().getTimezoneOffset()).toBe(0);
    const problem = `TZ is ${JSON.stringify(zone)}, which is no time zone: quiet hours are by UTC`;
    expect(lines).toEqual([
      ['warn', { hint: expect.stringMatching(new RegExp(`${hint}$`)) }, problem],
      ['info', { from: '22:00', to: '7:00' }, expect.stringMatching(/^quiet hours .* now \(UTC\)$/)],
    ]);
  });

  it('may not be meant where nothing says it', () => {
    set('UTC'); // what this machine has, too, where tests run
    expect(timeZone('')).toMatchObject({ doubt: { isWrong: false, text: 'local time is UTC' } });
  });
});

it('that the machine is given meanwhile is taken up, unless the process has one of its own', () => {
  set(undefined);
  const folder = mkdtempSync(join(tmpdir(), 'zone-'));
  const path = join(folder, 'localtime');
  const give = (zone: string) => {
    rmSync(path, { force: true });
    symlinkSync(`/usr/share/zoneinfo/${zone}`, path);
  };
  expect(new ZoneWatch(path).look()).toBe(false);
  give('Etc/UTC');
  const watch = new ZoneWatch(path);
  expect(watch.look()).toBe(false);
  give('Asia/Tokyo');
  expect([watch.look(), watch.look(), process.env.TZ]).toEqual([true, false, undefined]);
  set('Europe/Berlin');
  give('Asia/Kolkata');
  expect([watch.look(), process.env.TZ]).toEqual([false, 'Europe/Berlin']);
  rmSync(folder, { recursive: true });
});
