// Where the gateway may send datagrams: loopback addresses, and what `--allow host:port` names. Nothing else.

import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * `host:port` or `[address]:port` as `{ host, port }`, or `undefined` where it is neither. The host is an address or a
 * name; it is not looked up here.
 */
export function parseDestination(text) {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z.-]+)):(\d{1,5})$/.exec(text ?? '');
  if (!match) return undefined;
  const [, six, other, digits] = match;
  const port = Number(digits);
  if (port < 1 || port > 65_535) return undefined;
  if (six !== undefined && isIP(six) !== 6) return undefined;
  return { host: (six ?? other).toLowerCase(), port };
}

/**
 * Decides for one destination: `{ address, family, port }` to send to, or `{ refused }` with a sentence.
 *
 * Loopback is judged by the address that will be used, never by a name: names other than `localhost` are looked up only
 * where `--allow` has named them, port included, so that nobody's name service decides what is reachable.
 */
export async function resolveDestination(text, allowed) {
  const wanted = parseDestination(text);
  if (!wanted) return { refused: 'The destination must be host:port, for example ?to=127.0.0.1:4433.' };
  const { host, port } = wanted;
  const isAllowed = allowed.some((entry) => entry.host === host && entry.port === port);
  const address = host === 'localhost' ? '127.0.0.1' : host;
  const family = isIP(address);
  if (family !== 0 && (isAllowed || isLoopback(address, family))) return { address, family, port };
  if (!isAllowed) return { refused: 'Only loopback destinations are carried; start with --allow host:port for others.' };
  try {
    const found = await lookup(host);
    return { address: found.address, family: found.family, port };
  } catch {
    return { refused: `The name ${host} could not be looked up.` };
  }
}

export function isLoopback(address, family = isIP(address)) {
  return loopback.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
