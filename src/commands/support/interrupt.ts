/** Ctrl-C, a service manager, a terminal that is closed. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Starts something that runs until it is done or a signal asks it to stop, also one that comes while it starts.
 *
 * @returns what was started, after its end
 */
export async function untilStopped<T extends { readonly done: Promise<void>; stop(): Promise<void> }>(
  start: () => Promise<T>,
): Promise<T> {
  let running: T | undefined;
  let asked = false;
  const stop = () => {
    asked = true;
    void running?.stop();
  };
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  try {
    running = await start();
    if (asked) void running.stop();
    await running.done;
    return running;
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, stop);
  }
}

/**
 * Runs something long that Ctrl-C or SIGTERM shall end cleanly: the first signal aborts, and `action` is
 * expected to put things in order and return or throw.
 */
export async function interruptible<T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  try {
    return await action(controller.signal);
  } finally {
    process.off('SIGINT', abort);
    process.off('SIGTERM', abort);
  }
}
