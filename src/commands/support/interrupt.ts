/** Ctrl-C, a service manager, a terminal that is closed. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** So long putting everything in order may take: less than service managers wait before they kill. */
const LONGEST_STOP_MS = 10_000;

interface Stoppable {
  readonly done: Promise<void>;
  stop(reloading?: boolean): Promise<void>;
}

/**
 * Starts something that runs until it is done or a signal asks it to stop, also one that comes while it starts. A
 * second signal ends the process at once.
 *
 * @param onHangUp what SIGHUP does instead of stopping; true: what runs is to make room for something else
 * @returns what was started, after its end, and whether it was asked to stop for good
 */
export async function untilStopped<T extends Stoppable>(
  start: () => Promise<T>,
  onHangUp?: () => boolean,
): Promise<T & { readonly asked: boolean }> {
  let running: T | undefined;
  let asked: 'stop' | 'reload' | undefined;
  const forget = () => {
    for (const signal of STOP_SIGNALS) process.off(signal, stop);
  };
  const stop = (signal: NodeJS.Signals) => {
    if (signal === 'SIGHUP' && onHangUp) {
      if (asked === 'stop' || !onHangUp()) return;
      asked = 'reload';
    } else if (asked === 'stop') {
      forget();
      process.kill(process.pid, signal);
      return;
    } else {
      asked = 'stop';
      setTimeout(() => process.exit(), LONGEST_STOP_MS).unref();
    }
    void running?.stop(asked === 'reload');
  };
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  try {
    running = await start();
    if (asked) void running.stop(asked === 'reload');
    await running.done;
    return { ...running, asked: asked === 'stop' };
  } finally {
    forget();
  }
}

let running: AbortController | undefined;

/**
 * Runs something long that Ctrl-C or SIGTERM shall end cleanly: the first signal aborts, and `action` is
 * expected to put things in order. What returns then has done what it was to do; where it throws, the process ends
 * as what was interrupted ends, by that signal, for scripts to see.
 *
 * @param onInterrupted called before that
 */
export async function interruptible<T>(
  action: (signal: AbortSignal) => Promise<T>,
  onInterrupted: () => void = () => {},
): Promise<T> {
  const controller = new AbortController();
  let asked: NodeJS.Signals | undefined;
  const abort = (signal: NodeJS.Signals) => {
    asked ??= signal;
    controller.abort();
  };
  running = controller;
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  try {
    return await action(controller.signal);
  } catch (error) {
    if (!asked) throw error;
  } finally {
    process.off('SIGINT', abort);
    process.off('SIGTERM', abort);
    running = undefined;
  }
  onInterrupted();
  process.kill(process.pid, asked);
  return new Promise(() => {}); // until it has come
}

/** Aborts what is interruptible now. @returns whether there is anything; it throws when it is in order */
export function interrupt(): boolean {
  running?.abort();
  return running !== undefined;
}
