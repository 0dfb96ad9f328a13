import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_ALARM_RULE } from '../../../dist/alarm/rule.js';
import { Veto } from '../../../dist/alarm/veto.js';
import { announcementFor } from '../../../dist/publish/announcement.js';
import { featuresOf } from '../../../dist/publish/features.js';
import { deliveredEvent, eventPayload, isEventPayload } from '../../../dist/publish/payloads.js';
import { topicsOf } from '../../../dist/publish/topics.js';
import { openDevice } from '../../../dist/storage/device.js';
import { FeedbackStore } from '../../../dist/storage/feedback.js';
import { readFeedback } from '../../../dist/storage/feedback-records.js';
import { KeptImpacts } from '../../../dist/storage/impacts.js';
import { LastHeard } from '../../../dist/storage/last-heard.js';
import { Outbox } from '../../../dist/storage/outbox.js';
import { Settings } from '../../../dist/storage/settings.js';
import { SoundSettings } from '../../../dist/storage/sound-settings.js';
import { endedByRestart } from '../../../dist/storage/state.js';
import { UnansweredAlarm } from '../../../dist/storage/unanswered.js';
import { systemClock } from '../../../dist/system/clock.js';
import { below, mutateBytes, mutateJsonText, pick } from '../mutate.mjs';

const log = { debug() {}, info() {}, warn() {}, error() {} };
const MODEL = {
  name: 'small',
  version: '1',
  sha256: '0',
  engine: 'tfjs-wasm',
  labels: ['abnormal'],
  alarmLabels: ['abnormal'],
  alarmKinds: [],
};
const MODEL_OF_VERDICTS = { name: 'small', backbone: 'b' };
const EVENT = eventPayload(
  { type: 'test', atMs: Date.UTC(2026, 10, 1) },
  { id: 'an id', test: true, model: MODEL },
);
const EMBEDDING = Buffer.from(Float32Array.of(0.5, 1, 0, 2, 3).buffer).toString('base64');

const parts = { outbox, state };
export const start = (part) => parts[part]();

/** In memory where the system has it: each case makes and syncs files. */
function scratchFolder() {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'bathnet-fuzz-kept-'));
}

/** One event that an earlier run has kept: it is delivered or set aside. */
function outbox() {
  const folder = scratchFolder();
  const record = { version: 1, topic: 'bathnet/test/event', payload: EVENT, keptAtMs: Date.UTC(2026, 10, 1) };
  const withHash = (json) => `${createHash('sha256').update(json).digest('hex')}\n${json}`;
  let number = 0;
  return {
    input(random) {
      if (below(random, 4) === 0) return mutateBytes(random, Buffer.from(withHash(JSON.stringify(record))));
      const payload = () => mutateJsonText(random, JSON.parse(EVENT));
      return withHash(
        below(random, 2) ? JSON.stringify({ ...record, payload: payload() }) : mutateJsonText(random, record),
      );
    },
    async run(input) {
      const place = join(folder, String(number++));
      mkdirSync(place);
      writeFileSync(join(place, '000000000001-00000000.json'), input);
      const options = { folder: place, events: 10, bytes: 1e6, days: 7, isPayload: isEventPayload };
      const outbox = new Outbox(options, log, systemClock);
      outbox.start();
      if (outbox.size + outbox.dropped !== 1) throw new Error('the event is neither kept nor dropped');
      const event = outbox.next();
      if (event) {
        JSON.parse(deliveredEvent(event, systemClock));
        outbox.remove(event);
      }
      await outbox.stop();
      rmSync(place, { recursive: true });
      rmSync(`${place}-set-aside`, { recursive: true, force: true });
    },
    stop: () => rmSync(folder, { recursive: true }),
  };
}

