import { computed, useSignal } from '@preact/signals';
import { type Condition, condition, health, heard, hideHeard, nowMs, sounding } from './health.js';
import { link } from './link.js';
import { clockAheadMs, entries, latest, states, status, unanswered } from './live.js';
import { type Answer, command, whyNot } from './requests.js';
import { alarmOf, problemText, soundOf, storyOf } from './story.js';
import { ago, decibels, nameOf, percent, t, timeOfDay } from './texts.js';

/** What a glance tells of an alarm. */
interface Alarm {
  readonly id: string;
  readonly what: string;
  /** Left out where nobody knows. */
  readonly atMs?: number | undefined;
  readonly seen: boolean;
}

/** The alarm that nobody has confirmed, as the daemon knows it, whatever the history has. */
const unseen = computed<Alarm | undefined>(() => {
  const alarm = unanswered.value;
  return alarm ? { id: alarm.episodeId, what: alarmOf(alarm), atMs: alarm.atMs, seen: false } : undefined;
});

const lastAlarm = computed<Alarm | undefined>(() => {
  if (unseen.value) return unseen.value;
  const entry = entries.value.find(({ events }) => events[0]?.event_type === 'alarm_started');
  if (!entry) return undefined;
  const { id, what, atMs, acknowledgedSeconds } = storyOf(entry);
  return { id, what, atMs, seen: acknowledgedSeconds !== undefined };
});

/** What a glance must answer: is it listening, is all well, what was that? */
export function Glance() {
  const known = link.value === 'open';
  const alarm = known && states.value.alarm === 'ON';
  const loud = alarm || condition.value === 'sounding';
  // What sounds now comes before an alarm that is over; the button is of that which the title tells.
  const open = known && (alarm || !loud) ? unseen.value : undefined;
  const what = lastAlarm.value?.what ?? '';
  const texts = t().state;
  const mood = alarm ? 'alarm' : open ? 'unseen' : condition.value;
  const title = alarm ? texts.alarm(what) : open ? texts.unseen(open.what) : conditionTitle(condition.value);
  document.title = [title, status.value?.device.name].filter(Boolean).join(' · ');
  return (
    <section class={`card glance ${mood}`} aria-label={title}>
      <Ear mood={mood} />
      <div class="words">
        {/* One that is new is read out; a role that changes is not. */}
        <p key={String(loud)} class="title" role={loud ? 'alert' : 'status'}>
          {title}
        </p>
        <p class="why">{alarm || open ? <AlarmSince alarm={alarm} /> : <Why />}</p>
        {known && condition.value !== 'heard' && <p class="why">{heardText()}</p>}
        {known && heard.value.length > 0 && (
          <button type="button" class="small" onClick={hideHeard}>
            {texts.hide}
          </button>
        )}
      </div>
      {open && <Acknowledge id={open.id} />}
    </section>
  );
}

/** @param id of the alarm that is on the screen: no other is meant, should one begin just now */
function Acknowledge({ id }: { id: string }) {
  const answer = useSignal<Answer | undefined>(undefined);
  const tell = async () => {
    answer.value = undefined; // so that the same words are said again
    answer.value = await command('acknowledge', JSON.stringify({ episodeId: id }));
  };
  return (
    <div class="acknowledge">
      <button type="button" class="primary" onClick={tell}>
        {t().acknowledge}
      </button>
      <p class="why" role="alert">
        {whyNot(answer.value)}
      </p>
    </div>
  );
}

function conditionTitle(now: Condition): string {
  if (now === 'heard') return `${t().state.listening} ${heardText()}`;
  if (now !== 'sounding') return t().state[now];
  return t().state.sounding(sounding.value ? soundOf(sounding.value) : '');
}

function AlarmSince({ alarm }: { alarm: boolean }) {
  const last = lastAlarm.value;
  if (!last) return null;
  const texts = t().state;
  const { atMs, seen } = last;
  const since = atMs !== undefined && (alarm ? texts.since(timeOfDay(atMs)) : agoOf(atMs));
  return (
    <>
      {[since, seen && texts.seen].filter(Boolean).map((text) => `${text} · `)}
      {condition.value === 'well' ? <Now /> : conditionTitle(condition.value)}
    </>
  );
}

/** The reason, or else what is heard just now and what was last. */
function Why() {
  const texts = t().state;
  switch (condition.value) {
    case 'opening':
      return null;
    case 'lost':
      return <>{texts.lostWhy}</>;
    case 'alone':
      return <>{texts.aloneWhy}</>;
    case 'brokerless':
      return <>{texts.brokerlessWhy}</>;
    case 'off':
      return <>{texts.offWhy}</>;
    case 'deaf':
    case 'fault':
      return <>{health.value?.problems.map(problemText).join('; ')}</>;
    case 'sounding':
    case 'heard':
      return <NowAndLast last={lastText()} />;
    case 'well':
      return <NowAndLast last={lastText() ?? texts.none} />;
  }
}

function NowAndLast({ last }: { last: string | undefined }) {
  return (
    <>
      <Now /> {last && <span class="last">{last}</span>}
    </>
  );
}

function Now() {
  const window = latest.value;
  if (!window) return null;
  const { label, scores, rmsDbfs } = window;
  const name = nameOf(t().classes, label);
  return (
    <span class="just">{t().state.now(`${name} ${percent(scores[label] ?? 0)}, ${decibels(rmsDbfs)}`)}</span>
  );
}

/** Smoke and carbon monoxide alarms of the last day that are over. */
function heardText(): string {
  const texts = heard.value.map((event) =>
    t().state.heard(soundOf(event), agoOf(Date.parse(String(event.at)))),
  );
  return texts.join(' · ');
}

function lastText(): string | undefined {
  const last = lastAlarm.value;
  if (!last) return undefined;
  const { what, atMs } = last;
  return t().state.last(atMs === undefined ? what : `${what}, ${agoOf(atMs)}`);
}

function agoOf(atMs: number): string {
  return ago(Math.max(0, (nowMs.value + clockAheadMs.value - atMs) / 1000));
}

/** Rings that move with the sound while it listens; its shape says the mood, too. */
function Ear({ mood }: { mood: string }) {
  const loud = Math.max(0, Math.min(1, 1 + (latest.value?.rmsDbfs ?? -90) / 70));
  const hears = ['well', 'fault', 'alone', 'brokerless', 'alarm', 'unseen', 'sounding', 'heard'].includes(
    mood,
  );
  return (
    <svg class="ear" viewBox="-50 -50 100 100" aria-hidden="true">
      {hears && <circle class="ring" r={26 + 22 * loud} />}
      <circle class="disc" r="26" />
      {SIGNS[mood] && <path class="sign" d={SIGNS[mood]} />}
    </svg>
  );
}

const SIGNS: Readonly<Record<string, string>> = {
  well: 'M-11 1l8 8 15-17',
  alarm: 'M0-14v17M0 12v1',
  unseen: 'M0-14v17M0 12v1',
  fault: 'M0-14v17M0 12v1',
  alone: 'M0-14v17M0 12v1',
  brokerless: 'M0-14v17M0 12v1',
  sounding: 'M0-14v17M0 12v1',
  heard: 'M0-14v17M0 12v1',
  deaf: 'M-10-10l20 20M10-10l-20 20',
  lost: 'M-10-10l20 20M10-10l-20 20',
  off: 'M-6-11v22M6-11v22',
};
