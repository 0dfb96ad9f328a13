import { watchOver } from './heartbeat.js';
import type { Notifier } from './systemd.js';

/** What shows whether a daemon does its work. */
export interface Watched {
  /** Sound arrives. */
  readonly online: () => boolean;
  /** How many windows have been analysed. */
  readonly windows: () => number;
}

/**
 * Sees to it that a process that hangs is started again: a thread of our own ends it, and where systemd watches it
 * hears nothing from one that hangs. Nor does it where sound arrives but is no longer analysed: that is a hang that
 * only a restart mends.
 *
 * @returns what ends it
 */
export function watchHangs(systemd: Notifier, { online, windows }: Watched): () => void {
  const endWatch = watchOver();
  if (systemd.watchdogIntervalMs === undefined) return endWatch;
  let analysed = -1;
  const timer = setInterval(() => {
    const now = windows();
    if (!online() || now > analysed) systemd.watchdog();
    analysed = now;
  }, systemd.watchdogIntervalMs);
  return () => {
    clearInterval(timer);
    endWatch();
  };
}
