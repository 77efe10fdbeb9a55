// `dtls-wasm`: DtlsConnection over transports that a program brings, and the errors of wrong use.

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { DtlsConnection, DtlsError, dataChannelTransport, generateCertificate, streamTransport } from 'dtls-wasm';
import { listen } from 'dtls-wasm/node';
import { dissectDatagram, Simulation } from 'dtls-wasm/trace';
import { memoryTransports } from './support/transports.mjs';

const encode = (text) => new TextEncoder().encode(text);
const decode = (bytes) => new TextDecoder().decode(bytes);
const next = async (connection) => (await connection[Symbol.asyncIterator]().next()).value;

/** Connections that tests which failed leave open would keep the program alive. */
const opened = [];
after(() => Promise.all(opened.map((connection) => connection.close())));
function open(options) {
  const connection = new DtlsConnection(options);
  opened.push(connection);
  return connection;
}

let own;
let remoteFingerprints;
before(async () => {
  own = await generateCertificate();
  remoteFingerprints = [{ algorithm: 'sha-256', value: own.fingerprint }];
});

const clientOn = (transport, options) => open({ role: 'client', transport, remoteFingerprints, ...options });
const serverOn = (transport, options) => open({ role: 'server', transport, certificate: own, ...options });

async function pair({ clientOptions, serverOptions, transports = memoryTransports() } = {}) {
  const client = clientOn(transports[0], clientOptions);
  const server = serverOn(transports[1], serverOptions);
  await Promise.all([client.ready, server.ready]);
  return { client, server, transports };
}

