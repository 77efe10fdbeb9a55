import * as dtls from 'dtls-wasm';
import { init } from 'dtls-wasm/core';
import { connect, listen } from 'dtls-wasm/node';
import { exchange } from '../shared/exchange.mjs';

await init();
const inMemory = await exchange(dtls);

const { cert, key, fingerprint } = await dtls.generateCertificate();
const server = await listen(async (connection) => {
  for await (const datagram of connection) connection.send(datagram);
}, { host: '127.0.0.1', port: 0, cert, key });
const client = await connect(`127.0.0.1:${server.address().port}`, { remoteFingerprints: [{ algorithm: 'sha-256', value: fingerprint }] });
client.send(new TextEncoder().encode('from the package'));
const { value } = await client[Symbol.asyncIterator]().next();
await client.close();
await server.close();

const overUdp = `echo: ${new TextDecoder().decode(value)}`;
console.log(overUdp === inMemory ? overUdp : `${overUdp} is not ${inMemory}`);
