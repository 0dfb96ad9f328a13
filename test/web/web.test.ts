import { describe, expect, it } from 'vitest';
import type { PipelineResult } from '../../src/types.js';
import { type Browser, Live, MOST_BROWSERS } from '../../src/web/live.js';
import { Sessions } from '../../src/web/sessions.js';
import { ManualClock } from '../support/clock.js';

/** A window in which nothing happens. */
const window = {
  scored: { endAtMs: 0, label: 'background', scores: {}, audioset: [], rmsDbfs: -50, peakDbfs: -40 },
  mel: new Float32Array(96 * 64),
  evidence: [],
} as unknown as PipelineResult;

const state = { type: 'state', value: { name: 'alarm', payload: 'ON' } } as const;

class SlowBrowser implements Browser {
  waitingBytes = 0;
  greetings = 0;
  readonly got: string[] = [];
  send(text: string): void {
    this.got.push(text);
    this.waitingBytes += text.length;
  }
  greet(): void {
    this.greetings++;
  }
}

describe('the live stream', () => {
  it('skips what a slow browser has no time for, and tells it everything when it has', () => {
    const live = new Live(48, [-7, 4]);
    const slow = new SlowBrowser();
    const leave = live.join(slow);
    for (let i = 0; i < 1000; i++) live.window(window);
    expect(slow.waitingBytes).toBeLessThan(100_000);
    expect(slow.greetings).toBe(1);
    slow.waitingBytes = 0;
    live.tell(state);
    expect(slow.greetings).toBe(2);
    expect(slow.got.at(-1)).toContain('state');
    leave?.();
    live.tell(state);
    expect(slow.got.filter((text) => text.includes('state'))).toHaveLength(1);
  });

  it('is shown to a few at once', () => {
    const live = new Live(48, [-7, 4]);
    const leaves = Array.from({ length: MOST_BROWSERS }, () => live.join(new SlowBrowser()));
    expect(live.join(new SlowBrowser())).toBeUndefined();
    leaves[0]?.();
    expect(live.join(new SlowBrowser())).toBeDefined();
  });

  it('takes less than 20 kB a second, and remembers half a minute', () => {
    const live = new Live(48, [-7, 4]);
    const browser = new SlowBrowser();
    live.join(browser);
    live.chunk({ samples: Float32Array.from({ length: 7680 }, Math.random), capturedAtMs: 0 });
    live.window({ ...window, mel: Float32Array.from({ length: 96 * 64 }, Math.random) });
    expect(browser.waitingBytes / 0.48).toBeLessThan(20_000);
    for (let i = 0; i < 100; i++) live.window(window);
    expect(live.remembered).toHaveLength(64);
  });

  it.each([
    [-7, 4],
    [-80, 0],
  ] as const)('draws a log-mel from %i to %i from the darkest to the brightest', (low, high) => {
    const live = new Live(48, [low, high]);
    const mel = new Float32Array(96 * 64).fill((low + high) / 2);
    mel.fill(low - 1, 48 * 64, 51 * 64).fill(high + 1, 93 * 64);
    live.window({ ...window, mel });
    const shown = Buffer.from(live.picture, 'base64');
    expect([shown[0], shown[64], shown.at(-1)]).toEqual([0, 128, 255]);
  });

  it('keeps 96 frames for the picture of an alarm, each the mean of three', () => {
    const live = new Live(48, [0, 255]);
    const mel = Float32Array.from({ length: 96 * 64 }, (_, i) => Math.floor(i / 64) % 48);
    for (let i = 0; i < 9; i++) live.window({ ...window, mel });
    const frames = Array.from(Buffer.from(live.picture, 'base64')).filter((_, i) => i % 64 === 63);
    const ofAWindow = Array.from({ length: 16 }, (_, i) => 3 * i + 1);
    expect(frames).toEqual(Array.from({ length: 6 }, () => ofAWindow).flat());
  });

  it('says the floor of the room where that is known', () => {
    const live = new Live(48, [-7, 4]);
    live.window(window);
    live.window({ ...window, floorDbfs: -61.234 });
    expect(live.remembered.map(({ floorDbfs }) => floorDbfs)).toEqual([undefined, -61.2]);
  });

  it('sends the envelope of all sound since the last window, and none across a gap', () => {
    const live = new Live(48, [-7, 4]);
    const sound = Float32Array.from({ length: 800 }, (_, i) => (i < 160 ? 0.5 : -0.25));
    live.chunk({ samples: sound.subarray(0, 250), capturedAtMs: 0 });
    live.chunk({ samples: sound.subarray(250), capturedAtMs: 0 });
    live.window(window);
    const pairs = new Int8Array(Buffer.from(live.remembered.at(-1)!.envelope, 'base64'));
    expect([...pairs]).toEqual([0, 90, -63, 0, -63, 0, -63, 0, -63, 0]);
    live.chunk({ samples: sound, capturedAtMs: 0 });
    live.gap();
    live.window(window);
    expect(live.remembered.at(-1)).toMatchObject({ envelope: '', gap: true });
  });
});

describe('sessions', () => {
  const HERE = '192.168.1.2';

  it('end when nobody looks for a month, or on logging out', () => {
    const clock = new ManualClock();
    const sessions = new Sessions('correct horse', clock);
    const token = sessions.logIn('correct horse', HERE);
    expect(sessions.knows(token)).toBe(true);
    expect(sessions.knows('another')).toBe(false);
    sessions.logOut(token);
    expect(sessions.knows(token)).toBe(false);
    expect(sessions.knows(undefined)).toBe(false);
  });

  it('are refused after a few wrong passwords, the right one too, until time has passed', async () => {
    const clock = new ManualClock();
    const sessions = new Sessions('correct horse', clock);
    for (let i = 0; i < 5; i++) expect(sessions.logIn(`guess ${i}`, HERE)).toBeUndefined();
    expect(sessions.waitSeconds(HERE)).toBe(10);
    expect(sessions.logIn('correct horse', HERE)).toBeUndefined();
    await clock.advance(10_000);
    expect(sessions.logIn('correct horse', HERE)).toBeDefined();
  });

  it('keep nobody out because somebody elsewhere guesses', () => {
    const sessions = new Sessions('correct horse', new ManualClock());
    const guess = (address: string) => {
      for (let i = 0; i < 9; i++) sessions.logIn('a bad one', address);
    };
    guess('192.168.1.3');
    expect(sessions.logIn('correct horse', '192.168.1.3')).toBeUndefined();
    expect(sessions.logIn('correct horse', HERE)).toBeDefined();
    guess('2001:db8:1:2::a');
    expect(sessions.logIn('correct horse', '2001:db8:1:2:3:4:5:6')).toBeUndefined();
    expect(sessions.logIn('correct horse', '2001:db8:1:3::a')).toBeDefined();
    for (let i = 0; i < 3000; i++) guess(`10.0.${i >> 8}.${i & 255}`);
    expect(sessions.waitSeconds('10.0.11.183')).toBeGreaterThan(0);
    expect(sessions.waitSeconds('192.168.1.3')).toBe(0);
  });

  it('are bounded: the one not used for longest makes room', () => {
    const sessions = new Sessions('correct horse', new ManualClock());
    const tokens = Array.from({ length: 101 }, () => sessions.logIn('correct horse', HERE));
    expect(sessions.knows(tokens[0])).toBe(false);
    expect(sessions.knows(tokens[1])).toBe(true);
  });
});
