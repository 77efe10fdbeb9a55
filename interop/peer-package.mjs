// Interoperability peer: the npm package in Node, with the same flags and the same lines as the programs in peer-*/.
//
// It imports the built package by its own name, as any program does: build it first (`npm run build`).

import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { connect, DtlsError, listen } from 'dtls-wasm/node';

/** As in peer/src/exchange.rs. */
const RESEND_AFTER_MS = 300;
const SETTLE_MS = 200;
const EXPORT_CONTEXT = new TextEncoder().encode('interop');
const EXIT_FAILED = 1;
const EXIT_FLAGS = 2;
const EXIT_TIMEOUT = 3;

/** @typedef {import('dtls-wasm').DtlsConnection} DtlsConnection */

const [role, ...words] = process.argv.slice(2);
const { values: flags } = parseArgs({
  args: words,
  options: {
    port: { type: 'string' }, cert: { type: 'string' }, key: { type: 'string' }, ca: { type: 'string' }, fingerprint: { type: 'string' }, name: { type: 'string' },
    'client-auth': { type: 'boolean' }, suites: { type: 'string' }, groups: { type: 'string' }, 'key-shares': { type: 'string' },
    'no-cookie': { type: 'boolean' }, alpn: { type: 'string' }, srtp: { type: 'string' }, export: { type: 'string' }, mtu: { type: 'string' },
    messages: { type: 'string', default: '3' }, size: { type: 'string', default: '32' }, pause: { type: 'string', default: '0' },
    'update-keys': { type: 'string' }, 'request-update': { type: 'boolean' }, close: { type: 'string', default: 'client' },
    'close-grace': { type: 'string', default: '2000' }, keylog: { type: 'string' }, timeout: { type: 'string', default: '10000' },
  },
});

/** @param {number} milliseconds @returns {Promise<undefined>} */
const sleep = (milliseconds) => new Promise((settle) => { setTimeout(settle, milliseconds, undefined); });

/** @param {Uint8Array | ArrayBuffer} bytes */
const hex = (bytes) => Buffer.from(/** @type {Uint8Array} */ (bytes)).toString('hex');

/** @param {string | undefined} text */
const list = (text) => text?.split(',').filter((part) => part !== '' && part !== 'none');

/** Only what was asked for, since an option without a value is an option all the same. @param {Record<string, unknown>} options */
const given = (options) => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

/** Whom to believe: the certificate named, or those of a root, or, where neither was given, anybody. */
function trust() {
  const { ca, fingerprint } = flags;
  if (fingerprint !== undefined) return { remoteFingerprints: [{ algorithm: 'sha-256', value: fingerprint }] };
  return ca === undefined ? { rejectUnauthorized: false } : { ca: readFileSync(ca, 'utf8') };
}

function options() {
  const { keylog } = flags;
  return given({
    cert: flags.cert === undefined ? undefined : readFileSync(flags.cert, 'utf8'),
    key: flags.key === undefined ? undefined : readFileSync(flags.key, 'utf8'),
    ...trust(),
    ciphers: list(flags.suites),
    groups: list(flags.groups),
    keyShares: list(flags['key-shares']),
    ALPNProtocols: list(flags.alpn),
    srtpProfiles: list(flags.srtp),
    maxDatagramSize: flags.mtu === undefined ? undefined : Number(flags.mtu),
    keylog: keylog === undefined ? undefined : (/** @type {string} */ line) => appendFileSync(keylog, line),
  });
}

/** @param {DtlsConnection} connection */
function tellConnected(connection) {
  const { cipher, group, alpnProtocol = 'none', servername = 'none' } = connection;
  console.log(`CONNECTED version=DTLSv1.3 cipher=${cipher} group=${group} alpn=${alpnProtocol} name=${servername}`);
  const chain = connection.getRemoteCertificates();
  if (chain[0] !== undefined) {
    console.log(`PEERCERT chain=${chain.length} sha256=${createHash('sha256').update(new Uint8Array(chain[0])).digest('hex')}`);
  }
  if (flags.srtp !== undefined) {
    const { srtp } = connection;
    console.log(`SRTP ${srtp?.profile ?? 'none'}`);
    if (srtp !== undefined) {
      const local = [srtp.localKey, srtp.localSalt];
      const remote = [srtp.remoteKey, srtp.remoteSalt];
      const [client, server] = role === 'client' ? [local, remote] : [remote, local];
      console.log(`EXPORT EXTRACTOR-dtls_srtp ${hex(client[0])}${hex(server[0])}${hex(client[1])}${hex(server[1])}`);
    }
  }
  if (flags.export !== undefined) console.log(`EXPORT ${flags.export} ${hex(connection.exportKeyingMaterial(flags.export, EXPORT_CONTEXT, 32))}`);
  connection.addEventListener('keysupdate', (event) => {
    const { direction, epoch } = /** @type {import('dtls-wasm').KeysUpdateEvent} */ (event);
    console.log(`EPOCHS ${direction}=${epoch}`);
  });
}

