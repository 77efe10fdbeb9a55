/**
 * Reads a capture of DTLS 1.3 connections with their key log, decrypts every record, and lists what is in it.
 *
 *   node interop/decrypt.mjs CAPTURE KEYLOG
 *
 * CAPTURE is the text form of capture.mjs or a pcap file.
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { formatDirection, parseKeyLog, readCapture } from './capture.mjs';
import { parseClientHello, parseNewConnectionIds, parseServerHello } from './hellos.mjs';
import { EpochKeys, SUITES } from './protection.mjs';

const CONTENT_ALERT = 21;
const CONTENT_HANDSHAKE = 22;
const CONTENT_ACK = 26;
const CONTENT_TYPES = new Map([[20, 'change_cipher_spec'], [CONTENT_ALERT, 'alert'], [CONTENT_HANDSHAKE, 'handshake'], [23, 'application_data'], [CONTENT_ACK, 'ack'], [27, 'return_routability_check']]);

const MESSAGE_CLIENT_HELLO = 1;
const MESSAGE_SERVER_HELLO = 2;
const MESSAGE_TYPES = new Map([
  [MESSAGE_CLIENT_HELLO, 'client_hello'], [MESSAGE_SERVER_HELLO, 'server_hello'], [4, 'new_session_ticket'], [5, 'end_of_early_data'],
  [8, 'encrypted_extensions'], [9, 'request_connection_id'], [10, 'new_connection_id'], [11, 'certificate'],
  [13, 'certificate_request'], [15, 'certificate_verify'], [20, 'finished'], [24, 'key_update'], [25, 'compressed_certificate'],
]);

const PLAINTEXT_HEADER = 13;
const MESSAGE_HEADER = 12;
/** Unified header: the three leading bits and its flags (RFC 9147, Section 4). */
const UNIFIED_MASK = 0xe0;
const UNIFIED = 0x20;
const FLAG_CID = 0x10;
const FLAG_SEQUENCE = 0x08;
const FLAG_LENGTH = 0x04;
const EPOCH_BITS = 0x03;
const EARLY_EPOCH = 1;
const SHA384_LENGTH = 48;

/**
 * @typedef {import('./capture.mjs').Captured} Captured
 * @typedef {import('./capture.mjs').Direction} Direction
 * @typedef {{ type: string, sequence: number, offset: number, length: number, total: number, body: Buffer }} Fragment
 * @typedef {{ level: number, description: number }} Alert
 * @typedef {{ protected: boolean, decrypted: boolean, epoch: number, sequence: number | undefined, type: string, length: number,
 *   fragments: Fragment[], acknowledged: [bigint, bigint][], alert: Alert | undefined, content: Buffer, cid: Buffer | undefined,
 *   padding: number, note: string }} ReadRecord
 * @typedef {{ captured: Captured, records: ReadRecord[] }} ReadDatagram
 * @typedef {{ flow: number, direction: Direction, epoch: number, type: string, body: Buffer }} Message
 * @typedef {{ clientHellos: import('./hellos.mjs').ClientHello[], serverHellos: import('./hellos.mjs').ServerHello[] }} Hellos
 */

/** Reads all flows of a capture. */
export class CaptureReader {
  /** @type {Map<string, Map<string, Buffer>>} */ #keyLog;
  /** @type {FlowReader[]} */ flows = [];

  /** @param {Map<string, Map<string, Buffer>>} keyLog */
  constructor(keyLog) {
    this.#keyLog = keyLog;
  }

