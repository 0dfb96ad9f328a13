import type { UserError } from '../../errors.js';

/** A person's mistake in two lines: what is wrong, then what to do. */
export function printError({ message, hint }: UserError): void {
  console.error(`error: ${message}\n  hint: ${hint}`);
}
