import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SENSE_OFF, type SenseState } from '../src/alarm/sense.js';
import { decodeFile } from '../src/audio/decode.js';
import { WINDOW_SAMPLES } from '../src/constants.js';
import { Listener, type ListenerOptions } from '../src/listener.js';
import { readBundle } from '../src/model/bundle.js';
import { SHIPPED_MODELS } from '../src/model/shelf.js';
import { Pipeline } from '../src/pipeline.js';
import type { DecisionEvent, PipelineResult } from '../src/types.js';
import { ManualClock, settle } from './support/clock.js';
import { SCENE } from './support/daemon.js';
import { collect, silentLog } from './support/sound.js';

let clock: ManualClock;
let pipeline: Pipeline;
let windows: PipelineResult[];
let events: DecisionEvent[];
let warnings: string[];
let states: SenseState[];

beforeEach(async () => {
  clock = new ManualClock();
  pipeline = await Pipeline.create(await readBundle(join(SHIPPED_MODELS, 'bathnet-mini')), {
    sense: { ...SENSE_OFF, waterLabels: ['water'], speechLabels: ['speech'] },
  });
  windows = [];
  events = [];
  warnings = [];
  states = [];
});
afterEach(() => pipeline.close());

function listen(live: boolean, options: Partial<ListenerOptions> = {}, through = pipeline): Listener {
  const handlers = {
    onWindow: (result: PipelineResult) => void windows.push(result),
    onEvent: (event: DecisionEvent) => void events.push(event),
    onSense: (state: SenseState) => void states.push(state),
    onFailure(error: unknown) {
      throw error;
    },
  };
  const log = { ...silentLog, warn: (_: object, message: string) => void warnings.push(message) };
  return new Listener(through, { hopSeconds: 0.48, live, ...options }, handlers, clock, log);
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

  it('lets everything else have its turn while it pulls sound that is always there', async () => {
    const listener = listen(false);
    let turns = 0;
    const others = setInterval(() => turns++, 1);
    const second = chunk(new Float32Array(16_000));
    for (let i = 0; i < 20; i++) await listener.chunk(second);
    clearInterval(others);
    expect(windows.length).toBeGreaterThan(38);
    expect(turns).toBeGreaterThan(windows.length / 2);
  });

  it('drops the oldest live sound when it cannot keep up, counts it and says so', async () => {
    const listener = listen(true);
    for (let i = 0; i < 150; i++) listener.chunk(chunk(new Float32Array(1600)));
    expect(listener.droppedWindows).toBeGreaterThan(10);
    expect(warnings).toEqual([expect.stringMatching(/too slow/)]);
    await listener.stop();
    expect(windows.length + listener.droppedWindows).toBeLessThanOrEqual(
      (240_000 - WINDOW_SAMPLES) / 7680 + 1,
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

  it('ends an alarm that is heard only when sound is lost already, of a machine that is slow', async () => {
    pipeline.sense.setRule({ releaseSeconds: 1 });
    const process: Pipeline['process'] = async (window) => {
      await new Promise<void>((resolve) => clock.after(1500, resolve));
      return pipeline.process(window);
    };
    const slow = Object.assign(Object.create(pipeline), { process }) as Pipeline;
    const listener = listen(true, {}, slow);
    const scene = await collect(decodeFile(SCENE));
    listener.inputOnline(0);
    listener.chunk(chunk(scene.slice(12 * 16_000, 15 * 16_000)));
    listener.inputOffline();
    await clock.advance(60_000);
    expect(windows).toHaveLength(5);
    expect(events).toMatchObject([{ type: 'alarm_started' }, { type: 'alarm_ended', endedBy: 'input_lost' }]);
    expect(clock.pending).toBe(0);
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

  it('says whether water runs and somebody speaks, first and whenever it changes', async () => {
    const listener = listen(false);
    const scene = await collect(decodeFile(SCENE));
    await listener.chunk(chunk(scene.subarray(0, 20 * 16_000)));
    const [first, ...changes] = states.map(({ waterRunning, speech }) => [waterRunning, speech]);
    expect(first).toEqual([false, false]);
    expect(changes).toContainEqual([true, false]);
    expect(changes).toContainEqual([false, true]);
    expect(changes.at(-1)).toEqual([false, false]);
    for (const [k, state] of changes.entries()) expect(state).not.toEqual(k === 0 ? first : changes[k - 1]);
  });

  it('raises no alarm while detection is off, but goes on classifying', async () => {
    const listener = listen(false, { escalateSeconds: 60, escalateTimes: 3 });
    await fall(listener);
    listener.setEnabled(false);
    expect(events[1]).toMatchObject({ type: 'alarm_ended', endedBy: 'disabled', atMs: clock.wallMs() });
    expect(clock.pending).toBe(0); // and it is not repeated
    const before = windows.length;
    const scene = await collect(decodeFile(SCENE));
    await listener.chunk(chunk(scene));
    expect(windows.length).toBeGreaterThan(before + 80);
    expect(events).toHaveLength(2);
    listener.setEnabled(true);
    await listener.chunk(chunk(scene));
    expect(events.slice(2).filter(({ type }) => type === 'alarm_started')).toHaveLength(2);
  });

  it('goes by a rule that is changed while it listens', async () => {
    const listener = listen(false);
    listener.setRule({ minLevelDbfs: 0 }); // nothing is as loud
    await listener.chunk(chunk(await collect(decodeFile(SCENE))));
    expect(windows.length).toBeGreaterThan(80);
    expect(events).toEqual([]);
    expect(pipeline.rule).toMatchObject({ minLevelDbfs: 0, labels: ['abnormal'] });
  });

  it.each([
    [false, ['breaking', 'silence']],
    [true, ['breaking', 'another', 'scream', 'silence']],
  ])('tells of another kind in an alarm that a person has seen: %s', async (acknowledged, said) => {
    const listener = listen(false);
    await fall(listener);
    if (acknowledged) listener.acknowledge();
    const scene = await collect(decodeFile(SCENE));
    await listener.chunk(chunk(scene.slice(32 * 16_000)));
    await listener.chunk(chunk(new Float32Array(10 * 16_000)));
    const heard = events.map((event) => ('endedBy' in event ? event.endedBy : 'kind' in event && event.kind));
    expect(heard.filter((_, k) => events[k]?.type !== 'alarm_acknowledged')).toEqual(said);
  });

  it('repeats an alarm that nobody acknowledges while no sound arrives, until somebody does', async () => {
    const listener = listen(false, { escalateSeconds: 60, escalateTimes: 3 });
    await fall(listener);
    listener.inputOffline();
    await clock.advance(125_000);
    const types = () => events.map(({ type }) => type);
    expect(types()).toEqual(['alarm_started', 'alarm_ended', 'alarm_escalated', 'alarm_escalated']);
    expect(events[3]).toMatchObject({ repetition: 2, unacknowledgedSeconds: 120 });
    expect(listener.acknowledge({ episodeId: 'another' })?.code).toBe('not_the_latest_alarm');
    expect(listener.acknowledge()).toBeUndefined();
    expect(listener.acknowledge()?.code).toBe('nothing_to_acknowledge');
    expect(events[4]).toMatchObject({ type: 'alarm_acknowledged', afterSeconds: 125 });
    expect(new Set(events.map((event) => 'episodeId' in event && event.episodeId)).size).toBe(1);
    expect(events[1]).toMatchObject({ acknowledged: false });
    await clock.advance(600_000);
    expect(events).toHaveLength(5);
  });

  it('gives an engine up that hangs, breaks or gives no numbers, and does not wait for it when it is stopped', async () => {
    const failures = async (process: Pipeline['process']) => {
      const told: string[] = [];
      const hanging = Object.assign(Object.create(pipeline), { process }) as Pipeline;
      const handlers = {
        onWindow() {},
        onEvent() {},
        onEngineFailed: () => told.push('failed'),
        onFailure: (error: unknown) => told.push(String(error)),
      };
      const listener = new Listener(hanging, { hopSeconds: 0.48, live: true }, handlers, clock, silentLog);
      listener.chunk(chunk(new Float32Array(WINDOW_SAMPLES)));
      await clock.advance(9900);
      const before = told.length;
      const stopped = listener.stop();
      await clock.advance(1100);
      await stopped;
      return [before, ...told];
    };
    const hangs = await failures(() => new Promise(() => {}));
    expect(hangs).toEqual([0, 'failed', expect.stringMatching(/engine \S+ has not answered for 10 s/)]);
    expect(await failures(() => Promise.reject(new Error('broke')))).toEqual([2, 'failed', 'Error: broke']);
    expect(clock.pending).toBe(0);
  });

  it.each([
    [400, 4],
    [900, 3],
    [1100, 0],
  ])(
    'hears what has arrived when it is stopped, of a window every %s ms, and nothing after that',
    async (ms, heard) => {
      const result = await pipeline.process({
        samples: new Float32Array(WINDOW_SAMPLES),
        startSample: 0,
        endAtMs: 0,
      });
      const event = { type: 'water_running_long', atMs: 0, durationSeconds: 1 } as const;
      const process = async () => {
        await new Promise<void>((resolve) => clock.after(ms, resolve));
        return { ...result, event };
      };
      const slow = Object.assign(Object.create(pipeline), { process }) as Pipeline;
      const listener = listen(true, {}, slow);
      listener.chunk(chunk(new Float32Array(WINDOW_SAMPLES + 3 * 7680)));
      const stopped = listener.stop();
      await clock.advance(3000);
      await stopped;
      expect([windows.length, events.length]).toEqual([heard, heard]);
      expect(warnings).toEqual(heard === 4 ? [] : ['stopped before all that was heard was analysed']);
      await clock.advance(10_000);
      expect([windows.length, events.length, clock.pending]).toEqual([heard, heard, 0]);
    },
  );

  it('hears no sound any more that was still being analysed when the microphone went away', async () => {
    const said: boolean[] = [];
    const heard = { id: 'smoke_alarm', name: 'Smoke alarm', score: 0.9, event: true };
    let on = false;
    let answer = () => {};
    const process: Pipeline['process'] = async (window) => {
      const result = await pipeline.process(window);
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      on = true;
      return { ...result, sounds: [{ ...heard, heard: true }] };
    };
    const forget = () => {
      const was = on;
      on = false;
      return was ? [{ ...heard, heard: false }] : [];
    };
    const hears = Object.assign(Object.create(pipeline), { process }) as Pipeline;
    Object.defineProperty(hears, 'sounds', { value: { forget } });
    const handlers = {
      onWindow() {},
      onEvent() {},
      onSound: (change: { heard: boolean }) => said.push(change.heard),
    };
    const listener = new Listener(hears, { hopSeconds: 0.48, live: true }, handlers, clock, silentLog);
    listener.inputOnline(0);
    listener.chunk(chunk(new Float32Array(WINDOW_SAMPLES)));
    await settle();
    listener.inputOffline();
    answer();
    await settle();
    expect(said).toEqual([true, false]);
    await listener.stop();
    expect(said).toEqual([true, false]);
  });

  it('leaves no repetition behind when it is stopped', async () => {
    const listener = listen(false, { escalateSeconds: 60, escalateTimes: 3 });
    await fall(listener);
    await listener.stop();
    expect(clock.pending).toBe(0);
  });
});