  /** @param {Captured} captured @returns {ReadDatagram} */
  read(captured) {
    const flow = this.flows[captured.flow] ?? new FlowReader(this.#keyLog, captured.flow);
    this.flows[captured.flow] = flow;
    return flow.read(captured);
  }

  /** @returns {Hellos} */
  get hellos() {
    return { clientHellos: this.flows.flatMap(({ hellos }) => hellos.clientHellos), serverHellos: this.flows.flatMap(({ hellos }) => hellos.serverHellos) };
  }

  /** Every handshake message that was seen whole, once. @returns {Message[]} */
  get messages() {
    return this.flows.flatMap(({ messages }) => messages);
  }
}

/** Reads what one client port sends and gets: one connection, or several one after another. */
class FlowReader {
  /** @type {Map<string, Map<string, Buffer>>} */ #keyLog;
  #number;
  /** The keys of each epoch; several where the suite is not known yet. @type {Record<Direction, Map<number, EpochKeys[]>>} */
  #keys = { c2s: new Map(), s2c: new Map() };
  /** What may stand in the records of each direction. @type {Record<Direction, Buffer[]>} */
  #connectionIds = { c2s: [], s2c: [] };
  /** @type {Map<string, { bytes: Buffer, seen: Set<number> }>} Messages that are being put together. */
  #partial = new Map();
  #clientRandom = '';
  /** @type {Hellos} */
  hellos = { clientHellos: [], serverHellos: [] };
  /** @type {Message[]} */
  messages = [];

  /** @param {Map<string, Map<string, Buffer>>} keyLog @param {number} number */
  constructor(keyLog, number) {
    this.#keyLog = keyLog;
    this.#number = number;
  }

  /** @param {Captured} captured @returns {ReadDatagram} */
  read(captured) {
    const records = [];
    for (let rest = captured.bytes; rest.length > 0;) {
      const unified = (rest[0] & UNIFIED_MASK) === UNIFIED;
      const { record, length } = unified ? this.#readProtected(rest, captured.direction) : this.#readPlain(rest);
      for (const fragment of record.fragments) this.#onFragment(fragment, record, captured.direction);
      records.push(record);
      rest = rest.subarray(length);
    }
    return { captured, records };
  }

  /** @param {Buffer} bytes */
  #readPlain(bytes) {
    if (bytes.length < PLAINTEXT_HEADER) throw new Error('a record header ends too soon');
    const length = PLAINTEXT_HEADER + bytes.readUInt16BE(11);
    const content = bytes.subarray(PLAINTEXT_HEADER, length);
    const record = describe(bytes[0], content, { protected: false, epoch: bytes.readUInt16BE(3), sequence: bytes.readUIntBE(5, 6) });
    record.note = bytes.readUInt16BE(1).toString(16);
    return { record, length };
  }

