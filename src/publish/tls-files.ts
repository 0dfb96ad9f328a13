import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ExitCode, fileErrorCode, messageOf, UserError } from '../errors.js';
import { within } from '../system/within.js';
import type { Clock, Logger } from '../types.js';

/** So long an attempt to connect waits for a disk. */
const READ_MS = 1000;

/** PEM files: certificate authority of the broker, client certificate and its key. */
export interface TlsFileNames {
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** What they hold, as MQTT.js takes it. */
interface TlsFileContents {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/**
 * The files of a TLS connection, read again before each attempt to connect: certificates expire, and whoever replaces
 * them restarts nothing. While they cannot be used – the key is not there yet, say – the last good ones are.
 */
export class TlsFiles {
  /** What they held last; nothing before the first `renew`. */
  contents: TlsFileContents = {};
  #reading: Promise<void> | undefined;
  #said: string | undefined;

  constructor(
    private readonly names: TlsFileNames,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {}

  /** Reads them, but does not wait long: a disk that hangs is asked no second time. */
  async renew(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await within(this.clock, READ_MS, this.#reading);
  }

  async #read(): Promise<void> {
    try {
      const { caFile, certFile, keyFile } = this.names;
      const read = new Map<string, Buffer>();
      for (const file of [caFile, certFile, keyFile]) if (file) read.set(file, await readFile(file));
      this.contents = readTlsFiles(this.names, (file) => read.get(file) as Buffer);
      this.#said = undefined;
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== this.#said)
        this.log.warn({ problem }, 'the TLS files cannot be read again: the last good ones are used');
      this.#said = problem;
    }
  }
}

/**
 * Reads and checks what a TLS connection takes from files.
 *
 * @throws UserError configuration, where they do not hold what they should; no input, where one cannot be read
 */
export function readTlsFiles(
  { caFile, certFile, keyFile }: TlsFileNames,
  read: (file: string) => Buffer = (file) => readFileSync(file),
): TlsFileContents {
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new UserError(
      ExitCode.config,
      `the TLS client ${certFile === undefined ? 'key' : 'certificate'} is given alone`,
      'Give both the certificate and its key, or neither.',
    );
  /** @param check throws where the content is not what is wanted */
  const pem = (file: string, check: (pem: Buffer) => unknown) => {
    try {
      const content = read(file);
      check(content);
      return content;
    } catch (error) {
      throw new UserError(
        fileErrorCode(error),
        `TLS file ${file} cannot be used: ${messageOf(error)}`,
        'Give a PEM file that the daemon may read; a key must belong to its certificate.',
        { cause: error },
      );
    }
  };
  const ca = caFile === undefined ? undefined : pem(caFile, (content) => new X509Certificate(content));
  const cert = certFile === undefined ? undefined : pem(certFile, (content) => new X509Certificate(content));
  const key =
    keyFile === undefined || cert === undefined
      ? undefined
      : pem(keyFile, (content) => createSecureContext({ cert, key: content }));
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}
