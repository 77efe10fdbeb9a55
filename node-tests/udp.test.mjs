// `dtls-wasm/node`: connections over node:dgram, through the built package by its own name.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { DtlsError, generateCertificate } from 'dtls-wasm';
import { generateCertificate as generateAt } from 'dtls-wasm/core';
import { connect, listen as listenAt } from 'dtls-wasm/node';
import { relay as relayTo } from './support/transports.mjs';

const encode = (text) => new TextEncoder().encode(text);
const decode = (bytes) => new TextDecoder().decode(bytes);
const sha256 = (value) => [{ algorithm: 'sha-256', value }];
const next = async (connection) => (await connection[Symbol.asyncIterator]().next()).value;

async function echo(connection) {
  for await (const datagram of connection) connection.send(datagram);
}

/** What tests that failed leave open would keep the program alive. */
const opened = [];
after(() => Promise.all(opened.map((what) => what.close())));
async function listen(onconnection, options) {
  const server = await listenAt(onconnection, options);
  opened.push(server);
  return server;
}
async function relay(port, options) {
  const path = await relayTo(port, options);
  opened.push(path);
  return path;
}

/** A server and a client of it, both ready. */
async function pair(serverOptions, clientOptions) {
  let accepted;
  const arrives = new Promise((resolve) => {
    accepted = resolve;
  });
  const server = await listen(accepted, { host: '127.0.0.1', ...serverOptions });
  const client = await connect(`127.0.0.1:${server.address().port}`, clientOptions);
  return { server, client, peer: await arrives, end: () => Promise.all([client.close(), server.close()]) };
}

