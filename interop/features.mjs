/** The table of features: what each asks of the two sides, and what must be seen. */
import { certificateFile, fingerprintSaid } from './cell.mjs';
import { leafFingerprint, ownLeafFingerprint } from './judgements.mjs';
import * as judgements from './judgements.mjs';
import { lateIdentities } from './features-identities.mjs';
import { earlyData, externalKeys, resumptions } from './features-keys.mjs';
import { connectionIds } from './features-paths.mjs';

/**
 * @typedef {import('./peers.mjs').Stack} Stack
 * @typedef {import('./cell.mjs').Cell} Cell
 * @typedef {import('./cell.mjs').Outcome} Outcome
 * @typedef {import('./cell.mjs').Findings} Findings
 * @typedef {object} Feature
 * @property {string} name
 * @property {(client: Stack, server: Stack) => boolean} fits whether both can do it
 * @property {(own: Stack, other: Stack) => string[]} client flags
 * @property {(own: Stack, other: Stack) => string[]} server flags
 * @property {string} [suite] @property {string} [group] what must have been chosen
 * @property {string} [certificate] the server's, `p256` when not given
 * @property {'key' | 'nothing'} [shows] what the server shows in place of a certificate
 * @property {boolean} [clientLogs] the client alone has all secrets of the connection
 * @property {number} [connections] how many the two sides make, one after another; one when not given
 * @property {boolean} [serverCloses]
 * @property {import('./relay.mjs').Conditions} [network] a close_notify may then be lost
 * @property {boolean} [fails] the handshake must fail; only `check` judges
 * @property {(findings: Findings, outcome: Outcome, cell: Cell) => void} [check]
 */

const SUITES = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
const CCM_SUITES = ['TLS_AES_128_CCM_SHA256', 'TLS_AES_128_CCM_8_SHA256'];
const GROUPS = ['x25519', 'secp256r1', 'X25519MLKEM768'];
const PROFILES = ['SRTP_AES128_CM_HMAC_SHA1_80', 'SRTP_AEAD_AES_128_GCM', 'SRTP_AEAD_AES_256_GCM'];
const HYBRID = 'X25519MLKEM768';
/** A ClientHello with the hybrid's key share of 1,216 bytes fits a datagram of this size. */
const WHOLE_HELLO_MTU = '1450';
/** Small enough that hellos with a hybrid share and chains of certificates take several datagrams. */
const SMALL_MTU = '600';
/** BoringSSL acknowledges after 100 ms, and no new epoch is used before that. */
const PAUSE_MS = '150';
/** The smallest datagrams that BoringSSL and we can be told to send. */
const TINY_MTU = '256';
/** What padded records are as long as a multiple of. */
const BLOCK = 64;
const LOSS = 0.25;
const LOSS_SEEDS = [1, 2, 3, 4, 5];

const none = () => [];
const always = () => true;

/** One hello in one datagram, where the server wants it so. @param {string} group @param {Stack} client @param {Stack} server */
const wholeHello = (group, client, server) => (group === HYBRID && !server.abilities.fragmentedHello ? ['--mtu', WHOLE_HELLO_MTU] : []);

/** @param {Stack} stack @param {string} group */
const hasGroup = (stack, group) => stack.abilities.groups.includes(group);

/** @returns {Feature[]} */
function suitesAndGroups() {
  /** @type {Feature[]} */
  const ccm = CCM_SUITES.map((suite) => ({
    name: suite,
    fits: (client, server) => client.abilities.ccm && server.abilities.ccm,
    client: () => ['--suites', suite, '--groups', 'x25519'],
    server: () => ['--suites', suite, '--groups', 'x25519'],
    suite,
  }));
  /** @type {Feature[]} */
  const others = SUITES.flatMap((suite) => GROUPS.map((group) => ({
    name: `${suite} ${group}`,
    // One side that chooses suffices.
    fits: (client, server) => hasGroup(client, group) && hasGroup(server, group) && (client.abilities.suites || server.abilities.suites),
    client: (own, other) => [...chosenSuite(own, suite), '--groups', group, ...wholeHello(group, own, other)],
    server: (own) => [...chosenSuite(own, suite), '--groups', group, ...wholeHello(group, own, own)],
    suite,
    group,
  })));
  return [...ccm, ...others];
}

