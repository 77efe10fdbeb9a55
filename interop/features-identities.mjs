/** The table's features of identities beyond certificates in the handshake. */
import { certificateFile, fingerprintSaid } from './cell.mjs';
import * as judgements from './judgements.mjs';
import { ownLeafFingerprint } from './judgements.mjs';

/** @typedef {import('./features.mjs').Feature} Feature */

const X25519 = ['--groups', 'x25519'];
const CLIENT_CERTIFICATE = ['--cert', certificateFile('client.crt'), '--key', certificateFile('client.key')];
/** Large enough that compression shows. */
const CHAIN = ['--cert', certificateFile('chain.crt'), '--key', certificateFile('chain.key')];

/** @returns {Feature[]} */
export function lateIdentities() {
  return [...rawKeys(), ...compressions(), ...lateAuthentication(), ...others()];
}

/** @returns {Feature[]} */
function rawKeys() {
  /** @type {Feature['fits']} */
  const fits = (client, server) => client.abilities.rawKeys && server.abilities.rawKeys;
  const wanted = ['--peer-key', certificateFile('p256.pub')];
  const shown = ['--raw-key', certificateFile('p256.pub')];
  return [
    {
      name: 'raw public key of the server',
      fits,
      client: () => [...X25519, ...wanted],
      server: () => [...X25519, ...shown],
      shows: 'key',
      check: judgements.rawKey('client', 'p256'),
    },
    {
      name: 'raw public keys of both sides',
      fits,
      client: () => [...X25519, ...wanted, '--raw-key', certificateFile('client.pub'), '--key', certificateFile('client.key')],
      server: () => [...X25519, ...shown, '--client-auth', '--peer-key', certificateFile('client.pub')],
      shows: 'key',
      check: (findings, outcome, cell) => {
        judgements.rawKey('client', 'p256')(findings, outcome, cell);
        judgements.rawKey('server', 'client')(findings, outcome, cell);
      },
    },
    {
      name: 'raw public key that is not the expected one',
      fits: (client, server) => fits(client, server) && server.abilities.tellsFailures,
      client: () => [...X25519, '--peer-key', certificateFile('stranger.pub')],
      server: () => [...X25519, ...shown],
      shows: 'key',
      fails: true,
      check: judgements.refused('client', [42, 46, 48]),
    },
  ];
}

/** @returns {Feature[]} */
function compressions() {
  return ['zlib', 'brotli'].map((algorithm) => ({
    name: `certificates compressed with ${algorithm}`,
    fits: (client, server) => client.abilities.compression !== 'none' && server.abilities.compression !== 'none',
    client: () => [...X25519, ...CHAIN, '--compress', algorithm],
    server: () => [...X25519, '--client-auth', '--ca', certificateFile('root.crt'), '--compress', algorithm],
    certificate: 'chain',
    check: (findings, outcome, cell) => {
      const both = cell.client.abilities.compression === 'both' && cell.server.abilities.compression === 'both';
      for (const direction of /** @type {import('./capture.mjs').Direction[]} */ (both ? ['s2c', 'c2s'] : ['s2c'])) {
        const types = outcome.reader.messages.filter((message) => message.direction === direction).map(({ type }) => type);
        findings.expect(types.includes('compressed_certificate'), `no compressed certificate was sent ${direction}`);
        findings.expect(!types.includes('certificate'), `a certificate was sent ${direction} without compression`);
      }
      findings.equal(fingerprintSaid(outcome.server), ownLeafFingerprint('chain'), 'the certificate that the server saw');
    },
  }));
}

/** @returns {Feature[]} */
function lateAuthentication() {
  /** @type {Feature['fits']} */
  const fits = (client, server) => client.abilities.lateAuth && server.abilities.lateAuth;
  const slowly = ['--messages', '4', '--pause', '50'];
  return [
    {
      name: 'client certificate after the handshake',
      fits,
      client: () => [...X25519, ...slowly, '--post-handshake-auth', ...CLIENT_CERTIFICATE],
      server: () => [...X25519, '--messages', '4', '--request-auth', '1', '--ca', certificateFile('root.crt')],
      check: (findings, outcome) => {
        const said = /sha256=([0-9a-f]+)/.exec(outcome.server.said('AUTHENTICATED') ?? '')?.[1];
        findings.equal(said, ownLeafFingerprint('client'), 'the certificate that the server saw after the handshake');
        for (const type of ['certificate', 'certificate_verify', 'finished']) {
          const sent = outcome.reader.messages.some((message) => message.direction === 'c2s' && message.epoch === 3 && message.type === type);
          findings.expect(sent, `the client sent no ${type} in epoch 3`);
        }
      },
    },
  ];
}

/** @returns {Feature[]} */
function others() {
  return [
    {
      name: 'OCSP stapling',
      fits: (client, server) => client.abilities.stapling && server.abilities.stapling,
      client: () => [...X25519, '--request-ocsp'],
      server: () => [...X25519, '--ocsp', certificateFile('p256.ocsp')],
      check: judgements.stapled('p256'),
    },
    {
      name: 'delegated credential',
      fits: (client, server) => client.abilities.delegated.includes('client') && server.abilities.delegated.includes('server'),
      client: () => [...X25519, '--delegated', 'any'],
      server: () => [...X25519, '--delegated', certificateFile('delegating.dc')],
      certificate: 'delegating',
      check: judgements.delegated(),
    },
    {
      name: 'unknown values and extensions in a random order',
      fits: (client) => client.abilities.grease,
      client: () => [...X25519, '--grease', '--permute'],
      server: () => X25519,
      check: (findings, { hellos }) => {
        const types = hellos.clientHellos[0]?.extensions ?? [];
        findings.expect(types.some((type) => (type & 0x0f0f) === 0x0a0a && type >> 8 === (type & 0xff)), 'the hello had no extension that nobody knows');
      },
    },
  ];
}
