import { DEFAULT_ALARM_RULE } from '../../../dist/alarm/rule.js';
import { Sounds } from '../../../dist/alarm/sounds.js';
import { NUMBER_RANGES } from '../../../dist/constants.js';
import { Control } from '../../../dist/control.js';
import { OpenAlarms } from '../../../dist/open-alarms.js';
import { HomeAssistantBirth } from '../../../dist/publish/birth.js';
import { OwnEcho } from '../../../dist/publish/echo.js';
import { DEFAULT_TIMING } from '../../../dist/publish/options.js';
import { eventPayload } from '../../../dist/publish/payloads.js';
import { soundTopicsOf, topicsOf } from '../../../dist/publish/topics.js';
import { Settings } from '../../../dist/storage/settings.js';
import { systemClock } from '../../../dist/system/clock.js';
import { below, mutateBytes, mutateJsonText, mutateText, pick } from '../mutate.mjs';

const WORDS = [
  'ON',
  'OFF',
  'None',
  'PRESS',
  'false_alarm',
  'real_alarm',
  'online',
  'low',
  '0.5',
  '3',
  '-1',
  ' 10\n',
  '',
];
const log = { debug() {}, info() {}, warn() {}, error() {} };

const MODEL = { name: 'm', version: '1', sha256: '', engine: 'none', labels: [] };
const OPEN_ALARM = {
  ...{ episodeId: 'e1', label: 'abnormal', kind: 'impact', peakConfidence: 0.9 },
  ...{ startedAtMs: Date.UTC(2026, 10, 22), run: 'an earlier one' },
};

const SMOKE = {
  ...{ id: 'smoke_alarm', name: 'Smoke alarm', classes: [0], rhythm: 'T3', threshold: 0.1, hits: 2 },
  ...{ withinSeconds: 5, holdSeconds: 10, event: true },
};

/** Messages from the broker on the topics that are listened to, and on others. */
export function start() {
  const topics = topicsOf({ prefix: 'bathnet', deviceId: 'test' });
  const listeners = new Map();
  const written = new Map();
  const store = { read: (name) => written.get(name), write: (name, text) => written.set(name, text) };
  const onMessage = (topic, handler) => listeners.set(topic, handler);
  const rule = { ...DEFAULT_ALARM_RULE, sensitivity: 'normal' };
  const control = new Control(
    {
      topics,
      store,
      rule,
      rollouts: true,
      sounds: new Sounds([SMOKE]),
      hopSeconds: 0.48,
      onTest() {},
      publisher: { onMessage, onHomeAssistant() {}, setState: checkState, stats: { queuedEvents: 0 } },
      listener: { setRule: checkRule, setEnabled() {}, setOccupied() {}, acknowledge() {} },
      reporter: { problems() {}, occupied() {} },
      feedback: { give: () => undefined },
    },
    systemClock,
    log,
  );
  control.load();
  control.start();
  const birth = new HomeAssistantBirth(DEFAULT_TIMING, systemClock, () => {});
  const echo = new OwnEcho(topics.availability, DEFAULT_TIMING, systemClock, log, {
    onChange: () => {},
    onContradicted: () => {},
  });
  const known = [
    ...[...Object.values(topics.commands), ...Object.values(topics.rollouts)],
    ...Object.values(soundTopicsOf(topics, SMOKE.id).settings).map(({ command }) => command),
    ...[topics.availability, 'homeassistant/status'],
  ];
  const broker = { onMessage, setState() {}, waiting: [], written: async () => {} };
  const kept = { openAlarm: () => undefined, keepAlarm() {} };
  const openAlarms = new OpenAlarms(broker, topics.openAlarm, kept, systemClock, (event) =>
    eventPayload(event, { id: 'id', test: false, model: MODEL }),
  );
  openAlarms.endAbandoned((event) => openAlarms.event(event));

  const openAlarm = (text) =>
    JSON.stringify({
      topic: topics.openAlarm,
      payload: Buffer.from(text).toString('base64'),
      retained: true,
    });

  return {
    input(random) {
      if (below(random, 8) === 0) return openAlarm(mutateJsonText(random, OPEN_ALARM));
      const topic = pick(random, known);
      const payload = below(random, 3)
        ? mutateBytes(random, Buffer.from(pick(random, WORDS)), WORDS.map(Buffer.from))
        : Buffer.from(pick(random, WORDS).repeat(below(random, 600)));
      return JSON.stringify({
        topic: below(random, 8) ? topic : mutateText(random, topic),
        payload: payload.toString('base64'),
        retained: below(random, 4) === 0,
      });
    },
    async run(input) {
      const message = JSON.parse(input);
      message.payload = Buffer.from(message.payload, 'base64');
      listeners.get(message.topic)?.(message);
      birth.message(message);
      echo.message(message);
      await new Promise(setImmediate); // what was set is kept
      const again = new Settings(store, rule, {
        ...log,
        warn: (_, text) => {
          throw new Error(text);
        },
      });
      again.load();
    },
    stop() {
      control.stop();
      birth.cancel();
      echo.cancel();
    },
  };
}

function checkState(topic, text) {
  if (!/^(ON|OFF|low|normal|high|\d+(\.\d+)?)$/.test(text)) throw new Error(`${topic} says ${text}`);
}

function checkRule(rule) {
  for (const [name, { min, max }] of Object.entries(NUMBER_RANGES))
    if (!(rule[name] >= min && rule[name] <= max)) throw new Error(`${name} is ${rule[name]}`);
  if (rule.hits > rule.window) throw new Error(`${rule.hits} hits of ${rule.window} windows`);
}
