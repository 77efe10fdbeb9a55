import { DtlsError, optionError } from '../errors.js';
import type { DatagramTransport } from './transport.js';

/** Two streams, one datagram per chunk, as in `WebTransport.datagrams`. */
export interface DatagramStreams {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /** The largest datagram that they carry, in bytes, if they know. */
  readonly maxDatagramSize?: number | undefined;
}

/** So many writes may be unfinished; a datagram more is lost, as on any congested path. */
const MAX_UNFINISHED = 64;

/** Carries datagrams in two streams. They are locked while the connection uses them. */
export function streamTransport(streams: DatagramStreams): DatagramTransport {
  if (typeof streams?.readable?.getReader !== 'function' || typeof streams.writable?.getWriter !== 'function') {
    throw optionError('transport', 'an object with readable and writable streams', streams);
  }
  const reader = streams.readable.getReader();
  const writer = streams.writable.getWriter();
  let unfinished = 0;
  let stopped = false;
  return {
    maxDatagramSize: streams.maxDatagramSize,
    send(bytes) {
      if (stopped || unfinished >= MAX_UNFINISHED) return;
      unfinished += 1;
      // A write that fails is a datagram that is lost; that the stream is over is told by the reader.
      writer.write(bytes).catch(() => {}).finally(() => {
        unfinished -= 1;
      });
    },
    start(receiver) {
      const read = async (): Promise<void> => {
        for (;;) {
          const { done, value } = await reader.read();
          if (stopped) return;
          if (done) throw new DtlsError('ERR_DTLS_TRANSPORT', 'The stream that carries the datagrams has ended.');
          receiver.datagram(value);
        }
      };
      read().catch((error: unknown) => {
        if (!stopped) receiver.ended(error);
      });
    },
    stop() {
      stopped = true;
      // Releasing rejects the read that waits; the streams themselves belong to whoever made them.
      reader.releaseLock();
      writer.releaseLock();
    },
  };
}