describe('DtlsConnection', { timeout: 60_000 }, () => {
  it('goes from state to state, and says so', async () => {
    const [one, other] = memoryTransports();
    const client = clientOn(one);
    const states = [client.state];
    client.addEventListener('statechange', () => states.push(client.state));
    const server = serverOn(other);
    await client.ready;
    await server.ready;
    await client.close();
    await server.closed;
    assert.deepEqual(states, ['connecting', 'connected', 'closed']);
    assert.equal(server.state, 'closed');
    assert.ok(one.stopped && other.stopped);
    // Whoever asks later still learns what was.
    assert.equal(client.cipher, 'TLS_CHACHA20_POLY1305_SHA256');
    assert.equal(client.getRemoteCertificates().length, 1);
    assert.ok(client.stats.datagramsReceived > 0);
    assert.deepEqual([client.maxDatagramSize, client.srtp], [0, undefined]);
    await client.close();
  });

  it('works over two streams, and has streams itself', async () => {
    const [there, back] = [new TransformStream(), new TransformStream()];
    const ends = [{ readable: back.readable, writable: there.writable }, { readable: there.readable, writable: back.writable }];
    const { client, server } = await pair({ transports: ends });
    const writer = client.writable.getWriter();
    const reader = server.readable.getReader();
    for (const text of ['one', 'two', 'three']) {
      await writer.write(encode(text));
      const { value } = await reader.read();
      assert.equal(decode(value), text);
    }
    assert.equal(client.readable, client.readable);
    await client.close();
    assert.deepEqual(await reader.read(), { done: true, value: undefined });
    await server.closed;
    // The streams below are free again.
    assert.ok(!ends[0].readable.locked && !ends[0].writable.locked);
  });

  it('waits to write until it is ready', async () => {
    const [one, other] = memoryTransports();
    const client = clientOn(one);
    const written = client.writable.getWriter().write(encode('early'));
    const server = serverOn(other);
    assert.equal(decode(await next(server)), 'early');
    await written;
    await client.close();
  });

  it('keeps to the size of datagrams that the transport or an option says', async () => {
    for (const [transports, options, size] of [[memoryTransports({ maxDatagramSize: 600 }), {}, 600], [memoryTransports({ maxDatagramSize: 600 }), { maxDatagramSize: 400 }, 400], [memoryTransports(), {}, 1200]]) {
      const { client, server } = await pair({ transports, clientOptions: options, serverOptions: options });
      const longest = Math.max(...transports.flatMap(({ sent }) => sent.map(({ length }) => length)));
      assert.ok(longest <= size && longest > size - 100, `${longest} of ${size}`);
      const data = new Uint8Array(client.maxDatagramSize);
      client.send(data);
      assert.equal((await next(server)).length, data.length);
      assert.ok(transports[0].sent.at(-1).length <= size);
      assert.throws(() => client.send(new Uint8Array(client.maxDatagramSize + 1)), {
        code: 'ERR_DTLS_TOO_LARGE', message: new RegExp(`${data.length + 1} bytes is too large: at most ${data.length} bytes`),
      });
      await client.close();
    }
  });

  it('tells of its secrets and updates by events', async () => {
    const [one, other] = memoryTransports();
    const lines = [];
    const client = clientOn(one, { keylog: true });
    client.addEventListener('keylog', ({ line }) => lines.push(line.split(' ')[0]));
    const server = serverOn(other);
    await Promise.all([client.ready, server.ready]);
    const epochs = [];
    client.addEventListener('keysupdate', ({ direction, epoch }) => epochs.push([direction, epoch]));
    server.updateKeys();
    server.send(encode('x'));
    await next(client);
    for (let turn = 0; turn < 100 && epochs.length === 0; turn += 1) await new Promise(setImmediate);
    assert.deepEqual(epochs, [['received', 4]]);
    assert.deepEqual(lines.sort(), ['CLIENT_HANDSHAKE_TRAFFIC_SECRET', 'CLIENT_TRAFFIC_SECRET_0', 'EXPORTER_SECRET', 'SERVER_HANDSHAKE_TRAFFIC_SECRET', 'SERVER_TRAFFIC_SECRET_0', 'SERVER_TRAFFIC_SECRET_1']);
    await client.close();
  });

  it('lets several wait for datagrams, in order, and end together', async () => {
    const { client, server } = await pair();
    const waiting = [next(server), next(server), next(server)];
    client.send(encode('1'));
    client.send(encode('2'));
    assert.deepEqual([decode(await waiting[0]), decode(await waiting[1])], ['1', '2']);
    await client.close();
    assert.equal(await waiting[2], undefined);
    assert.equal(await next(server), undefined);
  });

  it('bounds what waits to be taken', async () => {
    const { client, server } = await pair();
    const data = new Uint8Array(1000);
    for (let count = 0; count < 1500; count += 1) client.send(data);
    for (let turn = 0; turn < 200 && server.stats.datagramsDropped === 0; turn += 1) await new Promise(setImmediate);
    await new Promise((resolve) => setTimeout(resolve, 50));
    let taken = 0;
    await client.close();
    for await (const { length } of server) taken += length;
    assert.equal(taken, 1048 * 1000);
    assert.equal(server.stats.datagramsDropped, 1500 - 1048);
  });

  it('fails when the transport ends, and gives the reason to those who wait', async () => {
    const { client, transports } = await pair();
    const reading = next(client);
    const errors = [];
    client.addEventListener('error', ({ error }) => errors.push(error));
    transports[0].end(new Error('cable cut'));
    await assert.rejects(client.closed, (error) => error instanceof DtlsError && error.code === 'ERR_DTLS_TRANSPORT' && error.cause.message === 'cable cut');
    await assert.rejects(reading, { code: 'ERR_DTLS_TRANSPORT' });
    assert.equal(errors.length, 1);
    assert.equal(client.state, 'failed');
    assert.equal(await next(client), undefined);
  });

  it('leaves no rejection unhandled', async () => {
    const unhandled = [];
    const listener = (error) => unhandled.push(error);
    process.on('unhandledRejection', listener);
    const [one] = memoryTransports();
    const client = clientOn(one);
    one.end();
    assert.equal(client.state, 'failed');
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', listener);
    assert.deepEqual(unhandled, []);
  });

  it('survives a listener that throws, and one that closes in the middle', async () => {
    const [one, other] = memoryTransports();
    const thrown = [];
    const listener = (error) => thrown.push(error.message);
    process.setUncaughtExceptionCaptureCallback(listener);
    try {
      const client = clientOn(one, { trace: () => {
        throw new Error('from a listener');
      } });
      const server = serverOn(other);
      server.addEventListener('statechange', () => server.state === 'connected' && void server.close());
      await client.ready;
      await client.closed;
      await server.closed;
    } finally {
      await new Promise(setImmediate);
      process.setUncaughtExceptionCaptureCallback(null);
    }
    assert.ok(thrown.length > 0 && thrown.every((message) => message === 'from a listener'));
  });

  it('is forgotten by its signal when it is over', async () => {
    const { signal } = new AbortController();
    const { client } = await pair({ clientOptions: { signal } });
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    await client.close();
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('closes before it is ready', async () => {
    const [one] = memoryTransports();
    const client = clientOn(one);
    await client.close();
    await assert.rejects(client.ready, { code: 'ERR_DTLS_CLOSED' });
    await client.closed;
    assert.equal(client.state, 'closed');
  });

  it('comes about over a path that loses every third datagram', async () => {
    let count = 0;
    const transports = memoryTransports({ lost: () => (count += 1) % 3 === 0 });
    const options = { initialTimeout: 20 };
    const { client } = await pair({ transports, clientOptions: options, serverOptions: options });
    assert.equal(client.state, 'connected');
  });

  it('takes a channel, and loses what it cannot carry', async () => {
    const ends = channels();
    const { client, server } = await pair({ transports: ends });
    client.send(encode('through a channel'));
    assert.equal(decode(await next(server)), 'through a channel');
    assert.equal(ends[0].binaryType, 'arraybuffer');
    assert.ok(client.maxDatagramSize > 1000 && client.maxDatagramSize < 1156);
    ends[0].bufferedAmount = 1_000_000;
    client.send(encode('lost'));
    ends[0].bufferedAmount = 0;
    client.send(encode('kept'));
    assert.equal(decode(await next(server)), 'kept');
    ends[1].close();
    await assert.rejects(server.closed, { code: 'ERR_DTLS_TRANSPORT' });
  });

  it('waits for a channel to open', async () => {
    const ends = channels();
    for (const end of ends) end.readyState = 'connecting';
    const client = clientOn(ends[0]);
    const server = serverOn(ends[1]);
    setTimeout(() => ends.forEach((end) => end.open()), 10);
    await Promise.all([client.ready, server.ready]);
    assert.equal(client.stats.flightsRetransmitted, 0);
  });
});

describe('wrong use', { timeout: 60_000 }, () => {
  const [transport] = memoryTransports();
  const wrong = (options, ...words) => {
    assert.throws(() => open({ role: 'client', transport, remoteFingerprints, ...options }), (error) => {
      assert.ok(error instanceof DtlsError);
      assert.equal(error.code, 'ERR_DTLS_INVALID_OPTION', error.message);
      for (const word of words) assert.ok(error.message.includes(word), `${error.message} says ${word}`);
      return true;
    });
  };

  it('names the option, what was given and what is right', () => {
    wrong({ role: 'neither' }, 'role', "'client' or 'server'", '"neither"');
    wrong({ transport: undefined }, 'transport', 'undefined');
    wrong({ transport: {} }, 'transport', 'an object');
    wrong({ rejectUnauthorised: false }, 'rejectUnauthorised', 'rejectUnauthorized');
    wrong({ rejectUnauthorized: 'no' }, 'rejectUnauthorized', 'true or false', '"no"');
    wrong({ maxDatagramSize: '1200' }, 'maxDatagramSize', 'a number', '"1200"');
    wrong({ handshakeTimeout: -1 }, 'handshakeTimeout', '-1');
    wrong({ ALPNProtocols: 'h3' }, 'ALPNProtocols', 'an array', '"h3"');
    wrong({ servername: '' }, 'servername', 'a DNS name');
    wrong({ signal: {} }, 'signal', 'an AbortSignal');
    wrong({ keylog: 'file' }, 'keylog', 'a function');
    wrong({ certificate: { cert: 1, key: '' } }, 'cert', 'PEM text or DER bytes', '1');
    wrong({ cert: 'x' }, 'cert', 'key', 'missing');
    wrong({ remoteFingerprints: ['AB'] }, 'remoteFingerprints', '{ algorithm, value }');
    wrong({ remoteFingerprints: [] }, 'remoteFingerprints', 'at least one');
    wrong({ remoteFingerprints, ca: 'x' }, 'one of ca, remoteFingerprints and remotePublicKeys');
    wrong({ remoteFingerprints: undefined }, 'ca', 'remoteFingerprints', 'rejectUnauthorized: false');
    wrong({ role: 'server', remoteFingerprints: undefined }, 'cert', 'generateCertificate');
    // A secret in the wrong place is not repeated.
    assert.throws(() => open({ role: own.key, transport }), (error) => !error.message.includes(own.key.slice(30, 60)));
  });

  const refused = async (options, code, ...words) => {
    const [fresh] = memoryTransports();
    const connection = open({ role: 'client', transport: fresh, remoteFingerprints, ...options });
    const error = await connection.ready.then(assert.fail, (reason) => reason);
    assert.ok(error instanceof DtlsError, String(error));
    assert.equal(error.code, code, error.message);
    for (const word of words) assert.ok(error.message.includes(word), `"${error.message}" says "${word}"`);
    assert.equal(connection.state, 'failed');
    assert.ok(fresh.stopped);
  };

  it('rejects what only the core can check', async () => {
    await refused({ ciphers: ['TLS_RSA_WITH_NULL_MD5'] }, 'ERR_DTLS_INVALID_OPTION', 'ciphers', 'TLS_RSA_WITH_NULL_MD5', 'TLS_AES_128_GCM_SHA256');
    await refused({ groups: 'x25519:x448' }, 'ERR_DTLS_INVALID_OPTION', 'groups', 'x448', 'x25519');
    await refused({ groups: 'x25519', keyShares: 'secp256r1' }, 'ERR_DTLS_INVALID_OPTION', 'secp256r1');
    await refused({ srtpProfiles: ['SRTP_NULL'] }, 'ERR_DTLS_INVALID_OPTION', 'srtpProfiles', 'SRTP_NULL', 'SRTP_AEAD_AES_128_GCM');
    await refused({ ALPNProtocols: [''] }, 'ERR_DTLS_INVALID_OPTION', '1 to 255');
    await refused({ maxDatagramSize: 100 }, 'ERR_DTLS_INVALID_OPTION', '100', '256');
    await refused({ servername: 'not a name' }, 'ERR_DTLS_INVALID_OPTION', 'not a name');
    await refused({ remoteFingerprints: [{ algorithm: 'sha-256', value: 'AB:CD' }] }, 'ERR_DTLS_INVALID_FINGERPRINT', 'AB:CD');
    await refused({ remoteFingerprints: [{ algorithm: 'md5', value: own.fingerprint }] }, 'ERR_DTLS_INVALID_FINGERPRINT', 'md5');
  });

  it('says what is wrong with a certificate or a key', async () => {
    const other = await generateCertificate();
    const pem = (label, body) => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
    await refused({ cert: 'certificate.pem', key: own.key }, 'ERR_DTLS_INVALID_CERT', 'No PEM block', 'CERTIFICATE');
    await refused({ cert: own.key, key: own.key }, 'ERR_DTLS_INVALID_CERT', 'PRIVATE KEY');
    await refused({ cert: pem('CERTIFICATE', 'AAAA'), key: own.key }, 'ERR_DTLS_INVALID_CERT');
    await refused({ cert: pem('CERTIFICATE', '!!!!'), key: own.key }, 'ERR_DTLS_INVALID_CERT', 'damaged');
    await refused({ cert: own.cert, key: own.cert }, 'ERR_DTLS_INVALID_KEY', 'CERTIFICATE');
    await refused({ cert: own.cert, key: pem('ENCRYPTED PRIVATE KEY', 'AAAA') }, 'ERR_DTLS_INVALID_KEY', 'encrypted');
    await refused({ cert: own.cert, key: new Uint8Array([0x30, 0]) }, 'ERR_DTLS_INVALID_KEY');
    await refused({ cert: own.cert, key: other.key }, 'ERR_DTLS_INVALID_KEY', 'does not belong to the certificate');
    await refused({ remoteFingerprints: undefined, ca: 'roots' }, 'ERR_DTLS_INVALID_CERT', 'No PEM block');
  });

  it('refuses to send before, too much, and after', async () => {
    const [one, other] = memoryTransports();
    const client = clientOn(one);
    assert.throws(() => client.send(encode('x')), { name: 'DtlsError', code: 'ERR_DTLS_NOT_READY', message: /wait for its promise ready/ });
    assert.throws(() => client.updateKeys(), { code: 'ERR_DTLS_NOT_READY' });
    assert.throws(() => client.exportKeyingMaterial('label'), { code: 'ERR_DTLS_NOT_READY' });
    const server = serverOn(other);
    await Promise.all([client.ready, server.ready]);
    assert.throws(() => client.send('text'), { code: 'ERR_DTLS_INVALID_OPTION', message: /Uint8Array; it is "text"/ });
    assert.throws(() => client.send(new Uint8Array(70_000)), { code: 'ERR_DTLS_TOO_LARGE' });
    assert.equal(client.send(encode('fine')), true);
    await client.close();
    for (const use of [() => client.send(encode('x')), () => client.updateKeys(), () => client.exportKeyingMaterial('label')]) {
      assert.throws(use, { code: 'ERR_DTLS_CLOSED' });
    }
  });

  it('refuses transports and certificates that are none', async () => {
    assert.throws(() => dataChannelTransport({}), { code: 'ERR_DTLS_INVALID_OPTION', message: /RTCDataChannel/ });
    assert.throws(() => streamTransport({ readable: 1 }), { code: 'ERR_DTLS_INVALID_OPTION', message: /readable and writable/ });
    await assert.rejects(generateCertificate({ algorithm: 'RSA' }), { code: 'ERR_DTLS_INVALID_OPTION', message: /'P-256' or 'Ed25519'; it is "RSA"/ });
    await assert.rejects(generateCertificate({ commonName: 'x' }), { code: 'ERR_DTLS_INVALID_OPTION', message: /commonName/ });
    await assert.rejects(generateCertificate({ names: ['not a name'] }), { code: 'ERR_DTLS_INVALID_OPTION', message: /not a name/ });
    await assert.rejects(generateCertificate({ days: 1e9 }), { code: 'ERR_DTLS_INVALID_OPTION' });
    await assert.rejects(listen(() => {}, { port: 70_000, ...own }), { code: 'ERR_DTLS_INVALID_OPTION' });
    await assert.rejects(listen(undefined, { certificate: own }), { code: 'ERR_DTLS_INVALID_OPTION', message: /onconnection/ });
    await assert.rejects(listen(() => {}, { requestCert: true, certificate: own }), { code: 'ERR_DTLS_INVALID_OPTION', message: /ca/ });
  });

  it('says that a feature is not in this build', () => {
    assert.throws(() => dissectDatagram(new Uint8Array(1)), { code: 'ERR_DTLS_NOT_BUILT_IN' });
    assert.throws(() => new Simulation({ seed: 1 }), { code: 'ERR_DTLS_NOT_BUILT_IN' });
  });
});

/** Two ends of what looks like an RTCDataChannel. */
function channels() {
  const ends = [0, 1].map(() => Object.assign(new EventTarget(), {
    readyState: 'open',
    bufferedAmount: 0,
    binaryType: 'blob',
    send(data) {
      assert.ok(data instanceof ArrayBuffer);
      setImmediate(() => this.other.dispatchEvent(Object.assign(new Event('message'), { data })));
    },
    open() {
      this.readyState = 'open';
      this.dispatchEvent(new Event('open'));
    },
    close() {
      this.readyState = 'closed';
      this.dispatchEvent(new Event('close'));
    },
  }));
  [ends[0].other, ends[1].other] = [ends[1], ends[0]];
  return ends;
}
