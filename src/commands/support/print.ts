import type { UserError } from '../../errors.js';

/** Where an NPU was to compute and does not. */
export function warnOfFallback({ message, hint }: UserError): void {
  console.error(`warning: ${message}; the CPU takes over\n  hint: ${hint}`);
}

/** A person's mistake in two lines: what is wrong, then what to do. */
export function printError({ message, hint }: UserError): void {
  console.error(`error: ${message}\n  hint: ${hint}`);
}
