import { Config, Connection, type ConnectionEvent, type Negotiated, type SrtpKeys } from './core.js';
import { type Link, now, Pump } from './driver.js';
import { ConnectionIds } from './connection-ids.js';
import { EarlyData } from './early.js';
import { DtlsError, optionError } from './errors.js';
import { DtlsErrorEvent, KeyLogEvent, KeysUpdateEvent, SessionEvent } from './events.js';
import { init, loadSync } from './load.js';
import { checkConfig, type PeerExtension, refuseUnknown } from './options.js';
import { checkOption, list } from './options/checks.js';
import { configOf, CONNECTION_OPTIONS, type DtlsConnectionOptions, transportOf } from './options/connection.js';
import { checkObservers, isolated, type ObserverOptions, recording } from './observers.js';
import { DatagramQueue } from './queue.js';
import type { TraceEvent } from './trace.js';
import type { DatagramTransport } from './transports/transport.js';

export type { ObserverOptions } from './observers.js';
export type { DtlsConnectionOptions } from './options/connection.js';

/** The states of a {@link DtlsConnection}. */
export type DtlsConnectionState = 'new' | 'connecting' | 'connected' | 'closed' | 'failed';

/** Counters of one connection. */
export type DtlsConnectionStats = Readonly<Record<string, number>>;

/**
 * Makes the connection of a core that something else drives.
 *
 * @internal
 */
export let adopt: (core: Connection, link: Link, observers: ObserverOptions) => Adopted;

/**
 * A connection, and what its driver tells it.
 *
 * @internal
 */
export interface Adopted {
  readonly connection: DtlsConnection;
  readonly event: (event: ConnectionEvent) => void;
  readonly drain: () => void;
  readonly fail: (error: unknown) => void;
}

/**
 * A DTLS connection over whatever carries datagrams.
 *
 * Events: `statechange`, `error` ({@link DtlsErrorEvent}), `keylog` ({@link KeyLogEvent}), `keysupdate`
 * ({@link KeysUpdateEvent}), `session` ({@link SessionEvent}), `connectionids` (the peer gave some), `pathchange` (the peer was found at
 * another address).
 */
export class DtlsConnection extends EventTarget {
  static {
    adopt = (core, link, observers) => {
      const connection = new DtlsConnection({ core, link, observers } as unknown as DtlsConnectionOptions);
      return {
        connection,
        event: (event) => connection.#handle(event),
        drain: () => connection.#drain(),
        fail: (error) => connection.#finish('failed', error),
      };
    };
  }

  /** Is fulfilled when the handshake is complete, and rejected if it fails. Not to handle it is no error. */
  readonly ready: Promise<void>;
  /** Is fulfilled when the connection was closed as it should be, and rejected if it failed. Not to handle it is no error. */
  readonly closed: Promise<void>;