/** @param {Stack} stack @param {string} suite */
const chosenSuite = (stack, suite) => (stack.abilities.suites ? ['--suites', suite] : []);

/** @returns {Feature[]} */
function retries() {
  return [
    {
      name: 'retry for a group',
      fits: always,
      client: (own) => ['--groups', 'x25519,secp256r1', ...(own.abilities.keyShares ? ['--key-shares', 'x25519'] : [])],
      server: () => ['--groups', 'secp256r1', '--no-cookie'],
      group: 'secp256r1',
      check: judgements.retried({ group: 'secp256r1', cookie: false }),
    },
    {
      name: 'retry for a hybrid group',
      fits: (client, server) => client.abilities.hybrid && server.abilities.hybrid,
      client: () => ['--groups', `x25519,${HYBRID}`, '--key-shares', 'x25519'],
      server: () => ['--groups', HYBRID],
      group: HYBRID,
      check: judgements.retried({ group: HYBRID }),
    },
    {
      name: 'retry with a cookie',
      fits: (_, server) => server.abilities.cookie,
      client: () => ['--groups', 'x25519'],
      server: () => ['--groups', 'x25519'],
      check: judgements.retried({ cookie: true }),
    },
    {
      name: 'retry for a group with a cookie',
      fits: (_, server) => server.abilities.cookie,
      client: (own) => ['--groups', 'x25519,secp256r1', ...(own.abilities.keyShares ? ['--key-shares', 'x25519'] : [])],
      server: () => ['--groups', 'secp256r1'],
      group: 'secp256r1',
      check: judgements.retried({ group: 'secp256r1', cookie: true }),
    },
    {
      name: 'no key share in the first hello',
      fits: (client) => client.abilities.keyShares,
      client: () => ['--groups', 'x25519', '--key-shares', 'none'],
      server: () => ['--groups', 'x25519'],
      check: judgements.retried({ group: 'x25519' }),
    },
  ];
}

/** @returns {Feature[]} */
function fragments() {
  return [
    {
      name: 'hello in fragments',
      fits: (client, server) => client.abilities.hybrid && server.abilities.hybrid && server.abilities.fragmentedHello,
      client: () => ['--groups', HYBRID, '--mtu', SMALL_MTU],
      // wolfSSL takes what it sends at most for what it receives at most, so both sides send small datagrams.
      server: () => ['--groups', HYBRID, '--mtu', SMALL_MTU],
      group: HYBRID,
      check: judgements.fragmented('c2s', 'client_hello', 2),
    },
    {
      name: 'smallest datagrams',
      fits: (client, server) => client.abilities.hybrid && server.abilities.hybrid && client.abilities.tinyDatagrams && server.abilities.tinyDatagrams,
      client: () => ['--groups', HYBRID, '--mtu', TINY_MTU],
      server: () => ['--groups', HYBRID, '--mtu', TINY_MTU],
      group: HYBRID,
      certificate: 'chain',
      check: (findings, outcome, cell) => {
        judgements.fragmented('c2s', 'client_hello', 6)(findings, outcome, cell);
        judgements.fragmented('s2c', 'server_hello', 5)(findings, outcome, cell);
        for (const direction of /** @type {const} */ (['c2s', 's2c'])) judgements.withinMtu(direction, Number(TINY_MTU))(findings, outcome, cell);
      },
    },
    {
      name: 'chains in fragments',
      fits: (client, server) => client.abilities.chains && server.abilities.chains && client.abilities.verifies && server.abilities.verifies,
      client: () => ['--groups', 'x25519', '--mtu', SMALL_MTU, '--cert', certificateFile('chain.crt'), '--key', certificateFile('chain.key')],
      server: () => ['--groups', 'x25519', '--mtu', SMALL_MTU, '--client-auth', '--ca', certificateFile('root.crt')],
      certificate: 'chain',
      check: (findings, outcome, cell) => {
        for (const direction of /** @type {const} */ (['c2s', 's2c'])) {
          judgements.fragmented(direction, 'certificate', 2)(findings, outcome, cell);
          judgements.withinMtu(direction, Number(SMALL_MTU))(findings, outcome, cell);
        }
        findings.equal(/chain=(\d)/.exec(outcome.client.said('PEERCERT') ?? '')?.[1], '3', 'the number of certificates that the client saw');
      },
    },
  ];
}

