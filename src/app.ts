import { createSource } from './audio/source.js';
import { UsualQuiet } from './audio/usual-quiet.js';
import { watchedInput } from './audio/watched-input.js';
import type { Company } from './company.js';
import { Condition } from './condition.js';
import type { Config } from './config/schema.js';
import { wantedSounds } from './config/sections/sounds.js';
import { Control } from './control.js';
import type { UserError } from './errors.js';
import { factsOf } from './events.js';
import { keptOfAlarms } from './kept.js';
import { Listener } from './listener.js';
import { messageOptions } from './messages.js';
import { backboneFingerprint } from './model/fingerprint.js';
import type { SharedModels } from './model/shared-models.js';
import { modelShelves, readModel } from './model/shelf.js';
import { Notifier } from './notify/notifier.js';
import { OpenAlarms } from './open-alarms.js';
import { Pipeline } from './pipeline.js';
import { MqttPublisher } from './publish/client.js';
import { Reporter } from './publish/reporter.js';
import type { OpenDevice } from './storage/device.js';
import { DiskSpace } from './storage/disk-space.js';
import { KeptImpacts } from './storage/impacts.js';
import { LastHeard } from './storage/last-heard.js';
import { QuietStore } from './storage/quiet.js';
import type { Restarts } from './storage/restarts.js';
import { UnansweredAlarm } from './storage/unanswered.js';
import { systemClock as clock } from './system/clock.js';
import { Statistics } from './system/statistics.js';
import type { Notifier as SystemdNotifier } from './system/systemd.js';
import { sayQuietHours, ZoneWatch } from './system/time-zone.js';
import { tellWatchdog } from './system/watchdog.js';
import { within } from './system/within.js';
import type { DecisionEvent, KnownQuiet, Logger, Onlooker } from './types.js';

/** So long putting everything in order may take. */
const LONGEST_STOP_MS = 8000;

export interface AppOptions {
  readonly config: Config;
  /** What survives a restart. */
  readonly device: OpenDevice;
  /** How earlier runs have ended; of this one, whether it is asked to. */
  readonly restarts?: Restarts | undefined;
  readonly log: Logger;
  /** Forget what was set over MQTT. */
  readonly resetSettings?: boolean | undefined;
  /** What is heard is played, not lived: every event says so, and none is kept as an open alarm. */
  readonly test?: boolean;
  /** Where other microphones of this process hear with the same models. */
  readonly models?: SharedModels | undefined;
  /** All microphones of this process. */
  readonly company: Company;
  /** Tells systemd of this one. */
  readonly systemd: SystemdNotifier;
  /** Sees every window, event and sound; for what is shown on a terminal. */
  readonly onlooker?: Onlooker | undefined;
}

export interface App {
  /**
   * Settles when a file has been heard to its end or after `stop()`, everything published and closed.
   * Rejects with the UserError of a file that cannot be read.
   */
  readonly done: Promise<void>;
  readonly statistics: Statistics;
  /** Ends what is open, publishes it, and leaves nothing running, at any time; reloading: the process goes on. */
  stop(reloading?: boolean): Promise<void>;
  /** Resolves when nothing is written any more: after the stop, which does not wait for a disk that hangs. */
  ended(): Promise<void>;
}

/**
 * The composition root of the daemon: every part in start order; `stop` is its reverse.
 *
 * @throws UserError where configuration, model or engine do not fit
 */
