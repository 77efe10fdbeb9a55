// Options: their public types, and the only place that checks them.

import { Config as RawConfig, Roots } from './dtls_wasm.js';
import { DtlsError, fromBinding, optionError } from './errors.js';

/** A certificate and its private key. */
export interface CertificateSource {
  /** The certificate, and behind it those that lead to a root: PEM text, DER bytes, or an array of either. */
  cert: string | Uint8Array | readonly (string | Uint8Array)[];
  /** The private key of the first certificate (P-256 or Ed25519): PEM text, or PKCS #8 or SEC 1 DER bytes. */
  key: string | Uint8Array;
}

/** A certificate's fingerprint, as in SDP (RFC 8122) and `RTCDtlsFingerprint`. */
export interface Fingerprint {
  /** The hash: `'sha-256'`, `'sha-384'` or `'sha-512'`. */
  algorithm: string;
  /** Its value: `AB:CD:…`. */
  value: string;
}

/** What both roles, and all ways to make a connection, take. */
export interface ConfigOptions {
  /** Our certificate and key; several if there is one for each of several names or kinds of key. A server needs one. */
  certificate?: CertificateSource | readonly CertificateSource[] | undefined;
  /** With `key`, short for `certificate: { cert, key }`. */
  cert?: CertificateSource['cert'] | undefined;
  /** With `cert`, short for `certificate: { cert, key }`. */
  key?: CertificateSource['key'] | undefined;
  /** Root certificates that the peer's certificate must lead to: PEM text (which may hold many), DER bytes, or an array. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** The peer's certificate must have one of these fingerprints. Instead of `ca`: for certificates that sign themselves. */
  remoteFingerprints?: readonly Fingerprint[] | undefined;
  /** Servers: ask for a client certificate. Implied by `remoteFingerprints`. Default: false. */
  requestCert?: boolean | undefined;
  /**
   * Refuse a peer whose certificate cannot be verified. Default: true. With false *any* certificate is accepted, and
   * anybody on the way can read and change everything, unless you check `getRemoteCertificates()` yourself.
   */
  rejectUnauthorized?: boolean | undefined;
  /** The application protocols to offer or accept (RFC 7301), best first. */
  ALPNProtocols?: readonly string[] | undefined;
  /** The SRTP profiles to offer or accept (RFC 5764), best first, as in `'SRTP_AEAD_AES_128_GCM'`. */
  srtpProfiles?: readonly string[] | undefined;
  /** The cipher suites, best first, as in `'TLS_CHACHA20_POLY1305_SHA256'`: an array, or one string with colons. */
  ciphers?: string | readonly string[] | undefined;
  /** The groups for the key exchange, best first, as in `'x25519'`: an array, or one string with colons. */
  groups?: string | readonly string[] | undefined;
  /** Clients: the groups to send a key share for at once. Default: the first, and a classical one beside a hybrid. */
  keyShares?: string | readonly string[] | undefined;
  /** The largest datagram to send, in bytes, 256 to 65507. Default: the transport's if it says, else 1200. */
  maxDatagramSize?: number | undefined;
  /** How long the handshake may take, in milliseconds. Default: 60000. */
  handshakeTimeout?: number | undefined;
  /** How long to wait for an answer before a flight is sent again, in milliseconds; each time twice as long. Default: 1000. */
  initialTimeout?: number | undefined;
  /** The longest such wait, in milliseconds. Default: 60000. */
  maxTimeout?: number | undefined;
  /** How often a flight is sent again before the peer counts as unreachable. Default: 12. */
  maxRetransmissions?: number | undefined;
  /**
   * Servers with many clients: make each client show that it receives at its address before anything is kept for it
   * (RFC 9147 §5.1). Default: true.
   */
  cookie?: boolean | undefined;
}

/** What to generate. */
export interface CertificateOptions {
  /** The kind of key. Default: `'P-256'`, which every peer knows. */
  algorithm?: 'P-256' | 'Ed25519' | undefined;
  /** The DNS names and IP addresses that it is for. Default: `['localhost']`. */
  names?: readonly string[] | undefined;
  /** How long it is valid, in days, from now on. Default: 365. */
  days?: number | undefined;
}

