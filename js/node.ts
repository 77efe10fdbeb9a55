/// <reference lib="esnext.disposable" preserve="true" />
/**
 * `dtls-wasm/node`: DTLS 1.3 over UDP, with `node:dgram`.
 *
 * ```js
 * import { connect, listen } from 'dtls-wasm/node';
 *
 * const server = await listen(async (connection) => {
 *   for await (const datagram of connection) connection.send(datagram);
 * }, { port: 4433, cert, key });
 *
 * const connection = await connect('localhost:4433', { ca: cert });
 * ```
 *
 * @module
 */

import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { rootCertificates } from 'node:tls';
import { decodeAddress, encodeAddress } from './address.js';
import { DtlsConnection } from './connection.js';
import { Config } from './core.js';
import { EndpointDriver } from './endpoint.js';
import { DtlsError, optionError } from './errors.js';
import { checkObservers, type ObserverOptions } from './observers.js';
import { checkConfig, type ConfigOptions, refuseUnknown } from './options.js';
import { checkOption } from './options/checks.js';
import type { DatagramReceiver, DatagramTransport } from './transports/transport.js';

export * from './index.js';

/** What `connect` and `listen` take beside {@link ConfigOptions}. */
export interface NodeOptions extends ConfigOptions, ObserverOptions {
  /** Ends the connection, or the server, when it is aborted. */
  signal?: AbortSignal | undefined;
}

/** How to connect. Without `ca`, `remoteFingerprints` and `psk`, the roots of Node (`tls.rootCertificates`) are trusted. */
export interface ConnectOptions extends NodeOptions {
  /** The name to ask for, which the server's certificate must have. Default: the host of the address. */
  servername?: string | undefined;
  /**
   * A session of an earlier connection, from its `session` event, to be resumed. Use each only once.
   *
   * The server then proves that it is the one of then, and its certificate is not judged anew (`verifyOnResumption` does that): a session that
   * was made with `rejectUnauthorized: false` does not become trustworthy by stricter options.
   */
  session?: Uint8Array | undefined;
  /**
   * Datagrams to send at once, with the first flight (0-RTT), if the session allows it; `earlyDataAccepted` tells what became of
   * them. Whoever records them can send them to the server again: give only what may be done twice.
   */
  earlyData?: Uint8Array | readonly Uint8Array[] | undefined;
}

/** How to listen. */
export interface ListenOptions extends NodeOptions {
  /** The UDP port. Default: 0, any that is free. */
  port?: number | undefined;
  /** The address to listen at. Default: `'::'` where there is IPv6, else `'0.0.0.0'`: all of this machine's. */
  host?: string | undefined;
}

/** Where a server listens. */
export interface ServerAddress {
  address: string;
  port: number;
  family: string;
}

/** Connects to `address` (`'host:port'`, or `{ host, port }`); fulfilled when the connection is ready. */
export async function connect(address: string | { host: string; port: number }, options: ConnectOptions = {}): Promise<DtlsConnection> {
  const { host, port } = parseAddress(address);
  refuseUnknown(options, ['signal', 'keylog', 'trace', 'servername', 'session', 'earlyData']);
  checkObservers(options);
  const { servername = host, ...rest } = options;
  const known = options.ca !== undefined || options.remoteFingerprints !== undefined || options.psk !== undefined || options.rejectUnauthorized === false;
  const config = { ...rest, ...(known ? {} : { ca: rootCertificates }) };
  checkConfig('client', config);
  options.signal?.throwIfAborted();

  const found = await lookup(host).catch((cause: unknown) => {
    throw new DtlsError('ERR_DTLS_UNREACHABLE', `The host ${host} was not found.`, { cause });
  });
  const socket = createSocket({ type: found.family === 6 ? 'udp6' : 'udp4' });
  const transport = new SocketTransport(socket);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(port, found.address, () => {
        socket.off('error', reject);
        resolve();
      });
    });
  } catch (cause) {
    socket.close();
    throw new DtlsError('ERR_DTLS_UNREACHABLE', `No datagram can be sent to ${host}:${port}.`, { cause });
  }
  transport.remote = { address: found.address, port };
  let connection: DtlsConnection;
  try {
    connection = new DtlsConnection({ ...config, transport, role: 'client', servername });
    await connection.ready;
  } catch (error) {
    transport.stop();
    // That nobody listens there is no proof that nobody answers, since anybody could have said so; but it is worth telling.
    if (error instanceof DtlsError && error.code === 'ERR_DTLS_UNREACHABLE' && transport.trouble) {
      throw new DtlsError(error.code, `${error.message} (${transport.trouble.message})`, { cause: transport.trouble });
    }
    throw error;
  }
  return connection;
}

/**
 * Accepts connections on one UDP socket; fulfilled when the socket is bound. `onconnection` is called with each
 * connection that is ready.
 */
export async function listen(onconnection: (connection: DtlsConnection) => unknown, options: ListenOptions): Promise<DtlsServer> {
  if (typeof onconnection !== 'function') throw optionError('onconnection', 'a function', onconnection);
  refuseUnknown(options, ['signal', 'keylog', 'trace', 'port', 'host']);
  checkObservers(options);
  const { port = 0, host, signal, keylog, trace, ...rest } = options;
  checkOption('port', port, 'a port number from 0 to 65535', (value) => Number.isInteger(value) && value >= 0 && value <= 0xffff);
  checkOption('host', host, 'an address of this machine', (value) => typeof value === 'string');
  const config = new Config('server', rest);
  let server: DtlsServer;
  try {
    signal?.throwIfAborted();
    server = new DtlsServer(await bound(port, host), config, onconnection, { keylog, trace });
  } catch (error) {
    config.free();
    throw error;
  }
  if (signal) {
    const abort = (): void => void server.close();
    signal.addEventListener('abort', abort, { once: true });
    void server.closed.then(() => signal.removeEventListener('abort', abort));
  }
  return server;
}

