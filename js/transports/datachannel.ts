import { DtlsError, optionError } from '../errors.js';
import type { DatagramReceiver, DatagramTransport } from './transport.js';

/** The part of `RTCDataChannel` that is used; a `WebSocket` whose messages are datagrams has it too. */
export interface DataChannelLike {
  binaryType: string;
  readonly readyState: string | number;
  readonly bufferedAmount: number;
  send(data: ArrayBuffer): void;
  addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: never) => void): void;
  removeEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: never) => void): void;
}

/**
 * The largest message that goes in one SCTP packet in both Chromium and Firefox. A longer one is cut in pieces, all of
 * which must arrive.
 */
const MAX_DATAGRAM_SIZE = 1156;

/** More than this waiting below is a queue that grows; a datagram is lost instead, as on any congested path. */
const MAX_BUFFERED = 64 * 1024;

/** Until the channel is open, at most a flight of datagrams waits: what is lost is sent again anyway. */
const MAX_WAITING = 8;

/**
 * Carries datagrams in an `RTCDataChannel`, one in each message. Make it unordered and without retransmission
 * (`{ ordered: false, maxRetransmits: 0 }`), or datagrams wait for each other.
 */
export function dataChannelTransport(channel: DataChannelLike): DatagramTransport {
  if (typeof channel?.send !== 'function' || typeof channel.addEventListener !== 'function' || !('bufferedAmount' in channel)) {
    throw optionError('transport', 'an RTCDataChannel', channel);
  }
  channel.binaryType = 'arraybuffer';
  // The state of a data channel is a word, that of a WebSocket a number.
  const isOpen = (): boolean => channel.readyState === 'open' || channel.readyState === 1;
  const isOver = (): boolean => ['closing', 'closed', 2, 3].includes(channel.readyState);
  let waiting: Uint8Array[] = [];
  let receiver: DatagramReceiver | undefined;

  const onOpen = (): void => {
    for (const datagram of waiting) send(datagram);
    waiting = [];
  };
  const onMessage = ({ data }: { data: unknown }): void => {
    // Text is none of ours.
    if (data instanceof ArrayBuffer) receiver?.datagram(new Uint8Array(data));
  };
  const onClose = (): void => receiver?.ended(new DtlsError('ERR_DTLS_TRANSPORT', 'The channel that carries the datagrams was closed.'));

  function send(bytes: Uint8Array): void {
    if (!isOpen()) {
      if (!isOver() && waiting.length < MAX_WAITING) waiting.push(bytes);
      return;
    }
    if (channel.bufferedAmount > MAX_BUFFERED) return;
    try {
      channel.send(bytes.byteLength === bytes.buffer.byteLength ? (bytes.buffer as ArrayBuffer) : (bytes.slice().buffer as ArrayBuffer));
    } catch {
      // The channel closed, or its queue is full: the datagram is lost.
    }
  }

  return {
    maxDatagramSize: MAX_DATAGRAM_SIZE,
    send,
    start(to) {
      receiver = to;
      channel.addEventListener('open', onOpen);
      channel.addEventListener('message', onMessage);
      channel.addEventListener('close', onClose);
      if (isOver()) onClose();
    },
    stop() {
      receiver = undefined;
      channel.removeEventListener('open', onOpen);
      channel.removeEventListener('message', onMessage);
      channel.removeEventListener('close', onClose);
    },
  };
}