  /** @param {Buffer} bytes @param {Direction} direction @returns {{ record: ReadRecord, length: number }} */
  #readProtected(bytes, direction) {
    const cid = bytes[0] & FLAG_CID ? this.#connectionIds[direction].find((id) => bytes.subarray(1, 1 + id.length).equals(id)) : undefined;
    const numberAt = 1 + (cid?.length ?? 0);
    const numberLength = bytes[0] & FLAG_SEQUENCE ? 2 : 1;
    const headerLength = numberAt + numberLength + (bytes[0] & FLAG_LENGTH ? 2 : 0);
    const length = bytes[0] & FLAG_LENGTH ? headerLength + bytes.readUInt16BE(numberAt + numberLength) : bytes.length;
    const header = bytes.subarray(0, headerLength);
    const body = bytes.subarray(headerLength, length);
    for (const [epoch, keys] of this.#candidates(direction, bytes[0] & EPOCH_BITS)) {
      const opened = keys.open(header, numberAt, numberLength, body);
      if (opened === undefined) continue;
      this.#keys[direction].set(epoch, [keys]);
      const record = describe(opened.type, opened.content, { protected: true, epoch, sequence: opened.sequence });
      record.cid = cid;
      record.padding = opened.padding;
      if (opened.padding > 0) record.note = `${opened.padding} bytes of padding`;
      return { record, length };
    }
    const record = describe(0, body, { protected: true, epoch: bytes[0] & EPOCH_BITS, sequence: undefined });
    return { record: { ...record, decrypted: false, type: 'undecrypted' }, length };
  }

  /**
   * The keys that may fit: those known, newest first, and those that a KeyUpdate would make of the newest.
   *
   * @param {Direction} direction @param {number} bits @returns {[number, EpochKeys][]}
   */
  #candidates(direction, bits) {
    const known = [...this.#keys[direction]].sort(([one], [other]) => other - one);
    const [newest] = known;
    const next = newest !== undefined && newest[0] >= 3 ? [/** @type {[number, EpochKeys[]]} */ ([newest[0] + 1, [newest[1][0].updated()]])] : [];
    return [...known, ...next].filter(([epoch]) => (epoch & EPOCH_BITS) === bits)
      .flatMap(([epoch, candidates]) => candidates.map((keys) => /** @type {[number, EpochKeys]} */ ([epoch, keys])));
  }

  /** @param {Fragment} fragment @param {ReadRecord} record @param {Direction} direction */
  #onFragment(fragment, { protected: hidden, epoch }, direction) {
    if (!hidden && fragment.type === 'client_hello' && fragment.offset === 0) this.#onClientRandom(fragment.body.subarray(2, 34).toString('hex'));
    const body = this.#complete(fragment, direction);
    if (body === undefined) return;
    this.messages.push({ flow: this.#number, direction, epoch, type: fragment.type, body });
    if (!hidden && fragment.type === 'client_hello') this.#onClientHello(body);
    if (!hidden && fragment.type === 'server_hello') this.#onServerHello(body);
    // Who hears a connection ID uses it in what it sends.
    if (hidden && fragment.type === 'new_connection_id') this.#connectionIds[direction === 'c2s' ? 's2c' : 'c2s'].push(...parseNewConnectionIds(body));
  }

  /** Another random value begins another connection. @param {string} random */
  #onClientRandom(random) {
    if (random === this.#clientRandom) return;
    this.#clientRandom = random;
    this.#keys = { c2s: new Map(), s2c: new Map() };
    this.#partial.clear();
    this.#connectionIds = { c2s: [], s2c: [] };
    const early = this.#secret('CLIENT_EARLY_TRAFFIC_SECRET');
    if (early === undefined) return;
    // The suite is that of the ticket, which a capture of this connection does not tell; the secret's length tells its hash.
    const possible = [...SUITES.values()].filter(({ hash }) => (hash === 'sha384') === (early.length === SHA384_LENGTH));
    this.#keys.c2s.set(EARLY_EPOCH, possible.map((suite) => new EpochKeys(suite, early)));
  }

  /** @param {Buffer} body */
  #onClientHello(body) {
    const hello = parseClientHello(body);
    this.hellos.clientHellos.push(hello);
    if (hello.connectionId !== undefined) this.#connectionIds.s2c = [hello.connectionId];
  }

  /** @param {Buffer} body */
  #onServerHello(body) {
    const hello = parseServerHello(body);
    this.hellos.serverHellos.push(hello);
    if (hello.connectionId !== undefined) this.#connectionIds.c2s = [hello.connectionId];
    const suite = SUITES.get(hello.suite);
    if (hello.retry || suite === undefined || this.#keys.s2c.size > 0) return;
    for (const [direction, side] of /** @type {[Direction, string][]} */ ([['c2s', 'CLIENT'], ['s2c', 'SERVER']])) {
      const secrets = [[2, `${side}_HANDSHAKE_TRAFFIC_SECRET`], [3, `${side}_TRAFFIC_SECRET_0`], [3, `${side}_TRAFFIC_SECRET`]];
      for (const [epoch, label] of /** @type {[number, string][]} */ (secrets)) {
        const secret = this.#secret(label);
        if (secret !== undefined) this.#keys[direction].set(epoch, [new EpochKeys(suite, secret)]);
      }
    }
  }

  /** @param {string} label */
  #secret(label) {
    return this.#keyLog.get(this.#clientRandom)?.get(label);
  }

  /** The whole message once all of its bytes were seen, once. @param {Fragment} fragment @param {Direction} direction */
  #complete(fragment, direction) {
    const key = `${direction} ${this.#clientRandom} ${fragment.sequence}`;
    const known = this.#partial.get(key);
    if (known?.seen.size === fragment.total) return undefined;
    const partial = known ?? { bytes: Buffer.alloc(fragment.total), seen: new Set() };
    this.#partial.set(key, partial);
    fragment.body.copy(partial.bytes, fragment.offset);
    for (let index = 0; index < fragment.body.length; index += 1) partial.seen.add(fragment.offset + index);
    return partial.seen.size === fragment.total ? partial.bytes : undefined;
  }
}

