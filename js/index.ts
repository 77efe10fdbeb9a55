/// <reference lib="esnext.disposable" preserve="true" />
/**
 * `dtls-wasm`: DTLS 1.3 (RFC 9147) for browsers, workers and Node (Deno and Bun are not tested yet), over anything that carries datagrams.
 *
 * ```js
 * import { DtlsConnection } from 'dtls-wasm';
 *
 * const connection = new DtlsConnection({ transport: dataChannel, role: 'client', remoteFingerprints });
 * await connection.ready;
 * connection.send(new TextEncoder().encode('hello'));
 * for await (const datagram of connection) console.log(datagram);
 * ```
 *
 * @module
 */

import { generateCertificate as generate } from './core.js';
import { now } from './driver.js';
import { init } from './load.js';
import { type CertificateOptions, checkCertificateOptions, type GeneratedCertificate } from './options/certificates.js';

export { DtlsConnection, type DtlsConnectionOptions, type DtlsConnectionState, type DtlsConnectionStats, type ObserverOptions } from './connection.js';
export type { ConnectionIds } from './connection-ids.js';
export type { SrtpKeys } from './core.js';
export { DtlsError, type DtlsAlert, type DtlsErrorCode } from './errors.js';
export { DtlsErrorEvent, KeyLogEvent, KeysUpdateEvent, SessionEvent } from './events.js';
export type {
  CertificateChoice, CertificateOptions, CertificateSource, ConfigOptions, ConnectionIdOptions, CustomExtension, ExtensionMessage, ExtensionOptions, Fingerprint, GeneratedCertificate,
  PeerExtension, PreSharedKey, PskOptions, RecordOptions, ResumptionOptions,
} from './options.js';
export { type DataChannelLike, dataChannelTransport } from './transports/datachannel.js';
export { type DatagramStreams, streamTransport } from './transports/streams.js';
export type { DatagramReceiver, DatagramTransport } from './transports/transport.js';

/** Makes a certificate that signs itself, with its key and its fingerprint. */
export async function generateCertificate(options: CertificateOptions = {}): Promise<GeneratedCertificate> {
  checkCertificateOptions(options);
  await init();
  return generate(options, now());
}
