import { DtlsError } from 'dtls-wasm';
import { connect, listen } from 'dtls-wasm/node';

export async function echo(cert: string, key: string): Promise<Uint8Array | undefined> {
  const server = await listen(async (connection) => {
    for await (const datagram of connection) connection.send(datagram);
  }, { host: '127.0.0.1', port: 0, cert, key });
  try {
    const client = await connect(`127.0.0.1:${server.address().port}`, { servername: 'localhost', ca: cert });
    client.send(new Uint8Array([1]));
    for await (const datagram of client) return datagram;
  } catch (error) {
    if (error instanceof DtlsError) console.error(error.code);
  } finally {
    await server.close();
  }
  return undefined;
}

// @ts-expect-error a port is a number
await listen(() => {}, { port: 'x', cert: '', key: '' });
