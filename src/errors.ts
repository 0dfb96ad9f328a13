/**
 * Process exit codes, after BSD's sysexits.h, so that scripts and systemd can tell causes apart.
 */
export const ExitCode = {
  ok: 0,
  /** A bug: anything that is not a `UserError`. */
  software: 70,
  /** The command line is wrong: unknown command, option or argument. */
  usage: 64,
  /** A file's content is wrong: not audio, truncated, a corrupt model. */
  badData: 65,
  /** A file or device that was asked for does not exist or cannot be read; it may come later, so supervisors try again. */
  noInput: 66,
  /** Something this needs is not there: an engine, an optional package, a broker. */
  unavailable: 69,
  /** A result cannot be written: no permission, disk full. */
  cannotCreate: 73,
  /** The configuration is wrong, which does not mend itself. */
  config: 78,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/**
 * Something a person can mend. It is shown as two lines – what and where, then what to do –
 * and ends the process with its own exit code. Everything else that is thrown is a bug.
 */
export class UserError extends Error {
  override readonly name = 'UserError';

  /**
   * @param code exit code of the process
   * @param message what is wrong and where
   * @param hint how to mend it, an imperative sentence
   */
  constructor(
    readonly code: ExitCode,
    message: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * A result that cannot be written. Of a full disk that is said, and nothing else helps.
 *
 * @param hint what helps otherwise
 */
export function cannotWrite(
  path: string,
  error: unknown,
  hint = 'Choose a place that you may write to.',
): UserError {
  const full = ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
  return new UserError(
    ExitCode.cannotCreate,
    `${path} cannot be written: ${full ? 'the disk is full' : messageOf(error)}`,
    full ? 'Make room, then run it again.' : hint,
    { cause: error },
  );
}

/** What helps where the engine fails while it runs. */
export const ENGINE_HINT =
  'Start it again, as a supervisor does by itself; where it happens again, choose another engine (model.engine).';

/**
 * The code of a file that the configuration names and that is of no use: it may be wrong, or cannot be read now – the
 * disk that it lies on may be mounted late –, which is no reason to give up for good.
 */
export function fileErrorCode(error: unknown): ExitCode {
  return (error as NodeJS.ErrnoException).syscall === undefined ? ExitCode.config : ExitCode.noInput;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What remains of a message without its numbers and addresses: `[alsa @ 0x55d0c3f0] x` comes with another each time. */
export function kindOf(message: string): string {
  return message.replaceAll(/0x[0-9a-f]+|\d+/gi, '#');
}

/**
 * Why a native package does not load.
 *
 * @returns whether it is installed: then it only has to be built again, as after an upgrade of Node
 */
export function nativeFailure(error: unknown): { readonly reason: string; readonly installed: boolean } {
  const message = messageOf(error);
  const [built, running] = [...message.matchAll(/NODE_MODULE_VERSION (\d+)/g)].map(([, version]) => version);
  const reason = running
    ? `it was built for another version of Node (NODE_MODULE_VERSION ${built}, this one has ${running})`
    : (message.split('\n')[0] ?? '');
  const { code } = error as NodeJS.ErrnoException;
  return { reason, installed: code !== 'MODULE_NOT_FOUND' && code !== 'ERR_MODULE_NOT_FOUND' };
}
