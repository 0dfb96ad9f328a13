import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeFile } from '../src/audio/decode.js';
import { WINDOW_SAMPLES } from '../src/constants.js';
import { Listener } from '../src/listener.js';
import { readBundle } from '../src/model/bundle.js';
import { SHIPPED_MODELS } from '../src/model/shelf.js';
import { Pipeline, type PipelineResult } from '../src/pipeline.js';
import type { DecisionEvent } from '../src/types.js';
import { ManualClock, settle } from './support/clock.js';
import { SCENE } from './support/daemon.js';
import { collect, silentLog } from './support/sound.js';

let clock: ManualClock;
let pipeline: Pipeline;
let windows: PipelineResult[];
let events: DecisionEvent[];
let warnings: string[];

beforeEach(async () => {
  clock = new ManualClock();
  pipeline = await Pipeline.create(await readBundle(join(SHIPPED_MODELS, 'bathnet-mini')));
  windows = [];
  events = [];
  warnings = [];
});
afterEach(() => pipeline.close());

function listen(live: boolean): Listener {
  const handlers = {
    onWindow: (result: PipelineResult) => void windows.push(result),
    onEvent: (event: DecisionEvent) => void events.push(event),
    onFailure(error: unknown) {
      throw error;
    },
  };
  const log = { ...silentLog, warn: (_: object, message: string) => void warnings.push(message) };
  return new Listener(pipeline, { hopSeconds: 0.48, live }, handlers, clock, log);
}

const chunk = (samples: Float32Array) => ({ samples, capturedAtMs: clock.wallMs() });

/** Plays the bundled scene's fall, so that an alarm is on. */
async function fall(listener: Listener): Promise<void> {
  const scene = await collect(decodeFile(SCENE));
  listener.inputOnline(0);
  for (let at = 12 * 16_000; at < 15 * 16_000; at += 1600)
    await listener.chunk(chunk(scene.slice(at, at + 1600)));
  expect(events).toMatchObject([{ type: 'alarm_started', label: 'abnormal' }]);
}

describe('the listener', () => {
  it('pulls sound without a loss, and analyses the rest that fills no window', async () => {
    const listener = listen(false);
    await listener.chunk(chunk(new Float32Array(16_000 * 5)));
    await listener.finish();
    const starts = windows.map(({ scored }) => scored.startSeconds);
    expect(starts).toEqual(Array.from({ length: 10 }, (_, i) => expect.closeTo(i * 0.48, 6)));
    expect(windows.at(-1)?.scored.endSeconds).toBeGreaterThanOrEqual(5);
    expect(listener.droppedWindows).toBe(0);
  });

  it('drops the oldest live sound when it cannot keep up, counts it and says so', async () => {
    const listener = listen(true);
    for (let i = 0; i < 100; i++) listener.chunk(chunk(new Float32Array(1600)));
    expect(listener.droppedWindows).toBeGreaterThan(10);
    expect(warnings).toEqual([expect.stringMatching(/too slow/)]);
    await listener.stop();
    expect(windows.length + listener.droppedWindows).toBeLessThanOrEqual(
      (160_000 - WINDOW_SAMPLES) / 7680 + 1,
    );
  });

  it('ends an open alarm by the clock when sound is lost', async () => {
    const listener = listen(false);
    await fall(listener);
    listener.inputOffline();
    await clock.advance(4900);
    expect(events).toHaveLength(1);
    await clock.advance(200);
    expect(events[1]).toMatchObject({
      type: 'alarm_ended',
      endedBy: 'input_lost',
      atMs: clock.wallMs() - 100,
    });
    expect((events[1] as { durationSeconds: number }).durationSeconds).toBeGreaterThan(5);
  });

  it('keeps the alarm when sound is back in time, and lets no window span the gap', async () => {
    const listener = listen(false);
    await fall(listener);
    const before = windows.length;
    listener.inputOffline();
    await clock.advance(3000);
    listener.inputOnline(3);
    await clock.advance(60_000);
    expect(events).toHaveLength(1);
    await listener.chunk(chunk(new Float32Array(WINDOW_SAMPLES)));
    const [gapless] = windows.slice(before);
    expect(gapless?.scored.startSeconds).toBeCloseTo(3 + 3);
    expect(gapless?.scored.rmsDbfs).toBe(-120);
  });

  it('ends an open alarm when it is stopped, and has no timer left', async () => {
    const listener = listen(false);
    await fall(listener);
    listener.inputOffline();
    await listener.stop();
    expect(events[1]).toMatchObject({ type: 'alarm_ended', endedBy: 'stop' });
    expect(clock.pending).toBe(0);
    await settle();
    expect(events).toHaveLength(2);
  });
});
