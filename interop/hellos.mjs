/** What the ClientHello, ServerHello and EncryptedExtensions messages say, as far as a capture's reader needs it (RFC 9846, Section 4.2). */

const EXTENSION_SUPPORTED_VERSIONS = 43;
const EXTENSION_COOKIE = 44;
const EXTENSION_PRE_SHARED_KEY = 41;
const EXTENSION_CONNECTION_ID = 54;
const EXTENSION_KEY_SHARE = 51;
/** The random value that makes a ServerHello a HelloRetryRequest. */
const RETRY_RANDOM = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c';

export const GROUPS = new Map([
  [23, 'secp256r1'],
  [24, 'secp384r1'],
  [29, 'x25519'],
  [0x11ec, 'X25519MLKEM768'],
]);

/**
 * @typedef {{ random: string, extensions: number[], keyShares: string[], hasCookie: boolean, connectionId: Buffer | undefined }} ClientHello
 * @typedef {{ retry: boolean, suite: number, version: number | undefined, group: string | undefined, hasCookie: boolean,
 *   connectionId: Buffer | undefined, selectedPsk: number | undefined }} ServerHello
 */

class Reader {
  #bytes;
  #at = 0;

  /** @param {Buffer} bytes */
  constructor(bytes) {
    this.#bytes = bytes;
  }

  get left() {
    return this.#bytes.length - this.#at;
  }

  /** @param {number} length */
  take(length) {
    if (length > this.left) throw new Error('a hello message ends too soon');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** @param {number} length */
  number(length) {
    return this.take(length).readUIntBE(0, length);
  }

  /** @param {number} lengthOfLength */
  vector(lengthOfLength) {
    return this.take(this.number(lengthOfLength));
  }
}

/** @param {number} code */
const groupName = (code) => GROUPS.get(code) ?? `0x${code.toString(16).padStart(4, '0')}`;

/** @param {Buffer} block @returns {Map<number, Buffer>} in the order of the message */
function extensions(block) {
  const found = new Map();
  for (const reader = new Reader(block); reader.left > 0;) found.set(reader.number(2), reader.vector(2));
  return found;
}

/** @param {Buffer} body the message without its header @returns {ClientHello} */
export function parseClientHello(body) {
  const reader = new Reader(body);
  reader.take(2);
  const random = reader.take(32).toString('hex');
  reader.vector(1);
  reader.vector(1);
  reader.vector(2);
  reader.vector(1);
  const found = extensions(reader.vector(2));
  const keyShares = [];
  const shares = found.get(EXTENSION_KEY_SHARE);
  if (shares !== undefined) {
    for (const entries = new Reader(new Reader(shares).vector(2)); entries.left > 0; entries.vector(2)) {
      keyShares.push(groupName(entries.number(2)));
    }
  }
  return { random, extensions: [...found.keys()], keyShares, hasCookie: found.has(EXTENSION_COOKIE), connectionId: connectionId(found) };
}

/** @param {Buffer} body the message without its header @returns {ServerHello} */
export function parseServerHello(body) {
  const reader = new Reader(body);
  reader.take(2);
  const retry = reader.take(32).toString('hex') === RETRY_RANDOM;
  reader.vector(1);
  const suite = reader.number(2);
  reader.take(1);
  const found = extensions(reader.left > 0 ? reader.vector(2) : Buffer.alloc(0));
  const share = found.get(EXTENSION_KEY_SHARE);
  return {
    retry,
    suite,
    version: found.get(EXTENSION_SUPPORTED_VERSIONS)?.readUInt16BE(0),
    group: share === undefined ? undefined : groupName(share.readUInt16BE(0)),
    hasCookie: found.has(EXTENSION_COOKIE),
    connectionId: connectionId(found),
    selectedPsk: found.get(EXTENSION_PRE_SHARED_KEY)?.readUInt16BE(0),
  };
}

/** The extensions by their numbers. @param {Buffer} body the message without its header */
export function parseEncryptedExtensions(body) {
  return extensions(new Reader(body).vector(2));
}

/** What a NewConnectionId message gives (RFC 9147, Section 9). @param {Buffer} body the message without its header @returns {Buffer[]} */
export function parseNewConnectionIds(body) {
  const ids = [];
  for (const list = new Reader(new Reader(body).vector(2)); list.left > 0;) ids.push(list.vector(1));
  return ids;
}

/** @param {Map<number, Buffer>} found */
const connectionId = (found) => found.get(EXTENSION_CONNECTION_ID)?.subarray(1);
