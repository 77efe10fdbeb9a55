// Options of DTLS 1.3 beyond the basic handshake, each seen from both sides of the core.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { Config, Connection, generateCertificate, init } from 'dtls-wasm/core';
import { BEGIN, exchange } from './support/machines.mjs';

const bytes = (...values) => new Uint8Array(values);

describe('extensions', () => {
  let made;

  before(async () => {
    await init();
    made = generateCertificate({}, BEGIN);
  });

  /** A handshake between a client and a server with these options. */
  const handshake = (clientOptions, serverOptions) => {
    const client = Connection.client(new Config('client', { rejectUnauthorized: false, ...clientOptions }), undefined, BEGIN);
    const server = Connection.server(new Config('server', { certificate: made, ...serverOptions }), BEGIN);
    return { client, server, events: exchange(client, server) };
  };

  it('carries what the application brings, and tells each side what the other said', () => {
    const { client, server, events } = handshake(
      { customExtensions: [{ type: 0xfe01, send: { client_hello: bytes(1, 2) } }] },
      { customExtensions: [{ type: 0xfe01, send: { encrypted_extensions: bytes(3) }, required: true }] },
    );
    assert.deepEqual(events.client.map(({ type }) => type), ['connected']);
    assert.deepEqual(server.negotiated.peerExtensions, [{ type: 0xfe01, message: 'client_hello', data: bytes(1, 2) }]);
    assert.deepEqual(client.negotiated.peerExtensions, [{ type: 0xfe01, message: 'encrypted_extensions', data: bytes(3) }]);
  });

  it('refuses a peer without an extension that is required', () => {
    const { events } = handshake({}, { customExtensions: [{ type: 0xfe01, required: true }] });
    assert.equal(events.server[0].type, 'failed');
    assert.deepEqual(events.client[0].error.alert, { description: 'missing_extension', number: 109, from: 'remote' });
  });

  it('says what is wrong with a custom extension', () => {
    const refused = (extension, message) => assert.throws(() => new Config('client', { rejectUnauthorized: false, customExtensions: [extension] }), { code: 'ERR_DTLS_INVALID_OPTION', message });
    refused({ type: 16 }, /application_layer_protocol_negotiation/);
    refused({ type: 70_000 }, /from 0 to 65535; it is 70000/);
    refused({ type: 0xfe01, send: { hello: bytes() } }, /does not know "hello"; it knows client_hello/);
    refused({ type: 0xfe01, send: { client_hello: 'text' } }, /send\.client_hello must be a Uint8Array/);
  });

  it('offers GREASE and orders the hello at random, and is understood', () => {
    const first = (options) => {
      const client = Connection.client(new Config('client', { rejectUnauthorized: false, keyShares: 'x25519', ...options }), undefined, BEGIN);
      return Buffer.from(client.pollTransmit(BEGIN)).toString('hex');
    };
    // A GREASE value is 0x?a?a with the same nibble twice (RFC 8701 §2); the cipher suites begin behind 13 + 12 + 2 + 32 + 1 + 1 + 2 bytes.
    assert.match(first({ grease: true }).slice(126, 130), /^(.)a\1a$/);
    assert.doesNotMatch(first({}).slice(126, 130), /^(.)a\1a$/);
    const { events } = handshake({ grease: true, permuteExtensions: true }, { grease: true });
    assert.deepEqual(events, { client: [{ type: 'connected' }], server: [{ type: 'connected' }] });
  });
});
