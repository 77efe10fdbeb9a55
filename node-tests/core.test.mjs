// `dtls-wasm/core`: the machine alone, driven by hand, without input, output or clock.

import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { Config, Connection, Endpoint, fingerprint, generateCertificate, init } from 'dtls-wasm/core';
import * as bindings from '../dist/dtls_wasm.js';
import { BEGIN, exchange } from './support/machines.mjs';

const encode = (text) => new TextEncoder().encode(text);
const decode = (bytes) => new TextDecoder().decode(bytes);
describe('the core', () => {
  let made;
  let clientConfig;
  let serverConfig;

  before(async () => {
    await init();
    made = generateCertificate({ names: ['core.test', '192.0.2.1'], days: 2 }, BEGIN);
    clientConfig = new Config('client', { remoteFingerprints: [{ algorithm: 'sha-256', value: made.fingerprint }] });
    serverConfig = new Config('server', { certificate: made });
  });

  const connected = () => {
    const client = Connection.client(clientConfig, 'core.test', BEGIN);
    const server = Connection.server(serverConfig, BEGIN);
    return { client, server, events: exchange(client, server) };
  };

  it('completes a handshake and carries data, and nothing but what was handed over', () => {
    const { client, server, events } = connected();
    assert.deepEqual(events, { client: [{ type: 'connected' }], server: [{ type: 'connected' }] });
    assert.deepEqual([client.state, server.state, client.isServer, server.isServer], ['connected', 'connected', false, true]);
    assert.deepEqual(client.negotiated, { cipher: 'TLS_CHACHA20_POLY1305_SHA256', group: 'X25519MLKEM768', alpnProtocol: undefined, srtpProfile: undefined, servername: 'core.test', peerExtensions: [], resumed: false, pskIdentity: undefined });
    assert.deepEqual(client.epochs, { read: 3, write: 3 });
    assert.equal(client.send(encode('a')), 'queued');
    assert.equal(client.send(encode('b')), 'queued');
    assert.equal(client.send(new Uint8Array(client.maxSendSize + 1)), 'too-large');
    const { server: received } = exchange(client, server);
    assert.deepEqual(received.map(({ data }) => decode(data)), ['a', 'b']);
    client.close(BEGIN);
    assert.deepEqual(exchange(client, server), { client: [{ type: 'closed' }], server: [{ type: 'peer-closed' }, { type: 'closed' }] });
    assert.equal(client.send(encode('c')), 'closed');
    assert.equal(client.pollTimeout(), undefined);
    client.free();
    server.free();
  });

  it('waits by the time that it is told', () => {
    const client = Connection.client(clientConfig, undefined, BEGIN);
    while (client.pollTransmit(BEGIN)) { /* the ClientHello is lost */ }
    const due = client.pollTimeout();
    assert.ok(due > BEGIN && due <= BEGIN + 1000, String(due - BEGIN));
    client.handleTimeout(due - 1);
    assert.equal(client.pollTransmit(due - 1), undefined);
    client.handleTimeout(due);
    assert.ok(client.pollTransmit(due));
    assert.equal(client.stats.flightsRetransmitted, 1);
    client.free();
  });

  it('ignores what is no datagram of the connection', () => {
    const { client, server } = connected();
    for (const junk of [new Uint8Array(1), new Uint8Array(2000).fill(0x2f), encode('GET / HTTP/1.1\r\n'), new Uint8Array(65_507).fill(0x16)]) server.handleDatagram(junk, BEGIN);
    client.send(encode('still here'));
    assert.deepEqual(exchange(client, server).server.map(({ data }) => decode(data)), ['still here']);
    assert.ok(server.stats.recordsDiscarded >= 3);
  });

  it('keeps many connections in one endpoint', () => {
    const endpoint = new Endpoint(serverConfig, BEGIN);
    const clients = Array.from({ length: 20 }, () => Connection.client(clientConfig, undefined, BEGIN));
    const handles = new Map();
    for (let quiet = false; !quiet;) {
      quiet = true;
      for (const [index, client] of clients.entries()) {
        for (let datagram; (datagram = client.pollTransmit(BEGIN));) {
          endpoint.handleDatagram(Uint8Array.of(index), datagram, BEGIN);
          quiet = false;
        }
      }
      for (let out; (out = endpoint.pollTransmit(BEGIN));) {
        clients[out.address[0]].handleDatagram(out.datagram, BEGIN);
        quiet = false;
      }
      for (let told; (told = endpoint.pollEvent());) if (told.event.type === 'accepted') handles.set(told.event.from[0], told.handle);
    }
    assert.deepEqual(clients.map(({ state }) => state), clients.map(() => 'connected'));
    assert.equal(new Set(handles.values()).size, 20);
    const third = endpoint.connection(handles.get(3));
    assert.equal(third.state, 'connected');
    third.send(encode('for three'));
    const { address, datagram } = endpoint.pollTransmit(BEGIN);
    assert.deepEqual(address, Uint8Array.of(3));
    clients[3].handleDatagram(datagram, BEGIN);
    const events = [];
    for (let event; (event = clients[3].pollEvent());) events.push(event);
    assert.deepEqual(events.at(-1), { type: 'datagram', data: encode('for three') });
    endpoint.remove(handles.get(3));
    assert.equal(endpoint.connection(handles.get(3)), undefined);
    // The view of a connection that is gone says so, and does no harm.
    assert.equal(third.state, 'closed');
    assert.equal(third.send(encode('x')), 'closed');
    assert.deepEqual(third.peerCertificates, []);
    assert.throws(() => third.exportKeyingMaterial('label', new Uint8Array(), 32), { code: 'ERR_DTLS_CLOSED' });
    third.free();
    endpoint.free();
  });

  it('connects from an endpoint', () => {
    const endpoint = new Endpoint(undefined, BEGIN);
    const handle = endpoint.connect(clientConfig, 'core.test', Uint8Array.of(1, 2), BEGIN);
    const server = Connection.server(serverConfig, BEGIN);
    for (let turn = 0; turn < 10; turn += 1) {
      for (let out; (out = endpoint.pollTransmit(BEGIN));) server.handleDatagram(out.datagram, BEGIN);
      for (let datagram; (datagram = server.pollTransmit(BEGIN));) endpoint.handleDatagram(Uint8Array.of(1, 2), datagram, BEGIN);
    }
    assert.deepEqual(endpoint.pollEvent(), { handle, event: { type: 'connected' } });
    assert.throws(() => endpoint.connect(clientConfig, undefined, Uint8Array.of(1, 2), BEGIN), { code: 'ERR_DTLS_TRANSPORT' });
    assert.throws(() => endpoint.connect(clientConfig, undefined, new Uint8Array(33), BEGIN), { code: 'ERR_DTLS_INVALID_ADDRESS' });
    endpoint.free();
  });

  it('works while the memory grows between any two calls', () => {
    const { memory } = bindings.initSync();
    const restore = [];
    let grown = 0;
    const grow = () => {
      memory.grow(1);
      grown += 1;
    };
    // Every call into the module finds another buffer than the one before it.
    for (const owner of [bindings.Scratch, bindings.Connection.prototype, bindings.Endpoint.prototype]) {
      for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
        if (typeof value !== 'function' || name === 'constructor' || name.startsWith('__')) continue;
        owner[name] = function (...args) {
          grow();
          try {
            return value.apply(this, args);
          } finally {
            grow();
          }
        };
        restore.push(() => {
          owner[name] = value;
        });
      }
    }
    try {
      const { client, server, events } = connected();
      assert.deepEqual(events.client, [{ type: 'connected' }]);
      const data = Uint8Array.from({ length: client.maxSendSize }, (_, index) => index & 0xff);
      client.send(data);
      server.send(data.toReversed());
      const received = exchange(client, server);
      assert.deepEqual(received.server, [{ type: 'datagram', data }]);
      assert.deepEqual(received.client, [{ type: 'datagram', data: data.toReversed() }]);
      assert.deepEqual(client.exportKeyingMaterial('EXPORTER-x', encode('y'), 64), server.exportKeyingMaterial('EXPORTER-x', encode('y'), 64));
      client.free();
      server.free();
    } finally {
      for (const undo of restore) undo();
    }
    assert.ok(grown > 100, String(grown));
  });

  it('gives copies: what was received stays what it was', () => {
    const { client, server } = connected();
    client.send(encode('first'));
    const [{ data }] = exchange(client, server).server;
    client.send(encode('other'));
    exchange(client, server);
    assert.equal(decode(data), 'first');
    const sent = encode('mine');
    server.handleDatagram(sent, BEGIN);
    assert.equal(decode(sent), 'mine');
  });

  it('gives its memory back', () => {
    const round = () => {
      const { client, server } = connected();
      client.free();
      server.free();
    };
    const { memory } = bindings.initSync();
    for (let count = 0; count < 10; count += 1) round();
    const before = memory.buffer.byteLength;
    for (let count = 0; count < 100; count += 1) round();
    assert.equal(memory.buffer.byteLength, before);
  });

  it('makes certificates that others can read', () => {
    for (const algorithm of ['P-256', 'Ed25519']) {
      const { cert, key, fingerprint: value } = generateCertificate({ algorithm, names: ['a.test', '*.b.test', '192.0.2.1', '2001:db8::1'], days: 3 }, BEGIN);
      const certificate = new X509Certificate(cert);
      assert.equal(certificate.fingerprint256, value);
      assert.equal(certificate.subjectAltName, 'DNS:a.test, DNS:*.b.test, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1');
      assert.ok(certificate.verify(certificate.publicKey));
      assert.equal(certificate.publicKey.asymmetricKeyType, algorithm === 'P-256' ? 'ec' : 'ed25519');
      assert.equal(certificate.validTo, 'Jan  4 00:00:00 2026 GMT');
      assert.match(key, /^-----BEGIN PRIVATE KEY-----\n/);
      assert.equal(fingerprint(certificate.raw), createHash('sha256').update(certificate.raw).digest('hex').toUpperCase().match(/../g).join(':'));
    }
    const { cert: one } = generateCertificate({}, BEGIN);
    const { cert: two } = generateCertificate({}, BEGIN);
    assert.notEqual(new X509Certificate(one).serialNumber, new X509Certificate(two).serialNumber);
  });

  it('has no more imports than we know of', async () => {
    const { readFile } = await import('node:fs/promises');
    const module = new WebAssembly.Module(await readFile(new URL('../dist/dtls_wasm_bg.wasm', import.meta.url)));
    const names = WebAssembly.Module.imports(module).map(({ module: from, name }) => `${from} ${name.replace(/_[0-9a-f]{16}$/, '')}`).sort();
    // Random bytes, and three of wasm-bindgen's own: how it throws, makes its table and casts.
    assert.deepEqual(names.map((name) => name.split(' ')[1]), ['__wbg___wbindgen_throw', '__wbg_getRandomValues', '__wbindgen_generic', '__wbindgen_init_externref_table']);
  });
});