/** A certificate that signs itself. */
export interface GeneratedCertificate {
  /** The certificate, PEM. */
  cert: string;
  /** The private key, PKCS #8, PEM. */
  key: string;
  /** The SHA-256 fingerprint of the certificate: `AB:CD:…`. */
  fingerprint: string;
}

const CONFIG_OPTIONS = [
  'certificate', 'cert', 'key', 'ca', 'remoteFingerprints', 'requestCert', 'rejectUnauthorized', 'ALPNProtocols', 'srtpProfiles', 'ciphers',
  'groups', 'keyShares', 'maxDatagramSize', 'handshakeTimeout', 'initialTimeout', 'maxTimeout', 'maxRetransmissions', 'cookie',
];

/**
 * A misspelt option would be silently without effect, and some of them decide whom to trust: unknown ones are refused.
 *
 * @internal
 */
export function refuseUnknown(options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw optionError('options', 'an object', options);
  const all = [...CONFIG_OPTIONS, ...known];
  const unknown = Object.keys(options).find((name) => !all.includes(name));
  if (unknown !== undefined) {
    throw new DtlsError('ERR_DTLS_INVALID_OPTION', `There is no option ${unknown} here. The options are ${all.join(', ')}.`);
  }
}

/**
 * Checks what can be checked without the WebAssembly module, so that the caller's stack shows who is wrong.
 *
 * @internal
 */
export function checkConfig(role: 'client' | 'server', options: ConfigOptions): void {
  for (const name of ['maxDatagramSize', 'handshakeTimeout', 'initialTimeout', 'maxTimeout', 'maxRetransmissions'] as const) checkNumber(name, options[name]);
  for (const name of ['requestCert', 'rejectUnauthorized', 'cookie'] as const) checkBoolean(name, options[name]);
  for (const name of ['ALPNProtocols', 'srtpProfiles', 'remoteFingerprints'] as const) checkArray(name, options[name]);
  for (const name of ['ciphers', 'groups', 'keyShares'] as const) {
    if (typeof options[name] !== 'string') checkArray(name, options[name]);
  }
  for (const { cert, key } of certificatesOf(options)) {
    for (const part of list(cert)) checkBytes('cert', part);
    if (list(cert).length === 0) throw optionError('cert', 'PEM text or DER bytes', cert);
    checkBytes('key', key);
  }
  for (const part of list(options.ca)) checkBytes('ca', part);
  for (const fingerprint of options.remoteFingerprints ?? []) {
    if (typeof fingerprint?.algorithm !== 'string' || typeof fingerprint.value !== 'string') {
      throw optionError('remoteFingerprints', 'an array of { algorithm, value }', fingerprint);
    }
  }
  if (options.remoteFingerprints?.length === 0) throw optionError('remoteFingerprints', 'an array of at least one', options.remoteFingerprints);
  if (options.remoteFingerprints && options.ca !== undefined) {
    throw new DtlsError('ERR_DTLS_INVALID_OPTION', 'Give either ca or remoteFingerprints: the one is for certificates that a root vouches for, the other for certificates that sign themselves.');
  }
  if (role === 'server' && certificatesOf(options).length === 0) {
    throw new DtlsError('ERR_DTLS_INVALID_OPTION', 'A server needs a certificate and its key: the options cert and key. generateCertificate() makes them.');
  }
  if ((role === 'client' || options.requestCert) && !verifies(options)) {
    throw new DtlsError('ERR_DTLS_INVALID_OPTION', 'How is the peer to be known? Give ca (roots that vouch for its certificate) or remoteFingerprints (of its certificate); or rejectUnauthorized: false to accept anybody.');
  }
}

function verifies(options: ConfigOptions): boolean {
  return options.remoteFingerprints !== undefined || options.ca !== undefined || options.rejectUnauthorized === false;
}

/** Roots that were read once. Only frozen arrays of text are kept: they cannot change. `tls.rootCertificates` is one. */
const readRoots = new WeakMap<object, Roots>();

/**
 * Makes the configuration; what only the core can check is checked here.
 *
 * @internal
 */
