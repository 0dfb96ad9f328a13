import { setTimeout as sleep } from 'node:timers/promises';
import { type App, type AppOptions, startApp } from './app.js';
import { Company } from './company.js';
import { SharedModels } from './model/shared-models.js';
import { openDevice } from './storage/device.js';
import { Taken } from './storage/lock.js';
import { Restarts } from './storage/restarts.js';
import { stateFolder } from './storage/state.js';
import { systemClock } from './system/clock.js';
import { LONGEST_MS, LONGEST_START_MS, watchOver } from './system/heartbeat.js';
import { createNotifier, partsOf } from './system/systemd.js';
import { within } from './system/within.js';
import type { Logger } from './types.js';

const LONGEST_RELEASE_MS = 3000;
/** From one look at a device that another process has to the next. */
export const RETRY_MS = 5000;
/** Where the process goes on, it needs its devices again: what an earlier configuration still writes would escape the new one. */
const LONGEST_HANDOVER_MS = 60_000;

/** What is the same for every run of a device. */
type RoomOptions = Omit<AppOptions, 'device' | 'restarts'>;
type Options = Omit<RoomOptions, 'models' | 'company' | 'systemd'>;
type Daemon = Omit<App, 'ended'>;

/**
 * Starts the daemon of each microphone in the folder of its device, which it holds until its end: devices of their own
 * that share a process and the models. What happens to the sound or the broker of one is no matter to the others; nor
 * is that another process has its device, which is waited for.
 *
 * @param all with an id of its own in each configuration, where there are several
 * @returns of several, what stands for all: done when all are, or one has failed, which ends the others; the statistics
 *   of the first
 * @throws UserError where configuration, model or engine do not fit, or other processes have all devices
 */
export async function startDevices(all: readonly Options[]): Promise<Daemon> {
  // From here on nothing that hangs keeps it: not the disk, not the engine while it loads or later.
  const watch = watchOver(LONGEST_START_MS);
  const several = all.length > 1;
  const models = several ? new SharedModels() : undefined;
  const company = new Company(several);
  const names = all.map(({ config }) => config.device.id ?? 'this');
  const systemd = createNotifier(all[0]!.log);
  systemd.watchdog(); // a reload may have waited long for what was still written
  const parts = partsOf(systemd, names);
  const rooms = all.map((options, i) => {
    const log = several ? labelled(options.log, names[i]!) : options.log;
    return new Room({ ...options, log, models, company, systemd: parts[i]! }, names[i]!, names);
  });
  const stop = async (reloading?: boolean) => {
    await Promise.all(rooms.map((room) => room.stop(reloading)));
  };
  try {
    for (const room of rooms) await room.start();
    const first = rooms.find(({ app }) => app);
    if (!first) throw rooms[0]!.taken;
    watch.allow(LONGEST_MS);
    systemd.ready();
    const done = Promise.all(rooms.map((room) => room.life())).then(() => {});
    const ended = done.catch(async (error) => {
      await stop();
      throw error;
    });
    const { statistics } = first.app!;
    return { stop, statistics, done: ended.finally(() => watch.end()) };
  } catch (error) {
    await stop();
    watch.end();
    throw error;
  }
}

/** The daemon of one microphone, or what waits to start it. */
class Room {
  app: Daemon | undefined;
  /** Another process has its device. */
  taken: Taken | undefined;
  readonly #stopping = new AbortController();
  #starting: Promise<void> | undefined;

  /** @param names of all, this one's among them */
  constructor(
    private readonly options: RoomOptions,
    private readonly name: string,
    private readonly names: readonly string[],
  ) {}

  /** @throws UserError as startApp does; not where another process has the device */
  start(): Promise<void> {
    this.#starting = this.#start();
    return this.#starting;
  }

  /** Until it has ended, or is stopped. */
  async life(): Promise<void> {
    const { signal } = this.#stopping;
    const { log, systemd } = this.options;
    if (this.taken) {
      const { message: problem, hint } = this.taken;
      log.error({ problem, hint }, 'the others hear without it; it starts when it is free');
      systemd.ready(); // it waits: the service goes on, also where the others have ended
      systemd.status('another process has it');
    }
    while (!this.app && !signal.aborted) {
      systemd.watchdog();
      await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
      if (!signal.aborted) await this.start();
    }
    await this.app?.done;
  }

  async stop(reloading?: boolean): Promise<void> {
    this.#stopping.abort();
    await this.#starting?.catch(() => {}); // whoever has begun it hears of that
    if (this.app) await this.app.stop(reloading);
    else if (!reloading) this.options.systemd.stopping();
  }

  async #start(): Promise<void> {
    try {
      this.app = await startOnDevice(this.options, this.names);
      this.taken = undefined;
    } catch (error) {
      if (!(error instanceof Taken)) throw error;
      this.taken = error;
      this.options.company.miss(this.name);
    }
  }
}

async function startOnDevice(options: RoomOptions, names: readonly string[]): Promise<Daemon> {
  const { config, log, test = false } = options;
  const folder = stateFolder(config.stateDir, process.env);
  const device = await openDevice(folder, config.device.id, config.input, log, names);
  const restarts = test ? undefined : new Restarts(device.state, systemClock, log);
  restarts?.start(); // before the model is loaded: a run may be shorter than what a disk needs
  // A disk that hangs must not keep the process.
  const release = (ms: number, app?: App) =>
    within(systemClock, ms, Promise.resolve(app?.ended()).then(device.release));
  try {
    const app = await startApp({ ...options, device, restarts });
    let longestMs = LONGEST_RELEASE_MS;
    const stop = (reloading?: boolean) => {
      if (reloading) longestMs = LONGEST_HANDOVER_MS;
      return app.stop(reloading);
    };
    return { ...app, stop, done: app.done.finally(() => release(longestMs, app)) };
  } catch (error) {
    restarts?.stop(true);
    await release(LONGEST_RELEASE_MS);
    throw error;
  }
}

/** A log of which each line says whose it is. */
function labelled(log: Logger, device: string): Logger {
  const say =
    (level: keyof Logger) =>
    (fields: object, text: string): void =>
      log[level]({ device, ...fields }, text);
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
}
