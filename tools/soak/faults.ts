import type { Mosquitto } from '../../test/support/mosquitto.js';
import type { TcpProxy } from '../../test/support/proxy.js';
import type { Pulse } from '../../test/support/pulse.js';
import type { Observer } from './observer.js';
import type { SupervisedDaemon } from './supervised.js';
import type { World } from './world.js';

/** Everything that faults are done to. */
export interface Parts {
  readonly world: World;
  readonly broker: Mosquitto;
  readonly proxy: TcpProxy;
  readonly observer: Observer;
  readonly pulse: Pulse;
  readonly daemon: SupervisedDaemon;
}

export interface Fault {
  readonly name: string;
  /** From the shortest to the longest it lasts, seconds; 0 where it is over at once. */
  readonly seconds: readonly [number, number];
  /** It ends the process of the daemon. */
  readonly isFatal?: boolean;
  begin(): void | Promise<void>;
  end?(): void | Promise<void>;
}

const HOUR_MS = 3_600_000;

/** What keeps the daemon from hearing: not while an alarm sounds, which would be none to wait for. */
export function hearingFaults({ world, pulse, daemon }: Parts): Fault[] {
  const capture = (signal: NodeJS.Signals) => {
    if (daemon.capturePid) process.kill(daemon.capturePid, signal);
  };
  let openings = 0;
  let frozen: number | undefined;
  return [
    { name: 'daemon killed', seconds: [0, 0], isFatal: true, begin: () => daemon.end('SIGKILL') },
    { name: 'daemon restarted', seconds: [0, 0], isFatal: true, begin: () => daemon.end('SIGTERM') },
    {
      name: 'daemon reloaded',
      seconds: [0, 0],
      begin() {
        openings = daemon.said('sound arrives');
        daemon.signal('SIGHUP');
      },
      // The old one hears to its end, so hearing alone does not tell.
      end: async () => void (await world.until(() => daemon.said('sound arrives') > openings, 60_000)),
    },
    {
      name: 'daemon stands still',
      seconds: [2, 60],
      begin: () => daemon.signal('SIGSTOP'),
      end: () => daemon.signal('SIGCONT'),
    },
    slowed(
      'daemon slow',
      world,
      daemon.signal.bind(daemon, 'SIGSTOP'),
      daemon.signal.bind(daemon, 'SIGCONT'),
    ),
    { name: 'capture killed', seconds: [0, 0], begin: () => capture('SIGKILL') },
    {
      name: 'capture stands still',
      seconds: [2, 60],
      begin() {
        frozen = daemon.capturePid;
        capture('SIGSTOP');
      },
      end() {
        // It may be another one by now.
        if (frozen === daemon.capturePid) capture('SIGCONT');
      },
    },
    { name: 'sound server killed', seconds: [1, 120], begin: () => pulse.kill(), end: () => pulse.start() },
    { name: 'sound server stands still', seconds: [2, 60], begin: pulse.pause, end: pulse.resume },
    slowed('sound server slow', world, pulse.pause, pulse.resume),
  ];
}

/** What keeps the daemon from being heard, or from keeping what it says: at any time. */
export function deliveryFaults({ world, broker, proxy, observer }: Parts, random: () => number): Fault[] {
  const comeBack = async () => {
    // Nothing that the broker takes may pass the observer by.
    proxy.set({ toBroker: 'hold', toClient: 'hold' });
    await broker.run();
    await observer.ready();
    proxy.set({});
  };
  const way = (name: string, ways: Parameters<TcpProxy['set']>[0]): Fault => ({
    name,
    seconds: [1, 90],
    begin: () => proxy.set(ways),
    end: () => proxy.set({}),
  });
  const clock = (name: string, offMs: () => number): Fault => ({
    name,
    seconds: [10, 600],
    begin: () => world.setClock(offMs()),
    end: () => world.setClock(0),
  });
  return [
    { name: 'broker killed', seconds: [0.5, 120], begin: () => broker.stop('SIGKILL'), end: comeBack },
    { name: 'broker restarted', seconds: [0.5, 10], begin: () => broker.stop(), end: comeBack },
    {
      name: 'broker stands still',
      seconds: [1, 120],
      begin() {
        observer.isCutOff = true;
        broker.pause();
      },
      end() {
        broker.resume();
        observer.isCutOff = false;
      },
    },
    slowed(
      'broker slow',
      world,
      () => broker.pause(),
      () => broker.resume(),
    ),
    way('network swallows what is sent', { toBroker: 'drop' }),
    way('network swallows acknowledgements', { toClient: 'drop' }),
    way('network stands still', { toBroker: 'hold', toClient: 'hold' }),
    { name: 'network cut', seconds: [0, 0], begin: () => proxy.cut() },
    {
      name: 'syncs take 2 s',
      seconds: [30, 600],
      begin: () => world.setSyncDelay(2000),
      end: () => world.setSyncDelay(0),
    },
    clock('clock set forward', () => (1 + 5 * random()) * HOUR_MS),
    clock('clock set back', () => -(1 + 5 * random()) * HOUR_MS),
    clock('clock in the year 2000', () => world.offTo(Date.UTC(2000, 0, 1))),
  ];
}

/** Half of the time it stands still. */
function slowed(name: string, world: World, pause: () => void, resume: () => void): Fault {
  let stopping = false;
  let ended: Promise<void> = Promise.resolve();
  const alternate = async () => {
    while (!stopping) {
      pause();
      await world.pass(500);
      resume();
      await world.pass(500);
    }
  };
  return {
    name,
    seconds: [10, 60],
    begin() {
      stopping = false;
      ended = alternate();
    },
    end() {
      stopping = true;
      return ended;
    },
  };
}