export function buildConfig(role: 'client' | 'server', options: ConfigOptions): RawConfig {
  checkConfig(role, options);
  const raw = new RawConfig(role === 'server');
  try {
    for (const { cert, key } of certificatesOf(options)) {
      for (const part of list(cert)) raw.addCertificate(bytesOf(part));
      raw.useKey(bytesOf(key));
    }
    if (options.rejectUnauthorized === false) raw.acceptAnyPeer();
    else if (options.remoteFingerprints) for (const { algorithm, value } of options.remoteFingerprints) raw.addFingerprint(`${algorithm} ${value}`);
    else if (options.ca !== undefined) raw.setRoots(rootsOf(options.ca));
    if (options.requestCert ?? options.remoteFingerprints) raw.requestCertificate(options.rejectUnauthorized !== false);
    for (const name of options.ALPNProtocols ?? []) raw.addAlpnProtocol(name);
    for (const name of options.srtpProfiles ?? []) raw.addSrtpProfile(name);
    if (options.ciphers !== undefined) raw.setCipherSuites(names(options.ciphers));
    if (options.groups !== undefined) raw.setGroups(names(options.groups));
    if (options.keyShares !== undefined) raw.setKeyShares(names(options.keyShares));
    if (options.maxDatagramSize !== undefined) raw.setMaxDatagramSize(options.maxDatagramSize);
    raw.setTimeouts(options.initialTimeout, options.maxTimeout, options.maxRetransmissions, options.handshakeTimeout);
    if (options.cookie === false) raw.withoutCookie();
    raw.check();
    return raw;
  } catch (thrown) {
    raw.free();
    throw fromBinding(thrown);
  }
}

/** @internal */
export function checkCertificateOptions(options: CertificateOptions): { algorithm: string; names: readonly string[]; days: number } {
  const { algorithm = 'P-256', names = ['localhost'], days = 365, ...unknown } = options;
  const [other] = Object.keys(unknown);
  if (other !== undefined) throw new DtlsError('ERR_DTLS_INVALID_OPTION', `There is no option ${other} here. The options are algorithm, names, days.`);
  if (algorithm !== 'P-256' && algorithm !== 'Ed25519') throw optionError('algorithm', "'P-256' or 'Ed25519'", algorithm);
  checkArray('names', names);
  if (names.length === 0 || names.some((name) => typeof name !== 'string' || name.includes('\n'))) throw optionError('names', 'an array of at least one name', names);
  checkNumber('days', days);
  return { algorithm, names, days };
}

function certificatesOf({ certificate, cert, key }: ConfigOptions): readonly CertificateSource[] {
  if (cert === undefined && key === undefined) return list(certificate);
  if (certificate !== undefined) throw new DtlsError('ERR_DTLS_INVALID_OPTION', 'Give either certificate, or cert and key.');
  if (cert === undefined || key === undefined) {
    throw new DtlsError('ERR_DTLS_INVALID_OPTION', `The options cert and key belong together; ${cert === undefined ? 'cert' : 'key'} is missing.`);
  }
  return [{ cert, key }];
}

function rootsOf(ca: NonNullable<ConfigOptions['ca']>): Roots {
  const known = typeof ca === 'object' ? readRoots.get(ca) : undefined;
  if (known) return known;
  const roots = new Roots();
  for (const part of list(ca)) roots.add(bytesOf(part));
  if (Array.isArray(ca) && Object.isFrozen(ca) && ca.every((part) => typeof part === 'string')) readRoots.set(ca, roots);
  return roots;
}

/** An array of one or many. */
function list<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as T];
}

function names(value: string | readonly string[]): string {
  return typeof value === 'string' ? value : value.join(':');
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? new TextEncoder().encode(value) : value;
}

function checkBytes(name: string, value: unknown): void {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) throw optionError(name, 'PEM text or DER bytes (a Uint8Array)', value);
}

function checkArray(name: string, value: unknown): void {
  if (value !== undefined && !Array.isArray(value)) throw optionError(name, 'an array', value);
}

function checkBoolean(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') throw optionError(name, 'true or false', value);
}

function checkNumber(name: string, value: unknown): void {
  if (value !== undefined && (typeof value !== 'number' || !(value >= 0) || value > 0xffffffff)) throw optionError(name, 'a number', value);
}

/**
 * For options outside {@link ConfigOptions}: `undefined`, or what `test` accepts.
 *
 * @internal
 */
export function checkOption<T>(name: string, value: T | undefined, expected: string, test: (value: T) => boolean): void {
  if (value !== undefined && !test(value)) throw optionError(name, expected, value);
}
