/// <reference lib="esnext.disposable" preserve="true" />
/**
 * `dtls-wasm/core`: the Rust core, one to one. It does no input or output and reads no clock: datagrams and the time
 * are handed in, and what is to be done is asked for.
 *
 * After any `handle…` or command, call `pollTransmit` until there is nothing to send, then `pollEvent` until there is
 * no event, then arm one timer for `pollTimeout`.
 *
 * Times are milliseconds since the Unix epoch that do not run backwards: `performance.timeOrigin + performance.now()`.
 *
 * @module
 */

import { Scratch, Connection as RawConnection, Endpoint as RawEndpoint, fingerprint as rawFingerprint, selfSigned } from './dtls_wasm.js';
import { buildConfig, type ConfigOptions } from './options.js';
import type { ExtensionMessage, PeerExtension } from './options/extensions.js';
import { ticketKeys } from './options/resumption.js';
import { type CertificateOptions, checkCertificateOptions, type GeneratedCertificate } from './options/certificates.js';
import { DtlsError, type DtlsAlert, type DtlsErrorCode, fromBinding } from './errors.js';
import { assertLoaded, readMemory, writeInput } from './load.js';

export { DtlsError, type DtlsAlert, type DtlsErrorCode } from './errors.js';
export type {
  CertificateChoice, CertificateOptions, CertificateSource, ConfigOptions, ConnectionIdOptions, CustomExtension, ExtensionMessage, ExtensionOptions, Fingerprint, GeneratedCertificate,
  PeerExtension, PreSharedKey, PskOptions, RecordOptions, ResumptionOptions,
} from './options.js';
export { init, initSync, type ModuleSource } from './load.js';

/** The state of a connection. */
export type ConnectionState = 'connecting' | 'connected' | 'closing' | 'closed' | 'failed';

/** What a connection has to tell. */
export type ConnectionEvent =
  /** The handshake is complete. */
  | { type: 'connected' }
  /** The peer sent this datagram. */
  | { type: 'datagram'; data: Uint8Array }
  /** The keys of one direction were updated. */
  | { type: 'keys-updated'; direction: 'sent' | 'received'; epoch: number }
  /** The server issued a ticket: give `session` to a later connection to resume this one. Keep it as a password. */
  | { type: 'session'; session: Uint8Array }
  /** The client answered `requestCertificate`: its certificates are in `peerCertificates`. */
  | { type: 'peer-authenticated'; request: number }
  /** The client answered `requestCertificate` that it has no certificate. */
  | { type: 'peer-declined'; request: number }
  /** Servers: the client sent this datagram as early data. It may be a copy of what an earlier connection brought. */
  | { type: 'early-data'; data: Uint8Array }
  /** Clients: the server took the early data, or none of it; just before `connected`. */
  | { type: 'early-data-accepted' }
  | { type: 'early-data-rejected' }
  /** The peer's newest record came from elsewhere; what is sent goes elsewhere from now on; or the new place was not the peer's. */
  | { type: 'new-path' }
  | { type: 'path-changed' }
  | { type: 'path-rejected' }
  /** The peer gave connection IDs; `spare` wait to be used. */
  | { type: 'connection-ids'; spare: number }
  /** **Experimental.** New keys were agreed on afresh, and both sides use them. */
  | { type: 'extended-keys-updated'; epoch: number }
  /** The peer will send no more. */
  | { type: 'peer-closed' }
  /** The connection ended as it should. */
  | { type: 'closed' }
  /** The connection ended by this error. */
  | { type: 'failed'; error: DtlsError };

/** What became of a `send`. */
export type SendResult = 'queued' | 'not-connected' | 'too-large' | 'full' | 'closed';

/** What was negotiated. */
export interface Negotiated {
  /** The cipher suite, as in `'TLS_AES_128_GCM_SHA256'`. */
  readonly cipher: string;
  /** The group of the key exchange, as in `'x25519'`. */
  readonly group: string | undefined;
  /** The application protocol, if one was. */
  readonly alpnProtocol: string | undefined;
  /** The SRTP profile, if one was, as in `'SRTP_AEAD_AES_128_GCM'`. */
  readonly srtpProfile: string | undefined;
  /** The name that the client asked for, if it did. */
  readonly servername: string | undefined;
  /** Whether an earlier connection was resumed: the certificates are those of then. */
  readonly resumed: boolean;
  /** The identity of the pre-shared key that was used, if one of `psk` was; of an imported key, its `ImportedIdentity`. */
  readonly pskIdentity: Uint8Array | undefined;
  /** The custom extensions that the peer sent. */
  readonly peerExtensions: readonly PeerExtension[];
}

