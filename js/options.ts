// Options: their public types, and the only place that checks them.

import { Config as RawConfig } from './dtls_wasm.js';
import { now } from './driver.js';
import { DtlsError, fromBinding, optionError } from './errors.js';
import { type CertificateChoice, certificatesOf, rootsOf } from './options/certificates.js';
import { applyConnectionIds, checkConnectionIds, CONNECTION_ID_OPTIONS, type ConnectionIdOptions } from './options/connection-ids.js';
import { applyExtensions, checkExtensions, EXTENSION_OPTIONS, type ExtensionOptions } from './options/extensions.js';
import { applyPsk, checkPsk, PSK_OPTIONS, type PskOptions } from './options/psk.js';
import { applyRecords, checkRecords, RECORD_OPTIONS, type RecordOptions } from './options/records.js';
import { applyResumption, checkResumption, RESUMPTION_OPTIONS, type ResumptionOptions } from './options/resumption.js';
import { bytesOf, checkArray, checkBoolean, checkBytes, checkNumber, checkOption, list, names } from './options/checks.js';

export type { CertificateChoice, CertificateOptions, CertificateSource, Fingerprint, GeneratedCertificate } from './options/certificates.js';
export type { ConnectionIdOptions } from './options/connection-ids.js';
export type { PreSharedKey, PskOptions } from './options/psk.js';
export type { RecordOptions } from './options/records.js';
export type { ResumptionOptions } from './options/resumption.js';
export type { CustomExtension, ExtensionMessage, ExtensionOptions, PeerExtension } from './options/extensions.js';