/**
 * @param {number} type @param {Buffer} content @param {{ protected: boolean, epoch: number, sequence: number | undefined }} where
 * @returns {ReadRecord}
 */
function describe(type, content, where) {
  return {
    ...where,
    decrypted: true,
    type: CONTENT_TYPES.get(type) ?? `type ${type}`,
    length: content.length,
    fragments: type === CONTENT_HANDSHAKE && (where.protected || where.epoch === 0) ? readFragments(content) : [],
    acknowledged: type === CONTENT_ACK ? readAck(content) : [],
    alert: type === CONTENT_ALERT && content.length === 2 ? { level: content[0], description: content[1] } : undefined,
    content,
    cid: undefined,
    padding: 0,
    note: '',
  };
}

/** @param {Buffer} content @returns {Fragment[]} */
function readFragments(content) {
  const fragments = [];
  for (let at = 0; at < content.length;) {
    const length = content.readUIntBE(at + 9, 3);
    const body = content.subarray(at + MESSAGE_HEADER, at + MESSAGE_HEADER + length);
    if (body.length < length) throw new Error('a fragment ends too soon');
    fragments.push({
      type: MESSAGE_TYPES.get(content[at]) ?? `message ${content[at]}`,
      sequence: content.readUInt16BE(at + 4),
      offset: content.readUIntBE(at + 6, 3),
      length,
      total: content.readUIntBE(at + 1, 3),
      body,
    });
    at += MESSAGE_HEADER + length;
  }
  return fragments;
}

/** @param {Buffer} content @returns {[bigint, bigint][]} */
function readAck(content) {
  /** @type {[bigint, bigint][]} */
  const numbers = [];
  for (let at = 2; at + 16 <= content.length; at += 16) numbers.push([content.readBigUInt64BE(at), content.readBigUInt64BE(at + 8)]);
  return numbers;
}

/** One line of text about a record. @param {ReadRecord} record */
export function formatRecord(record) {
  const where = record.sequence === undefined ? `epoch bits ${record.epoch}` : `${record.epoch}/${record.sequence}`;
  const parts = [record.protected ? where : `plain ${where}`, ...(record.cid === undefined ? [] : [`cid ${record.cid.toString('hex')}`]), record.type];
  for (const { type, sequence, offset, length, total } of record.fragments) {
    parts.push(`${type}#${sequence}${length === total ? `[${total}]` : `[${offset}+${length}/${total}]`}`);
  }
  if (record.type === 'ack') parts.push(record.acknowledged.map(([epoch, sequence]) => `${epoch}/${sequence}`).join(' ') || '(empty)');
  if (record.alert !== undefined) parts.push(`${record.alert.level},${record.alert.description}`);
  if (record.fragments.length === 0 && record.alert === undefined && record.type !== 'ack') parts.push(`${record.length} bytes`);
  if (record.note !== '') parts.push(`(${record.note})`);
  return parts.join(' ');
}

/** @param {ReadDatagram} datagram */
export function formatDatagram({ captured, records }) {
  const note = captured.dropped ? ' dropped' : '';
  return `${captured.time.toFixed(4)} ${formatDirection(captured)}${note} ${captured.bytes.length}: ${records.map(formatRecord).join(' | ')}`;
}

function main() {
  const [, , capture, keyLog] = process.argv;
  if (capture === undefined || keyLog === undefined) {
    console.error('usage: node interop/decrypt.mjs CAPTURE KEYLOG');
    process.exit(2);
  }
  const reader = new CaptureReader(parseKeyLog(readFileSync(keyLog, 'utf8')));
  const datagrams = readCapture(capture).map((captured) => reader.read(captured));
  for (const datagram of datagrams) console.log(formatDatagram(datagram));
  const records = datagrams.flatMap((datagram) => datagram.records).filter((record) => record.protected);
  console.log(`${records.filter((record) => record.decrypted).length} of ${records.length} protected records decrypted`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) main();
