// A DTLS 1.3 echo endpoint on UDP, through the built package as any program would use it.

import { generateCertificate, listen } from 'dtls-wasm/node';

/**
 * Sends every datagram back to whoever sent it. The certificate is made anew at each start and signed by itself; a client
 * can check it by its fingerprint. A connection that fails is over, and the endpoint goes on.
 */
export async function startEcho({ host, port, names }) {
  const { cert, key, fingerprint } = await generateCertificate({ names });
  const server = await listen((connection) => echo(connection).catch(() => {}), { host, port, cert, key });
  return { port: server.address().port, fingerprint, close: () => server.close() };
}

async function echo(connection) {
  for await (const datagram of connection) connection.send(datagram);
}