/** What both roles, and all ways to make a connection, take. */
export interface ConfigOptions extends CertificateChoice, ConnectionIdOptions, ExtensionOptions, PskOptions, RecordOptions, ResumptionOptions {
  /** The application protocols to offer or accept (RFC 7301), best first. */
  ALPNProtocols?: readonly string[] | undefined;
  /** The SRTP profiles to offer or accept (RFC 5764), best first, as in `'SRTP_AEAD_AES_128_GCM'`. */
  srtpProfiles?: readonly string[] | undefined;
  /** A master key identifier for SRTP (RFC 5764 §4.1.3): clients give the bytes to offer, servers `true` to agree to those of a client. */
  srtpMki?: Uint8Array | boolean | undefined;
  /** Clients: let the server ask for a certificate after the handshake (RFC 9846 §4.7.2). Default: false. */
  postHandshakeAuth?: boolean | undefined;
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

const CONFIG_OPTIONS = [
  'rawKey', 'remotePublicKeys', 'requestOCSP', 'requestTimestamps', 'verifyOnResumption', 'authorities', 'signatureSchemes', 'certificateSignatureSchemes',
  'delegatedCredentials', 'certificateCompression',
  'srtpMki', 'postHandshakeAuth',
  'certificate', 'cert', 'key', 'ca', 'remoteFingerprints', 'requestCert', 'rejectUnauthorized', 'ALPNProtocols', 'srtpProfiles', 'ciphers',
  'groups', 'keyShares', 'maxDatagramSize', 'handshakeTimeout', 'initialTimeout', 'maxTimeout', 'maxRetransmissions', 'cookie', ...CONNECTION_ID_OPTIONS, ...EXTENSION_OPTIONS, ...PSK_OPTIONS, ...RECORD_OPTIONS, ...RESUMPTION_OPTIONS,
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
  for (const name of ['requestCert', 'rejectUnauthorized', 'cookie', 'postHandshakeAuth'] as const) checkBoolean(name, options[name]);
  for (const name of ['ALPNProtocols', 'srtpProfiles', 'remoteFingerprints'] as const) checkArray(name, options[name]);
  for (const name of ['ciphers', 'groups', 'keyShares', 'signatureSchemes', 'certificateSignatureSchemes', 'delegatedCredentials', 'certificateCompression'] as const) {
    if (typeof options[name] !== 'string') checkArray(name, options[name]);
  }
  if (options.srtpMki !== undefined && options.srtpMki !== false) {
    if (role === 'client' && !(options.srtpMki instanceof Uint8Array)) throw optionError('srtpMki', 'a Uint8Array of 1 to 255 bytes, for a client', options.srtpMki);
    if (role === 'server' && options.srtpMki !== true) throw optionError('srtpMki', 'true or false, for a server', options.srtpMki);
  }
  checkConnectionIds(options);
  checkExtensions(options);
  checkPsk(options);
  checkRecords(options);
  checkResumption(role, options);
  if (options.rawKey !== undefined) checkBytes('rawKey', options.rawKey);
  for (const name of ['requestOCSP', 'requestTimestamps', 'verifyOnResumption'] as const) checkBoolean(name, options[name]);
  checkArray('authorities', options.authorities);
  if (options.authorities?.some((name) => !(name instanceof Uint8Array))) throw optionError('authorities', 'an array of distinguished names, DER', options.authorities);
  for (const { cert, key, ocspResponse, certificateTimestamps, delegatedCredential } of certificatesOf(options)) {
    checkOption('ocspResponse', ocspResponse, 'DER bytes (a Uint8Array)', (value) => value instanceof Uint8Array);
    checkOption('certificateTimestamps', certificateTimestamps, 'a list of timestamps (a Uint8Array)', (value) => value instanceof Uint8Array);
    checkOption('delegatedCredential', delegatedCredential, '{ credential, key }', (value) => value?.credential instanceof Uint8Array);
    if (delegatedCredential !== undefined) checkBytes('delegatedCredential: key', delegatedCredential.key);
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
  checkArray('remotePublicKeys', options.remotePublicKeys);
  if (options.remotePublicKeys?.length === 0 || options.remotePublicKeys?.some((key) => !(key instanceof Uint8Array))) {
    throw optionError('remotePublicKeys', 'an array of at least one SubjectPublicKeyInfo, DER', options.remotePublicKeys);
  }
  if ([options.ca, options.remoteFingerprints, options.remotePublicKeys].filter((way) => way !== undefined).length > 1) {
    throw new DtlsError('ERR_DTLS_INVALID_OPTION', 'Give one of ca, remoteFingerprints and remotePublicKeys: the first is for certificates that a root vouches for, the second for certificates that sign themselves, the third for keys without a certificate.');
  }
  if (role === 'server' && !hasOwnKey(options) && options.psk === undefined) {
    throw new DtlsError('ERR_DTLS_INVALID_OPTION', 'A server needs a certificate and its key: the options cert and key. generateCertificate() makes them. Or give psk, a key that its clients have too.');
  }
  if (((role === 'client' && options.psk === undefined) || options.requestCert) && !verifies(options)) {
    throw new DtlsError('ERR_DTLS_INVALID_OPTION', 'How is the peer to be known? Give ca (roots that vouch for its certificate), remoteFingerprints (of its certificate), remotePublicKeys (keys without one) or psk (a key that both have); or rejectUnauthorized: false to accept anybody.');
  }
}

function verifies(options: ConfigOptions): boolean {
  return options.remoteFingerprints !== undefined || options.remotePublicKeys !== undefined || options.ca !== undefined || options.rejectUnauthorized === false;
}

function hasOwnKey(options: ConfigOptions): boolean {
  return options.rawKey !== undefined || certificatesOf(options).length > 0;
}

/**
 * Makes the configuration; what only the core can check is checked here.
 *
 * @internal
 */
export function buildConfig(role: 'client' | 'server', options: ConfigOptions, time = now()): RawConfig {
  checkConfig(role, options);
  const raw = new RawConfig(role === 'server');
  try {
    if (options.rawKey !== undefined) raw.useRawKey(bytesOf(options.rawKey));
    for (const { cert, key, ocspResponse, certificateTimestamps, delegatedCredential } of certificatesOf(options)) {
      for (const part of list(cert)) raw.addCertificate(bytesOf(part));
      raw.useKey(bytesOf(key));
      if (ocspResponse !== undefined) raw.stapleOcspResponse(ocspResponse);
      if (certificateTimestamps !== undefined) raw.stapleTimestamps(certificateTimestamps);
      if (delegatedCredential !== undefined) raw.delegateTo(delegatedCredential.credential, bytesOf(delegatedCredential.key));
    }
    if (options.requestOCSP) raw.requestOcsp();
    if (options.requestTimestamps) raw.requestTimestamps();
    if (options.verifyOnResumption) raw.verifyOnResumption();
    for (const name of options.authorities ?? []) raw.addAuthority(name);
    if (options.signatureSchemes !== undefined) raw.setSignatureSchemes(names(options.signatureSchemes));
    if (options.certificateSignatureSchemes !== undefined) raw.setChainSchemes(names(options.certificateSignatureSchemes));
    if (options.delegatedCredentials !== undefined) raw.setDelegatedSchemes(names(options.delegatedCredentials));
    if (options.certificateCompression !== undefined) raw.setCertificateCompression(names(options.certificateCompression));
    if (options.rejectUnauthorized === false) raw.acceptAnyPeer();
    else if (options.remoteFingerprints) for (const { algorithm, value } of options.remoteFingerprints) raw.addFingerprint(`${algorithm} ${value}`);
    else if (options.remotePublicKeys) for (const key of options.remotePublicKeys) raw.addPublicKey(key);
    else if (options.ca !== undefined) raw.setRoots(rootsOf(options.ca));
    if (options.requestCert ?? options.remoteFingerprints ?? options.remotePublicKeys) raw.requestCertificate(options.rejectUnauthorized !== false);
    for (const name of options.ALPNProtocols ?? []) raw.addAlpnProtocol(name);
    for (const name of options.srtpProfiles ?? []) raw.addSrtpProfile(name);
    if (options.ciphers !== undefined) raw.setCipherSuites(names(options.ciphers));
    if (options.groups !== undefined) raw.setGroups(names(options.groups));
    if (options.keyShares !== undefined) raw.setKeyShares(names(options.keyShares));
    if (options.maxDatagramSize !== undefined) raw.setMaxDatagramSize(options.maxDatagramSize);
    raw.setTimeouts(options.initialTimeout, options.maxTimeout, options.maxRetransmissions, options.handshakeTimeout);
    if (options.cookie === false) raw.withoutCookie();
    applyConnectionIds(raw, options);
    applyExtensions(raw, options);
    applyRecords(raw, options);
    if (typeof options.srtpMki === 'object') raw.setSrtpMki(options.srtpMki);
    else if (options.srtpMki) raw.acceptSrtpMki();
    if (options.postHandshakeAuth) raw.allowPostHandshakeAuth();
    applyPsk(raw, options, options.psk !== undefined && !(role === 'client' ? verifies(options) : hasOwnKey(options)));
    applyResumption(raw, options, time);
    raw.check();
    return raw;
  } catch (thrown) {
    raw.free();
    throw fromBinding(thrown);
  }
}
