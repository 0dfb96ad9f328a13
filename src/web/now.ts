import { VERSION } from '../constants.js';
import type { Statistics } from '../system/statistics.js';
import type { ModelInfo, Unanswered } from '../types.js';
import type { Measures } from './metrics.js';
import type { Delivery, Status } from './schemas.js';

/**
 * How it is now, for whoever asks: a page that is opened, and monitoring. Nothing of it is kept here; what is new since
 * is told by `web.ts`.
 */

/** The parts of the daemon that know how it is. */
export interface NowSources {
  readonly device: Status['device'];
  readonly model: ModelInfo;
  readonly hopSeconds: number;
  readonly minLevelDbfs: number;
  readonly notifies: boolean;
  /** `<prefix>/<device>` */
  readonly base: string;
  readonly publisher: {
    readonly connected: boolean;
    readonly stats: Pick<Measures, 'reconnects' | 'queuedEvents' | 'droppedEvents'>;
    readonly states: ReadonlyMap<string, string>;
  };
  readonly statistics: Statistics;
  /** How this microphone is. */
  readonly condition: {
    readonly problems: readonly string[];
    /** Why nobody is listened to. */
    readonly deafness: readonly string[];
  };
  /** Windows that were lost. */
  readonly dropped: () => number;
  /** The latest alarm, while nobody has acknowledged it. */
  readonly unanswered: () => Unanswered | undefined;
}

/** @param password whether one is asked for */
export function statusNow(sources: NowSources, nowMs: number, password: boolean): Status {
  const { device, hopSeconds, minLevelDbfs, notifies, model, publisher, base, unanswered } = sources;
  const { name, version, engine, precision, labels, alarmLabels, alarmKinds } = model;
  const states = [...publisher.states]
    .filter(([topic]) => topic.startsWith(`${base}/`))
    .map(([topic, payload]) => [topic.slice(base.length + 1), payload] as const);
  return {
    ...{ device, version: VERSION, hopSeconds, minLevelDbfs, notifies, nowMs, password },
    model: {
      ...{ name, version, engine, precision },
      ...{ labels: [...labels], alarmLabels: [...alarmLabels], alarmKinds: [...alarmKinds] },
    },
    delivery: deliveryNow(sources),
    unanswered: unanswered() ?? null,
    states: Object.fromEntries(states),
  };
}

export function measuresNow(sources: NowSources): Measures {
  const { statistics, publisher, condition, dropped, unanswered, base } = sources;
  const said = (name: string) => publisher.states.get(`${base}/${name}`);
  const level = JSON.parse(said('level') ?? 'null') as { rmsDbfs: number } | null;
  const health = JSON.parse(said('health') ?? 'null') as { diskFreeMb: number | null } | null;
  return {
    uptimeSeconds: statistics.health().uptimeSeconds,
    windows: statistics.windows,
    droppedWindows: dropped(),
    vetoed: statistics.vetoed,
    inferenceMs: (q) => statistics.networkMs.quantile(q),
    latencyMs: (q) => statistics.latencyMs.quantile(q),
    levelDbfs: level?.rmsDbfs,
    diskFreeBytes: health?.diskFreeMb == null ? undefined : health.diskFreeMb * 1e6,
    problems: condition.problems,
    hears: condition.deafness.length === 0,
    alarm: said('alarm') === 'ON',
    unanswered: unanswered() !== undefined,
    sound: (id) => said(`sound/${id}`) === 'ON',
    enabled: said('enabled') === 'ON',
    reconnects: publisher.stats.reconnects,
    ...deliveryNow(sources),
  };
}

export function deliveryNow({ publisher }: NowSources): Delivery {
  const { connected, stats } = publisher;
  return { connected, queuedEvents: stats.queuedEvents, droppedEvents: stats.droppedEvents };
}
