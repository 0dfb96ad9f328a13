/** What went wrong with a connection, in words for the person who has to mend it. */
const BY_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: is the broker running, and is the port right?',
  ENOTFOUND: 'the name of the host cannot be resolved',
  EAI_AGAIN: 'the name of the host cannot be resolved now: is the network up?',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'the host does not answer',
  ECONNRESET: 'the broker closed the connection (is its port one for TLS?)',
  EPIPE: 'the broker closed the connection',
  EPROTO: 'TLS failed: does this port of the broker speak TLS?',
  // Return codes of CONNACK, MQTT 3.1.1 section 3.2.2.3
  1: 'the broker does not speak this version of MQTT: set mqtt.protocol',
  2: 'the broker refuses the client id',
  3: 'the broker is not available now',
  4: 'user name or password is wrong',
  5: 'the broker refuses the login: user name or password is wrong or missing',
  // Reason codes of CONNACK, MQTT 5 section 3.2.2.2
  132: 'the broker does not speak this version of MQTT: set mqtt.protocol',
  133: 'the broker refuses the client id',
  134: 'user name or password is wrong',
  135: 'the broker refuses the login: user name or password is wrong or missing',
  136: 'the broker is not available now',
  137: 'the broker is busy',
  138: 'the broker has banned this client',
  159: 'the broker takes no more connections now',
  // https://nodejs.org/docs/latest-v20.x/api/tls.html#x509-certificate-error-codes
  CERT_HAS_EXPIRED: "the broker's certificate has expired",
  CERT_NOT_YET_VALID: "the broker's certificate is not valid yet: is the clock right?",
  ERR_TLS_CERT_ALTNAME_INVALID: "the broker's certificate is for another host name",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the broker's certificate is self-signed and not trusted",
  SELF_SIGNED_CERT_IN_CHAIN: "the broker's certificate authority is not trusted: is its CA file given?",
  UNABLE_TO_GET_ISSUER_CERT: "the broker's certificate authority is not trusted: is its CA file given?",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "the broker's certificate authority is not trusted: is its CA file given?",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the broker's certificate authority is not trusted: is its CA file given?",
  ERR_SSL_WRONG_VERSION_NUMBER: 'TLS failed: does this port of the broker speak TLS?',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the broker demands a client certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the broker does not trust the client certificate',
};

/** Reason codes of PUBACK, SUBACK and DISCONNECT, MQTT 5 section 2.4. */
const REASONS: Readonly<Record<number, string>> = {
  128: 'the broker refuses it',
  135: "the broker's access list does not allow it",
  139: 'the broker is shutting down',
  141: 'the broker has not heard of us in time',
  142: 'another client with its id has taken its place',
  143: 'the broker does not take this topic',
  144: 'the broker does not take this topic',
  149: 'it is longer than the broker takes',
  150: 'the broker gets too many messages',
  151: 'a quota of the broker is exceeded',
  152: 'an administrator of the broker has closed the connection',
  154: 'the broker keeps no retained messages',
};

/** Of PUBACK: the broker has taken it, and nobody is subscribed. A broker may say so, and need not. */
export const NOBODY = 0x10;
const TAKEN_OVER = 0x8e;
const TOO_LONG = 0x95;
/** With these the broker closes a connection whatever it was sent: busy, shutting down, silence, another client, a person. */
const NOT_BY_MESSAGE: readonly number[] = [0x89, 0x8b, 0x8d, TAKEN_OVER, 0x98];

/** Why the broker does not take a message or a subscription. */
export interface Refusal {
  readonly reason: string;
  readonly tooLong: boolean;
}

/** Undefined where the error is no answer of the broker; 0x80 is that of SUBACK in MQTT 3.1.1, too. */
export function refusalOf(error: Error): Refusal | undefined {
  // MQTT.js gives the answer to a publish as a code, and to a subscription as the packet.
  const { packet, code = packet?.granted?.[0] } = error as {
    code?: unknown;
    packet?: { granted?: number[] };
  };
  if (typeof code !== 'number' || code < 0x80) return undefined;
  return { reason: describeReason(code), tooLong: code === TOO_LONG };
}

export function describeReason(code: number): string {
  return REASONS[code] ?? `the broker refuses it (reason code ${code})`;
}

/** The end of a connection, as far as the broker is its cause. */
export interface HangUp {
  /** What it was sent may be why. */
  readonly byMessage: boolean;
  /** Another client with the same id is why. */
  readonly takenOver: boolean;
}

/**
 * Undefined where the broker has not closed the connection.
 *
 * @param reasonCode of DISCONNECT, where the broker has sent one (MQTT 5)
 */
export function hangUpOf(failure: Error | undefined, reasonCode: number | undefined): HangUp | undefined {
  if (reasonCode === undefined && !isHangUp(failure)) return undefined;
  return {
    byMessage: reasonCode === undefined || !NOT_BY_MESSAGE.includes(reasonCode),
    takenOver: reasonCode === TAKEN_OVER,
  };
}

/** The broker has closed the connection without a word, or with what it had not read yet. */
export function isHangUp(failure: Error | undefined): boolean {
  const code = (failure as NodeJS.ErrnoException | undefined)?.code;
  return failure === undefined || code === 'ECONNRESET' || code === 'EPIPE';
}

/**
 * @param error what MQTT.js reported, or nothing where the connection was just closed
 * @returns one clause without secrets: `nothing listens there: …`
 */
export function describeFailure(error: Error | undefined): string {
  if (error === undefined) return 'the broker closed the connection';
  const { code } = error as NodeJS.ErrnoException;
  const known = code === undefined ? undefined : BY_CODE[code];
  if (known !== undefined) return known;
  if (error.message === 'connack timeout') return 'it does not answer as an MQTT broker does';
  if (error.message === 'Keepalive timeout') return 'the broker stopped answering';
  return error.message || String(code);
}
