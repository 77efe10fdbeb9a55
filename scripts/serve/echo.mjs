// A DTLS 1.3 echo endpoint on UDP, through the built package as any program would use it.

import { generateCertificate } from 'dtls-wasm';
import { listen } from 'dtls-wasm/node';

/**
 * Sends every datagram back to whoever sent it. The certificate is made anew at each start and signed by itself; its
 * fingerprint is what a client can check. `onConnection(connection)` and `onProblem(error)` are told of what happens.
 */
export async function startEcho({ host, port, onProblem = () => {} }) {
  const { cert, key, fingerprint } = await generateCertificate({ names: ['localhost', '127.0.0.1', '::1'] });
  const server = await listen((connection) => {
    echo(connection).catch(onProblem);
  }, { host, port, cert, key });
  return { port: server.address().port, fingerprint, close: () => server.close() };
}

async function echo(connection) {
  for await (const datagram of connection) connection.send(datagram);
}