export async function startApp({
  config,
  device,
  restarts,
  log,
  resetSettings,
  test = false,
  models,
  company,
  systemd,
  onlooker,
}: AppOptions): Promise<App> {
  const { id: deviceId, state, stateFolder } = device;

  // What listens: model, pipeline, decision
  const { bundle, head } = await (models ?? { readModel }).readModel(config.model, modelShelves(stateFolder));
  const sense = { ...config.sense, quietHours: config.quietHours };
  let sayNpuFailed = () => {};
  const onFallback = ({ message, hint }: UserError) => {
    log.error({ hint }, `${message}; the CPU takes over`);
    sayNpuFailed();
  };
  const computing = { ...config.model, head, models, onFallback };
  const sounds = wantedSounds(config.sounds);
  const pipeline = await Pipeline.create(bundle, { ...computing, alarm: config.alarm, sense, sounds });
  const { model, rule } = pipeline;
  const { name, version, engine, precision } = model;
  log.info({ model: name, version, engine, precision, alarm: rule }, 'model loaded');
  if (config.quietHours) sayQuietHours(config.quietHours, log);

  // Where messages go
  const { topics, features, mqtt } = messageOptions(config, deviceId, state, pipeline, log);
  const named = { ...config.device, id: deviceId };
  const publisher = new MqttPublisher(mqtt, log, clock);
  const statistics = new Statistics();
  const health = () => ({
    ...statistics.health(),
    ...disk.health(),
    droppedWindows: listener.droppedWindows,
  });
  const onTrouble = (any: boolean) => reporter.problems('telling', any ? ['notify_failed'] : []);
  const around = { device: named, web: config.web, topics, publisher, folder: state.folder, test, onTrouble };
  const notifier = new Notifier(config.notify, around, clock, log);
  const reporting = { ...config.publish, features, test, toldBeside: notifier.tells };
  const reporter = new Reporter(publisher, reporting, model, topics, health, clock);
  sayNpuFailed = () => reporter.problems('accelerator', ['npu_failed']);
  const disk = new DiskSpace(state.folder, (each) => reporter.problems('storage', each), clock, log);
  const tell = (event: DecisionEvent) => reporter.event(event);
  const openAlarms = test
    ? { event: tell, endAbandoned() {} }
    : new OpenAlarms(publisher, topics.openAlarm, state, clock, tell);
  const unanswered = test ? undefined : new UnansweredAlarm(state, clock, log);

  const condition = new Condition(topics.health, clock);
  publisher.onSaid((said) => condition.said(said));

  // What is kept of alarms
  const heardBy = { name, backbone: backboneFingerprint(bundle) };
  const veto = config.alarm.veto ? pipeline.veto : undefined;
  const { feedback, clips, history } = keptOfAlarms(config, state.folder, heardBy, veto, log, clock);
  const lastHeard = test ? undefined : new LastHeard(state, reporter.lastHeard.bind(reporter), clock);

  const onEvent = (event: DecisionEvent) => {
    openAlarms.event(event);
    unanswered?.event(event);
    feedback.event(event);
    if (event.type === 'alarm_started') clips?.alarm(event);
    onlooker?.event?.(event);
    log.warn(factsOf(event), event.type);
  };

  // Where sound comes from, and its way through the pipeline
  const source = createSource(config.input, log, clock);
  let reject: (error: unknown) => void;
  const failure = new Promise<never>((_, no) => {
    reject = no;
  });
  const listener = new Listener(
    pipeline,
    { ...config.sense, hopSeconds: config.window.hopSeconds, live: source.live },
    {
      onWindow(result) {
        statistics.add(result, clock.wallMs());
        condition.window();
        reporter.window(result.scored);
        lastHeard?.window(pipeline.sense.state, result.scored.endAtMs);
        feedback.window(result);
        clips?.window(result.scored);
        web?.window(result);
        onlooker?.heard?.(result.scored);
      },
      onEvent,
      onSense: (sensed) => reporter.sense(sensed),
      onSound(change) {
        reporter.sound(change);
        onlooker?.sound?.(change);
      },
      onImpacts: (waiting) => impacts?.keep(waiting),
      onEngineFailed: () => reporter.problems('engine', ['engine_failed']),
      onFailure: (error) => reject(error),
    },
    clock,
    log,
  );
  const microphone = `${source.description}, channel ${config.input.channel}`;
  const quiet = new QuietStore(state, microphone, clock);
  const impacts = test
    ? undefined
    : new KeptImpacts(state, microphone, clock, () => publisher.written(), log);
  const zone = new ZoneWatch();
  const onMinute = (known: KnownQuiet) => {
    quiet.keep(known);
    control.heardMinute(known);
    if (config.quietHours && zone.look()) sayQuietHours(config.quietHours, log);
    unanswered?.lookAtClock();
  };
  const input = watchedInput(
    source,
    { ...config.input, backoffMaxSeconds: config.input.reopenMaxSeconds },
    {
      onChunk(chunk) {
        clips?.chunk(chunk);
        web?.chunk(chunk);
        return listener.chunk(chunk);
      },
      onOnline(gapSeconds) {
        log.info({ gapSeconds }, `sound arrives from ${source.description}`);
        if (gapSeconds > 0) clips?.gap(gapSeconds);
        if (gapSeconds > 0) web?.gap();
        listener.inputOnline(gapSeconds);
        reporter.inputOnline();
        systemd.status(`Listening to ${source.description}`);
      },
      onOffline(reason) {
        listener.inputOffline();
        reporter.inputOffline();
        systemd.status(`No sound: ${reason}`);
      },
      onFaults: (faults) => reporter.problems('input', faults),
      onLost: (seconds) => listener.soundLost(seconds),
    },
    clock,
    log,
    new UsualQuiet(quiet.known, onMinute, () => pipeline.rule.minLevelDbfs),
  );

  // What it is told while it runs
  const onTest = () => onEvent({ type: 'test', atMs: clock.wallMs() });
  const { hopSeconds } = config.window;
  const parts = { publisher, topics, listener, reporter, feedback, store: state, sounds: pipeline.sounds };
  const rules = { rule, quietHours: config.quietHours, rollouts: config.mqtt.rollouts, hopSeconds };
  const longStay = config.sense.longStayMinutes > 0;
  const control = new Control({ ...parts, ...rules, longStay, onTest }, clock, log);

  // Where it can be seen; loaded by those alone who look
  const shown = {
    ...{ device: named, model, minLevelDbfs: rule.minLevelDbfs },
    listenedFor: { kinds: pipeline.kinds, sounds: pipeline.sounds.rules },
    ...{ hopSeconds, melRange: pipeline.melRange, notifies: notifier.tells },
    ...{ base: topics.base, publisher, statistics, history, dropped: () => listener.droppedWindows },
    ...{ condition, illness: () => company.illness(), unanswered: () => listener.unanswered },
    ...{ obey: control.obey.bind(control), judge: feedback.give.bind(feedback) },
  };
  const web = config.web.enabled
    ? new (await import('./web/web.js')).Web(config.web, shown, clock, log)
    : undefined;

  // Stop
  let endWatchdog = () => {};
  let unwatch = () => {};
  let failed = false;
  const shutDown = async (reloading: boolean) => {
    if (!reloading) systemd.stopping(); // systemd would take it for the end
    company.leave(deviceId);
    await web?.stop();
    await input.stop();
    quiet.stop();
    unwatch();
    await listener.stop();
    impacts?.keep(pipeline.sense.impacts);
    await clips?.stop();
    control.stop(); // what waits to be obeyed is, and is said
    lastHeard?.stop();
    unanswered?.stop();
    restarts?.stop(!failed, reloading);
    disk.stop();
    reporter.stop();
    await Promise.all([publisher.stop(), notifier.stop()]);
    await feedback.stop();
    await publisher.written(); // and with it whether an alarm is on
    impacts?.stop();
    await Promise.all([state.settled(), history.settled()]);
    await pipeline.close();
  };
  let stopped: Promise<void> | undefined;
  let ending: Promise<void> | undefined;
  const stop = (reloading = false) => {
    ending ??= shutDown(reloading);
    // A disk or an engine that hangs must not keep the process from whoever starts it again.
    stopped ??= within(clock, LONGEST_STOP_MS, ending).finally(() => endWatchdog());
    return stopped;
  };
  const ended = async () => ending;

  // Start
  try {
    const earlier = unanswered?.load();
    if (earlier) listener.resume(earlier);
    const waiting = impacts?.take();
    if (waiting) pipeline.sense.resume(waiting);
    restarts?.say((each) => reporter.problems('restarts', each));
    control.load(resetSettings);
    publisher.start();
    notifier.start(restarts?.told);
    reporter.start();
    company.join(deviceId, {
      illness: () => condition.illness,
      lacking: (any) => reporter.problems('company', any ? ['input_taken'] : []),
    });
    lastHeard?.start();
    disk.start();
    unwatch = device.watch(() => {
      publisher.keepAgain();
      notifier.keepAgain();
    }, clock);
    if (model.npu && model.engine !== 'neuron') sayNpuFailed();
    control.start();
    clips?.start();
    web?.start();
    openAlarms.endAbandoned(onEvent);
    input.start();
    systemd.ready();
    endWatchdog = tellWatchdog(systemd, {
      samples: () => input.samples,
      windows: () => statistics.windows,
    });
  } catch (error) {
    await stop(); // what has been started must not outlive this
    throw error;
  }

  const heard = input.done.then(() => (stopped ? undefined : listener.finish()));
  const lived = Promise.race([heard, failure]).catch((error) => {
    failed = true;
    throw error;
  });
  return { done: lived.finally(() => stop()), statistics, stop, ended };
}
