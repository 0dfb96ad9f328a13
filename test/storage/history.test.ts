import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { History, MOST_ENTRIES } from '../../src/storage/history.js';
import { silentLog } from '../support/sound.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bathnet-history-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const history = () => new History(join(folder, 'history'), silentLog);
const event = (id: string, more = {}) => ({ id, event_type: 'test', at: '2026-11-01T10:00:00Z', ...more });

describe('the history', () => {
  it('keeps an alarm with all that followed and its picture, over a restart', async () => {
    const first = history();
    first.add(event('a', { episodeId: 'e', at: '2026-11-01T10:00:00Z' }), 'AAAA');
    first.add(event('c', { at: '2026-11-01T11:00:00Z' }));
    first.add(event('b', { episodeId: 'e' }), 'BBBB');
    first.judge('e', 'false_alarm');
    first.judge('x', 'false_alarm');
    await first.settled();
    const second = await history().load();
    expect(second.entries.map(({ id }) => id)).toEqual(['c', 'e']);
    expect(second.get('e')).toMatchObject({
      spectrogram: 'AAAA',
      verdict: 'false_alarm',
      events: [{ id: 'a' }, { id: 'b' }],
    });
  });

  it('adds to an alarm of an earlier run what is said of it before that has been read', async () => {
    const first = history();
    first.add(event('a', { episodeId: 'e' }), 'AAAA');
    first.judge('e', 'real_alarm');
    first.add(event('z', { at: '2026-11-01T11:00:00Z' }));
    await first.settled();
    const second = history();
    second.add(event('b', { episodeId: 'e' }));
    const loading = second.load();
    second.add(event('c', { episodeId: 'e' }), 'CCCC');
    await loading;
    await second.settled();
    for (const { entries } of [second, await history().load()]) {
      expect(entries.map(({ id }) => id)).toEqual(['z', 'e']);
      expect(entries[1]).toMatchObject({ spectrogram: 'AAAA', verdict: 'real_alarm' });
      expect(entries[1]?.events.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    }
  });

  it('is bounded in entries, in what is said of each, and in faults', async () => {
    const all = history();
    all.add(event('alarm'));
    for (let i = 0; i < MOST_ENTRIES; i++) all.add(event(`f${i}`, { event_type: 'fault' }));
    expect(all.entries.map(({ id }) => id)).toContain('alarm');
    for (let i = 0; i < MOST_ENTRIES; i++) all.add(event(`n${i}`));
    for (let i = 0; i < 1000; i++) all.add(event(`m${i}`, { episodeId: 'n100' }));
    expect(all.entries).toHaveLength(MOST_ENTRIES);
    expect(all.get('n100')?.events).toHaveLength(50);
    await all.settled();
    expect(readdirSync(join(folder, 'history'))).toHaveLength(MOST_ENTRIES);
  });

  it('keeps the latest alarm, however much is heard after it', async () => {
    const all = history();
    for (const id of ['earlier', 'latest'])
      all.add(event(id, { episodeId: id, event_type: 'alarm_started' }));
    for (let i = 0; i < MOST_ENTRIES; i++) all.add(event(`s${i}`, { event_type: 'sound_heard' }));
    expect(all.entries).toHaveLength(MOST_ENTRIES);
    expect([all.get('earlier'), all.get('latest')?.id]).toEqual([undefined, 'latest']);
    await all.settled();
  });

  it('leaves out what is damaged, and goes on where nothing can be written', async () => {
    const all = history();
    all.add(event('good'));
    await all.settled();
    for (const [i, text] of ['', '{', '[]', '{"id":"../x","events":[]}', '{"id":"y","events":[1]}'].entries())
      writeFileSync(join(folder, 'history', `${i}.json`), text);
    expect((await history().load()).entries.map(({ id }) => id)).toEqual(['good']);

    writeFileSync(join(folder, 'file'), '');
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (_: object, text: string) => void warnings.push(text) };
    const lost = new History(join(folder, 'file', 'history'), log);
    lost.add(event('a'));
    lost.add(event('b'));
    await lost.settled();
    expect(warnings).toEqual(['the history cannot be kept']);
    expect(lost.entries).toHaveLength(2);
  });
});
