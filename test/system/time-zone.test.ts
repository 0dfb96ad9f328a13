import { afterAll, describe, expect, it } from 'vitest';
import { sayQuietHours, timeZone } from '../../src/system/time-zone.js';

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