/** @param {number} number */
function message(number) {
  return new TextEncoder().encode(`message ${number} `.padEnd(Number(flags.size), 'x'));
}

/** @param {Uint8Array} data */
function numberOf(data) {
  const number = /^message (\d+) /.exec(new TextDecoder().decode(data))?.[1];
  if (number === undefined) throw new Error(`unexpected data ${hex(data)}`);
  console.log(`APP ${data.length} ${number}`);
  return Number(number);
}

let keysUpdated = false;

/** An update that the other side asked for may be under way; then the own one waits for the next message. @param {DtlsConnection} connection @param {number} exchanged */
function updateKeysWhenDue(connection, exchanged) {
  if (keysUpdated || flags['update-keys'] === undefined || exchanged < Number(flags['update-keys'])) return;
  try {
    connection.updateKeys({ requestPeer: flags['request-update'] === true });
  } catch (error) {
    if (error instanceof DtlsError && error.code === 'ERR_DTLS_NOT_READY') return;
    throw error;
  }
  keysUpdated = true;
  console.log(flags['request-update'] === true ? 'KEYUPDATE requested' : 'KEYUPDATE');
}

/** @param {DtlsConnection} connection */
async function clientExchange(connection) {
  const incoming = connection[Symbol.asyncIterator]();
  let next = incoming.next();
  for (let number = 0; number < Number(flags.messages);) {
    updateKeysWhenDue(connection, number);
    connection.send(message(number));
    const result = await Promise.race([next, sleep(RESEND_AFTER_MS)]);
    if (result === undefined) continue;
    if (result.done) throw new Error(`closed after ${number} messages`);
    next = incoming.next();
    if (numberOf(result.value) !== number) continue;
    number += 1;
    await sleep(Number(flags.pause));
  }
  await close(connection, next);
}

/** @param {DtlsConnection} connection */
async function serverExchange(connection) {
  const exchanged = new Set();
  const incoming = connection[Symbol.asyncIterator]();
  let next = incoming.next();
  while (exchanged.size < Number(flags.messages)) {
    const { done, value } = await next;
    if (done) throw new Error(`closed after ${exchanged.size} messages`);
    next = incoming.next();
    exchanged.add(numberOf(value));
    connection.send(value);
    updateKeysWhenDue(connection, exchanged.size);
  }
  await close(connection, next);
}

/** Closes first, or waits for the other side to; repeated messages are answered meanwhile. @param {DtlsConnection} connection @param {Promise<IteratorResult<Uint8Array>>} next */
async function close(connection, next) {
  const first = flags.close === role;
  const until = performance.now() + (first ? SETTLE_MS : Number(flags['close-grace']));
  const incoming = connection[Symbol.asyncIterator]();
  for (;;) {
    const result = await Promise.race([next, sleep(Math.max(0, until - performance.now()))]);
    if (result === undefined) break;
    if (result.done) {
      console.log('CLOSE_NOTIFY');
      break;
    }
    if (role === 'server') connection.send(result.value);
    next = incoming.next();
  }
  if (!first && connection.state === 'connected') console.log('NO_CLOSE_NOTIFY');
  await connection.close();
}

async function client() {
  const connection = await connect(`127.0.0.1:${flags.port}`, given({ ...options(), servername: flags.name }));
  tellConnected(connection);
  await clientExchange(connection);
}

async function server() {
  await new Promise((settle, fail) => {
    listen((connection) => {
      tellConnected(connection);
      serverExchange(connection).then(settle, fail);
    }, given({
      ...options(), port: Number(flags.port), host: '127.0.0.1', requestCert: flags['client-auth'], cookie: flags['no-cookie'] === true ? false : undefined,
    })).then(() => console.log(`LISTEN ${flags.port}`), fail);
  });
}

setTimeout(() => {
  console.log('TIMEOUT');
  process.exit(EXIT_TIMEOUT);
}, Number(flags.timeout)).unref();

if (role !== 'client' && role !== 'server') {
  console.error('expected client or server');
  process.exit(EXIT_FLAGS);
}
try {
  await (role === 'client' ? client() : server());
  console.log('DONE');
  process.exit(0);
} catch (error) {
  if (error instanceof DtlsError && error.alert?.from === 'remote') console.log(`ALERT ${error.alert.number}`);
  console.log(`FAILED ${error instanceof Error ? error.message : String(error)}`);
  process.exit(EXIT_FAILED);
}
