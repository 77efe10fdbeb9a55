// One handshake and one echo between two connections of the package, over a pair of streams in memory.

/** `dtls` is the module `dtls-wasm`, however it was loaded. */
export async function exchange({ DtlsConnection, generateCertificate }) {
  const { cert, key, fingerprint } = await generateCertificate();
  const there = new TransformStream();
  const back = new TransformStream();
  const server = new DtlsConnection({ role: 'server', transport: { readable: there.readable, writable: back.writable }, cert, key });
  const client = new DtlsConnection({
    role: 'client',
    transport: { readable: back.readable, writable: there.writable },
    remoteFingerprints: [{ algorithm: 'sha-256', value: fingerprint }],
  });
  await Promise.all([client.ready, server.ready]);

  const echoing = (async () => {
    for await (const datagram of server) server.send(datagram);
  })();
  client.send(new TextEncoder().encode('from the package'));
  const { value } = await client[Symbol.asyncIterator]().next();
  await client.close();
  await echoing;
  return `echo: ${new TextDecoder().decode(value)}`;
}
