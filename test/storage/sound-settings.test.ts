import { beforeEach, describe, expect, it } from 'vitest';
import { SoundSettings } from '../../src/storage/sound-settings.js';
import { recordingLog } from '../publish/samples.js';
import { ManualClock } from '../support/clock.js';

const DOG = { id: 'dog', threshold: 0.2, hits: 2, holdSeconds: 10 };

let files: Map<string, string>;
let log: ReturnType<typeof recordingLog>;
beforeEach(() => {
  files = new Map();
  log = recordingLog();
});
function kept(): SoundSettings {
  const store = {
    read: (name: string) => files.get(name),
    write: (name: string, text: string) => void files.set(name, text),
  };
  return new SoundSettings(store, log, new ManualClock());
}

describe('settings of sounds', () => {
  it('are kept, each over its own value of the configuration', () => {
    const settings = kept();
    expect(settings.set(DOG, 'hits', 4, () => undefined)).toBeUndefined();
    settings.stop();
    const again = kept();
    again.load();
    expect(again.over({ ...DOG, threshold: 0.3 })).toEqual({ ...DOG, threshold: 0.3, hits: 4 });
    expect(again.over({ ...DOG, id: 'cat' })).toEqual({ ...DOG, id: 'cat' });
    again.reset();
    expect(again.over(DOG)).toEqual(DOG);
    expect(files.get('sounds.json')).toBe('{}\n');
  });

  it('are refused where they are out of range or contradict the rest', () => {
    const settings = kept();
    const never = () => 'never';
    expect(settings.set(DOG, 'threshold', 1.1, never)).toMatchObject({ code: 'out_of_range' });
    expect(settings.set(DOG, 'hits', 1.5, never)).toMatchObject({ code: 'out_of_range' });
    expect(settings.set(DOG, 'hits', 50, never)).toEqual({ code: 'contradiction', problem: 'never' });
    expect(settings.over(DOG)).toEqual(DOG);
  });

  it('that are damaged are left out and said, and take no others along', () => {
    files.set('sounds.json', '{"dog":{"threshold":7,"hits":3},"cat":{"holdSeconds":20}}');
    const settings = kept();
    settings.load();
    expect(settings.over(DOG)).toEqual({ ...DOG, hits: 3 });
    expect(settings.over({ ...DOG, id: 'cat' }).holdSeconds).toBe(20);
    expect(log.lines.join('\n')).toMatch(/dog: .*threshold/s);
    files.set('sounds.json', '{"dog":"0.5","cat":0.4}');
    const earlier = kept();
    earlier.load();
    expect(earlier.over(DOG)).toEqual(DOG);
    expect(earlier.over({ ...DOG, id: 'cat' }).threshold).toBe(0.4); // as an earlier version kept it
    files.set('sounds.json', '[1');
    const other = kept();
    other.load();
    expect(other.over(DOG)).toEqual(DOG);
    expect(log.lines.at(-1)).toMatch(/cannot be used/);
  });
});
