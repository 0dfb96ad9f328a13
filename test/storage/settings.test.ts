import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Settings } from '../../src/storage/settings.js';
import { State } from '../../src/storage/state.js';
import type { SettingName, SettingValues } from '../../src/types.js';
import { ManualClock, settle } from '../support/clock.js';
import { silentLog } from '../support/sound.js';
import { makeUnreadable } from '../support/unreadable.js';

const rule = { threshold: 0.6, hits: 2, window: 3, cooldownSeconds: 10, instantThreshold: 0.95 };
const defaults = { enabled: true, threshold: 0.6, hits: 2, window: 3, cooldownSeconds: 10 };

let folder: string;
let clock: ManualClock;
let warnings: object[];
let states: State[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bathnet-settings-'));
  warnings = [];
  clock = new ManualClock();
  states = [];
});
afterEach(async () => {
  await written(); // or a folder comes back
  rmSync(folder, { recursive: true, force: true });
});

/** The settings of one run of the daemon. */
function run(changes: Partial<typeof rule & SettingValues> = {}): Settings {
  const log = { ...silentLog, warn: (fields: object) => void warnings.push(fields) };
  states.push(new State(folder, log));
  const settings = new Settings(states.at(-1) as State, { ...rule, ...changes }, log, clock);
  settings.load();
  return settings;
}

/** Waits until all changes are on the disk. */
async function written(): Promise<void> {
  await settle();
  await Promise.all(states.map((state) => state.settled()));
}

const file = () => join(folder, 'settings.json');