  readonly #settle = { ready: settled(), closed: settled() };
  readonly #queue = new DatagramQueue();
  readonly #early = new EarlyData();
  /** The connection IDs of the connection, while it is connected. */
  readonly connectionIds = new ConnectionIds(() => this.#connected(), () => this.#link?.run());
  /** Those who wait for an answer to `requestCertificate`. */
  readonly #requests = new Map<number, { resolve(certificates: ArrayBuffer[]): void; reject(error: unknown): void }>();
  readonly #observers: ObserverOptions;
  #state: DtlsConnectionState = 'new';
  #core: Connection | undefined;
  #link: Link | undefined;
  /** What is still known when the core is gone. */
  #last: { negotiated: Negotiated | undefined; certificates: Uint8Array[]; rawKey: boolean; stats: DtlsConnectionStats } | undefined;
  /** Why the application gave up, if it did: the core only knows that it was closed. */
  #aborted: { reason: unknown } | undefined;
  #readable: ReadableStream<Uint8Array> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;

  /**
   * Begins to connect. What is wrong with the options and can be seen at once is thrown; what only the core can check
   * (a certificate, a key) rejects `ready`.
   */
  constructor(options: DtlsConnectionOptions) {
    super();
    this.ready = this.#settle.ready.promise;
    this.closed = this.#settle.closed.promise;
    if ('core' in options && 'link' in options) {
      // From `adopt`: `core` and `link` are not among the options, and an outsider has nothing to put there.
      const { core, link, observers } = options as unknown as { core: Connection; link: Link; observers: ObserverOptions };
      [this.#core, this.#link, this.#observers] = [core, link, observers];
      this.#become('connecting');
      return;
    }
    refuseUnknown(options, CONNECTION_OPTIONS);
    const { role, servername, session, signal } = options;
    checkObservers(options);
    if (role !== 'client' && role !== 'server') throw optionError('role', "'client' or 'server'", role);
    checkOption('servername', servername, 'a DNS name or an IP address', (name) => typeof name === 'string' && name !== '');
    checkOption('session', session, 'a Uint8Array from a session event', (value) => value instanceof Uint8Array);
    for (const data of list(options.earlyData)) checkOption('earlyData', data, 'a Uint8Array, or an array of such', (value) => value instanceof Uint8Array);
    checkOption('signal', signal, 'an AbortSignal', (value) => typeof value?.addEventListener === 'function');
    checkConfig(role, options);
    this.#observers = options;
    const transport = transportOf(options.transport);
    if (signal?.aborted) {
      transport.stop?.();
      this.#finish('failed', signal.reason);
      return;
    }
    if (signal) {
      const abort = (): void => this.#abort(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      // A signal may live much longer than the connection, and must not keep it.
      const forget = (): void => signal.removeEventListener('abort', abort);
      this.closed.then(forget, forget);
    }
    if (loadSync()) this.#begin(options, transport);
    else init().then(() => this.#begin(options, transport), (error: unknown) => this.#finish('failed', error));
  }

  /** The state; `statechange` tells of each change. */
  get state(): DtlsConnectionState {
    return this.#state;
  }

  /** The cipher suite, as in `'TLS_AES_128_GCM_SHA256'`, once it is negotiated. */
  get cipher(): string | undefined {
    return this.#negotiated?.cipher;
  }

  /** The group of the key exchange, as in `'x25519'`, once it is negotiated. */
  get group(): string | undefined {
    return this.#negotiated?.group;
  }

  /** The application protocol that was negotiated, if one was. */
  get alpnProtocol(): string | undefined {
    return this.#negotiated?.alpnProtocol;
  }

  /** The name that the client asked for, if it did. */
  get servername(): string | undefined {
    return this.#negotiated?.servername;
  }

  /** Whether an earlier connection was resumed (`session`): the certificates are those of then. */
  get resumed(): boolean {
    return this.#negotiated?.resumed ?? false;
  }

  /** Clients: whether the server took `earlyData`, once connected; if not, send it again. Undefined if there was none. */
  get earlyDataAccepted(): boolean | undefined {
    return this.#early.accepted;
  }

  /**
   * Servers: the datagrams that the client sent as early data (`maxEarlyData`), which may be copies of what an earlier connection brought
   * wherever several servers share `ticketKeys`. They come beside the other datagrams, never among them.
   */
  get earlyData(): readonly Uint8Array[] {
    return this.#early.received;
  }

  /** The identity of the pre-shared key that was used, if one of `psk` was. */
  get pskIdentity(): Uint8Array | undefined {
    return this.#negotiated?.pskIdentity;
  }

  /** The custom extensions that the peer sent (`customExtensions`). */
  get peerExtensions(): readonly PeerExtension[] {
    return this.#negotiated?.peerExtensions ?? [];
  }

  /** The keys of SRTP, if `srtpProfiles` have one in common. */
  get srtp(): SrtpKeys | undefined {
    return this.#state === 'connected' ? this.#core?.srtpKeys() : undefined;
  }

  /** How many bytes one `send` can carry: 0 unless connected. */
  get maxDatagramSize(): number {
    return this.#state === 'connected' ? (this.#core?.maxSendSize ?? 0) : 0;
  }

  /** The address of the peer, where the transport knows it. */
  get remoteAddress(): string | undefined {
    return this.#link?.remote?.address;
  }

  /** The port of the peer, where the transport knows it. */
  get remotePort(): number | undefined {
    return this.#link?.remote?.port;
  }

  /** Counters, as they are now. */
  get stats(): DtlsConnectionStats {
    return Object.freeze({ ...(this.#core?.stats ?? this.#last?.stats), datagramsDropped: this.#queue.dropped });
  }

  /** Whether `getRemoteCertificates()` is a public key without a certificate (`remotePublicKeys`): a SubjectPublicKeyInfo. */
  get remoteHasRawKey(): boolean {
    return this.#core?.peerHasRawKey ?? this.#last?.rawKey ?? false;
  }

  /** The OCSP response that came with the peer's certificate (`requestOCSP`), DER. It was not judged. */
  get ocspResponse(): Uint8Array | undefined {
    return this.#core?.ocspResponse;
  }

  /** The `SignedCertificateTimestampList` that came with the peer's certificate (`requestTimestamps`). It was not judged. */
  get certificateTimestamps(): Uint8Array | undefined {
    return this.#core?.certificateTimestamps;
  }

  /** The peer's certificates, DER, its own first; none if it presented none. */
  getRemoteCertificates(): ArrayBuffer[] {
    const certificates = this.#core?.peerCertificates ?? this.#last?.certificates ?? [];
    return certificates.map((der) => der.slice().buffer);
  }

  /**
   * Sends one datagram. False says that too much was already waiting to be sent: the datagram is lost.
   *
   * Throws if the connection is not connected (`ERR_DTLS_NOT_READY`, `ERR_DTLS_CLOSED`) or `data` is larger than
   * `maxDatagramSize` (`ERR_DTLS_TOO_LARGE`).
   */
  send(data: Uint8Array): boolean {
    if (!(data instanceof Uint8Array)) throw optionError('data', 'a Uint8Array', data);
    const core = this.#connected();
    const result = core.send(data);
    switch (result) {
      case 'queued':
        this.#link?.run();
        return true;
      case 'full':
        return false;
      case 'too-large':
        throw new DtlsError('ERR_DTLS_TOO_LARGE', `A datagram of ${data.length} bytes is too large: at most ${core.maxSendSize} bytes fit (maxDatagramSize).`);
      default:
        throw closedError();
    }
  }

  /** The next datagrams; the iteration ends when the connection is closed, and throws if it failed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    const iterator: AsyncIterableIterator<Uint8Array> = {
      next: () => this.#queue.next(),
      // Leaving the loop closes nothing: another one may go on.
      return: async () => ({ done: true, value: undefined }),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** The datagrams that arrive, one in each chunk. */
  get readable(): ReadableStream<Uint8Array> {
    this.#readable ??= new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const { done, value } = await this.#queue.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    }, { highWaterMark: 0 });
    return this.#readable;
  }

  /** Sends each chunk as one datagram; a chunk that is too large ends the stream with an error. */
  get writable(): WritableStream<Uint8Array> {
    this.#writable ??= new WritableStream<Uint8Array>({
      start: () => this.ready,
      write: (chunk) => void this.send(chunk),
    });
    return this.#writable;
  }

  /**
   * `length` bytes of keying material that both sides have and nobody else (RFC 9846 §7.5). `label` says what for;
   * `context` may be anything that both know.
   */
  exportKeyingMaterial(label: string, context: Uint8Array = new Uint8Array(), length = 32): Uint8Array {
    checkOption('label', label, 'a string', (value) => typeof value === 'string');
    checkOption('context', context, 'a Uint8Array', (value) => value instanceof Uint8Array);
    checkOption('length', length, 'a whole number from 1 to 65535', (value) => Number.isInteger(value) && value > 0 && value <= 0xffff);
    return this.#connected().exportKeyingMaterial(label, context, length);
  }

  /** Replaces the keys that this side sends with (RFC 9147 §8); with `requestPeer`, asks the peer to do the same. */
  updateKeys({ requestPeer = false }: { requestPeer?: boolean } = {}): void {
    this.#connected().updateKeys(requestPeer, now());
    this.#link?.run();
  }

  /**
   * **Experimental.** Agrees on new keys afresh, so that whoever learns those of now cannot read what follows
   * (draft-ietf-tls-extended-key-update). Both sides must have the option `extendedKeyUpdate`; the event `extendedkeysupdate` tells of the end.
   */
  extendedKeyUpdate(): void {
    this.#connected().extendedKeyUpdate(now());
    this.#link?.run();
  }

  /**
   * Servers: asks the client for a certificate, now (RFC 9846 §4.7.2), and gives it as `getRemoteCertificates()` does: none if
   * the client has none and may do without (`optional`). The client must have allowed it by `postHandshakeAuth`. What it
   * presents is checked as in the handshake, against this side's `ca` or `remoteFingerprints`.
   */
  async requestCertificate({ optional = false }: { optional?: boolean } = {}): Promise<ArrayBuffer[]> {
    const request = this.#connected().requestCertificate(optional, now());
    const answer = new Promise<ArrayBuffer[]>((resolve, reject) => this.#requests.set(request, { resolve, reject }));
    this.#link?.run();
    return answer;
  }

  /** Closes the connection, and says when that is done. The transport stays open. */
  async close(): Promise<void> {
    if (this.#core) {
      this.#core.close(now());
      this.#link?.run();
    } else {
      this.#finish('closed', undefined);
    }
    await this.closed.catch(() => {});
  }

  /** As `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #begin(options: DtlsConnectionOptions, transport: DatagramTransport): void {
    if (this.#state !== 'new') return transport.stop?.();
    try {
      const config = new Config(options.role, { ...configOf(options), maxDatagramSize: options.maxDatagramSize ?? transport.maxDatagramSize });
      try {
        const record = recording(options);
        this.#core = options.role === 'client' ? Connection.client(config, options.servername, now(), { ...record, session: options.session, earlyData: options.earlyData !== undefined }) : Connection.server(config, now(), record);
      } finally {
        config.free();
      }
    } catch (error) {
      transport.stop?.();
      return this.#finish('failed', error);
    }
    const core = this.#core;
    try {
      this.#early.offer(core, list(options.earlyData));
    } catch (error) {
      transport.stop?.();
      return this.#finish('failed', error);
    }
    const pump = new Pump<ConnectionEvent>(core, (time) => {
      this.#drain();
      const datagram = core.pollTransmit(time);
      if (datagram) transport.send(datagram);
      return datagram !== undefined;
    }, (event) => this.#handle(event));
    this.#link = {
      remote: transport.remote,
      run: () => pump.run(),
      release: () => {
        pump.stop();
        transport.stop?.();
      },
    };
    this.#become('connecting');
    transport.start({
      datagram: (bytes) => {
        if (pump.stopped || bytes.length === 0) return;
        core.handleDatagram(bytes, now());
        pump.run();
      },
      ended: (error) => this.#finish('failed', error instanceof DtlsError ? error
        : new DtlsError('ERR_DTLS_TRANSPORT', 'What carries the datagrams failed.', { cause: error })),
    });
    if (!pump.stopped) pump.run();
  }

  #handle(event: ConnectionEvent): void {
    switch (event.type) {
      case 'connected':
        this.#become('connected');
        this.#settle.ready.resolve();
        break;
      case 'datagram':
        this.#queue.push(event.data);
        break;
      case 'keys-updated':
        this.dispatchEvent(new KeysUpdateEvent(event.direction, event.epoch));
        break;
      case 'early-data':
        this.#early.received.push(event.data);
        break;
      case 'early-data-accepted':
        this.#early.answered(true);
        break;
      case 'early-data-rejected':
        this.#early.answered(false);
        break;
      case 'session':
        this.dispatchEvent(new SessionEvent(event.session));
        break;
      case 'extended-keys-updated':
        this.dispatchEvent(new Event('extendedkeysupdate'));
        break;
      case 'connection-ids':
        this.dispatchEvent(new Event('connectionids'));
        break;
      case 'path-changed':
        this.dispatchEvent(new Event('pathchange'));
        break;
      case 'peer-authenticated':
        this.#answer(event.request, this.getRemoteCertificates());
        break;
      case 'peer-declined':
        this.#answer(event.request, []);
        break;
      case 'peer-closed':
        // The core closes as well, and says so when it is done.
        break;
      case 'closed':
        if (this.#aborted) this.#finish('failed', this.#aborted.reason);
        else this.#finish('closed', undefined);
        break;
      case 'failed':
        this.#finish('failed', event.error);
        break;
    }
  }

  #answer(request: number, certificates: ArrayBuffer[]): void {
    this.#requests.get(request)?.resolve(certificates);
    this.#requests.delete(request);
  }

  #abort(reason: unknown): void {
    if (this.#state === 'closed' || this.#state === 'failed') return;
    this.#aborted = { reason };
    // The peer is told, as far as one datagram can; nobody waits for its answer.
    this.#core?.closeNow(now());
    this.#link?.run();
    this.#finish('failed', reason);
  }

  #finish(state: 'closed' | 'failed', error: unknown): void {
    if (this.#state === 'closed' || this.#state === 'failed') return;
    const core = this.#core;
    if (core) {
      this.#drain();
      this.#last = { negotiated: core.negotiated, certificates: core.peerCertificates, rawKey: core.peerHasRawKey, stats: core.stats };
      this.#core = undefined;
      this.#link?.release();
      core.free();
    }
    for (const { reject } of this.#requests.values()) reject(error ?? closedError());
    if (state === 'failed') {
      this.#queue.end(error);
      this.#settle.ready.reject(error);
      this.#settle.closed.reject(error);
    } else {
      this.#queue.end();
      this.#settle.ready.reject(closedError());
      this.#settle.closed.resolve();
    }
    this.#become(state);
    if (state === 'failed') this.dispatchEvent(new DtlsErrorEvent(error));
  }

  #become(state: DtlsConnectionState): void {
    this.#state = state;
    this.dispatchEvent(new Event('statechange'));
  }

  /** Tells observers what the core recorded. */
  #drain(): void {
    const { keylog, trace } = this.#observers;
    if (keylog) {
      for (let line; (line = this.#core?.pollKeyLog()) !== undefined;) {
        if (typeof keylog === 'function') isolated(keylog, line);
        else this.dispatchEvent(new KeyLogEvent(line));
      }
    }
    if (trace) for (let event; (event = this.#core?.pollTrace()) !== undefined;) isolated(trace, JSON.parse(event) as TraceEvent);
  }

  #connected(): Connection {
    if (this.#state === 'new' || this.#state === 'connecting') {
      throw new DtlsError('ERR_DTLS_NOT_READY', 'The connection is not ready yet; wait for its promise ready.');
    }
    if (!this.#core || this.#state !== 'connected') throw closedError();
    return this.#core;
  }

  get #negotiated(): Negotiated | undefined {
    return this.#core?.negotiated ?? this.#last?.negotiated;
  }
}

function closedError(): DtlsError {
  return new DtlsError('ERR_DTLS_CLOSED', 'The connection is closed.');
}

/** A promise to settle later. That nobody handles its rejection is no error: `closed` and `error` tell the same. */
function settled(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}