/** A socket that accepts connections. */
export class DtlsServer {
  /** Is fulfilled when the server is closed. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #config: Config;
  readonly #driver: EndpointDriver;
  readonly #connections = new Set<DtlsConnection>();
  #closing = false;

  /** @internal */
  constructor(socket: Socket, config: Config, onconnection: (connection: DtlsConnection) => unknown, observers: ObserverOptions) {
    this.#socket = socket;
    this.#config = config;
    this.#driver = new EndpointDriver(config, observers, {
      send: (to, datagram) => {
        const { address, port } = decodeAddress(to);
        // A datagram that cannot be sent is lost, as it may be anywhere else on its way.
        socket.send(datagram, port, address, () => {});
      },
      connected: (connection) => {
        if (this.#closing) return void connection.close();
        this.#connections.add(connection);
        // As an event listener's, an exception of the application's is its own, and not the end of the server.
        void (async () => await onconnection(connection))().catch((error: unknown) => {
          queueMicrotask(() => {
            throw error;
          });
        });
      },
      ended: (connection) => void this.#connections.delete(connection),
      remote: decodeAddress,
    });
    socket.on('message', (datagram, { address, port }) => {
      const from = encodeAddress(address, port);
      if (from) this.#driver.handleDatagram(from, datagram);
    });
    // An error of one datagram, such as "port unreachable", is none of the socket.
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', resolve);
    });
  }

  /** The connections that are ready. */
  get connections(): ReadonlySet<DtlsConnection> {
    return this.#connections;
  }

  /** Where the server listens. */
  address(): ServerAddress {
    return this.#socket.address();
  }

  /**
   * Replaces the keys of the tickets: the first one seals from now on, all of them open. Keep the previous ones behind the
   * new one until their tickets are too old. Only for a server that was made with `tickets` or `ticketKeys`.
   */
  setTicketKeys(keys: Uint8Array | readonly Uint8Array[]): void {
    if (this.#closing) throw new DtlsError('ERR_DTLS_CLOSED', 'The server is closed.');
    this.#config.setTicketKeys(keys);
  }

  /** Closes every connection and then the socket, and says when that is done. */
  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      await this.#driver.close();
      this.#config.free();
      this.#socket.close();
    }
    await this.closed;
  }

  /** As `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Lets the program end although the server listens. */
  unref(): this {
    this.#socket.unref();
    return this;
  }
}

/** A UDP socket that is connected to one address, and closed with the connection. */
class SocketTransport implements DatagramTransport {
  remote: { address: string; port: number } | undefined;
  /** The last error that the socket told of. */
  trouble: Error | undefined;
  readonly #socket: Socket;
  #open = true;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', (error) => {
      this.trouble = error;
    });
  }

  send(bytes: Uint8Array): void {
    // A datagram that cannot be sent is lost, as it may be anywhere else on its way.
    if (this.#open) this.#socket.send(bytes, (error) => {
      if (error) this.trouble = error;
    });
  }

  start(receiver: DatagramReceiver): void {
    this.#socket.on('message', (bytes) => receiver.datagram(bytes));
  }

  stop(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.close();
  }
}

/** A socket at the given place. Without a host it takes IPv6 and IPv4 alike, or only IPv4 where there is no IPv6. */
async function bound(port: number, host: string | undefined): Promise<Socket> {
  if (host === undefined) {
    try {
      return await bound(port, '::');
    } catch (error) {
      if (!['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(((error as DtlsError).cause as NodeJS.ErrnoException).code ?? '')) throw error;
      return bound(port, '0.0.0.0');
    }
  }
  const { address, family } = isIP(host) ? { address: host, family: isIPv6(host) ? 6 : 4 } : await lookup(host).catch((cause: unknown) => {
    throw new DtlsError('ERR_DTLS_TRANSPORT', `The host ${host} was not found.`, { cause });
  });
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // Datagrams go to addresses, never to names: there is nothing to look up.
    lookup: (name, _, found) => found(null, name, family),
  });
  return new Promise((resolve, reject) => {
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      socket.close();
      const why = cause.code === 'EADDRINUSE' ? 'it is in use' : cause.message;
      reject(new DtlsError('ERR_DTLS_TRANSPORT', `Port ${port} of ${host} cannot be listened at: ${why}.`, { cause }));
    });
    socket.bind(port, address, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

function parseAddress(address: string | { host: string; port: number }): { host: string; port: number } {
  const { host, port } = typeof address === 'string' ? splitAddress(address) : { ...address };
  if (typeof host !== 'string' || host === '' || !Number.isInteger(port) || port < 1 || port > 0xffff) {
    throw new DtlsError('ERR_DTLS_INVALID_ADDRESS', `The address must be 'host:port', as in 'example.org:4433' or '[::1]:4433'; it is ${JSON.stringify(address)}.`);
  }
  return { host, port };
}

function splitAddress(address: string): { host: string; port: number } {
  const [, v6, host, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/.exec(address) ?? [];
  return { host: v6 ?? host ?? '', port: Number(port) };
}