describe('settings', () => {
  it('are those of the configuration until one is changed, and then only the others', async () => {
    const settings = run();
    expect(settings.values).toEqual(defaults);
    expect(settings.set('threshold', 0.8)).toBeUndefined();
    expect(settings.values).toEqual({ ...defaults, threshold: 0.8 });
    await written();
    expect(run({ cooldownSeconds: 60 }).values).toEqual({ ...defaults, threshold: 0.8, cooldownSeconds: 60 });
  });

  it('of quiet hours are there where there are any, stay over a restart, and never begin when they end', async () => {
    const hours = { quietFrom: '22:00', quietTo: '07:00' };
    const first = run(hours);
    expect(first.values).toMatchObject(hours);
    expect(first.set('quietFrom', '21:30')).toBeUndefined();
    expect(first.set('quietTo', '21:30')).toEqual({
      code: 'contradiction',
      problem: expect.stringMatching(/^quietFrom \(21:30\) must be another time/),
    });
    expect(first.set('quietTo', '25:00')).toBeDefined();
    await written();
    expect(run(hours).values).toMatchObject({ quietFrom: '21:30', quietTo: '07:00' });
    expect(run().values).toEqual(defaults);
  });

  it('that are rolled out count once, and what is set here afterwards stays until they are others', async () => {
    const first = run();
    expect(first.set('threshold', 0.7, '0.7')).toBeUndefined();
    first.set('threshold', 0.8);
    first.set('threshold', 0.7, '0.7'); // the broker tells of it again, after a reconnect
    expect(first.values.threshold).toBe(0.8);
    await written();
    const second = run();
    second.set('threshold', 0.7, '0.7'); // and after a restart
    expect(second.values.threshold).toBe(0.8);
    second.set('threshold', 0.65, '0.65');
    expect(second.values.threshold).toBe(0.65);
    expect(second.set('hits', 4, '4')?.problem).toMatch(/at most window/);
    second.set('window', 5, '5');
    second.set('hits', 4, '4'); // what was refused is not taken for done
    expect(second.values).toMatchObject({ hits: 4, window: 5 });
  });

  it('survive a restart also where they are set to what the configuration says', async () => {
    run().set('threshold', 0.6);
    await written();
    expect(run({ threshold: 0.5 }).values.threshold).toBe(0.6);
  });

  it('have a sensitivity where the model has kinds of events, and elsewhere none', async () => {
    expect(run().values.sensitivity).toBeUndefined();
    const settings = run({ sensitivity: 'normal' });
    expect(settings.values.sensitivity).toBe('normal');
    expect(settings.set('sensitivity', 'loud')?.problem).toMatch(/low/);
    expect(settings.set('sensitivity', 'high')).toBeUndefined();
    await written();
    expect(run({ sensitivity: 'low' }).values).toEqual({ ...defaults, sensitivity: 'high' });
    expect(run().values).toEqual(defaults);
    expect(warnings).toEqual([]);
  });

  it('are written whole, for nobody else to read, and no oftener than a card stands, the last ones always', async () => {
    const writes: string[] = [];
    const store = { read: () => undefined, write: (_: string, text: string) => void writes.push(text) };
    const flooded = new Settings(store, rule, silentLog, clock);
    for (let i = 0; i < 3600; i++) {
      flooded.set('cooldownSeconds', i);
      await clock.advance(1000);
    }
    await clock.advance(60_000);
    expect(writes).toHaveLength(10 + 60);
    expect(writes.at(-1)).toBe('{"cooldownSeconds":3599}\n');

    const settings = run();
    for (let i = 0; i < 1000; i++) settings.set('cooldownSeconds', i);
    settings.stop();
    await written();
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ cooldownSeconds: 999 });
    expect(readdirSync(folder)).toEqual(['settings.json']);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('are forgotten on demand', async () => {
    const settings = run();
    settings.set('enabled', false);
    await written();
    const other = run();
    other.reset();
    expect(other.values).toEqual(defaults);
    await written();
    expect(run().values).toEqual(defaults);
  });

  const refused: [SettingName, unknown][] = [
    ['threshold', 1.01],
    ['threshold', -0.01],
    ['threshold', Number.NaN],
    ['threshold', Number.POSITIVE_INFINITY],
    ['threshold', '0.5'],
    ['threshold', 0.96], // above instantThreshold
    ['hits', 0],
    ['hits', 1.5],
    ['hits', 4], // above window
    ['window', 1], // below hits
    ['window', 101],
    ['cooldownSeconds', -1],
    ['cooldownSeconds', 86_401],
    ['enabled', 'ON'],
    ['enabled', 1],
  ];
  it.each(refused)('refuse %s = %s, say why, and stay', async (name, value) => {
    const settings = run();
    expect(settings.set(name, value)).toEqual({
      code: expect.stringMatching(/^(out_of_range|contradiction)$/),
      problem: expect.stringMatching(/\w/),
    });
    expect(settings.values).toEqual(defaults);
    await written();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('can be changed also where the configuration itself contradicts the model in something else', () => {
    const settings = run({ threshold: 0.97 });
    expect(settings.set('enabled', false)).toBeUndefined();
    expect(settings.set('hits', 1)).toBeUndefined();
    expect(settings.set('threshold', 0.98)?.problem).toContain('instantThreshold');
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{"threshold":"high"}',
    '{"threshold":2}',
    '{"colour":1}',
    '{"hits":5}',
    '\0\0',
  ])('that are damaged on the disk or no longer fit are said and left out: %j', (text) => {
    writeFileSync(file(), text);
    expect(run().values).toEqual(defaults);
    expect(warnings).toHaveLength(1);
  });

  it.each([
    ['{"cooldownSeconds":77,"colour":1,"hits":5000}', { cooldownSeconds: 77 }],
    ['{"cooldownSeconds":77,"hits":5,"threshold":0.8}', { cooldownSeconds: 77 }],
    ['{"enabled":false,"cooldownSeconds":"long"}', { enabled: false }],
    ['{"cooldownSeconds":77,"rolledOut":7}', { cooldownSeconds: 77 }],
  ])('keep what still fits of %j', (text, kept) => {
    writeFileSync(file(), text);
    expect(run().values).toEqual({ ...defaults, ...kept });
  });

  it('always hold together, whatever is set in whatever order', () => {
    const names = Object.keys(defaults) as SettingName[];
    const value = fc.oneof(fc.boolean(), fc.double(), fc.integer({ min: -1, max: 101 }), fc.anything());
    const changes = fc.array(fc.tuple(fc.constantFrom(...names), value));
    fc.assert(
      fc.property(changes, (list) => {
        const store = { read: () => undefined, write() {} };
        const settings = new Settings(store, rule, silentLog, clock);
        for (const [name, each] of list) {
          const before = settings.values;
          const problem = settings.set(name, each);
          expect(settings.values).toEqual(problem === undefined ? { ...before, [name]: each } : before);
        }
        const { hits, window, threshold } = settings.values;
        expect(hits).toBeLessThanOrEqual(window);
        expect(threshold).toBeLessThanOrEqual(rule.instantThreshold);
      }),
    );
  });

  it('that cannot be read are lost, and said to be, until they are set again or reset', async () => {
    const reset = (settings: Settings) => settings.reset();
    for (const again of [(settings: Settings) => settings.set('hits', 1), reset]) {
      makeUnreadable(file());
      const settings = run();
      expect(settings.lost).toBe(true);
      expect(warnings.splice(0)).toMatchObject([{ file: file() }, { file: 'settings.json' }]);
      again(settings);
      await written();
      expect(run().lost).toBe(false);
      rmSync(file());
    }
  });

  it('hold for this run where they cannot be kept', async () => {
    const state = new State(join(file(), 'no-folder'), silentLog);
    states.push(state);
    const settings = new Settings(state, rule, silentLog, clock);
    writeFileSync(file(), '');
    expect(settings.set('hits', 1)).toBeUndefined();
    await written();
    expect(settings.values.hits).toBe(1);
  });
});
