import type { UserError } from '../../errors.js';

/** As it can be shown on a terminal: a file may have a name that clears the screen, or has lines of its own. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Something that ends nothing. */
export function warn(message: string): void {
  console.error(`warning: ${printable(message)}`);
}

/** Where an NPU was to compute and does not. */
export function warnOfFallback({ message, hint }: UserError): void {
  console.error(`warning: ${printable(message)}; the CPU takes over\n  hint: ${printable(hint)}`);
}

/**
 * A person's mistake in two lines: what is wrong, then what to do.
 *
 * @param lines whether what is wrong may be a list, a line each
 */
export function printError({ message, hint }: UserError, lines = false): void {
  const wrong = lines ? message.split('\n').map(printable).join('\n') : printable(message);
  console.error(`error: ${wrong}\n  hint: ${printable(hint)}`);
}
