import { expect, it } from 'vitest';
import { Deafness, Flow, Ledger } from '../tools/soak/ledger.js';

const HOUR_MS = 3_600_000;

/** @param ids a start of `a` is `a+`, its end `a-` */
function events(ledger: Ledger, arrivedMs: number, ...ids: [id: string, atMs: number][]): void {
  for (const [id, atMs] of ids) {
    const event_type = id.endsWith('+') ? 'alarm_started' : 'alarm_ended';
    const at = new Date(atMs).toISOString();
    ledger.event(JSON.stringify({ id, event_type, episodeId: id.slice(0, -1), at }), arrivedMs);
  }
}

it('the ledger of a soak counts what is lost, what comes twice, and what nobody played', () => {
  const ledger = new Ledger((wallMs) => [wallMs]);
  for (const fromMs of [0, 100_000, 200_000]) ledger.sounded(fromMs, 4);
  events(ledger, 300_000, ['a+', 2000], ['a-', 9000], ['a+', 2000]);
  events(ledger, 300_000, ['b+', 102_000]); // its end is lost
  events(ledger, 300_000, ['x+', 150_000], ['x-', 160_000]); // and of the third sound, all
  expect(ledger.figures).toStrictEqual({
    ...{ expected: 6, delivered: 3, lost: 3 },
    ...{ unheard: 0, repeated: 1, unexpected: 1, longestDelayMs: 300_000 },
  });
  expect(ledger.missing).toStrictEqual([
    { fromMs: 100_000, events: 1 },
    { fromMs: 200_000, events: 2 },
  ]);
});

it('a sound that the machine was too slow to hear is not expected, unless it was heard all the same', () => {
  const ledger = new Ledger((wallMs) => [wallMs]);
  for (const fromMs of [0, 100_000]) ledger.sounded(fromMs, 4).unheard = true;
  ledger.sounded(200_000, 4);
  events(ledger, 300_000, ['a+', 2000], ['a-', 9000]);
  expect(ledger.figures).toMatchObject({ expected: 4, lost: 2, unheard: 1 });
});

it('an alarm that a wrong clock has dated counts once, for one sound', () => {
  const ledger = new Ledger((wallMs) => [wallMs, wallMs - HOUR_MS]);
  ledger.sounded(0, 4);
  ledger.sounded(HOUR_MS, 4);
  events(ledger, 2 * HOUR_MS, ['a+', HOUR_MS + 2000], ['a-', HOUR_MS + 9000]);
  expect(ledger.figures).toMatchObject({ lost: 2, unexpected: 0 });
});

it('sound that comes late is not lost, and a hole in it is', () => {
  const flow = new Flow();
  for (let atMs = 0; atMs <= 60_000; atMs += 100) {
    const late = atMs > 20_000 && atMs < 25_000 ? 4000 : 0;
    const hole = atMs > 40_000 ? 700 : 0;
    flow.look(atMs, atMs - 300 - late - hole);
  }
  expect(flow.lostMs(15_000, 30_000)).toBe(0);
  expect(flow.lostMs(35_000, 55_000)).toBe(700);
});

it('deafness is what lies between the last sound and a word of it', () => {
  const deafness = new Deafness();
  deafness.look(1000, 900, true);
  deafness.look(5000, 900, true);
  deafness.look(6000, 900, false);
  deafness.look(7000, 900, true);
  expect(deafness.longestMs).toBe(4100);
});
