import { DtlsConnection, type DtlsError } from 'dtls-wasm';

export async function send(transport: { readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> }): Promise<void> {
  const connection = new DtlsConnection({ role: 'client', transport, remoteFingerprints: [] });
  await connection.ready;
  connection.send(new Uint8Array([1]));
  await connection.close();
}

export const codeOf = (error: DtlsError): string => error.code;

// @ts-expect-error there are two roles
export const wrong = new DtlsConnection({ role: 'neither', transport: { readable: new ReadableStream(), writable: new WritableStream() } });