/** The keys of SRTP (RFC 5764 §4.2), from this side's point of view. */
export interface SrtpKeys {
  /** The profile, as in `'SRTP_AEAD_AES_128_GCM'`. */
  readonly profile: string;
  /** The master key identifier (RFC 5764 §4.1.3); empty without one. */
  readonly mki: Uint8Array;
  /** The master key for what this side sends. */
  readonly localKey: Uint8Array;
  /** The master salt for what this side sends. */
  readonly localSalt: Uint8Array;
  /** The master key for what the peer sends. */
  readonly remoteKey: Uint8Array;
  /** The master salt for what the peer sends. */
  readonly remoteSalt: Uint8Array;
}

/** What a connection records of itself, for `pollTrace` and `pollKeyLog`. */
export interface Recorded {
  /** What happens. */
  trace?: boolean;
  /** In the trace, the secrets too. */
  secrets?: boolean;
  /** Lines of SSLKEYLOGFILE. */
  keylog?: boolean;
}

/** What a client resumes. */
export interface SessionOffer {
  /** A session of an earlier connection, from its `session` event. Use each only once. */
  session?: Uint8Array | undefined;
  /** Whether to offer early data, if the session allows it: then `sendEarly` can be called at once. Default: false. */
  earlyData?: boolean | undefined;
}

/** A configuration for connections, checked. */
export class Config {
  /** The role it is for. */
  readonly role: 'client' | 'server';
  /** @internal */
  readonly raw: ReturnType<typeof buildConfig>;

  /** `now` is when tickets and early data begin to be taken; by default it is read from the clock of this platform. */
  constructor(role: 'client' | 'server', options: ConfigOptions = {}, now?: number) {
    assertLoaded();
    this.role = role;
    this.raw = buildConfig(role, options, now);
  }

  /** Servers: replaces the keys of the tickets, also for connections that run: see `ticketKeys`. */
  setTicketKeys(keys: Uint8Array | readonly Uint8Array[]): void {
    const joined = ticketKeys(keys);
    rethrowing(() => this.raw.setTicketKeys(joined));
  }

  /** Gives the memory back. Connections that were made with the configuration keep what they need. */
  free(): void {
    this.raw.free();
  }
}

const STATES = ['connecting', 'connected', 'closing', 'closed', 'failed'] as const;
const SEND_RESULTS = ['queued', 'not-connected', 'too-large', 'full', 'closed'] as const;

/** One connection: alone, or one of an {@link Endpoint}'s. */
export class Connection {
  /** A client's connection; `servername` is sent and checked against the certificate, `session` resumes an earlier connection. */
  static client(config: Config, servername: string | undefined, now: number, { session, earlyData = false, ...record }: Recorded & SessionOffer = {}): Connection {
    return Connection.from(() => RawConnection.client(config.raw, servername, session, earlyData, bitsOf(record), now));
  }

  /** A server's connection that stands alone, as in WebRTC: it asks for no cookie. */
  static server(config: Config, now: number, record: Recorded = {}): Connection {
    return Connection.from(() => RawConnection.server(config.raw, bitsOf(record), now));
  }

  /** @internal */
  static from(make: () => RawConnection): Connection {
    return new Connection(rethrowing(make));
  }

  readonly #raw: RawConnection;

  private constructor(raw: RawConnection) {
    this.#raw = raw;
  }