/** @param {Stack} stack @param {string} certificate of the other side */
function fingerprint({ abilities }, certificate) {
  return abilities.fingerprints ? ['--fingerprint', leafFingerprint(certificate)] : [];
}

/** @returns {Feature[]} */
function identities() {
  /** @type {Feature[]} */
  const certificates = ['ed25519', 'rsa'].map((certificate) => ({
    name: `server certificate ${certificate}`,
    fits: (client, server) => server.abilities.certificates.includes(certificate) && client.abilities.signatures.includes(certificate),
    client: () => ['--groups', 'x25519'],
    server: () => ['--groups', 'x25519'],
    certificate,
  }));
  return [
    ...certificates,
    {
      name: 'client certificate',
      fits: always,
      client: () => ['--groups', 'x25519', '--cert', certificateFile('client.crt'), '--key', certificateFile('client.key')],
      server: (own) => ['--groups', 'x25519', '--client-auth', ...(own.abilities.verifies ? ['--ca', certificateFile('root.crt')] : [])],
      check: (findings, outcome) => findings.equal(fingerprintSaid(outcome.server), ownLeafFingerprint('client'), 'the certificate that the server saw'),
    },
    {
      name: 'Ed25519 client certificate',
      fits: (client, server) => client.abilities.certificates.includes('ed25519') && server.abilities.signatures.includes('ed25519'),
      client: () => ['--groups', 'x25519', '--cert', certificateFile('ed25519.crt'), '--key', certificateFile('ed25519.key')],
      server: () => ['--groups', 'x25519', '--client-auth', '--ca', certificateFile('root.crt')],
      check: (findings, outcome) => findings.equal(fingerprintSaid(outcome.server), ownLeafFingerprint('ed25519'), 'the certificate that the server saw'),
    },
    {
      name: 'fingerprints in place of roots',
      fits: (client, server) => client.abilities.fingerprints || server.abilities.fingerprints,
      client: (own) => ['--groups', 'x25519', '--cert', certificateFile('client.crt'), '--key', certificateFile('client.key'), ...fingerprint(own, 'p256')],
      server: (own) => ['--groups', 'x25519', '--client-auth', ...fingerprint(own, 'client')],
      check: (findings, outcome) => findings.equal(fingerprintSaid(outcome.server), ownLeafFingerprint('client'), 'the certificate that the server saw'),
    },
    {
      name: 'server of another fingerprint',
      fits: (client, server) => client.abilities.fingerprints && server.abilities.tellsFailures,
      client: (own) => ['--groups', 'x25519', ...fingerprint(own, 'stranger')],
      server: () => ['--groups', 'x25519'],
      fails: true,
      check: judgements.refused('client', [42, 46, 48]),
    },
    {
      name: 'server of an unknown root',
      fits: (client, server) => client.abilities.verifies && client.abilities.alerts && server.abilities.tellsFailures,
      client: () => ['--groups', 'x25519', '--ca', certificateFile('stranger.crt')],
      server: () => ['--groups', 'x25519'],
      fails: true,
      check: judgements.refused('client', [42, 46, 48]),
    },
    {
      name: 'server of another name',
      fits: (client, server) => client.abilities.verifies && client.abilities.alerts && server.abilities.tellsFailures,
      client: () => ['--groups', 'x25519', '--name', 'other.test'],
      server: () => ['--groups', 'x25519'],
      fails: true,
      check: judgements.refused('client', [42, 46, 48]),
    },
    {
      name: 'client without a certificate',
      fits: (client, server) => client.abilities.verifies && server.abilities.verifies && server.abilities.tellsFailures,
      client: () => ['--groups', 'x25519'],
      server: () => ['--groups', 'x25519', '--client-auth', '--ca', certificateFile('root.crt')],
      fails: true,
      check: judgements.refused('server', [116]),
    },
  ];
}

