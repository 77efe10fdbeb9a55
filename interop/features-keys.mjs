/** The table's features of pre-shared keys: external ones, those of tickets, and early data. */
import * as judgements from './judgements.mjs';

/**
 * @typedef {import('./features.mjs').Feature} Feature
 * @typedef {import('./peers.mjs').Stack} Stack
 */

const SECRET = '7cb1de1f4a0c6f6d1b0e7dfdc0a51f5f1e2f3a4b5c6d7e8f9081726354a5b6c7';
const OTHER_SECRET = SECRET.replaceAll('7', '8');
const PSK = ['--psk', `interop:${SECRET}`];
const X25519 = ['--groups', 'x25519'];
/** What a server says of a binder that is not right (RFC 9846, Section 4.2.11). */
const DECRYPT_ERROR = 51;

/** @param {'external' | 'imported'} kind @returns {Feature['fits']} */
const both = (kind) => (client, server) => client.abilities.psks.includes(kind) && server.abilities.psks.includes(kind);

/** @returns {Feature[]} */
export function externalKeys() {
  /** @param {string} name @param {string[]} flags @param {Partial<Feature>} [differences] @returns {Feature} */
  const external = (name, flags, differences = {}) => ({
    name,
    fits: both('external'),
    client: () => [...X25519, ...PSK, ...flags],
    server: () => [...X25519, ...PSK, ...flags],
    shows: 'nothing',
    check: judgements.keyChosen({ share: true }),
    ...differences,
  });
  return [
    external('external PSK', []),
    external('external PSK without a retry', ['--no-cookie']),
    external('external PSK of another secret', ['--no-cookie'], {
      fits: (client, server) => both('external')(client, server) && server.abilities.tellsFailures,
      server: () => [...X25519, '--psk', `interop:${OTHER_SECRET}`, '--no-cookie'],
      fails: true,
      check: judgements.refused('server', [DECRYPT_ERROR]),
    }),
    external('external PSK without key exchange', ['--psk-modes', 'psk_ke'], {
      fits: (client, server) => both('external')(client, server) && client.abilities.pskModes && server.abilities.pskModes,
      check: judgements.keyChosen({ share: false }),
    }),
    external('external PSK for SHA-384', ['--suites', 'TLS_AES_256_GCM_SHA384'], {
      client: () => [...X25519, ...PSK.map((word) => (word.startsWith('interop:') ? `${word}:sha384` : word)), '--suites', 'TLS_AES_256_GCM_SHA384'],
      server: () => [...X25519, ...PSK.map((word) => (word.startsWith('interop:') ? `${word}:sha384` : word)), '--suites', 'TLS_AES_256_GCM_SHA384'],
      suite: 'TLS_AES_256_GCM_SHA384',
    }),
    external('second of two external PSKs', [], {
      fits: (client, server) => both('external')(client, server) && client.abilities.severalPsks,
      client: () => [...X25519, '--psk', `elsewhere:${OTHER_SECRET}`, ...PSK],
      check: judgements.keyChosen({ share: true, index: 1 }),
    }),
    external('imported PSK', ['--import'], { fits: both('imported') }),
  ];
}

/** @param {Stack} client @param {Stack} server */
const bothResume = (client, server) => client.abilities.resumption && server.abilities.resumption;

const TWICE = ['--tickets', '--connections', '2'];

/** @returns {Feature[]} */
export function resumptions() {
  return [
    {
      name: 'resumption',
      fits: bothResume,
      client: () => [...X25519, ...TWICE],
      server: () => [...X25519, ...TWICE],
      connections: 2,
      check: judgements.resumed({ share: true }),
    },
    {
      name: 'resumption with a retry for a group',
      fits: (client, server) => bothResume(client, server) && client.abilities.keyShares,
      client: () => ['--groups', 'x25519,secp256r1', '--key-shares', 'x25519', ...TWICE],
      server: () => ['--groups', 'secp256r1', ...TWICE],
      connections: 2,
      group: 'secp256r1',
      check: judgements.resumed({ share: true }),
    },
    {
      name: 'resumption without key exchange',
      fits: (client, server) => bothResume(client, server) && client.abilities.pskModes && server.abilities.pskModes,
      client: () => [...X25519, '--psk-modes', 'psk_ke', ...TWICE],
      server: () => [...X25519, '--psk-modes', 'psk_ke', ...TWICE],
      connections: 2,
      check: judgements.resumed({ share: false }),
    },
    {
      name: 'resumption with SHA-384',
      fits: (client, server) => bothResume(client, server) && (client.abilities.suites || server.abilities.suites),
      client: ({ abilities }) => [...X25519, ...(abilities.suites ? ['--suites', 'TLS_AES_256_GCM_SHA384'] : []), ...TWICE],
      server: ({ abilities }) => [...X25519, ...(abilities.suites ? ['--suites', 'TLS_AES_256_GCM_SHA384'] : []), ...TWICE],
      connections: 2,
      suite: 'TLS_AES_256_GCM_SHA384',
      check: judgements.resumed({ share: true }),
    },
    {
      name: '25 % loss of resumption, seed 2',
      fits: bothResume,
      client: () => [...X25519, ...TWICE, '--close-grace', '3000'],
      server: () => [...X25519, ...TWICE, '--close-grace', '3000'],
      connections: 2,
      network: { loss: 0.25, seed: 2 },
    },
  ];
}

/** @returns {Feature[]} */
export function earlyData() {
  /** @param {Stack} client @param {Stack} server */
  const fits = (client, server) => bothResume(client, server) && client.abilities.early && server.abilities.early;
  const early = ['--early', '1', ...TWICE];
  return [
    {
      name: 'early data',
      fits,
      client: () => [...X25519, ...early],
      server: () => [...X25519, ...early, '--no-cookie'],
      connections: 2,
      check: judgements.early({ taken: true }),
    },
    {
      name: 'early data refused by a retry',
      fits: (client, server) => fits(client, server) && server.abilities.cookie,
      client: () => [...X25519, ...early],
      server: () => [...X25519, ...early],
      connections: 2,
      // A server that refuses by a stateless retry never makes the secret of epoch 1.
      clientLogs: true,
      check: judgements.early({ taken: false }),
    },
    {
      name: '25 % loss of early data, seed 4',
      // wolfSSL's client may hand out an ACK as application data when its early data was lost.
      fits: (client, server) => fits(client, server) && client.name !== 'wolfssl',
      client: () => [...X25519, ...early, '--close-grace', '3000'],
      server: () => [...X25519, ...early, '--no-cookie', '--close-grace', '3000'],
      connections: 2,
      network: { loss: 0.25, seed: 4 },
    },
  ];
}
