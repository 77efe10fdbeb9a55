// What the package costs in Node: handshakes and datagrams, over memory and over UDP on loopback, beside node:dgram alone.
//
//     npm run build && node benches/node.mjs [--rounds 5] [--seconds 0.5]
//
// Prints one JSON object a line; `node scripts/bench.mjs` makes tables of them. Both ends run in this process. Rates are
// per second of CPU time, the median of rounds that alternate; compare only figures of one run.

import { createSocket } from 'node:dgram';
import { parseArgs } from 'node:util';
import { DtlsConnection, generateCertificate } from 'dtls-wasm';
import { connect, listen } from 'dtls-wasm/node';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '0.5' } },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);

/** Datagrams under way at once, so that the socket's buffer loses none. */
const WINDOW = 32;

/** Handshakes over UDP whose times are taken one by one. */
const TIMED = 100;

const identity = await generateCertificate({ names: ['localhost'] });
const clientOptions = { remoteFingerprints: [{ algorithm: 'sha-256', value: identity.fingerprint }] };
const serverOptions = { cert: identity.cert, key: identity.key };

await measure('handshake over memory', 'per second', { 'dtls-wasm': handshakesOverMemory });
for (const size of [64, 1100]) {
  await measure(`datagram ${size} over memory`, 'per second', { 'dtls-wasm': () => datagramsOverMemory(size) });
  await measure(`datagram ${size} over UDP`, 'per second', {
    'dtls-wasm': () => datagramsOverUdp(size),
    'node:dgram alone': () => datagramsOfNode(size),
  });
}
await timeHandshakes();

/** Every round of every subject, all subjects taking turns. */
async function measure(test, unit, subjects) {
  const rates = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, subject] of Object.entries(subjects)) rates[name].push(await subject());
  }
  for (const [name, found] of Object.entries(rates)) report(name, test, unit, found);
}

function report(subject, test, unit, found) {
  const sorted = found.toSorted((a, b) => a - b);
  const at = (part) => Math.round(sorted[Math.floor((sorted.length - 1) * part)] * 100) / 100;
  console.log(JSON.stringify({ subject, test, unit, median: at(0.5), least: at(0), most: at(1) }));
}

/** How often `step` is done in a second of CPU time; it says how many it did. */
async function rate(step) {
  const begin = process.cpuUsage();
  let done = 0;
  for (;;) {
    done += await step();
    const { user, system } = process.cpuUsage(begin);
    const elapsed = (user + system) / 1e6;
    if (elapsed >= seconds) return done / elapsed;
  }
}

/** Two transports: what one sends the other receives, in a microtask of its own, as a socket would in a turn of its own. */
function memoryPipe() {
  const ends = [0, 1].map(() => ({ receiver: undefined }));
  return ends.map((_, side) => ({
    send(bytes) {
      const copy = bytes.slice();
      queueMicrotask(() => ends[1 - side].receiver?.datagram(copy));
    },
    start(receiver) {
      ends[side].receiver = receiver;
    },
    stop() {
      ends[side].receiver = undefined;
    },
  }));
}

async function pairOverMemory() {
  const [near, far] = memoryPipe();
  const server = new DtlsConnection({ ...serverOptions, transport: far, role: 'server' });
  const client = new DtlsConnection({ ...clientOptions, transport: near, role: 'client' });
  await Promise.all([client.ready, server.ready]);
  return [client, server];
}

async function closeAll(connections) {
  await Promise.all(connections.map((connection) => connection.close()));
}

async function handshakesOverMemory() {
  const made = [];
  const found = await rate(async () => {
    made.push(...(await pairOverMemory()));
    return 1;
  });
  await closeAll(made);
  return found;
}

async function datagramsOverMemory(size) {
  const [client, server] = await pairOverMemory();
  const content = new Uint8Array(size).fill(7);
  const arriving = server[Symbol.asyncIterator]();
  const found = await rate(async () => {
    for (let sent = 0; sent < WINDOW; sent += 1) client.send(content);
    for (let received = 0; received < WINDOW; received += 1) await arriving.next();
    return WINDOW;
  });
  await closeAll([client, server]);
  return found;
}

async function datagramsOverUdp(size) {
  const { server, client, accepted } = await pairOverUdp();
  const content = new Uint8Array(size).fill(7);
  const arriving = accepted[Symbol.asyncIterator]();
  const found = await rate(async () => {
    for (let sent = 0; sent < WINDOW; sent += 1) client.send(content);
    for (let received = 0; received < WINDOW; received += 1) await arriving.next();
    return WINDOW;
  });
  await client.close();
  await server.close();
  return found;
}

async function pairOverUdp() {
  const { promise, resolve } = Promise.withResolvers?.() ?? withResolvers();
  const server = await listen(resolve, { ...serverOptions, host: '127.0.0.1' });
  const client = await connect(`127.0.0.1:${server.address().port}`, clientOptions);
  return { server, client, accepted: await promise };
}

function withResolvers() {
  let resolve;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

async function datagramsOfNode(size) {
  const receiver = createSocket('udp4');
  const sender = createSocket('udp4');
  await new Promise((resolve) => receiver.bind(0, '127.0.0.1', resolve));
  await new Promise((resolve) => sender.connect(receiver.address().port, '127.0.0.1', resolve));
  const content = new Uint8Array(size).fill(7);
  let arrived;
  let missing = 0;
  receiver.on('message', () => {
    missing -= 1;
    if (missing === 0) arrived();
  });
  const found = await rate(() => new Promise((resolve) => {
    missing = WINDOW;
    arrived = () => resolve(WINDOW);
    for (let sent = 0; sent < WINDOW; sent += 1) sender.send(content);
  }));
  receiver.close();
  sender.close();
  return found;
}

/** From `connect` to ready, one after the other: what a user waits for, in milliseconds. */
async function timeHandshakes() {
  const server = await listen(() => {}, { ...serverOptions, host: '127.0.0.1' });
  const times = [];
  for (let made = 0; made < TIMED; made += 1) {
    const begin = performance.now();
    const client = await connect(`127.0.0.1:${server.address().port}`, clientOptions);
    times.push(performance.now() - begin);
    await client.close();
  }
  await server.close();
  report('dtls-wasm', 'handshake over UDP', 'milliseconds', times);
}
