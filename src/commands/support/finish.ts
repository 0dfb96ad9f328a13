import type { ExitCode } from '../../errors.js';

/** The action of a command: the process ends when everything is done, with the code that this returned. */
export function finish<Args extends unknown[]>(
  action: (...args: Args) => Promise<ExitCode>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    process.exitCode = await action(...args);
  };
}
