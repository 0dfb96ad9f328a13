import type { Notifier } from './systemd.js';

/** What shows whether a daemon does its work. */
export interface Watched {
  /** How much sound has arrived. */
  readonly samples: () => number;
  /** How many windows have been analysed. */
  readonly windows: () => number;
}

/**
 * Where systemd watches this process, tells it that all is well: not where sound arrives but is no longer analysed, for
 * that is a hang that only a restart mends. It is told at the begin and the end as well: a reload, which comes between
 * those, has the time from one word to the next by itself.
 *
 * @returns what ends it
 */
export function tellWatchdog(systemd: Notifier, { samples, windows }: Watched): () => void {
  if (systemd.watchdogIntervalMs === undefined) return () => {};
  systemd.watchdog();
  let [arrived, analysed] = [-1, -1];
  const timer = setInterval(() => {
    const [sound, heard] = [samples(), windows()];
    if (sound === arrived || heard > analysed) systemd.watchdog();
    [arrived, analysed] = [sound, heard];
  }, systemd.watchdogIntervalMs);
  return () => {
    clearInterval(timer);
    systemd.watchdog();
  };
}
