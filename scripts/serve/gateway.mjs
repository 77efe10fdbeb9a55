// Carries a page's datagrams to UDP and back: one binary WebSocket message is one datagram.
//
//   ws://127.0.0.1:8080/gateway?to=127.0.0.1:4433
//
// It is not a relay for anyone. Only pages of this server's own origin are let in; each connection has one destination,
// loopback unless it was allowed by name, and hears only that destination; numbers, sizes and rates are bounded.
//
// A connection that ends by a rule closes with a code and a sentence in its reason: 1003 a text message, 1008 a
// destination that is not allowed, 1009 a message larger than a datagram may be, 1013 too many connections, 1014 nothing
// listens at the destination, 4000 idle.

import { createSocket } from 'node:dgram';
import { WebSocketServer } from 'ws';
import { resolveDestination } from './destinations.mjs';

export const GATEWAY_PATH = '/gateway';

export const LIMITS = {
  /** DTLS stays within the path's MTU: 1,500 bytes on Ethernet, and some room for links that carry a little more. */
  datagramBytes: 2_048,
  /** A page that shows connections opens a few; a browser itself allows some 200 WebSockets in all. */
  connections: 64,
  /** Of one client address, so that on a shared machine one client cannot take every place. */
  connectionsPerClient: 32,
  /** Datagrams a second, each way; 5,000 of 1,200 bytes are 48 Mbit/s, more than a page that explains handshakes sends. */
  datagramsPerSecond: 5_000,
  /** How many may come at once: a flight of a large certificate chain is some twenty datagrams; a window of data more. */
  datagramBurst: 1_000,
  /** Bytes that may wait for a slow reader. Then datagrams are dropped, as a network does, and not queued. */
  bufferedBytes: 256 * 1_024,
  /** Without a datagram in either direction. DTLS has no keep-alive of its own, so this leaves time for reading the page. */
  idleMs: 5 * 60_000,
};

/**
 * Adds the gateway to an HTTP server. `originAllowed(origin, host)` says, by the two headers, which pages may connect;
 * `allowed` is the list of destinations beyond loopback. Returns `{ connections, close }`.
 */
export function attachGateway(server, { originAllowed, allowed = [], limits: changed = {} }) {
  const limits = { ...LIMITS, ...changed };
  const sockets = new WebSocketServer({ noServer: true, maxPayload: limits.datagramBytes, perMessageDeflate: false, clientTracking: true });

  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const url = urlOf(request);
    if (url?.pathname !== GATEWAY_PATH) return refuse(socket, '404 Not Found', `The gateway is at ${GATEWAY_PATH}.`);
    if (!originAllowed(request.headers.origin, request.headers.host)) return refuse(socket, '403 Forbidden', 'Only the page of this server may use its gateway.');
    return sockets.handleUpgrade(request, socket, head, (client) => {
      const from = request.socket.remoteAddress ?? '';
      const ofClient = [...sockets.clients].filter((other) => other.from === from).length;
      client.from = from;
      client.on('error', () => {});
      if (sockets.clients.size > limits.connections || ofClient >= limits.connectionsPerClient) {
        return client.close(1013, 'Too many connections through this gateway.');
      }
      return carry(client, url.searchParams.get('to'), allowed, limits).catch(() => client.close(1011, 'The gateway failed.'));
    });
  });

  return {
    get connections() {
      return sockets.clients.size;
    },
    close() {
      for (const client of sockets.clients) client.close(1001, 'The gateway ends.');
      // A client that does not answer the close is not waited for.
      const ended = setTimeout(() => sockets.clients.forEach((client) => client.terminate()), 500);
      return new Promise((settle) => sockets.close(() => settle(clearTimeout(ended))));
    },
  };
}

/** One WebSocket and its own UDP socket, connected: the kernel drops what comes from anywhere else. */
async function carry(client, to, allowed, limits) {
  // Messages that come while the destination is looked up and the socket opens are the first flight; it is kept.
  const early = [];
  let send = (datagram) => void (early.length < limits.datagramBurst && early.push(datagram));
  const fromClient = bucket(limits);
  const fromPeer = bucket(limits);
  const idle = setTimeout(() => client.close(4000, 'Idle: no datagram for a while.'), limits.idleMs);
  client.on('close', () => clearTimeout(idle));
  client.on('message', (data, isBinary) => {
    if (!isBinary) return client.close(1003, 'One binary message is one datagram; this was text.');
    if (client.readyState !== client.OPEN || !fromClient()) return undefined;
    idle.refresh();
    return send(data);
  });

  const destination = await resolveDestination(to, allowed);
  if (destination.refused) return client.close(1008, destination.refused);
  if (client.readyState !== client.OPEN) return undefined;

  const udp = createSocket(destination.family === 6 ? 'udp6' : 'udp4');
  client.on('close', () => udp.close());
  udp.on('error', (error) => client.close(1014, sentenceFor(error, to)));
  udp.on('message', (datagram) => {
    if (datagram.length > limits.datagramBytes || client.readyState !== client.OPEN) return;
    if (!fromPeer() || client.bufferedAmount > limits.bufferedBytes) return;
    idle.refresh();
    client.send(datagram);
  });
  udp.connect(destination.port, destination.address, () => {
    // A datagram that cannot be sent is lost, like any other; a refusing port is reported by the socket's error event.
    send = (datagram) => udp.send(datagram, (error) => error && udp.emit('error', error));
    for (const datagram of early.splice(0)) send(datagram);
  });
  return undefined;
}

/** A token bucket: says whether one more datagram may pass now. */
function bucket({ datagramsPerSecond, datagramBurst }) {
  let tokens = datagramBurst;
  let filled = performance.now();
  return () => {
    const now = performance.now();
    tokens = Math.min(datagramBurst, tokens + ((now - filled) / 1_000) * datagramsPerSecond);
    filled = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

function sentenceFor(error, to) {
  return error.code === 'ECONNREFUSED' ? `Nothing listens at ${to}.` : `Datagrams to ${to} cannot be sent (${error.code}).`;
}

function urlOf(request) {
  try {
    return new URL(request.url, 'http://gateway.invalid');
  } catch {
    return undefined;
  }
}

function refuse(socket, status, sentence) {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(sentence)}\r\n\r\n${sentence}`);
}