  /** The state. */
  get state(): ConnectionState {
    return STATES[this.#raw.state()] ?? 'failed';
  }

  /** Whether this side is the server. */
  get isServer(): boolean {
    return this.#raw.isServer();
  }

  /** What was negotiated, once the handshake is complete. */
  get negotiated(): Negotiated | undefined {
    const cipher = this.#raw.cipher();
    if (cipher === undefined) return undefined;
    const [group, alpnProtocol, srtpProfile, servername] = [this.#raw.group(), this.#raw.alpnProtocol(), this.#raw.srtpProfile(), this.#raw.servername()];
    return { cipher, group, alpnProtocol, srtpProfile, servername, peerExtensions: this.#peerExtensions(), resumed: this.#raw.resumed(), pskIdentity: this.#raw.pskIdentity() };
  }

  #peerExtensions(): PeerExtension[] {
    const extensions: PeerExtension[] = [];
    for (let message; (message = this.#raw.peerExtension(extensions.length)) !== undefined;) {
      extensions.push({ type: Scratch.number(0), message: message as ExtensionMessage, data: output() });
    }
    return extensions;
  }

  /** The peer's certificates, DER, its own first. */
  get peerCertificates(): Uint8Array[] {
    return Array.from({ length: this.#raw.peerCertificateCount() }, (_, index) => this.#raw.peerCertificate(index));
  }

  /** Whether `peerCertificates` is a public key without a certificate (RFC 7250). */
  get peerHasRawKey(): boolean {
    return this.#raw.peerHasRawKey();
  }

  /** The OCSP response that came with the peer's certificate, DER, if one was asked for. */
  get ocspResponse(): Uint8Array | undefined {
    return this.#raw.ocspResponse();
  }

  /** The `SignedCertificateTimestampList` that came with the peer's certificate, if one was asked for. */
  get certificateTimestamps(): Uint8Array | undefined {
    return this.#raw.certificateTimestamps();
  }

  /** The connection IDs that the peer may send with, and the one that this side sends with: empty if records carry none. */
  get connectionIds(): { own: Uint8Array[]; peer: Uint8Array } {
    const own: Uint8Array[] = [];
    const joined = this.#raw.ownConnectionIds();
    for (let at = 0; at < joined.length;) {
      const end = at + 1 + (joined[at] ?? 0);
      own.push(joined.slice(at + 1, end));
      at = end;
    }
    return { own, peer: this.#raw.peerConnectionId() };
  }

  /** Asks the peer for connection IDs, one for each path that may come. Some peers end the connection over it. */
  requestConnectionIds(count: number): void {
    rethrowing(() => this.#raw.requestConnectionIds(count));
  }

  /** Gives the peer connection IDs: to use from now on, or for later. */
  provideConnectionIds(count: number, immediate: boolean, now: number): void {
    rethrowing(() => this.#raw.provideConnectionIds(count, immediate, now));
  }

  /** Goes over to the next connection ID of the peer's, so that what follows cannot be linked to what was before. */
  useNextConnectionId(now: number): void {
    rethrowing(() => this.#raw.useNextConnectionId(now));
  }

  /** How many bytes one `send` can carry now. */
  get maxSendSize(): number {
    return this.#raw.maxSendSize();
  }

  /** The epochs of the newest keys. */
  get epochs(): { read: number; write: number } {
    return { read: this.#raw.readEpoch(), write: this.#raw.writeEpoch() };
  }

  /** Counters; their names are those of the Rust structure `Stats`. */
  get stats(): Record<string, number> {
    return JSON.parse(this.#raw.stats()) as Record<string, number>;
  }

  /** A datagram arrived. It never fails: what is invalid is discarded, as RFC 9147 §4.5.2 says. */
  handleDatagram(datagram: Uint8Array, now: number): void {
    writeInput(datagram);
    this.#raw.handleDatagram(datagram.length, now);
  }

  /** The time has come that `pollTimeout` named. */
  handleTimeout(now: number): void {
    this.#raw.handleTimeout(now);
  }

  /** Queues application data: one call is one datagram. */
  send(data: Uint8Array): SendResult {
    writeInput(data);
    return SEND_RESULTS[this.#raw.send(data.length)] ?? 'closed';
  }

  /** How many bytes of early data may still be sent: none if none was offered or the server does not take it. */
  get earlyDataLeft(): number {
    return this.#raw.earlyDataLeft();
  }

  /**
   * Queues early data (0-RTT): one call is one datagram. Whoever records it can send it again. Throws if none was offered or
   * the session does not allow so much.
   */
  sendEarly(data: Uint8Array): void {
    writeInput(data);
    rethrowing(() => this.#raw.sendEarly(data.length));
  }

  /** `length` bytes of keying material that both sides have (RFC 9846 §7.5). */
  exportKeyingMaterial(label: string, context: Uint8Array, length: number): Uint8Array {
    return rethrowing(() => this.#raw.exportKeyingMaterial(label, context, length));
  }

  /** The keys of SRTP, if a profile was negotiated. */
  srtpKeys(): SrtpKeys | undefined {
    const profile = this.#raw.srtpProfile();
    if (profile === undefined) return undefined;
    const key = (local: boolean, salt: boolean): Uint8Array => this.#raw.srtpKey(local, salt);
    return { profile, mki: this.#raw.srtpMki() ?? new Uint8Array(), localKey: key(true, false), localSalt: key(true, true), remoteKey: key(false, false), remoteSalt: key(false, true) };
  }

  /** Replaces the keys that this side sends with, and with `requestPeer` asks the peer to do the same. */
  updateKeys(requestPeer: boolean, now: number): void {
    rethrowing(() => this.#raw.updateKeys(requestPeer, now));
  }

  /** **Experimental.** Agrees on new keys afresh (draft-ietf-tls-extended-key-update). */
  extendedKeyUpdate(now: number): void {
    rethrowing(() => this.#raw.extendedKeyUpdate(now));
  }

  /** Servers: asks the client for a certificate (RFC 9846 §4.7.2); gives the number of the request, which the answer has too. */
  requestCertificate(optional: boolean, now: number): number {
    return rethrowing(() => this.#raw.requestCertificate(optional, now));
  }

  /** Begins to close. */
  close(now: number): void {
    this.#raw.close(now);
  }

  /** Closes at once: what is queued is lost, and the peer is told by one datagram, which may be lost too. */
  closeNow(now: number): void {
    this.#raw.closeNow(now);
  }

  /** The next recorded event, as JSON (`TraceEvent` in `dtls-wasm/trace`). */
  pollTrace(): string | undefined {
    return this.#raw.pollTrace();
  }

  /** The next recorded line of SSLKEYLOGFILE, with its line feed. */
  pollKeyLog(): string | undefined {
    return this.#raw.pollKeyLog();
  }

  /** The next datagram to send. */
  pollTransmit(now: number): Uint8Array | undefined {
    return this.#raw.pollTransmit(now) ? output() : undefined;
  }

  /** The next event. */
  pollEvent(): ConnectionEvent | undefined {
    return eventOf(this.#raw.pollEvent());
  }

  /** When `handleTimeout` wants to be called, if it does. */
  pollTimeout(): number | undefined {
    return this.#raw.pollTimeout();
  }

  /** Gives the memory back; the connection must not be used any more. */
  free(): void {
    this.#raw.free();
  }

  [Symbol.dispose](): void {
    this.free();
  }
}

/** What an endpoint has to tell: of which connection, and what. */
export type EndpointEvent = {
  handle: number;
  event:
    | ConnectionEvent
    /** A client began this connection, from this address. */
    | { type: 'accepted'; from: Uint8Array }
    /** The connection is gone and the handle not valid any more; `replaced`: because its peer began a new one. */
    | { type: 'removed'; replaced: boolean };
};

/**
 * Many connections, to and from many addresses, on one way to send datagrams. An address is any 1 to 32 bytes; only
 * equality matters.
 */
export class Endpoint {
  readonly #raw: RawEndpoint;

  /** `server` is the configuration of the connections to accept; without one, none is. */
  constructor(server: Config | undefined, now: number) {
    assertLoaded();
    this.#raw = rethrowing(() => (server ? RawEndpoint.server(server.raw, now) : RawEndpoint.client(now)));
  }

  /** Connects to `address`; gives the connection's handle. */
  connect(config: Config, servername: string | undefined, address: Uint8Array, now: number): number {
    writeInput(address);
    return rethrowing(() => this.#raw.connect(config.raw, servername, address.length, now));
  }

  /** A datagram arrived from `address`. */
  handleDatagram(address: Uint8Array, datagram: Uint8Array, now: number): void {
    writeInput(address, datagram);
    this.#raw.handleDatagram(address.length, address.length + datagram.length, now);
  }

  /** The time has come that `pollTimeout` named. */
  handleTimeout(now: number): void {
    this.#raw.handleTimeout(now);
  }

  /** The connection of `handle`, to ask and to command. */
  connection(handle: number): Connection | undefined {
    const raw = this.#raw.connection(handle);
    return raw && Connection.from(() => raw);
  }

  /** The address to which the datagrams of `handle` go. */
  address(handle: number): Uint8Array | undefined {
    return this.#raw.address(handle) ? address() : undefined;
  }

  /** Forgets the connection of `handle`. */
  remove(handle: number): void {
    this.#raw.remove(handle);
  }

  /** Records what happens in every connection that is made from now on. */
  record(what: Recorded): void {
    this.#raw.record(bitsOf(what));
  }

  /** The next datagram to send, and where. */
  pollTransmit(now: number): { address: Uint8Array; datagram: Uint8Array } | undefined {
    if (!this.#raw.pollTransmit(now)) return undefined;
    return { address: address(), datagram: output() };
  }

  /** The next event of any connection. */
  pollEvent(): EndpointEvent | undefined {
    const kind = this.#raw.pollEvent();
    if (kind === NONE) return undefined;
    const handle = this.#raw.eventHandle();
    if (kind === ACCEPTED) return { handle, event: { type: 'accepted', from: address() } };
    if (kind === REMOVED) return { handle, event: { type: 'removed', replaced: Scratch.number(0) === 1 } };
    const event = eventOf(kind);
    return event && { handle, event };
  }

  /** When `handleTimeout` wants to be called, if it does. */
  pollTimeout(): number | undefined {
    return this.#raw.pollTimeout();
  }

  /** Gives the memory back; the endpoint must not be used any more. */
  free(): void {
    this.#raw.free();
  }

  [Symbol.dispose](): void {
    this.free();
  }
}

/** Makes a certificate that signs itself. */
export function generateCertificate(options: CertificateOptions, now: number): GeneratedCertificate {
  assertLoaded();
  const { algorithm, names, days } = checkCertificateOptions(options);
  const [cert = '', key = ''] = rethrowing(() => selfSigned(algorithm, names.join('\n'), days, now)).split('\0');
  return { cert, key, fingerprint: fingerprint(cert) };
}

/** The SHA-256 fingerprint of a certificate (PEM or DER) in the form `AB:CD:…` (RFC 8122 §5). */
export function fingerprint(certificate: string | Uint8Array): string {
  assertLoaded();
  const bytes = typeof certificate === 'string' ? new TextEncoder().encode(certificate) : certificate;
  return rethrowing(() => rawFingerprint(bytes));
}

// The numbers of events, as src/wasm/endpoint.rs and src/wasm/connection.rs give them.
const NONE = 0;
const ACCEPTED = 7;
const REMOVED = 8;

function eventOf(kind: number): ConnectionEvent | undefined {
  switch (kind) {
    case 1: return { type: 'connected' };
    case 2: return { type: 'datagram', data: output() };
    case 3: return { type: 'keys-updated', direction: Scratch.number(0) === 0 ? 'sent' : 'received', epoch: Scratch.number(1) };
    case 4: return { type: 'peer-closed' };
    case 5: return { type: 'closed' };
    case 6: return { type: 'failed', error: failure() };
    case 9: return { type: 'session', session: output() };
    case 10: return { type: 'peer-authenticated', request: Scratch.number(0) };
    case 11: return { type: 'peer-declined', request: Scratch.number(0) };
    case 12: return { type: 'early-data', data: output() };
    case 13: return { type: 'early-data-accepted' };
    case 14: return { type: 'early-data-rejected' };
    case 15: return { type: 'new-path' };
    case 16: return { type: 'path-changed' };
    case 17: return { type: 'path-rejected' };
    case 18: return { type: 'connection-ids', spare: Scratch.number(0) };
    case 19: return { type: 'extended-keys-updated', epoch: Scratch.number(0) };
    default: return undefined;
  }
}

/** A copy of the bytes that the last call left. A view would not do: the memory may move with the next call. */
function output(): Uint8Array {
  return readMemory(Scratch.output(), Scratch.outputLength());
}

function address(): Uint8Array {
  return readMemory(Scratch.address(), Scratch.addressLength());
}

/** The error that the last event told of: code, sentence, and the alert's name, number and sender, in lines. */
function failure(): DtlsError {
  const [code = '', message = '', description, number, from] = Scratch.error().split('\n');
  const alert: DtlsAlert | undefined = description ? { description, number: Number(number), from: from === 'remote' ? 'remote' : 'local' } : undefined;
  return new DtlsError(code as DtlsErrorCode, message, alert ? { alert } : {});
}

/** As `What::from_bits` in src/wasm/recording.rs takes it. */
function bitsOf({ trace = false, secrets = false, keylog = false }: Recorded): number {
  return Number(trace) + 2 * Number(secrets) + 4 * Number(keylog);
}

function rethrowing<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    throw fromBinding(thrown);
  }
}
