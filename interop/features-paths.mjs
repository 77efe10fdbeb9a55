/** The table's features of connection IDs and changing addresses. */
import * as judgements from './judgements.mjs';

/** @typedef {import('./features.mjs').Feature} Feature */

const X25519 = ['--groups', 'x25519'];
/** The client's and the server's, of different lengths. */
const CLIENT_ID = 6;
const SERVER_ID = 8;
const UPDATES = ['--messages', '6', '--pause', '150', '--update-keys', '2', '--request-update'];
const SLOWLY = ['--messages', '6', '--pause', '50'];
/** After the handshake of at most six datagrams from the client, and in the middle of the messages. */
const REBIND_AFTER = 9;

/** @returns {Feature[]} */
export function connectionIds() {
  /** @type {Feature['fits']} */
  const fits = (client, server) => client.abilities.connectionIds && server.abilities.connectionIds;
  /** @param {string[]} [more] */
  const client = (more = []) => [...X25519, '--cid', String(CLIENT_ID), ...more];
  /** @param {string[]} [more] */
  const server = (more = []) => [...X25519, '--cid', String(SERVER_ID), ...more];
  const check = judgements.identified({ c2s: SERVER_ID, s2c: CLIENT_ID });
  return [
    { name: 'connection IDs', fits, client: () => client(), server: () => server(), check },
    { name: 'connection IDs without a retry', fits, client: () => client(), server: () => server(['--no-cookie']), check },
    {
      name: 'connection ID of the server alone',
      fits,
      client: () => [...X25519, '--cid', '0'],
      server: () => server(),
      check: judgements.identified({ c2s: SERVER_ID, s2c: 0 }),
    },
    {
      name: 'connection IDs asked for in vain',
      fits: ({ abilities }, other) => abilities.connectionIds && !other.abilities.connectionIds,
      client: () => client(),
      server: () => X25519,
      check: judgements.identified({ c2s: 0, s2c: 0 }),
    },
    { name: 'connection IDs and key updates', fits, client: () => client(UPDATES), server: () => server(['--messages', '6']), check },
    {
      name: 'connection IDs while the address changes',
      fits: (one, other) => fits(one, other) && other.abilities.follows,
      client: () => client(['--messages', '12', '--close-grace', '3000']),
      server: () => server(['--messages', '12', '--no-cookie', '--close-grace', '3000']),
      network: { rebindAfter: REBIND_AFTER },
      check,
    },
    {
      name: 'new connection ID from the server',
      fits: (one, other) => fits(one, other) && other.abilities.replaces,
      client: () => client(SLOWLY),
      server: () => server(['--messages', '6', '--new-cids', '2']),
      check: judgements.replaced('c2s', 'new_connection_id'),
    },
    {
      name: 'new connection ID from the client',
      fits: (one, other) => fits(one, other) && one.abilities.replaces,
      client: () => client([...SLOWLY, '--new-cids', '2']),
      server: () => server(['--messages', '6']),
      check: judgements.replaced('s2c', 'new_connection_id'),
    },
  ];
}
