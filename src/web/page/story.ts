import type { Entry, Unanswered } from '../schemas.js';
import { nameOf, t } from './texts.js';

type Event = Entry['events'][number];

/** What is told of an entry of the history, out of the messages that belong to it. */
export interface Story {
  readonly id: string;
  readonly type: string;
  readonly atMs: number;
  /** In the reader's words: “a fall or blow”. */
  readonly what: string;
  readonly test: boolean;
  readonly confidence: number | undefined;
  /** Of each window that led to it. */
  readonly windows: readonly number[];
  readonly evidence: number | undefined;
  readonly line: number | undefined;
  readonly durationSeconds: number | undefined;
  readonly acknowledgedSeconds: number | undefined;
  readonly acknowledgedBy: string | undefined;
  readonly repetitions: number;
  readonly verdict: string | undefined;
  readonly judgeable: boolean;
}

export function storyOf({ id, events, verdict, judgeable }: Entry): Story {
  const first = events[0] as Event;
  const ended = find(events, 'alarm_ended');
  const seen = find(events, 'alarm_acknowledged');
  const type = String(first.event_type);
  return {
    ...{ id, type, verdict, judgeable, what: whatOf(first, type) },
    atMs: Date.parse(String(first.at)),
    test: first.test === true,
    confidence: numberOf(first.confidence),
    windows: scoresOf(first.windows),
    evidence: numberOf(first.evidence),
    line: numberOf(first.line),
    durationSeconds: numberOf(ended?.durationSeconds),
    acknowledgedSeconds: numberOf(seen?.afterSeconds),
    acknowledgedBy: typeof seen?.by === 'string' ? seen.by : undefined,
    repetitions: events.filter((event) => event.event_type === 'alarm_escalated').length,
  };
}

function whatOf(event: Event, type: string): string {
  const texts = t();
  if (type === 'fault' && Array.isArray(event.problems))
    return texts.history.fault(event.problems.map((each) => problemText(String(each))).join('; '));
  if (type === 'sound_heard') return texts.history.heard(soundOf(event));
  if (type !== 'alarm_started') return nameOf(texts.history.types, type);
  return alarmOf(event);
}

/** An alarm's kind, or its class where none stands out, in the reader's words. */
export const alarmOf = ({ kind, label }: Event | Unanswered) =>
  typeof kind === 'string' ? nameOf(t().kinds, kind) : nameOf(t().classes, String(label));

/** What was heard beside the alarm, in the reader's words or as it is called in the configuration. */
export const soundOf = ({ name }: Event) => nameOf(t().sounds, String(name));

/** What is wrong, in the reader's words. */
export const problemText = (problem: string) => nameOf(t().problems, problem);

const find = (events: readonly Event[], type: string) => events.find((event) => event.event_type === type);
const numberOf = (value: unknown) => (typeof value === 'number' ? value : undefined);

/** `[{ at, abnormal: 0.9 }, …]` */
function scoresOf(windows: unknown): number[] {
  if (!Array.isArray(windows)) return [];
  return windows.flatMap((window: object) =>
    Object.values(window).filter((each) => typeof each === 'number'),
  );
}