describe('connections over UDP', { timeout: 120_000 }, () => {
  let own;
  let trusted;

  before(async () => {
    own = await generateCertificate({ names: ['localhost', '127.0.0.1', '::1'] });
    trusted = { remoteFingerprints: sha256(own.fingerprint), handshakeTimeout: 10_000 };
  });

  it('are resumed by a session of an earlier one', async () => {
    const { client, server, end } = await pair({ ...identity(own), tickets: true }, { ca: own.cert, servername: 'localhost', resumption: true });
    const [{ session }] = await once(client, 'session');
    assert.equal(client.resumed, false);
    const again = await connect(`127.0.0.1:${server.address().port}`, { ca: own.cert, servername: 'localhost', session });
    assert.equal(again.resumed, true);
    assert.deepEqual(again.getRemoteCertificates(), client.getRemoteCertificates());
    await again.close();
    server.setTicketKeys(new Uint8Array(48).fill(1));
    await end();
    assert.throws(() => server.setTicketKeys(new Uint8Array(48)), { code: 'ERR_DTLS_CLOSED' });
  });

  it('carry data at once when they are resumed, if the server takes it', async () => {
    const connections = [];
    const server = await listen((connection) => connections.push(connection), { host: '127.0.0.1', ...identity(own), tickets: true, maxEarlyData: 100, cookie: false });
    const to = `127.0.0.1:${server.address().port}`;
    const options = { ca: own.cert, servername: 'localhost', resumption: true };
    const first = await connect(to, options);
    assert.equal(first.earlyDataAccepted, undefined);
    const [{ session }] = await once(first, 'session');
    const again = await connect(to, { ...options, session, earlyData: [encode('GET'), encode('it')] });
    assert.equal(again.earlyDataAccepted, true);
    await until(() => connections.length === 2);
    assert.deepEqual(connections[1].earlyData.map(decode), ['GET', 'it']);
    const without = await connect(to, { ...options, earlyData: encode('GET') });
    assert.equal(without.earlyDataAccepted, false);
    await Promise.all([first, again, without].map((connection) => connection.close()));
    await server.close();
  });

  it('live on when the address of a client changes', async () => {
    let accepted;
    const arrives = new Promise((resolve) => {
      accepted = resolve;
    });
    const server = await listen(accepted, { host: '127.0.0.1', ...identity(own), connectionIdLength: 8, pathCheck: 'basic' });
    const path = await relay(server.address().port);
    const client = await connect(`127.0.0.1:${path.port}`, trusted);
    const peer = await arrives;
    const before = peer.remotePort;
    const moved = once(peer, 'pathchange');
    path.rebind();
    client.send(encode('from elsewhere'));
    assert.equal(decode(await next(peer)), 'from elsewhere');
    await moved;
    assert.notEqual(peer.remotePort, before);
    peer.send(encode('found you'));
    assert.equal(decode(await next(client)), 'found you');
    assert.equal(server.connections.size, 1);
    await Promise.all([client.close(), server.close()]);
  });

  it('need no certificate where both have a key', async () => {
    const psk = { identity: 'sensor 1', key: new Uint8Array(32).fill(7) };
    const { client, peer, end } = await pair({ psk }, { psk });
    assert.deepEqual([decode(client.pskIdentity), decode(peer.pskIdentity)], ['sensor 1', 'sensor 1']);
    await end();
  });

  it('show a certificate later, when the server asks for it', async () => {
    const certificate = await generateCertificate({ names: ['client'] });
    const { client, peer, end } = await pair({ ...identity(own), remoteFingerprints: sha256(certificate.fingerprint), requestCert: false }, { ...trusted, certificate, postHandshakeAuth: true });
    assert.deepEqual(peer.getRemoteCertificates(), []);
    const [der] = await peer.requestCertificate();
    assert.equal(new X509Certificate(Buffer.from(der)).subject, new X509Certificate(certificate.cert).subject);
    await assert.rejects(client.requestCertificate(), { code: 'ERR_DTLS_INVALID_OPTION' });
    const waiting = peer.requestCertificate();
    await peer.close();
    await assert.rejects(waiting, { code: 'ERR_DTLS_CLOSED' });
    await end();
  });

  it('carry datagrams both ways', async () => {
    const { client, peer, server, end } = await pair(identity(own), { ca: own.cert, servername: 'localhost' });
    assert.equal(client.state, 'connected');
    assert.equal(client.cipher, 'TLS_CHACHA20_POLY1305_SHA256');
    assert.equal(client.group, 'X25519MLKEM768');
    assert.deepEqual([peer.cipher, peer.group, peer.servername], [client.cipher, client.group, 'localhost']);
    assert.deepEqual([client.remoteAddress, client.remotePort], ['127.0.0.1', server.address().port]);
    assert.equal(peer.remoteAddress, '127.0.0.1');
    assert.deepEqual([...server.connections], [peer]);

    client.send(encode('there'));
    assert.equal(decode(await next(peer)), 'there');
    peer.send(encode('back'));
    assert.equal(decode(await next(client)), 'back');
    peer.send(new Uint8Array());
    assert.equal((await next(client)).length, 0);
    const largest = new Uint8Array(client.maxDatagramSize).fill(7);
    client.send(largest);
    assert.deepEqual(await next(peer), largest);
    assert.ok(client.stats.datagramsSent >= 4);
    assert.ok(Object.isFrozen(client.stats));
    await end();
    assert.equal(server.connections.size, 0);
  });

  it('share one socket of the server, sixty at once', async () => {
    const server = await listen(echo, { host: '127.0.0.1', ...identity(own) });
    const clients = await Promise.all(Array.from({ length: 60 }, () => connect(`127.0.0.1:${server.address().port}`, trusted)));
    await until(() => server.connections.size === 60);
    const answers = await Promise.all(clients.map((client, index) => {
      client.send(encode(`client ${index}`));
      return next(client);
    }));
    assert.deepEqual(answers.map(decode), clients.map((_, index) => `client ${index}`));
    await Promise.all(clients.map((client) => client.close()));
    await server.close();
    assert.equal(server.connections.size, 0);
  });

  it('work over IPv6 and by name', async () => {
    const server = await listen(echo, { ...identity(own) });
    assert.equal(server.address().family, 'IPv6');
    for (const address of [`[::1]:${server.address().port}`, `localhost:${server.address().port}`, { host: '127.0.0.1', port: server.address().port }]) {
      const client = await connect(address, { ca: own.cert });
      client.send(encode('echo'));
      assert.equal(decode(await next(client)), 'echo');
      await client.close();
    }
    await server.close();
  });

  for (const cipher of ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']) {
    for (const group of ['x25519', 'secp256r1', 'X25519MLKEM768']) {
      it(`negotiate ${cipher} and ${group}`, async () => {
        const { client, peer, end } = await pair({ ...identity(own), ciphers: [cipher] }, { ...trusted, groups: group });
        assert.deepEqual([peer.cipher, peer.group], [cipher, group]);
        client.send(encode(cipher));
        assert.equal(decode(await next(peer)), cipher);
        await end();
      });
    }
  }

  it('retry with another group, and without a cookie', async () => {
    const options = { groups: ['x25519', 'secp256r1'], keyShares: ['x25519'] };
    for (const cookie of [true, false]) {
      const { client, end } = await pair({ ...identity(own), groups: ['secp256r1'], cookie }, { ...trusted, ...options });
      assert.equal(client.group, 'secp256r1');
      await end();
    }
  });

  it('agree on an application protocol, or end', async () => {
    const { client, peer, server, end } = await pair({ ...identity(own), ALPNProtocols: ['b', 'c'] }, { ...trusted, ALPNProtocols: ['a', 'c', 'b'] });
    assert.equal(client.alpnProtocol, peer.alpnProtocol);
    assert.equal(client.alpnProtocol, 'b');
    await assert.rejects(connect(`127.0.0.1:${server.address().port}`, { ...trusted, ALPNProtocols: ['z'] }), {
      name: 'DtlsError', code: 'ERR_DTLS_ALERT', alert: { description: 'no_application_protocol', number: 120, from: 'remote' },
    });
    await end();
  });

  it('choose the certificate by the name that was asked for', async () => {
    const [one, two] = await Promise.all(['one.test', 'two.test'].map((name) => generateCertificate({ names: [name] })));
    const server = await listen(echo, { host: '127.0.0.1', certificate: [one, two] });
    for (const [name, { cert }] of [['one.test', one], ['two.test', two]]) {
      const client = await connect(`127.0.0.1:${server.address().port}`, { ca: [one.cert, two.cert], servername: name });
      const [der] = client.getRemoteCertificates();
      assert.equal(new X509Certificate(Buffer.from(der)).fingerprint256, new X509Certificate(cert).fingerprint256);
      await client.close();
    }
    await server.close();
  });

  it('authenticate clients by certificate', async () => {
    const id = await generateCertificate({ names: ['client.test'], algorithm: 'Ed25519' });
    const { peer, server, end } = await pair({ ...identity(own), requestCert: true, ca: id.cert }, { ...trusted, certificate: id });
    const [der] = peer.getRemoteCertificates();
    assert.equal(new X509Certificate(Buffer.from(der)).fingerprint256, id.fingerprint);

    // In 1.3 the client is done before the server has seen its certificate: it hears of the refusal afterwards.
    const without = await connect(`127.0.0.1:${server.address().port}`, trusted).then((client) => client.closed).then(assert.fail, (error) => error);
    assert.deepEqual([without.code, without.alert?.description, without.alert?.from], ['ERR_DTLS_ALERT', 'certificate_required', 'remote']);
    await end();
  });

  it('let clients without a certificate in where none is required', async () => {
    const { peer, end } = await pair({ ...identity(own), requestCert: true, rejectUnauthorized: false }, trusted);
    assert.deepEqual(peer.getRemoteCertificates(), []);
    await end();
  });

  it('take certificates and keys as PEM and DER, of both kinds', async () => {
    const fromPem = (pem) => new Uint8Array(Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64'));
    for (const algorithm of ['P-256', 'Ed25519']) {
      const { cert, key, fingerprint } = await generateCertificate({ algorithm });
      for (const source of [{ cert, key }, { cert: fromPem(cert), key: fromPem(key) }, { cert: [fromPem(cert)], key }, { cert: encode(cert), key: encode(key) }]) {
        const { end } = await pair(source, { remoteFingerprints: sha256(fingerprint) });
        await end();
      }
    }
  });

  it('have SRTP keys that fit each other', async () => {
    const srtpProfiles = ['SRTP_AEAD_AES_128_GCM', 'SRTP_AES128_CM_HMAC_SHA1_80'];
    const { client, peer, end } = await pair({ ...identity(own), srtpProfiles }, { ...trusted, srtpProfiles });
    assert.equal(client.srtp.profile, 'SRTP_AEAD_AES_128_GCM');
    assert.deepEqual([client.srtp.localKey.length, client.srtp.localSalt.length], [16, 12]);
    assert.deepEqual([client.srtp.localKey, client.srtp.localSalt], [peer.srtp.remoteKey, peer.srtp.remoteSalt]);
    assert.deepEqual([client.srtp.remoteKey, client.srtp.remoteSalt], [peer.srtp.localKey, peer.srtp.localSalt]);
    assert.notDeepEqual(client.srtp.localKey, client.srtp.remoteKey);
    // RFC 5764 §4.2: client key, server key, client salt, server salt.
    const material = client.exportKeyingMaterial('EXTRACTOR-dtls_srtp', undefined, 56);
    assert.deepEqual(material.slice(0, 16), client.srtp.localKey);
    assert.deepEqual(material.slice(44), client.srtp.remoteSalt);
    await end();
  });

  it('export the same keying material', async () => {
    const { client, peer, end } = await pair(identity(own), trusted);
    const of = (connection, context, length) => connection.exportKeyingMaterial('EXPERIMENTAL test', encode(context), length);
    assert.deepEqual(of(client, 'a', 48), of(peer, 'a', 48));
    assert.equal(of(client, 'a', 48).length, 48);
    assert.notDeepEqual(of(client, 'a', 48), of(client, 'b', 48));
    assert.throws(() => client.exportKeyingMaterial('x'.repeat(250), encode('a'), 32), { code: 'ERR_DTLS_INVALID_OPTION' });
    assert.throws(() => client.exportKeyingMaterial('label', encode('a'), 0), { code: 'ERR_DTLS_INVALID_OPTION' });
    await end();
  });

  it('update their keys in both directions', async () => {
    const { client, peer, end } = await pair(identity(own), trusted);
    const updates = [];
    for (const [name, connection] of [['client', client], ['peer', peer]]) {
      connection.addEventListener('keysupdate', ({ direction, epoch }) => updates.push(`${name} ${direction} ${epoch}`));
    }
    const exchange = async () => {
      client.send(encode('a'));
      peer.send(encode('b'));
      assert.deepEqual([decode(await next(peer)), decode(await next(client))], ['a', 'b']);
    };
    client.updateKeys();
    await until(() => updates.length === 2);
    await exchange();
    assert.deepEqual(updates.splice(0).sort(), ['client sent 4', 'peer received 4']);
    peer.updateKeys({ requestPeer: true });
    await until(() => updates.length === 4);
    await exchange();
    assert.deepEqual(updates.splice(0).sort(), ['client received 4', 'client sent 5', 'peer received 5', 'peer sent 4']);
    // Both at once.
    client.updateKeys();
    peer.updateKeys();
    await until(() => updates.length === 4);
    await exchange();
    await end();
  });

  for (const side of ['client', 'peer']) {
    it(`close when the ${side} closes, after what was sent before`, async () => {
      const { client, peer, server } = await pair(identity(own), trusted);
      const [closer, other] = side === 'client' ? [client, peer] : [peer, client];
      for (let count = 0; count < 5; count += 1) closer.send(encode(String(count)));
      const received = Array.fromAsync ? Array.fromAsync(other) : collect(other);
      await closer.close();
      assert.deepEqual((await received).map(decode), ['0', '1', '2', '3', '4']);
      await other.closed;
      assert.deepEqual([client.state, peer.state], ['closed', 'closed']);
      await server.close();
    });
  }

  it('end when their signal is aborted', async () => {
    const server = await listen(echo, { host: '127.0.0.1', ...identity(own) });
    const controller = new AbortController();
    const client = await connect(`127.0.0.1:${server.address().port}`, { ...trusted, signal: controller.signal });
    await until(() => server.connections.size === 1);
    const [peer] = server.connections;
    controller.abort(new Error('enough'));
    await assert.rejects(client.closed, /enough/);
    assert.equal(client.state, 'failed');
    await peer.closed;
    await server.close();

    await assert.rejects(connect('127.0.0.1:9', { ...trusted, signal: AbortSignal.abort() }), { name: 'AbortError' });
    const silent = await silentSocket();
    await assert.rejects(connect(`127.0.0.1:${silent.address().port}`, { ...trusted, signal: AbortSignal.timeout(30) }), { name: 'TimeoutError' });
    silent.close();
    const stopped = new AbortController();
    const listening = await listen(echo, { host: '127.0.0.1', ...identity(own), signal: stopped.signal });
    stopped.abort();
    await listening.close();
  });

  it('come about and carry data over a path that loses a third', async () => {
    const server = await listen(echo, { host: '127.0.0.1', ...identity(own), initialTimeout: 40, maxTimeout: 160, maxRetransmissions: 50 });
    for (let seed = 1; seed <= 5; seed += 1) {
      const path = await relay(server.address().port, { seed, loss: 0.33, duplicate: 0.1, delay: 4 });
      const client = await connect(`127.0.0.1:${path.port}`, { ...trusted, initialTimeout: 40, maxTimeout: 160, maxRetransmissions: 50 });
      const answer = next(client);
      const sending = setInterval(() => client.send(encode(`seed ${seed}`)), 5);
      assert.equal(decode(await answer), `seed ${seed}`);
      clearInterval(sending);
      assert.ok(path.counts.lost > 0);
      await client.close();
      path.close();
    }
    await server.close();
  });

  it('begin anew from the address of one that was forgotten', async () => {
    const server = await listen(echo, { host: '127.0.0.1', ...identity(own) });
    const path = await relay(server.address().port);
    // The relay has one way back for each client, so a client that binds its old port again is the same address.
    const talk = async () => {
      const client = await connect(`127.0.0.1:${path.port}`, trusted);
      client.send(encode('x'));
      await next(client);
      return client;
    };
    const first = await talk();
    await talk().then((second) => second.close());
    await first.close();
    path.close();
    await server.close();
  });

  it('are told to key logs', async () => {
    const lines = { client: [], server: [] };
    let arrived;
    const peer = new Promise((resolve) => {
      arrived = resolve;
    });
    const server = await listen(arrived, { host: '127.0.0.1', ...identity(own), keylog: (line) => lines.server.push(line) });
    const client = await connect(`127.0.0.1:${server.address().port}`, { ...trusted, keylog: (line) => lines.client.push(line) });
    await peer;
    assert.deepEqual([...lines.client].sort(), [...lines.server].sort());
    const labels = lines.client.map((line) => /^([A-Z_0-9]+) [0-9a-f]{64} [0-9a-f]{64}\n$/.exec(line)?.[1]);
    assert.deepEqual(labels.sort(), ['CLIENT_HANDSHAKE_TRAFFIC_SECRET', 'CLIENT_TRAFFIC_SECRET_0', 'EXPORTER_SECRET', 'SERVER_HANDSHAKE_TRAFFIC_SECRET', 'SERVER_TRAFFIC_SECRET_0']);
    await client.close();
    await server.close();
  });

  it('are traced from the ClientHello on, without secrets', async () => {
    const events = [];
    const server = await listen(echo, { host: '127.0.0.1', ...identity(own) });
    const client = await connect(`127.0.0.1:${server.address().port}`, { ...trusted, trace: (event) => events.push(event) });
    await client.close();
    await server.close();
    const names = events.map(({ name }) => name);
    for (const name of ['dtls:message', 'transport:datagram', 'transport:record', 'security:parameters', 'security:key_updated', 'dtls:handshake_complete', 'transport:connection_closed']) {
      assert.ok(names.includes(name), name);
    }
    assert.ok(!names.includes('security:secret'));
    const messages = events.filter(({ name }) => name === 'dtls:message').map(({ data }) => `${data.direction} ${data.msg_type}`);
    assert.deepEqual(messages, [
      'sent client_hello', 'received server_hello', 'sent client_hello', 'received server_hello', 'received encrypted_extensions', 'received certificate',
      'received certificate_verify', 'received finished', 'sent finished',
    ]);
  });

  describe('that fail say why:', () => {
    let server;
    let port;

    before(async () => {
      server = await listen(echo, { host: '127.0.0.1', ...identity(own) });
      ({ port } = server.address());
    });
    after(() => server.close());

    const refused = async (options, code) => {
      const error = await connect(`127.0.0.1:${port}`, options).then(assert.fail, (reason) => reason);
      assert.ok(error instanceof DtlsError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, /^[A-Z].*\.$/s);
      return error;
    };

    it('an unknown issuer', async () => {
      const other = await generateCertificate({ names: ['other.test'] });
      const error = await refused({ ca: other.cert, servername: 'localhost' }, 'ERR_DTLS_CERT_UNKNOWN_ISSUER');
      assert.deepEqual(error.alert, { description: 'unknown_ca', number: 48, from: 'local' });
      await refused({ servername: 'localhost' }, 'ERR_DTLS_CERT_UNKNOWN_ISSUER');
    });

    it('another name', async () => {
      await refused({ ca: own.cert, servername: 'other.test' }, 'ERR_DTLS_CERT_WRONG_NAME');
    });

    it('another fingerprint', async () => {
      const error = await refused({ remoteFingerprints: sha256(own.fingerprint.replace(/^../, (first) => (first === '00' ? '01' : '00'))) }, 'ERR_DTLS_CERT_WRONG_FINGERPRINT');
      assert.equal(error.alert.description, 'bad_certificate');
    });

    for (const [code, days] of [['ERR_DTLS_CERT_EXPIRED', -10], ['ERR_DTLS_CERT_NOT_YET_VALID', 10]]) {
      it(code, async () => {
        const made = generateAt({ days: 1 }, Date.now() + days * 86_400_000);
        const old = await listen(echo, { host: '127.0.0.1', ...identity(made) });
        const error = await connect(`127.0.0.1:${old.address().port}`, { ca: made.cert, servername: 'localhost' }).then(assert.fail, (reason) => reason);
        assert.equal(error.code, code);
        await old.close();
      });
    }

    it('no cipher suite in common', async () => {
      const strict = await listen(echo, { host: '127.0.0.1', ...identity(own), ciphers: 'TLS_AES_256_GCM_SHA384' });
      const error = await connect(`127.0.0.1:${strict.address().port}`, { ...trusted, ciphers: 'TLS_AES_128_GCM_SHA256' }).then(assert.fail, (reason) => reason);
      assert.deepEqual([error.code, error.alert?.description], ['ERR_DTLS_ALERT', 'handshake_failure']);
      await strict.close();
    });

    it('nobody there', async () => {
      const socket = await silentSocket();
      const { port: gone } = socket.address();
      socket.close();
      const begun = performance.now();
      await assert.rejects(connect(`127.0.0.1:${gone}`, { ...trusted, initialTimeout: 20, maxRetransmissions: 2 }), { code: 'ERR_DTLS_UNREACHABLE' });
      const took = performance.now() - begun;
      assert.ok(took > 100 && took < 2000, `${took} ms`);
    });

    it('nobody who answers in time', async () => {
      const silent = await silentSocket();
      await assert.rejects(connect(`127.0.0.1:${silent.address().port}`, { ...trusted, handshakeTimeout: 80 }), { code: 'ERR_DTLS_HANDSHAKE_TIMEOUT' });
      silent.close();
    });

    it('a host that does not exist, and an address that is none', async () => {
      await assert.rejects(connect('nowhere.invalid:4433', trusted), { code: 'ERR_DTLS_UNREACHABLE' });
      for (const address of ['localhost', 'localhost:0', 'localhost:65536', '::1:4433', '', ':1', { host: 'localhost' }]) {
        await assert.rejects(connect(address, trusted), { code: 'ERR_DTLS_INVALID_ADDRESS' }, JSON.stringify(address));
      }
    });

    it('a port that is in use', async () => {
      const error = await listen(echo, { host: '127.0.0.1', port, ...identity(own) }).then(assert.fail, (reason) => reason);
      assert.deepEqual([error.code, error.cause.code], ['ERR_DTLS_TRANSPORT', 'EADDRINUSE']);
      assert.match(error.message, new RegExp(`${port}.*in use`));
    });
  });
});

/** The options of a server with this certificate. */
function identity({ cert, key }) {
  return { cert, key };
}

async function silentSocket() {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

async function collect(connection) {
  const all = [];
  for await (const datagram of connection) all.push(datagram);
  return all;
}

async function until(condition) {
  for (let turn = 0; turn < 500 && !condition(); turn += 1) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.ok(condition());
}
