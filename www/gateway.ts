// The page's way to UDP: a WebSocket to the gateway of `npm start`, where one binary message is one datagram.

import type { DatagramReceiver, DatagramTransport } from '../js/index.js';

/**
 * Until the WebSocket is open, this many datagrams wait: the longest first flight is that of a client with a
 * post-quantum key share, two or three datagrams, and what is lost is sent again anyway.
 */
const MAX_WAITING = 8;
/** More than this waiting in the browser is a queue that grows; a datagram is lost instead, as on any congested path. */
const MAX_BUFFERED = 64 * 1024;

/** Carries datagrams to `to` (`host:port`) through the gateway at `path` of the page's own server. */
export function gatewayTransport(path: string, to: string): DatagramTransport {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('to', to);
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  const waiting: Uint8Array[] = [];
  let receiver: DatagramReceiver | undefined;
  socket.addEventListener('open', () => {
    for (const datagram of waiting.splice(0)) send(datagram);
  });
  socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    if (data instanceof ArrayBuffer) receiver?.datagram(new Uint8Array(data));
  });
  // An error event says nothing; the close event that follows it has the code and the gateway's sentence.
  socket.addEventListener('close', ({ code, reason }) => {
    receiver?.ended(new Error(reason || (code === 1006 ? 'The gateway cannot be reached. Does npm start run?' : `The gateway closed the way (${code}).`)));
  });

  function send(datagram: Uint8Array): void {
    if (socket.readyState === WebSocket.CONNECTING) {
      if (waiting.length < MAX_WAITING) waiting.push(datagram);
    } else if (socket.readyState === WebSocket.OPEN && socket.bufferedAmount <= MAX_BUFFERED) {
      // A copy of exactly these bytes: a view may be of a larger buffer.
      socket.send(new Uint8Array(datagram));
    }
  }

  return {
    send,
    start(to) {
      receiver = to;
    },
    stop() {
      receiver = undefined;
      socket.close();
    },
  };
}
