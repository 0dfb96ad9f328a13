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
  1: 'the broker does not speak MQTT 3.1.1',
  2: 'the broker refuses the client id',
  3: 'the broker is not available now',
  4: 'user name or password is wrong',
  5: 'the broker refuses the login: user name or password is wrong or missing',
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

/** The broker has closed the connection: with a word of its own, without one, or with what it had not read yet. */
export function isHangUp(error: Error | undefined): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return error === undefined || code === 'ECONNRESET' || code === 'EPIPE';
}

/** The broker has answered, and the answer is no (MQTT 5 section 2.4, SUBACK of 3.1.1 section 3.9.3). */
export function isRefusal(error: Error): boolean {
  const code: unknown = (error as { code?: unknown }).code;
  return typeof code === 'number' && code >= 0x80;
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
