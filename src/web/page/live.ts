import { computed, effect, signal } from '@preact/signals';
import type { Delivery, Entry, LiveMessage, LiveWindow, Problem, Status, Unanswered } from '../schemas.js';
import { link } from './link.js';
import { type Answer, ask, path } from './requests.js';
import { Sound } from './sound.js';

/** As long as the server keeps them. */
export const MOST_ENTRIES = 200;
/** Something is said every 5 s at least: whoever says nothing for longer is gone. */
const SILENT_MS = 15_000;
/** With them the WebSocket is closed where it is refused, against a policy or for now; the reason is a problem's code. */
const REFUSED = [1008, 1013];
const RETRY_MS = [1000, 2000, 4000, 8000, 15_000];

/** All that is known of the device, each by itself, so that only what shows it is drawn anew. */
export const refusal = signal<Answer>({ status: 0 });
export const status = signal<Status | undefined>(undefined);
export const states = signal<Readonly<Record<string, string>>>({});
/** Whether no sound arrives. */
export const offline = computed(() => states.value['input/availability'] === 'offline');
export const delivery = signal<Delivery>({ connected: false, queuedEvents: 0, droppedEvents: 0 });
/** The alarm that nobody has acknowledged. */
export const unanswered = signal<Unanswered | null>(null);
export const entries = signal<readonly Entry[]>([]);
export const latest = signal<LiveWindow | undefined>(undefined);
/** How far the device's clock is before this browser's. */
export const clockAheadMs = signal(0);
/** The last half minute, for whoever draws it. */
export const sound = new Sound();

/** When each window ended that was asked for after `hello`: one that came in between is said as well. */
let remembered: ReadonlySet<number> = new Set();
let tries = 0;
let opening = false;
/** When something was said last, by a clock that goes on while the computer sleeps: no timer does. */
let saidAtMs = 0;
/** Leaves the live stream, of which nothing is heard from then on. */
let hangUp = () => {};

document.addEventListener('visibilitychange', () => {
  if (link.value === 'open' && Date.now() - saidAtMs > SILENT_MS) giveUp();
});

// Whoever is asked for the password has been logged out, also where the stream has not noticed.
effect(() => {
  if (link.value === 'login') hangUp();
});

/** Asks whether we may look, and looks; tries again for ever. */
export async function open(): Promise<void> {
  if (opening || link.value === 'open') return;
  opening = true;
  const answer = await ask('GET', 'api/status');
  opening = false;
  if (answer.status === 200) listen();
  else if (answer.status === 403) refuse(answer);
  else if (answer.status !== 401) lost();
}

function listen(): void {
  const socket = new WebSocket(path('api/live').replace(/^http/, 'ws'));
  let watch = setTimeout(giveUp, SILENT_MS);
  // One after the other: after `hello` what was is asked for, and what is new waits for that.
  let taken = Promise.resolve();
  socket.onmessage = ({ data }) => {
    clearTimeout(watch);
    watch = setTimeout(giveUp, SILENT_MS);
    saidAtMs = Date.now();
    taken = taken.then(() => take(JSON.parse(String(data)) as LiveMessage, socket)).catch(reportError);
  };
  socket.onclose = ({ code, reason }) => {
    clearTimeout(watch);
    if (REFUSED.includes(code))
      refuse({ status: 0, denial: { code: reason as Problem['code'], problem: reason } });
    else lost();
  };
  hangUp = () => {
    clearTimeout(watch);
    socket.onmessage = socket.onclose = null;
    socket.close();
  };
}

/** Does not wait until the stream is closed: over a line that is dead that takes minutes. */
function giveUp(): void {
  hangUp();
  lost();
}

/** What was heard last is not what is heard now. */
function hush(): void {
  latest.value = undefined;
}

function lost(): void {
  hush();
  if (link.value !== 'refused') link.value = 'lost';
  setTimeout(() => void open(), RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
}

function refuse(answer: Answer): void {
  refusal.value = answer;
  link.value = 'refused';
  setTimeout(() => void open(), RETRY_MS.at(-1));
}

async function take(message: LiveMessage, socket: WebSocket): Promise<void> {
  if (socket.readyState !== WebSocket.OPEN) return;
  switch (message.type) {
    case 'hello':
      await greet(message.value, socket);
      return;
    case 'window':
      if (!remembered.has(message.value.at)) hear(message.value, states.value.alarm === 'ON');
      return;
    case 'state':
      states.value = { ...states.value, [message.value.name]: message.value.payload };
      if (offline.value) hush();
      return;
    case 'entry':
      note(message.value);
      return;
    case 'delivery':
      delivery.value = message.value;
      return;
    case 'unanswered':
      unanswered.value = message.value;
  }
}

/** Asks for what was. Without it nothing is shown: the whole is tried again. */
async function greet(now: Status, socket: WebSocket): Promise<void> {
  const clockAhead = now.nowMs - Date.now();
  const [{ value: history }, { value: windows }] = await Promise.all([
    ask<Entry[]>('GET', 'api/events'),
    ask<LiveWindow[]>('GET', 'api/windows'),
  ]);
  if (socket.readyState !== WebSocket.OPEN) return; // and then it is lost, whatever has come
  if (!history || !windows) return giveUp();
  tries = 0;
  status.value = now;
  states.value = now.states;
  delivery.value = now.delivery;
  unanswered.value = now.unanswered;
  entries.value = history;
  clockAheadMs.value = clockAhead;
  sound.begin(now.model.labels, now.hopSeconds);
  remembered = new Set(windows.map(({ at }) => at));
  for (const window of windows)
    hear(
      window,
      history.some((entry) => wasOn(entry, window.at)),
    );
  if (offline.value) hush();
  link.value = 'open';
}

/** Whether an alarm was on then. */
function wasOn({ events }: Entry, atMs: number): boolean {
  const [first] = events;
  const ended = events.find((event) => event.event_type === 'alarm_ended');
  const endMs = ended ? Date.parse(String(ended.at)) : Number.POSITIVE_INFINITY;
  return first?.event_type === 'alarm_started' && Date.parse(String(first.at)) <= atMs && atMs < endMs;
}

function hear(window: LiveWindow, alarm: boolean): void {
  latest.value = window;
  sound.push(window, alarm);
}

function note(entry: Entry): void {
  const known = entries.value.some(({ id }) => id === entry.id);
  entries.value = known
    ? entries.value.map((each) => (each.id === entry.id ? entry : each))
    : [entry, ...entries.value].slice(0, MOST_ENTRIES);
}