/** @returns {Feature[]} */
function extensions() {
  /** @param {Stack} one @param {Stack} other */
  const bothAlpn = (one, other) => one.abilities.alpn && other.abilities.alpn;
  /** @type {Feature[]} */
  const srtp = PROFILES.map((profile) => ({
    name: `SRTP keys ${profile}`,
    fits: (client, server) => client.abilities.profiles || server.abilities.profiles,
    client: () => ['--groups', 'x25519', '--srtp', profile],
    server: () => ['--groups', 'x25519', '--srtp', profile],
    check: judgements.srtpEqual(profile),
  }));
  return [
    ...srtp,
    {
      name: 'SRTP keys with an identifier that the server does not take',
      fits: (client, server) => client.abilities.mki && server.abilities.profiles,
      client: () => ['--groups', 'x25519', '--srtp', PROFILES[0], '--mki', '01020304'],
      server: () => ['--groups', 'x25519', '--srtp', PROFILES[0]],
      check: judgements.srtpEqual(PROFILES[0]),
    },
    {
      name: 'ALPN',
      fits: bothAlpn,
      client: () => ['--groups', 'x25519', '--alpn', 'other,interop'],
      server: () => ['--groups', 'x25519', '--alpn', 'interop'],
      check: (findings, { client, server }) => {
        findings.equal(client.connected.alpn, 'interop', 'the protocol that the client tells');
        findings.equal(server.connected.alpn, 'interop', 'the protocol that the server tells');
      },
    },
    {
      name: 'ALPN without a common protocol',
      fits: (client, server) => bothAlpn(client, server) && server.abilities.tellsFailures,
      client: () => ['--groups', 'x25519', '--alpn', 'other'],
      server: () => ['--groups', 'x25519', '--alpn', 'interop'],
      fails: true,
      check: judgements.refused('server', [120]),
    },
    {
      name: 'server_name',
      fits: (client, server) => client.abilities.name && server.abilities.name,
      client: () => ['--groups', 'x25519'],
      server: () => ['--groups', 'x25519', '--name', 'interop.test'],
      check: (findings, { server }) => findings.equal(server.connected.name, 'interop.test', 'the name that the server was asked for'),
    },
    {
      name: 'exporter',
      fits: (client, server) => client.abilities.exporter && server.abilities.exporter,
      client: () => ['--groups', 'x25519', '--export', 'EXPORTER-interop'],
      server: () => ['--groups', 'x25519', '--export', 'EXPORTER-interop'],
      check: judgements.exportsEqual('EXPORTER-interop'),
    },
  ];
}

/** @returns {Feature[]} */
function keyUpdates() {
  /** @param {boolean} request @returns {(stack: Stack) => boolean} */
  const can = (request) => ({ abilities: { update } }) => update === 'free' || (request && update === 'requesting');
  const updating = ['--update-keys', '2'];
  const messages = ['--groups', 'x25519', '--messages', '6', '--pause', PAUSE_MS];
  /** @param {boolean} request */
  const flags = (request) => [...messages, ...updating, ...(request ? ['--request-update'] : [])];
  return [
    { name: 'key update by the client', fits: (client) => can(false)(client), client: () => flags(false), server: () => messages, check: judgements.epochReached({ c2s: 4, s2c: 3 }) },
    { name: 'key update by the server', fits: (_, server) => can(false)(server), client: () => messages, server: () => flags(false), check: judgements.epochReached({ c2s: 3, s2c: 4 }) },
    { name: 'key update asked for by the client', fits: (client) => can(true)(client), client: () => flags(true), server: () => messages, check: judgements.epochReached({ c2s: 4, s2c: 4 }) },
    { name: 'key update asked for by the server', fits: (_, server) => can(true)(server), client: () => messages, server: () => flags(true), check: judgements.epochReached({ c2s: 4, s2c: 4 }) },
    {
      name: 'key updates that cross',
      fits: (client, server) => can(true)(client) && can(true)(server),
      client: () => flags(true),
      server: () => flags(true),
      check: judgements.epochReached({ c2s: 4, s2c: 4 }, { orMore: true }),
    },
  ];
}

