import { describe, expect, it } from 'vitest';
import { faultOf, trimToSound } from '../../src/audio/clip.js';
import { WINDOW_SAMPLES } from '../../src/constants.js';
import { concatenate, tone } from '../support/sound.js';

/** Noise of a room at about −60 dBFS, always the same. */
function room(seconds: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: seconds * 16_000 }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state / 2_147_483_647 - 0.5) * 0.0035;
  });
}

/** A decaying thud in a room of so many seconds. */
function thud(atSeconds: number, seconds: number): Float32Array {
  const sound = room(seconds);
  const start = atSeconds * 16_000;
  for (let i = 0; i < 4800 && start + i < sound.length; i++)
    sound[start + i]! += 0.6 * Math.exp(-i / 800) * Math.sin(i * 0.05);
  return sound;
}

describe('trimming', () => {
  it('keeps a tenth of a second before the onset, and a whole window in all', () => {
    const sound = thud(1.2, 4);
    const trimmed = trimToSound(sound);
    expect(trimmed.byteOffset / 4).toBe(1.1 * 16_000);
    expect(trimmed.length).toBe(WINDOW_SAMPLES);
  });

  it.each([0, 0.05, 3.3, 3.95])('keeps a whole window where the sound begins at %f of 4 s', (atSeconds) => {
    const trimmed = trimToSound(thud(atSeconds, 4));
    const from = trimmed.byteOffset / 4;
    expect(trimmed.length).toBe(WINDOW_SAMPLES);
    expect(from).toBeLessThanOrEqual(atSeconds * 16_000);
    expect(from + trimmed.length).toBeGreaterThan(atSeconds * 16_000);
  });

  it('keeps all of a long sound and cuts the silence around it', () => {
    const sound = concatenate([room(1), tone(440, 2.5), room(1.5)]);
    const trimmed = trimToSound(sound);
    expect(trimmed.byteOffset / 4).toBe(0.9 * 16_000);
    expect(trimmed.length / 16_000).toBeCloseTo(2.8, 2);
  });

  it('leaves alone what sounds alike all the time, and what is short', () => {
    expect(trimToSound(room(3))).toHaveLength(3 * 16_000);
    expect(trimToSound(tone(440, 3))).toHaveLength(3 * 16_000);
    expect(trimToSound(new Float32Array(16_000))).toHaveLength(16_000);
    expect(trimToSound(thud(0.1, 0.5))).toHaveLength(8000);
  });
});

describe('refusing', () => {
  it('takes a single loud moment as sound, and silence as silence', () => {
    expect(faultOf(thud(1, 2), -40)).toBeUndefined();
    expect(faultOf(room(2), -40)).toMatch(/^silent: .* -5\d\.\d dBFS, less than -40/);
    expect(faultOf(room(2), -80)).toBeUndefined();
    expect(faultOf(new Float32Array(16_000), -60)).toMatch(/-120\.0 dBFS/);
  });

  it('finds a waveform that is cut off, in either direction, and lets one full-scale sample pass', () => {
    const clipped = tone(200, 1).map((x) => Math.max(-1, Math.min(1, x * 4)));
    expect(faultOf(clipped, -60)).toMatch(/^clipped/);
    expect(
      faultOf(
        clipped.map((x) => Math.min(x, 0)),
        -60,
      ),
    ).toMatch(/^clipped/);
    const peak = tone(200, 1);
    peak[100] = 1;
    expect(faultOf(peak, -60)).toBeUndefined();
  });
});
