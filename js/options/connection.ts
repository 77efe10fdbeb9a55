// The options of one connection.

import { optionError } from '../errors.js';
import type { ObserverOptions } from '../observers.js';
import type { ConfigOptions } from '../options.js';
import { type DataChannelLike, dataChannelTransport } from '../transports/datachannel.js';
import { type DatagramStreams, streamTransport } from '../transports/streams.js';
import type { DatagramTransport } from '../transports/transport.js';

/** How to make a {@link DtlsConnection}. */
export interface DtlsConnectionOptions extends ConfigOptions, ObserverOptions {
  /** What carries the datagrams: an `RTCDataChannel`, two streams (`{ readable, writable }`), or a transport of your own. */
  transport: DatagramTransport | DatagramStreams | DataChannelLike;
  /** Who begins: the client does. */
  role: 'client' | 'server';
  /** Clients: the name to ask for, which the server's certificate must have unless `remoteFingerprints` are given. */
  servername?: string | undefined;
  /**
   * Clients: a session of an earlier connection, from its `session` event, to be resumed. Use each only once.
   *
   * The server then proves that it is the one of then, and its certificate is not judged anew (`verifyOnResumption` does that): a session that
   * was made with `rejectUnauthorized: false` does not become trustworthy by stricter options.
   */
  session?: Uint8Array | undefined;
  /**
   * Clients: datagrams to send at once, with the first flight (0-RTT), if the session allows it; `earlyDataAccepted` tells what became
   * of them. Whoever records them can send them to the server again: give only what may be done twice.
   */
  earlyData?: Uint8Array | readonly Uint8Array[] | undefined;
  /** Ends the connection when it is aborted. */
  signal?: AbortSignal | undefined;
}

/** @internal */
export const CONNECTION_OPTIONS = ['transport', 'role', 'servername', 'session', 'earlyData', 'signal', 'keylog', 'trace'];

/** @internal */
export function transportOf(transport: DtlsConnectionOptions['transport']): DatagramTransport {
  if (typeof transport !== 'object' || transport === null) {
    throw optionError('transport', 'an RTCDataChannel, an object with readable and writable streams, or one with send() and start()', transport);
  }
  if ('start' in transport) return transport;
  return 'readable' in transport ? streamTransport(transport) : dataChannelTransport(transport);
}

/** @internal */
export function configOf(options: DtlsConnectionOptions): ConfigOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !CONNECTION_OPTIONS.includes(name)));
}
