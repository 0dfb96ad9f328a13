import { Input } from './audio/input.js';
import { createSource } from './audio/source.js';
import { systemClock } from './clock.js';
import type { Config } from './config.js';
import { VERSION } from './constants.js';
import { Listener } from './listener.js';
import { readBundle } from './model/bundle.js';
import { findBundle, modelShelves } from './model/shelf.js';
import { Pipeline } from './pipeline.js';
import { MqttPublisher } from './publish/client.js';
import { discoveryMessage } from './publish/discovery.js';
import { Reporter } from './publish/reporter.js';
import { topicsOf } from './publish/topics.js';
import { State, stateFolder } from './state.js';
import { Statistics } from './statistics.js';
import { createNotifier } from './systemd.js';
import type { AlarmEnded, Clock, DecisionEvent, Logger, ScoredWindow } from './types.js';

/** Outside of systemd nobody listens for the heartbeat. */
const WITHOUT_WATCHDOG_MS = 3_600_000;

export interface AppOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Sees every window; the demo's live line. */
  readonly onWindow?: (window: ScoredWindow) => void;
}

export interface App {
  /**
   * Settles when a file has been heard to its end or after `stop()`, everything published and closed.
   * Rejects with the UserError of a file that cannot be read.
   */
  readonly done: Promise<void>;
  readonly statistics: Statistics;
  /** Ends what is open, publishes it, and leaves nothing running. Can be called at any time. */
  stop(): Promise<void>;
}

/**
 * The composition root of the daemon: every part in start order; `stop` is its reverse.
 *
 * @throws UserError where configuration, model or engine do not fit
 */
export async function startApp({ config, log, clock = systemClock, onWindow }: AppOptions): Promise<App> {
  // What survives a restart
  const state = new State(stateFolder(config.stateDir, process.env), log);
  const deviceId = config.device.id ?? state.deviceId();

  // What listens: model, pipeline, decision
  const folder = await findBundle(config.model.name, modelShelves(state.folder));
  const pipeline = await Pipeline.create(await readBundle(folder), { ...config.model, alarm: config.alarm });
  const { model, rule } = pipeline;
  log.info({ model: model.name, version: model.version, engine: model.engine, alarm: rule }, 'model loaded');
  if (rule.labels.length === 0) log.warn({ head: config.model.head }, 'no class alarms: set alarm.labels');

  // Where messages go
  const topics = topicsOf({ prefix: config.mqtt.prefix, deviceId });
  const discovery = discoveryMessage({
    deviceId,
    deviceName: config.device.name,
    topics,
    model,
    version: VERSION,
    discoveryPrefix: config.discovery.prefix,
  });
  const mqtt = {
    ...config.mqtt,
    deviceId,
    topics,
    discovery: config.discovery.enabled ? discovery : undefined,
  };
  const publisher = new MqttPublisher(mqtt, log, clock);
  const statistics = new Statistics();
  const health = () => ({ ...statistics.health(), droppedWindows: listener.droppedWindows });
  const reporter = new Reporter(publisher, config.publish, model, topics, health, clock);

  const onEvent = (event: DecisionEvent) => {
    state.noteAlarm(event);
    reporter.event(event);
    log.warn('label' in event ? { label: event.label, episodeId: event.episodeId } : {}, event.type);
  };

  // Where sound comes from, and its way through the pipeline
  const source = createSource(config.input, log, clock);
  let reject: (error: unknown) => void;
  const failure = new Promise<never>((_, no) => {
    reject = no;
  });
  const listener = new Listener(
    pipeline,
    { hopSeconds: config.window.hopSeconds, live: source.live },
    {
      onWindow(result) {
        statistics.add(result, clock.wallMs());
        reporter.window(result.scored);
        onWindow?.(result.scored);
      },
      onEvent,
      onFailure: (error) => reject(error),
    },
    clock,
    log,
  );
  const systemd = createNotifier(log);
  const input = new Input(
    source,
    { ...config.input, backoffMaxSeconds: config.input.reopenMaxSeconds },
    {
      onChunk: (chunk) => listener.chunk(chunk),
      onOnline(gapSeconds) {
        log.info({ gapSeconds }, `sound arrives from ${source.description}`);
        listener.inputOnline(gapSeconds);
        reporter.inputOnline();
        systemd.status(`Listening to ${source.description}`);
      },
      onOffline(reason) {
        listener.inputOffline();
        reporter.inputOffline();
        systemd.status(`No sound: ${reason}`);
      },
    },
    clock,
    log,
  );

  // Start
  publisher.start();
  reporter.start();
  const abandoned = state.openAlarm();
  if (abandoned) onEvent(endedByRestart(abandoned, clock.wallMs()));
  input.start();
  systemd.ready();
  // Sound that arrives but is no longer analysed is a hang that only a restart mends.
  let analysed = -1;
  const watchdog = setInterval(() => {
    if (!input.stats.online || statistics.windows > analysed) systemd.watchdog();
    analysed = statistics.windows;
  }, systemd.watchdogIntervalMs ?? WITHOUT_WATCHDOG_MS);

  // Stop
  const shutDown = async () => {
    systemd.stopping();
    clearInterval(watchdog);
    await input.stop();
    await listener.stop();
    reporter.stop();
    await publisher.stop();
    await pipeline.close();
  };
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= shutDown();
    return stopped;
  };

  const heard = input.done.then(() => (stopped ? undefined : listener.finish()));
  return { done: Promise.race([heard, failure]).finally(stop), statistics, stop };
}

/** The end of an alarm that was on when the last run ended without ending it. */
function endedByRestart(
  open: Pick<AlarmEnded, 'episodeId' | 'label' | 'peakConfidence'> & { startedAtMs: number },
  nowMs: number,
): AlarmEnded {
  return {
    type: 'alarm_ended',
    episodeId: open.episodeId,
    label: open.label,
    peakConfidence: open.peakConfidence,
    atMs: nowMs,
    atSeconds: 0,
    durationSeconds: Math.max(0, (nowMs - open.startedAtMs) / 1000),
    endedBy: 'restart',
  };
}