/** @returns {Feature[]} */
function exchanges() {
  return [
    { name: 'default settings', fits: (client, server) => !client.abilities.hybrid || !server.abilities.hybrid || server.abilities.fragmentedHello, client: none, server: none },
    { name: 'no cookie', fits: (client, server) => !client.abilities.hybrid || !server.abilities.hybrid || server.abilities.fragmentedHello, client: none, server: () => ['--no-cookie'] },
    {
      name: 'padded records of the client',
      fits: (client) => client.abilities.pads,
      client: () => ['--groups', 'x25519', '--pad', String(BLOCK)],
      server: () => ['--groups', 'x25519'],
      check: judgements.padded('c2s', BLOCK),
    },
    {
      name: 'padded records of the server',
      fits: (_, server) => server.abilities.pads,
      client: () => ['--groups', 'x25519'],
      server: () => ['--groups', 'x25519', '--pad', String(BLOCK)],
      check: judgements.padded('s2c', BLOCK),
    },
    { name: 'close by the server', fits: always, client: () => ['--groups', 'x25519', '--close', 'server'], server: () => ['--groups', 'x25519', '--close', 'server'], serverCloses: true },
    { name: 'large messages', fits: always, client: () => ['--groups', 'x25519', '--messages', '20', '--size', '1000'], server: () => ['--groups', 'x25519', '--messages', '20'] },
  ];
}

/** @returns {Feature[]} */
function networks() {
  /** @param {string} name @param {import('./relay.mjs').Conditions} network @returns {Feature} */
  const short = (name, network) => ({
    name,
    fits: always,
    client: () => ['--groups', 'x25519', '--messages', '5', '--close-grace', '3000'],
    server: () => ['--groups', 'x25519', '--messages', '5', '--close-grace', '3000'],
    network,
  });
  /** @type {Feature[]} */
  const long = LOSS_SEEDS.slice(0, 2).map((seed) => ({
    name: `25 % loss of chains in fragments, seed ${seed}`,
    fits: (client, server) => client.abilities.chains && server.abilities.chains,
    client: () => ['--groups', 'x25519', '--mtu', SMALL_MTU, '--cert', certificateFile('chain.crt'), '--key', certificateFile('chain.key'), '--close-grace', '3000'],
    server: () => ['--groups', 'x25519', '--mtu', SMALL_MTU, '--client-auth', '--ca', certificateFile('root.crt'), '--close-grace', '3000'],
    certificate: 'chain',
    network: { loss: LOSS, seed },
  }));
  /** @type {Feature[]} */
  const updates = LOSS_SEEDS.slice(0, 2).map((seed) => ({
    name: `25 % loss of key updates, seed ${seed}`,
    fits: (client, server) => client.abilities.update !== 'none' && server.abilities.update !== 'none',
    client: () => ['--groups', 'x25519', '--messages', '8', '--pause', PAUSE_MS, '--update-keys', '2', '--request-update', '--close-grace', '3000'],
    server: () => ['--groups', 'x25519', '--messages', '8', '--update-keys', '4', '--request-update', '--close-grace', '3000'],
    network: { loss: LOSS, seed },
  }));
  return [
    ...LOSS_SEEDS.map((seed) => short(`25 % loss, seed ${seed}`, { loss: LOSS, seed })),
    ...LOSS_SEEDS.slice(0, 2).map((seed) => short(`loss, duplicates and late datagrams, seed ${seed}`, { loss: 0.1, duplication: 0.2, reordering: 0.3, seed })),
    ...long,
    ...updates,
  ];
}

/** @type {Feature[]} */
export const FEATURES = [
  ...exchanges(), ...suitesAndGroups(), ...retries(), ...fragments(), ...identities(), ...lateIdentities(), ...extensions(), ...keyUpdates(),
  ...externalKeys(), ...resumptions(), ...earlyData(), ...connectionIds(), ...networks(),
];
