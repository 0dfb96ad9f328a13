import { createRequire } from 'node:module';
import { messageOf } from '../errors.js';
import type { Logger } from '../types.js';

/** Tells systemd how the service is (`Type=notify`); every call does nothing outside of such a service. */
export interface Notifier {
  /** The service works: `systemctl start` returns. */
  ready(): void;
  /** Still alive. Due every `watchdogIntervalMs`, or systemd kills and restarts the service. */
  watchdog(): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  stopping(): void;
  /** Half of the unit's `WatchdogSec`, as sd_watchdog_enabled(3) advises; missing where none is set. */
  readonly watchdogIntervalMs?: number;
}

/**
 * Connects to the service manager named by `$NOTIFY_SOCKET`.
 *
 * Node's own sockets cannot speak to unix datagram sockets, so libsystemd does it (sd_notify(3)). The
 * message comes from this very process, so `NotifyAccess=main` is enough.
 *
 * @param log gets one warning if systemd waits for messages that cannot be sent
 */
export function createNotifier(log: Logger, library = 'libsystemd.so.0'): Notifier {
  if (!process.env.NOTIFY_SOCKET) return notifier(() => {});
  try {
    // Loaded only here: it costs 10 ms and 5 MB that nobody needs who runs outside of systemd.
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const notify = koffi.load(library).func('int sd_notify(int, const char *)');
    const unsetEnvironment = 0;
    return notifier((state) => notify(unsetEnvironment, state));
  } catch (error) {
    log.warn(
      { error: messageOf(error) },
      'cannot tell systemd that the service is ready: install libsystemd0',
    );
    return notifier(() => {});
  }
}

/**
 * A part for each microphone of one process. The whole is alive while all are that have begun (`ready`) and not ended
 * (`stopping`), and stops with the last of them; its line says of each how it is. When it is ready, it says itself.
 *
 * @param names of the parts
 */
export function partsOf(whole: Notifier, names: readonly string[]): Notifier[] {
  const going = new Set<string>();
  const alive = new Set<string>();
  const status = new Map<string, string>();
  const tellAlive = () => {
    if ([...going].some((name) => !alive.has(name))) return;
    alive.clear();
    whole.watchdog();
  };
  const tellStatus = (name: string, text: string) => {
    status.set(name, text);
    const lines = [...status].map(([each, said]) => (names.length > 1 ? `${each}: ${said}` : said));
    whole.status(lines.join('; '));
  };
  return names.map((name) => ({
    ready: () => {
      going.add(name);
      alive.add(name); // the others need not wait for its first word
    },
    watchdog: () => {
      alive.add(name);
      tellAlive();
    },
    status: (text) => tellStatus(name, text),
    stopping: () => {
      going.delete(name);
      if (going.size === 0) return whole.stopping();
      tellStatus(name, 'ended');
      tellAlive(); // the others may have waited for its word
    },
    ...(whole.watchdogIntervalMs !== undefined && { watchdogIntervalMs: whole.watchdogIntervalMs }),
  }));
}

function notifier(send: (state: string) => void): Notifier {
  const watchdogUs = watchdogMicroseconds();
  return {
    ready: () => send('READY=1'),
    watchdog: () => send('WATCHDOG=1'),
    // A line break would start the next variable of the message.
    status: (text) => send(`STATUS=${text.replaceAll(/\s+/g, ' ')}`),
    stopping: () => send('STOPPING=1'),
    ...(watchdogUs > 0 && { watchdogIntervalMs: watchdogUs / 1000 / 2 }),
  };
}

/** `$WATCHDOG_USEC` where it is meant for this process; 0 where there is no watchdog. */
function watchdogMicroseconds(): number {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = process.env;
  if (!NOTIFY_SOCKET || (WATCHDOG_PID && WATCHDOG_PID !== String(process.pid))) return 0;
  return Number(WATCHDOG_USEC) || 0;
}
