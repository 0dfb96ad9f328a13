import { describe, expect, it } from 'vitest';
import { Ear, EndOfSound } from '../../src/audio/ear.js';
import { ExitCode } from '../../src/errors.js';
import type { PcmChunk, Source } from '../../src/types.js';
import { chirp, concatenate } from '../support/sound.js';

const sound = chirp(100, 5000, 3);

/** Chunks of 0.1 s; after them it ends, or waits for ever. */
function source(ends: boolean) {
  const state = { closed: 0 };
  const live: Source = {
    description: 'a test',
    live: true,
    async *chunks(signal): AsyncGenerator<PcmChunk> {
      try {
        for (let at = 0; at < sound.length; at += 1600)
          yield { samples: sound.subarray(at, at + 1600), capturedAtMs: 0 };
        if (!ends && !signal.aborted)
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
      } finally {
        state.closed++;
      }
    },
  };
  return { live, state };
}
const nothing = () => {};

describe('an ear', () => {
  it('takes stretches of any length without a gap', async () => {
    const { live, state } = source(true);
    const ear = new Ear(live, 5, new AbortController().signal);
    const left: number[] = [];
    const parts = [
      await ear.hear(0.55, (_, secondsLeft) => left.push(secondsLeft)),
      await ear.next(),
      await ear.hear(1.23, nothing),
    ];
    expect(parts.map(({ length }) => length)).toEqual([8800, 800, 19_680]);
    expect(concatenate(parts)).toEqual(sound.subarray(0, 8800 + 800 + 19_680));
    expect(left).toHaveLength(6);
    expect(left.at(-1)).toBe(0);
    await ear.close();
    expect(state.closed).toBe(1);
  });

  it('says when there is no more, whether it ended or was aborted', async () => {
    const ended = source(true);
    await expect(new Ear(ended.live, 5, new AbortController().signal).hear(4, nothing)).rejects.toThrow(
      EndOfSound,
    );
    expect(ended.state.closed).toBe(1);
    const waiting = source(false);
    const stop = new AbortController();
    const hearing = new Ear(waiting.live, 5, stop.signal).hear(4, nothing);
    stop.abort();
    await expect(hearing).rejects.toThrow(EndOfSound);
    expect(waiting.state.closed).toBe(1);
  });

  it('gives up on a source that has fallen silent, and closes it', async () => {
    const { live, state } = source(false);
    const ear = new Ear(live, 0.1, new AbortController().signal);
    await expect(ear.hear(4, nothing)).rejects.toMatchObject({
      code: ExitCode.noInput,
      message: 'no sound from a test for 0.1 s',
    });
    expect(state.closed).toBe(1);
  });
});
