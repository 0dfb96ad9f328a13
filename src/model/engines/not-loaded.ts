import { ExitCode, nativeFailure, UserError } from '../../errors.js';
import type { EngineName } from '../network.js';

/**
 * The error of an engine that was asked for and cannot be loaded.
 *
 * @param mend what a person does about it, whether its package is installed or not
 */
export function notLoaded(
  engine: EngineName,
  error: unknown,
  mend: (installed: boolean) => string,
): UserError {
  const { reason, installed } = nativeFailure(error);
  return new UserError(
    ExitCode.unavailable,
    `model.engine is ${engine}, which cannot be loaded: ${reason}`,
    `${mend(installed)} or set model.engine to auto.`,
    { cause: error },
  );
}
