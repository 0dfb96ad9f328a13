import { computed, signal } from '@preact/signals';
import { link } from './link.js';
import { clockAheadMs, delivery, entries, offline, states, status } from './live.js';
import { PARTS } from './problems.js';
import { storage } from './storage.js';

/** What the topic `health` says. */
interface Health {
  readonly problems: readonly string[];
  readonly uptimeSeconds: number;
  readonly memoryMb: number;
  /** 10⁶ bytes; null where nobody knows. */
  readonly diskFreeMb: number | null;
  readonly inferenceMs: number | null;
  readonly droppedWindows: number;
  readonly mqttReconnects: number;
  /** ISO 8601. */
  readonly at: string;
}

/** Apart, so that the other states, which change far more often, leave what is parsed of it as it is. */
const healthText = computed(() => states.value.health);
export const health = computed<Health | undefined>(() =>
  healthText.value === undefined ? undefined : (JSON.parse(healthText.value) as Health),
);

/** Moves, so that “3 minutes ago” does. */
export const nowMs = signal(Date.now());
setInterval(() => {
  nowMs.value = Date.now();
}, 10_000);

/** Wall clock of the device at which it was started; 0 where that is not known. */
const startedMs = computed(() => {
  const { at, uptimeSeconds } = health.value ?? {};
  return at === undefined || uptimeSeconds === undefined ? 0 : Date.parse(at) - 1000 * uptimeSeconds;
});

export const uptimeSeconds = computed(() =>
  startedMs.value === 0 ? 0 : Math.max(0, (nowMs.value + clockAheadMs.value - startedMs.value) / 1000),
);

/** What is wrong with a part. */
export function problemsOf(part: keyof typeof PARTS): readonly string[] {
  const known: readonly string[] = PARTS[part];
  return health.value?.problems.filter((problem) => known.includes(problem)) ?? [];
}

/** The latest sound beside the alarm that is an event, such as a smoke alarm's, while it lasts. */
export const sounding = computed(() =>
  entries.value
    .map(({ events }) => events[0])
    .find((event) => event?.event_type === 'sound_heard' && states.value[`sound/${event.sound}`] === 'ON'),
);

/** What people hang on the wall to be woken by: nobody acknowledges it, and what it warns of may last… */
const WARNINGS: readonly unknown[] = ['smoke_alarm', 'co_alarm'];
/** …so it is told for so long that it was heard. */
const TOLD_MS = 86_400_000;

/** …or until somebody hides it in this browser. Ids of events, of which so many are remembered. */
const HIDDEN_AS = 'hidden';
const MOST_HIDDEN = 50;
const hidden = signal<readonly string[]>(storage()?.getItem(HIDDEN_AS)?.split(' ') ?? []);

/** The last time that each of them was heard and is not any more, the latest first. */
export const heard = computed(() => {
  const sinceMs = nowMs.value + clockAheadMs.value - TOLD_MS;
  const warnings = entries.value.flatMap(({ events: [event] }) =>
    event?.event_type === 'sound_heard' && WARNINGS.includes(event.sound) ? [event] : [],
  );
  return warnings.filter(
    ({ sound, id, at }, k) =>
      !hidden.value.includes(String(id)) &&
      warnings.findIndex((each) => each.sound === sound) === k &&
      states.value[`sound/${sound}`] !== 'ON' &&
      Date.parse(String(at)) > sinceMs,
  );
});

export function hideHeard(): void {
  hidden.value = [...hidden.value, ...heard.value.map(({ id }) => String(id))].slice(-MOST_HIDDEN);
  storage()?.setItem(HIDDEN_AS, hidden.value.join(' '));
}

/** The one thing that a glance must tell, the gravest first. */
export type Condition =
  | 'opening'
  | 'lost'
  | 'deaf'
  | 'sounding'
  | 'off'
  | 'alone'
  | 'brokerless'
  | 'fault'
  | 'heard'
  | 'well';

export const condition = computed<Condition>(() => {
  if (link.value !== 'open') return link.value === 'opening' ? 'opening' : 'lost';
  const deaf = [...problemsOf('microphone'), ...problemsOf('engine')].some(
    (problem) => problem !== 'npu_failed' && problem !== 'windows_dropped',
  );
  if (deaf || offline.value) return 'deaf';
  if (sounding.value) return 'sounding';
  if (states.value.enabled === 'OFF') return 'off';
  const told = status.value?.notifies && !health.value?.problems.includes('notify_failed');
  if (!delivery.value.connected) return told ? 'brokerless' : 'alone';
  if ((health.value?.problems.length ?? 0) > 0) return 'fault';
  return heard.value.length > 0 ? 'heard' : 'well';
});
