import { ExitCode, messageOf, UserError } from '../../errors.js';

export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly integer?: boolean;
}

/**
 * The number behind a flag.
 *
 * @throws UserError usage, where it is none or out of range
 */
export function numberFlag(flag: string, text: string, { min, max, integer = false }: NumberRange): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= min && value <= max && (!integer || Number.isInteger(value))) return value;
  throw new UserError(
    ExitCode.usage,
    `--${flag} ${text}: expected a ${integer ? 'whole ' : ''}number from ${min} to ${max}`,
    `Give another value for --${flag}, or leave it out.`,
  );
}

/**
 * `--group-by`: what names the recording in a path.
 *
 * @throws UserError usage
 */
export function patternFlag(text: string): RegExp {
  try {
    return new RegExp(text, 'u');
  } catch (error) {
    throw new UserError(
      ExitCode.usage,
      `--group-by ${text}: ${messageOf(error)}`,
      'Give a regular expression that finds the name of the recording in a path, for example ([^/]+)_\\d+$',
      { cause: error },
    );
  }
}
