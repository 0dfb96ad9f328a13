import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { MqttPublisher } from './publish/client.js';
import { endedByRestart, type OpenAlarm, openAlarmOf, openAlarmSchema, type State } from './storage/state.js';
import type { AlarmEnded, Clock, DecisionEvent } from './types.js';

/** An alarm as the broker keeps it, and by which process it is on. */
const atBrokerSchema = openAlarmSchema.extend({ run: z.string() });

/** Of an event that waits, what says which alarms are on. */
const waitingSchema = z.object({
  event_type: z.enum(['alarm_started', 'alarm_ended']),
  episodeId: z.string(),
  label: z.string(),
  kind: z.string().optional(),
  confidence: z.number().default(0),
  at: z.string(),
  test: z.literal(false),
});

/**
 * Sees to it that each alarm of which anybody has heard gets its end, whenever this process is killed or the power goes.
 * Who may be the only one to have heard of it also keeps that it is on:
 *
 * - the broker, by a retained message just before the event, because a disk takes its time;
 * - the outbox, by the very event, where the broker is away;
 * - the disk, once the outbox has the event, because a broker forgets.
 *
 * An end is told first and forgotten then: a cut in between may say it twice, of the same episode, and never not at all.
 */
export class OpenAlarms {
  readonly #run = randomUUID();
  #open: OpenAlarm | undefined;
  /** Episodes of earlier runs that have their end. */
  readonly #ended = new Set<string>();

  /**
   * @param topic where the broker keeps the alarm that is on
   * @param tell publishes an event
   */
  constructor(
    private readonly publisher: Pick<MqttPublisher, 'setState' | 'onMessage' | 'waiting' | 'written'>,
    private readonly topic: string,
    private readonly state: Pick<State, 'openAlarm' | 'keepAlarm'>,
    private readonly clock: Clock,
    private readonly tell: (event: DecisionEvent) => void,
  ) {}

  /** Tells an event, and keeps whether it leaves an alarm on. */
  event(event: DecisionEvent): void {
    if (event.type === 'alarm_started') {
      this.#open = openAlarmOf(event);
      this.#say();
    }
    this.tell(event);
    if (event.type === 'alarm_ended') {
      if (event.episodeId === this.#open?.episodeId) this.#open = undefined;
      this.#say();
    }
    if (event.type !== 'alarm_started' && event.type !== 'alarm_ended') return;
    const open = this.#open;
    void this.publisher.written().then(() => this.state.keepAlarm(open));
  }

  /**
   * Ends what earlier runs have left on, now and as soon as the broker tells of it. The publisher has started, and has
   * not been sent any event yet.
   */
  endAbandoned(onEvent: (event: AlarmEnded) => void): void {
    const waiting = this.publisher.waiting.map(waitingEvent).filter((event) => event !== undefined);
    for (const { event_type, episodeId } of waiting)
      if (event_type === 'alarm_ended') this.#ended.add(episodeId);
    const end = (alarm: OpenAlarm | undefined) => {
      if (!alarm || this.#ended.has(alarm.episodeId)) return;
      this.#ended.add(alarm.episodeId);
      onEvent(endedByRestart(alarm, this.clock.wallMs()));
    };
    const kept = this.state.openAlarm();
    for (const event of waiting) end(startedBy(event));
    end(kept);
    this.publisher.onMessage(this.topic, ({ payload, retained }) => {
      const alarm = retained ? atBroker(payload.toString()) : undefined;
      if (!alarm || alarm.run === this.#run) return;
      end(alarm);
      this.#say(); // also where its end was told by that run, which did not come to say so here
    });
  }

  /** An empty retained message is none. */
  #say(): void {
    const said = this.#open ? JSON.stringify({ ...this.#open, run: this.#run }) : '';
    this.publisher.setState(this.topic, said);
  }
}

function waitingEvent(payload: string): z.infer<typeof waitingSchema> | undefined {
  return waitingSchema.safeParse(JSON.parse(payload)).data;
}

function startedBy(event: z.infer<typeof waitingSchema>): OpenAlarm | undefined {
  if (event.event_type !== 'alarm_started') return undefined;
  const { episodeId, label, kind, confidence, at } = event;
  return openAlarmSchema.safeParse({
    ...{ episodeId, label, kind, peakConfidence: confidence },
    startedAtMs: Date.parse(at),
  }).data;
}

function atBroker(payload: string): z.infer<typeof atBrokerSchema> | undefined {
  try {
    return atBrokerSchema.parse(JSON.parse(payload));
  } catch {
    return undefined; // somebody else's, or damaged
  }
}
