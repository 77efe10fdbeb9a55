// Options of DTLS 1.3 beyond the basic handshake, each seen from both sides of the core.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { Config, Connection, generateCertificate, init } from 'dtls-wasm/core';
import { BEGIN, exchange } from './support/machines.mjs';

const bytes = (...values) => new Uint8Array(values);

let made;

before(async () => {
  await init();
  made = generateCertificate({}, BEGIN);
});

/** A handshake between a client and a server with these options. */
function handshake(clientOptions, serverOptions, { now = BEGIN, ...offer } = {}) {
  const config = clientOptions instanceof Config ? clientOptions : new Config('client', { rejectUnauthorized: false, ...clientOptions });
  const client = Connection.client(config, 'features.test', now, offer);
  const serverConfig = serverOptions instanceof Config ? serverOptions : new Config('server', { certificate: made, ...serverOptions });
  const server = Connection.server(serverConfig, now);
  return { client, server, events: exchange(client, server, now) };
}

const types = (events) => events.map(({ type }) => type);
const refused = (role, options, message) => assert.throws(() => new Config(role, options), { code: 'ERR_DTLS_INVALID_OPTION', message });

describe('extensions', () => {
  it('carries what the application brings, and tells each side what the other said', () => {
    const { client, server, events } = handshake(
      { customExtensions: [{ type: 0xfe01, send: { client_hello: bytes(1, 2) } }] },
      { customExtensions: [{ type: 0xfe01, send: { encrypted_extensions: bytes(3) }, required: true }] },
    );
    assert.deepEqual(types(events.client), ['connected']);
    assert.deepEqual(server.negotiated.peerExtensions, [{ type: 0xfe01, message: 'client_hello', data: bytes(1, 2) }]);
    assert.deepEqual(client.negotiated.peerExtensions, [{ type: 0xfe01, message: 'encrypted_extensions', data: bytes(3) }]);
  });

  it('refuses a peer without an extension that is required', () => {
    const { events } = handshake({}, { customExtensions: [{ type: 0xfe01, required: true }] });
    assert.equal(events.server[0].type, 'failed');
    assert.deepEqual(events.client[0].error.alert, { description: 'missing_extension', number: 109, from: 'remote' });
  });

  it('says what is wrong with a custom extension', () => {
    const refusedExtension = (extension, message) => refused('client', { rejectUnauthorized: false, customExtensions: [extension] }, message);
    refusedExtension({ type: 16 }, /application_layer_protocol_negotiation/);
    refusedExtension({ type: 70_000 }, /from 0 to 65535; it is 70000/);
    refusedExtension({ type: 0xfe01, send: { hello: bytes() } }, /does not know "hello"; it knows client_hello/);
    refusedExtension({ type: 0xfe01, send: { client_hello: 'text' } }, /send\.client_hello must be a Uint8Array/);
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

describe('pre-shared keys', () => {
  const key = new Uint8Array(32).fill(7);
  const psk = { identity: 'sensor 1', key };

  it('need no certificate on either side', () => {
    const { client, server, events } = handshake(new Config('client', { psk }), new Config('server', { psk: [{ identity: 'sensor 0', key: key.map((byte) => byte + 1) }, psk] }));
    assert.deepEqual([types(events.client), types(events.server)], [['connected'], ['connected']]);
    for (const { negotiated } of [client, server]) assert.equal(new TextDecoder().decode(negotiated.pskIdentity), 'sensor 1');
    assert.deepEqual([client.peerCertificates, client.negotiated.resumed], [[], false]);
  });

  it('can do without a key agreement, if both want that', () => {
    const { client } = handshake(new Config('client', { psk, pskModes: 'psk_ke' }), new Config('server', { psk, pskModes: ['psk_dhe_ke', 'psk_ke'] }));
    assert.deepEqual([client.state, client.negotiated.group], ['connected', undefined]);
    const { events } = handshake(new Config('client', { psk, pskModes: 'psk_ke' }), new Config('server', { psk }));
    assert.equal(events.client[0].type, 'failed');
  });

  it('are imported for a context', () => {
    const imported = { ...psk, context: 'ward 5' };
    const { client, events } = handshake(new Config('client', { psk: imported }), new Config('server', { psk: imported }));
    assert.deepEqual(types(events.client), ['connected']);
    // An ImportedIdentity (RFC 9258 §5.1): identity and context, each behind its length; then DTLS 1.3 and HKDF-SHA256.
    assert.equal(Buffer.from(client.negotiated.pskIdentity).toString('latin1'), '\0\x08sensor 1\0\x06ward 5\xfe\xfc\0\x01');
    const { events: others } = handshake(new Config('client', { psk: imported }), new Config('server', { psk: { ...psk, context: 'ward 6' } }));
    assert.equal(others.client[0].type, 'failed');
  });

  it('fall back to certificates, and a wrong key does not', () => {
    const { client } = handshake({ psk: { identity: 'unknown', key } }, { psk });
    assert.deepEqual([client.state, client.negotiated.pskIdentity, client.peerCertificates.length], ['connected', undefined, 1]);
    const { events } = handshake({ psk: { ...psk, key: new Uint8Array(32) } }, { psk });
    assert.deepEqual([events.server[0].type, events.client[0].error.alert?.description], ['failed', 'decrypt_error']);
  });

  it('say what is wrong with them', () => {
    refused('client', { psk: { identity: 'a', key: new Uint8Array(8) } }, /at least 16/);
    refused('client', { psk: { identity: '', key } }, /identity/i);
    refused('client', { psk: { identity: 'a', key: 'passphrase' } }, /psk: key must be a Uint8Array/);
    refused('client', { psk, pskModes: 'dhe' }, /pskModes does not know "dhe"; it knows psk_dhe_ke, psk_ke/);
    refused('client', { psk: [] }, /at least one/);
  });
});

describe('resumption', () => {
  const sessionsOf = (events) => events.client.filter(({ type }) => type === 'session').map(({ session }) => session);

  it('needs no certificate the second time, and works across servers that share keys', () => {
    const ticketKeys = new Uint8Array(48).fill(3);
    const first = handshake({ resumption: true }, { ticketKeys });
    const sessions = sessionsOf(first.events);
    assert.equal(sessions.length, 2);
    assert.equal(first.client.negotiated.resumed, false);
    const second = handshake({ resumption: true }, { ticketKeys }, { session: sessions[0], now: BEGIN + 60_000 });
    assert.deepEqual([second.client.negotiated.resumed, second.server.negotiated.resumed], [true, true]);
    assert.deepEqual(second.client.peerCertificates, first.client.peerCertificates);
    assert.ok(sessionsOf(second.events).length > 0);
    const elsewhere = handshake({}, { tickets: true }, { session: sessions[1] });
    assert.deepEqual([elsewhere.client.state, elsewhere.client.negotiated.resumed], ['connected', false]);
  });

  it('ends with the life of a ticket', () => {
    const server = new Config('server', { certificate: made, tickets: true, ticketCount: 1, ticketLifetime: 60 });
    const [session, ...others] = sessionsOf(handshake({ resumption: true }, server).events);
    assert.deepEqual(others, []);
    const { client } = handshake({}, server, { session, now: BEGIN + 61_000 });
    assert.deepEqual([client.state, client.negotiated.resumed], ['connected', false]);
  });

  it('takes new ticket keys while the server runs, and still opens what the old ones sealed', () => {
    const [old, young] = [new Uint8Array(48).fill(1), new Uint8Array(48).fill(2)];
    const server = new Config('server', { certificate: made, ticketKeys: old });
    const [session, other] = sessionsOf(handshake({ resumption: true }, server).events);
    server.setTicketKeys([young, old]);
    assert.equal(handshake({}, server, { session }).client.negotiated.resumed, true);
    server.setTicketKeys(young);
    assert.equal(handshake({}, server, { session: other }).client.negotiated.resumed, false);
  });

  it('says what is wrong with its options', () => {
    const server = { certificate: made };
    refused('server', { ...server, ticketKeys: new Uint8Array(16) }, /48 random bytes/);
    refused('server', { ...server, tickets: true, ticketLifetime: 1e6 }, /whole number from 1 to 604800/);
    refused('server', { ...server, maxEarlyData: 100 }, /needs tickets/);
    refused('client', { rejectUnauthorized: false, tickets: true }, /tickets is for a server/);
    assert.throws(() => new Config('server', server).setTicketKeys(new Uint8Array(48)), { code: 'ERR_DTLS_INVALID_OPTION', message: /issues no tickets/ });
    assert.throws(() => handshake({}, {}, { session: bytes(9, 9) }), { code: 'ERR_DTLS_INVALID_OPTION', message: /session/ });
  });
});

describe('early data', () => {
  const ask = new TextEncoder().encode('GET');

  it('is taken once, and offered only with a session that allows it', () => {
    const server = new Config('server', { certificate: made, tickets: true, maxEarlyData: 5 }, BEGIN - 1000);
    const [first, second] = handshake({ resumption: true }, server).events.client.filter(({ type }) => type === 'session');
    const config = new Config('client', { rejectUnauthorized: false });
    const begin = (session) => Connection.client(config, 'features.test', BEGIN, { session, earlyData: true });

    const client = begin(first.session);
    assert.equal(client.earlyDataLeft, 5);
    client.sendEarly(ask);
    assert.throws(() => client.sendEarly(ask), { code: 'ERR_DTLS_TOO_LARGE', message: /2 more/ });
    const flight = [];
    for (let datagram; (datagram = client.pollTransmit(BEGIN)) !== undefined;) flight.push(datagram);
    /** A server that gets the same first flight, byte for byte. */
    const served = () => {
      const peer = Connection.server(server, BEGIN);
      for (const datagram of flight) peer.handleDatagram(datagram, BEGIN);
      return peer;
    };
    const peer = served();
    const events = exchange(client, peer);
    assert.deepEqual(events.server.slice(0, 2), [{ type: 'early-data', data: ask }, { type: 'connected' }]);
    assert.deepEqual(types(events.client), ['early-data-accepted', 'connected']);
    assert.equal(served().pollEvent(), undefined);

    const late = begin(second.session);
    const { client: refusedEvents, server: nothing } = exchange(late, Connection.server(new Config('server', { certificate: made }), BEGIN));
    assert.deepEqual([types(refusedEvents), types(nothing)], [['early-data-rejected', 'connected'], ['connected']]);
    assert.throws(() => begin(undefined).sendEarly(ask), { code: 'ERR_DTLS_NOT_READY' });
  });
});

describe('records', () => {
  it('are padded to a block or to the next length of a list', () => {
    const lengths = (padding) => {
      const { client } = handshake({ padding }, {});
      return [1, 90, 200].map((length) => {
        client.send(new Uint8Array(length));
        return client.pollTransmit(BEGIN).length;
      });
    };
    // A header of 5 bytes and a tag of 16; the type of the content is one byte of what is padded.
    assert.deepEqual(lengths(undefined), [1, 90, 200].map((length) => length + 1 + 21));
    assert.deepEqual(lengths(64), [64, 128, 256].map((length) => length + 21));
    assert.deepEqual(lengths([100, 300]), [100, 100, 300].map((length) => length + 21));
  });

  it('are no longer than the peer wants', () => {
    const { client, server } = handshake({ recordSizeLimit: 100 }, {});
    assert.equal(server.maxSendSize, 99);
    assert.ok(client.maxSendSize > 99);
    assert.equal(server.send(new Uint8Array(100)), 'too-large');
  });

  it('say what is wrong with their options', () => {
    refused('client', { rejectUnauthorized: false, recordSizeLimit: 63 }, /recordSizeLimit must be a whole number from 64 to 16385; it is 63/);
    refused('client', { rejectUnauthorized: false, padding: [] }, /padding must be/);
    refused('client', { rejectUnauthorized: false, padding: -1 }, /padding must be/);
  });
});

describe('a certificate after the handshake', () => {
  const fingerprints = () => [{ algorithm: 'sha-256', value: made.fingerprint }];

  it('comes when it is asked for, and not from a client that did not allow it', () => {
    const { client, server } = handshake({ certificate: made, postHandshakeAuth: true }, { remoteFingerprints: fingerprints(), requestCert: false });
    assert.deepEqual(server.peerCertificates, []);
    const request = server.requestCertificate(false, BEGIN);
    const { server: events } = exchange(client, server);
    assert.deepEqual(events, [{ type: 'peer-authenticated', request }]);
    assert.equal(server.peerCertificates.length, 1);
    assert.throws(() => client.requestCertificate(false, BEGIN), { code: 'ERR_DTLS_INVALID_OPTION' });
    const closed = handshake({}, { remoteFingerprints: fingerprints(), requestCert: false });
    assert.throws(() => closed.server.requestCertificate(false, BEGIN), { code: 'ERR_DTLS_INCOMPATIBLE' });
  });

  it('may be declined where it is optional', () => {
    const { client, server } = handshake({ postHandshakeAuth: true }, { remoteFingerprints: fingerprints(), requestCert: false });
    const request = server.requestCertificate(true, BEGIN);
    assert.deepEqual(exchange(client, server).server, [{ type: 'peer-declined', request }]);
  });
});

describe('SRTP', () => {
  it('has a master key identifier if both sides want one', () => {
    const options = { srtpProfiles: ['SRTP_AEAD_AES_128_GCM'] };
    const { client, server } = handshake({ ...options, srtpMki: bytes(1, 2) }, { ...options, srtpMki: true });
    assert.deepEqual([client.srtpKeys().mki, server.srtpKeys().mki], [bytes(1, 2), bytes(1, 2)]);
    assert.deepEqual(handshake({ ...options, srtpMki: bytes(1, 2) }, options).client.srtpKeys().mki, bytes());
    refused('client', { rejectUnauthorized: false, ...options, srtpMki: true }, /srtpMki must be a Uint8Array/);
  });
});

describe('keys without certificates', () => {
  const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const own = ({ privateKey }) => privateKey.export({ type: 'pkcs8', format: 'pem' });
  const spki = ({ publicKey }) => new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));

  it('are shown by both sides, and known by those who were told of them', () => {
    const [one, other] = [pair(), pair()];
    const server = { rawKey: own(one), remotePublicKeys: [spki(other)] };
    const { client, server: peer, events } = handshake(new Config('client', { rawKey: own(other), remotePublicKeys: [spki(pair()), spki(one)] }), new Config('server', server));
    assert.deepEqual(types(events.client), ['connected']);
    assert.deepEqual([client.peerHasRawKey, peer.peerHasRawKey], [true, true]);
    assert.deepEqual([client.peerCertificates, peer.peerCertificates], [[spki(one)], [spki(other)]]);
    const { events: stranger } = handshake(new Config('client', { rawKey: own(pair()), remotePublicKeys: [spki(one)] }), new Config('server', server));
    assert.equal(stranger.server[0].type, 'failed');
  });

  it('are no certificates', () => {
    const key = pair();
    const { events } = handshake({ remoteFingerprints: [{ algorithm: 'sha-256', value: made.fingerprint }] }, new Config('server', { rawKey: own(key) }));
    assert.equal(events.server[0].type, 'failed');
    refused('client', { remotePublicKeys: [] }, /at least one SubjectPublicKeyInfo/);
    refused('client', { remotePublicKeys: [spki(key)], rejectUnauthorized: true, ca: made.cert }, /one of ca, remoteFingerprints and remotePublicKeys/);
  });
});

describe('a stapled OCSP response', () => {
  it('comes if it was asked for', () => {
    const certificate = { ...made, ocspResponse: bytes(0x30, 3, 10, 1, 1) };
    assert.deepEqual(handshake({ requestOCSP: true }, { certificate }).client.ocspResponse, certificate.ocspResponse);
    assert.equal(handshake({}, { certificate }).client.ocspResponse, undefined);
  });
});

describe('what is said about certificates', () => {
  it('brings timestamps to those who ask', () => {
    const certificate = { ...made, certificateTimestamps: bytes(0, 3, 0, 1, 9) };
    assert.deepEqual(handshake({ requestTimestamps: true }, { certificate }).client.certificateTimestamps, certificate.certificateTimestamps);
    assert.equal(handshake({}, { certificate }).client.certificateTimestamps, undefined);
  });

  it('limits the schemes of signatures', () => {
    const { client, server } = handshake({ signatureSchemes: 'ed25519' }, {});
    assert.deepEqual([client.state, server.state], ['failed', 'failed']);
    assert.equal(handshake({ signatureSchemes: ['ecdsa_secp256r1_sha256'], certificateSignatureSchemes: 'ed25519:ecdsa_secp256r1_sha256' }, {}).client.state, 'connected');
  });

  it('names what is wrong', () => {
    const client = { rejectUnauthorized: false };
    refused('client', { ...client, signatureSchemes: 'ecdsa' }, /signatureSchemes does not know "ecdsa"; it knows .*ecdsa_secp256r1_sha256/);
    refused('client', { ...client, certificateCompression: 'zlib' }, /certificate-compression/);
    refused('client', { ...client, certificateCompression: 'gzip' }, /it knows zlib, brotli/);
    refused('client', { ...client, authorities: ['CN=root'] }, /distinguished names, DER/);
    refused('client', { ...client, delegatedCredentials: 'rsa_pss_rsae_sha256' }, /rsa_pss_rsae_sha256/);
    const delegatedCredential = { credential: bytes(1, 2), key: made.key };
    assert.throws(() => new Config('server', { certificate: { ...made, delegatedCredential } }), { code: 'ERR_DTLS_INVALID_CERT', message: /delegated credential cannot be read/ });
  });
});

describe('connection IDs', () => {
  it('stand in the records of whoever was asked for them', () => {
    const { client, server } = handshake({}, { connectionIdLength: 8 });
    assert.deepEqual([client.connectionIds.peer.length, client.connectionIds.own, server.connectionIds.peer.length], [8, [], 0]);
    assert.deepEqual(server.connectionIds.own, [client.connectionIds.peer]);
    client.send(bytes(1));
    const record = client.pollTransmit(BEGIN);
    // The header says so (RFC 9147 §4), and the ID follows it.
    assert.equal(record[0] & 0b1111_0000, 0b0011_0000);
    assert.deepEqual(record.slice(1, 9), client.connectionIds.peer);
    server.handleDatagram(record, BEGIN);
    assert.deepEqual(server.pollEvent(), { type: 'datagram', data: bytes(1) });
  });

  it('are asked for, given, and changed for others', () => {
    const { client, server } = handshake({}, { connectionIdLength: 8 });
    client.requestConnectionIds(2);
    const events = exchange(client, server).client;
    assert.deepEqual(events, [{ type: 'connection-ids', spare: 2 }]);
    const before = client.connectionIds.peer;
    client.useNextConnectionId(BEGIN);
    assert.notDeepEqual(client.connectionIds.peer, before);
    client.send(bytes(1));
    assert.deepEqual(types(exchange(client, server).server), ['datagram']);
    assert.throws(() => server.requestConnectionIds(1), { code: 'ERR_DTLS_INCOMPATIBLE' });
    assert.deepEqual(handshake({ connectionIds: false }, { connectionIdLength: 8 }).client.connectionIds.peer, bytes());
  });

  it('say what is wrong with their options', () => {
    refused('client', { rejectUnauthorized: false, connectionIdLength: 256 }, /connectionIdLength must be a whole number from 0 to 255/);
    refused('client', { rejectUnauthorized: false, pathCheck: 'quick' }, /pathCheck does not know "quick"; it knows none, basic, enhanced/);
  });
});

describe('Extended Key Update', () => {
  it('agrees on new keys where both sides want it', () => {
    const option = { extendedKeyUpdate: true };
    const { client, server } = handshake(option, option);
    const before = client.epochs;
    client.extendedKeyUpdate(BEGIN);
    const events = exchange(client, server);
    assert.ok(types(events.client).includes('extended-keys-updated') && types(events.server).includes('extended-keys-updated'));
    assert.ok(client.epochs.read > before.read && client.epochs.write > before.write);
    client.send(bytes(1));
    assert.deepEqual(types(exchange(client, server).server), ['datagram']);
    assert.throws(() => handshake(option, {}).client.extendedKeyUpdate(BEGIN), { code: 'ERR_DTLS_INCOMPATIBLE' });
    refused('client', { rejectUnauthorized: false, ...option, resumption: true }, /resum/i);
  });
});
