/** Every code that a {@link DtlsError} can have. */
export type DtlsErrorCode =
  /** An option is missing, unknown to the library or of the wrong kind; the sentence names it and what would be right. */
  | 'ERR_DTLS_INVALID_OPTION'
  /** A certificate or key is not the PEM or DER that it should be, or they do not belong together. */
  | 'ERR_DTLS_INVALID_CERT'
  | 'ERR_DTLS_INVALID_KEY'
  /** A fingerprint is not of the form `AB:CD:…`. */
  | 'ERR_DTLS_INVALID_FINGERPRINT'
  /** An address is not `host:port`. */
  | 'ERR_DTLS_INVALID_ADDRESS'
  /** The peer's certificate was refused; which check failed is in the code. */
  | 'ERR_DTLS_CERT_EXPIRED'
  | 'ERR_DTLS_CERT_NOT_YET_VALID'
  | 'ERR_DTLS_CERT_UNKNOWN_ISSUER'
  | 'ERR_DTLS_CERT_WRONG_NAME'
  | 'ERR_DTLS_CERT_WRONG_FINGERPRINT'
  | 'ERR_DTLS_CERT_BAD_SIGNATURE'
  | 'ERR_DTLS_CERT_REFUSED'
  /** The peer did not answer. */
  | 'ERR_DTLS_UNREACHABLE'
  /** The handshake was not complete in time. */
  | 'ERR_DTLS_HANDSHAKE_TIMEOUT'
  /** The peer sent a fatal alert. */
  | 'ERR_DTLS_ALERT'
  /** The peer and we have nothing in common: no suite, group, protocol, version. */
  | 'ERR_DTLS_INCOMPATIBLE'
  /** The peer broke the protocol. */
  | 'ERR_DTLS_PROTOCOL'
  /** The connection is not ready yet. */
  | 'ERR_DTLS_NOT_READY'
  /** The connection is closed. */
  | 'ERR_DTLS_CLOSED'
  /** A datagram is larger than `maxDatagramSize`. */
  | 'ERR_DTLS_TOO_LARGE'
  /** What carries the datagrams failed or ended. */
  | 'ERR_DTLS_TRANSPORT'
  /** The application ended the connection by an alert of its own choice. */
  | 'ERR_DTLS_ABORTED'
  /** A number of the protocol is used up: make a new connection. */
  | 'ERR_DTLS_EXHAUSTED'
  /** The WebAssembly module could not be loaded. */
  | 'ERR_DTLS_LOAD'
  /** This build of the module does not have the feature. */
  | 'ERR_DTLS_NOT_BUILT_IN'
  /** A fault of ours or of the platform. */
  | 'ERR_DTLS_INTERNAL';

/** The alert (RFC 9846 §6) that ended a connection. */
export interface DtlsAlert {
  /** Its name, as in `'handshake_failure'`. */
  readonly description: string;
  /** Its number. */
  readonly number: number;
  /** Who sent it. */
  readonly from: 'local' | 'remote';
}

/** What goes wrong in this library: a code to decide by, and a sentence to read. */
export class DtlsError extends Error {
  override readonly name = 'DtlsError';
  /** What kind of failure it is. */
  readonly code: DtlsErrorCode;
  /** The alert that was sent or received, if one was. */
  readonly alert?: DtlsAlert;

  constructor(code: DtlsErrorCode, message: string, options: { cause?: unknown; alert?: DtlsAlert } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    if (options.alert) this.alert = options.alert;
  }
}

/** An error for an option: what it is called, what it must be, and what was given. */
export function optionError(name: string, expected: string, given: unknown): DtlsError {
  return new DtlsError('ERR_DTLS_INVALID_OPTION', `The option ${name} must be ${expected}; it is ${shown(given)}.`);
}

/** What the bindings throw is a string, `CODE: sentence`; this makes it an error. */
export function fromBinding(thrown: unknown): unknown {
  if (typeof thrown !== 'string') return thrown;
  const colon = thrown.indexOf(': ');
  return new DtlsError(thrown.slice(0, colon) as DtlsErrorCode, thrown.slice(colon + 2));
}

/** A value in a sentence. Strings are cut: a key that was given in the wrong place must not end in a log. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value.length > 40 ? `a string of ${value.length} characters` : JSON.stringify(value);
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === 'function' ? 'a function' : `an object (${value.constructor?.name ?? 'without prototype'})`;
}