/** Every file that is kept of a device, one or more of them damaged: the daemon starts all the same. */
function state() {
  const folder = scratchFolder();
  const topics = topicsOf({ prefix: 'bathnet', deviceId: 'test' });
  const features = featuresOf(
    MODEL,
    { waterLabels: [], speechLabels: [] },
    [{ id: 'smoke_alarm', name: 'Smoke alarm', classes: [0] }],
    false,
  );
  const discovery = {
    mode: 'device',
    deviceId: 'test',
    deviceName: 'Bathroom',
    topics,
    model: MODEL,
    features,
    version: '1',
    discoveryPrefix: 'homeassistant',
  };
  const episodeId = '019b0000-0000-7000-8000-000000000000';
  const files = {
    'settings.json': {
      enabled: true,
      threshold: 0.5,
      hits: 2,
      window: 3,
      cooldownSeconds: 10,
      sensitivity: 'low',
      quietFrom: '21:00',
      quietTo: '06:30',
    },
    'last-heard.json': { speech: Date.UTC(2026, 10, 1), water: Date.UTC(2026, 10, 2) },
    'open-alarm.json': {
      episodeId,
      label: 'abnormal',
      kind: 'impact',
      peakConfidence: 0.9,
      startedAtMs: Date.UTC(2026, 10, 1),
    },
    'unanswered.json': {
      episodeId,
      label: 'abnormal',
      kind: 'impact',
      startedAtMs: Date.UTC(2026, 10, 1),
      repetitions: 1,
    },
    'impacts.json': {
      microphone: 'stdin',
      silence: {
        hit: { atMs: Date.UTC(2026, 10, 1), label: 'impact', score: 0.9 },
        atMs: Date.UTC(2026, 10, 1),
        silenceDbfs: -50,
      },
    },
    'sounds.json': { dog: { threshold: 0.3, hits: 3, holdSeconds: 20 }, cat: 0.4 },
    'announced.json': {
      mode: 'component',
      discoveryPrefix: 'homeassistant',
      deviceId: 'old',
      components: { alarm: 'binary_sensor', gone: 'sensor' },
      states: ['bathnet/old/alarm'],
      small: true,
    },
    'feedback/one.json': {
      episodeId,
      verdict: 'false_alarm',
      label: 'abnormal',
      kind: 'impact',
      alarmAt: '2026-11-01T00:00:00Z',
      givenAt: '2026-11-01T00:00:00Z',
      model: MODEL_OF_VERDICTS,
      embeddings: [EMBEDDING, EMBEDDING],
    },
    'device-id': 'abc123',
    input: 'stdin:',
  };
  const texts = Object.values(files).map((value) => Buffer.from(JSON.stringify(value)));
  const damaged = (random, value) =>
    below(random, 4)
      ? Buffer.from(mutateJsonText(random, value))
      : mutateBytes(random, Buffer.from(JSON.stringify(value)), texts);

  return {
    input(random) {
      const names = Array.from({ length: 1 + below(random, 2) }, () => pick(random, Object.keys(files)));
      return JSON.stringify(
        Object.fromEntries(names.map((name) => [name, damaged(random, files[name]).toString('base64')])),
      );
    },
    async run(input) {
      const id = 'test';
      const place = join(folder, 'devices', id);
      mkdirSync(join(place, 'feedback'), { recursive: true });
      const given = JSON.parse(input);
      for (const [name, value] of Object.entries(files))
        writeFileSync(
          join(place, name),
          name in given ? Buffer.from(given[name], 'base64') : JSON.stringify(value),
        );
      const device = await openDevice(folder, id, { source: 'stdin', device: 'default' }, log);
      try {
        takeUp(device.state, join(place, 'feedback'));
      } finally {
        await device.release();
        rmSync(folder, { recursive: true });
      }
    },
    stop: () => rmSync(folder, { recursive: true, force: true }),
  };

  function takeUp(state, verdicts) {
    if (!/^[a-z0-9_-]+$/.test(state.deviceId())) throw new Error('the device id is none');
    const open = state.openAlarm();
    if (open) eventPayload(endedByRestart(open, Date.now()), { id: 'an id', test: false, model: MODEL });
    const hours = { quietFrom: '22:00', quietTo: '07:00' };
    const settings = new Settings(state, { ...DEFAULT_ALARM_RULE, ...hours, sensitivity: 'normal' }, log);
    settings.load();
    const { quietFrom, quietTo } = settings.values;
    if (quietFrom === quietTo) throw new Error(`it is always quiet: ${quietFrom}`);
    const sounds = new SoundSettings(state, log, systemClock);
    sounds.load();
    for (const value of Object.values(sounds.over({ id: 'dog', threshold: 0.2, hits: 2, holdSeconds: 9 })))
      if (value !== 'dog' && !(value >= 0)) throw new Error(`a sound's setting is ${value}`);
    const unanswered = new UnansweredAlarm(state, systemClock, log).load();
    if (unanswered && !(unanswered.ageMs >= 0)) throw new Error(`an alarm is ${unanswered.ageMs} ms old`);
    const impacts = new KeptImpacts(state, 'stdin', systemClock, async () => {}, log).take();
    for (const { hit, atMs } of [impacts?.silence, impacts?.voice].filter((each) => each))
      for (const ms of [hit.atMs, atMs]) new Date(ms).toISOString();
    new LastHeard(state, (_, atMs) => new Date(atMs).toISOString(), systemClock).start();
    const { first } = announcementFor(state, discovery, true, log);
    for (const { topic } of first)
      if (!/^[^+#\0]+$/.test(topic)) throw new Error(`nobody can publish on ${JSON.stringify(topic)}`);
    const veto = new Veto();
    new FeedbackStore(verdicts, MODEL_OF_VERDICTS, veto, log).load();
    const match = veto.match(Float32Array.of(0.5, 1, 0, 2, 3));
    if (match && !(match.similarity <= 1.001)) throw new Error(`a similarity of ${match.similarity}`);
    readFeedback(verdicts, () => {});
  }
}
