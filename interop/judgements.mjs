/** What features look for in an outcome, beyond what every cell is judged by. */
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { certificateFile } from './cell.mjs';
import { parseEncryptedExtensions } from './hellos.mjs';

/**
 * @typedef {import('./capture.mjs').Direction} Direction
 * @typedef {import('./decrypt.mjs').ReadRecord} ReadRecord
 * @typedef {NonNullable<import('./features.mjs').Feature['check']>} Check
 */

/** As in SDP. @param {string} name */
export const leafFingerprint = (name) => new X509Certificate(readFileSync(certificateFile(`${name}.crt`))).fingerprint256;

/** As peers print it. @param {string} name */
export const ownLeafFingerprint = (name) => leafFingerprint(name).replaceAll(':', '').toLowerCase();

/** @param {import('./cell.mjs').Outcome} outcome @param {Direction} direction @returns {ReadRecord[]} */
const recordsOf = (outcome, direction) =>
  outcome.datagrams.filter(({ captured }) => captured.direction === direction).flatMap(({ records }) => records);

const EXTENSION_EARLY_DATA = 42;
const EXTENSION_CLIENT_CERTIFICATE_TYPE = 19;
const EXTENSION_SERVER_CERTIFICATE_TYPE = 20;
const RAW_PUBLIC_KEY = 2;

/** @param {import('./cell.mjs').Outcome} outcome @param {number} flow */
const messagesOf = (outcome, flow) => outcome.reader.flows[flow]?.messages ?? [];

/** The extensions of the server's EncryptedExtensions. @param {import('./cell.mjs').Outcome} outcome @param {number} flow @returns {Map<number, Buffer>} */
function encryptedExtensions(outcome, flow) {
  const message = messagesOf(outcome, flow).find(({ type }) => type === 'encrypted_extensions');
  return message === undefined ? new Map() : parseEncryptedExtensions(message.body);
}

/** @param {string} file */
const fileDigest = (file) => createHash('sha256').update(readFileSync(certificateFile(file))).digest('hex');

/**
 * The last connection's server chose the offered key of this index, with or without a key share beside it, and nobody showed a
 * certificate.
 *
 * @param {{ share: boolean, index?: number }} wanted @returns {Check}
 */
export function keyChosen({ share, index = 0 }) {
  return (findings, outcome) => {
    const flow = outcome.reader.flows.length - 1;
    const hello = outcome.reader.flows[flow]?.hellos.serverHellos.findLast((one) => !one.retry);
    findings.equal(hello?.selectedPsk, index, 'the index of the key that the server chose');
    findings.equal(hello?.group !== undefined, share, 'the presence of a key share beside the chosen key');
    const shown = messagesOf(outcome, flow).filter(({ type }) => type === 'certificate' || type === 'compressed_certificate');
    findings.equal(shown.length, 0, 'the number of certificates beside the chosen key');
  };
}

/** The second connection resumed the first. @param {{ share: boolean }} wanted @returns {Check} */
export function resumed(wanted) {
  return (findings, outcome, cell) => {
    for (const peer of [outcome.client, outcome.server]) {
      const told = peer.connections.map((facts) => facts.resumed);
      findings.equal(told.join(' '), 'no yes', 'what a side tells of resumption');
    }
    findings.expect(messagesOf(outcome, 0).some(({ type, epoch }) => type === 'new_session_ticket' && epoch === 3), 'no ticket was sent in epoch 3');
    keyChosen(wanted)(findings, outcome, cell);
  };
}

/** The second connection resumed the first and began with early data, which the server took or not. @param {{ taken: boolean }} wanted @returns {Check} */
export function early({ taken }) {
  return (findings, outcome, cell) => {
    resumed({ share: true })(findings, outcome, cell);
    const sent = recordsOf(outcome, 'c2s').filter(({ epoch, type }) => epoch === 1 && type === 'application_data');
    findings.expect(sent.length > 0, 'no application data was sent in epoch 1');
    findings.expect(!recordsOf(outcome, 'c2s').some(({ epoch, type }) => epoch === 1 && type !== 'application_data'), 'something else was sent in epoch 1');
    findings.equal(encryptedExtensions(outcome, 1).has(EXTENSION_EARLY_DATA), taken, 'the presence of early_data in EncryptedExtensions');
    findings.equal(outcome.server.said('EARLY') !== undefined, taken, 'whether the server told of early data');
    findings.equal(outcome.client.connections[1]?.early, taken ? 'yes' : 'no', 'what the client tells of its early data');
    findings.expect(!outcome.reader.messages.some(({ type }) => type === 'end_of_early_data'), 'an EndOfEarlyData was sent, which DTLS does not have');
  };
}

/** This side saw the raw public key of that name. @param {'client' | 'server'} side @param {string} name @returns {Check} */
export function rawKey(side, name) {
  return (findings, outcome) => {
    const number = side === 'client' ? EXTENSION_SERVER_CERTIFICATE_TYPE : EXTENSION_CLIENT_CERTIFICATE_TYPE;
    findings.equal(encryptedExtensions(outcome, 0).get(number)?.[0], RAW_PUBLIC_KEY, `the certificate type that the ${side} sees`);
    const key = readFileSync(certificateFile(`${name}.pub`));
    const direction = side === 'client' ? 's2c' : 'c2s';
    const certificate = outcome.reader.messages.find((message) => message.direction === direction && message.type === 'certificate');
    findings.expect(certificate?.body.includes(key) === true, `the ${side} was not sent the key`);
    const peer = side === 'client' ? outcome.client : outcome.server;
    findings.equal(peer.said('PEERKEY'), `sha256=${fileDigest(`${name}.pub`)}`, `the key that the ${side} saw`);
  };
}

/** The server stapled the response about this certificate. @param {string} name @returns {Check} */
export function stapled(name) {
  return (findings, outcome, cell) => {
    const response = readFileSync(certificateFile(`${name}.ocsp`));
    const certificate = outcome.reader.messages.find(({ direction, type }) => direction === 's2c' && type === 'certificate');
    findings.expect(certificate?.body.includes(response) === true, 'the response was not sent with the certificate');
    // wolfSSL checks a response, and keeps it for itself.
    const said = outcome.client.said('OCSP');
    if (cell.client.name !== 'wolfssl') findings.equal(said, `sha256=${fileDigest(`${name}.ocsp`)}`, 'the response that the client saw');
  };
}

/** The server sent its delegated credential. @returns {Check} */
export function delegated() {
  return (findings, outcome) => {
    const certificate = outcome.reader.messages.find(({ direction, type }) => direction === 's2c' && type === 'certificate');
    findings.expect(certificate?.body.includes(readFileSync(certificateFile('delegating.dc'))) === true, 'the delegated credential was not sent');
  };
}

/** Every protected record of each direction carries a connection ID of this length; none where it is 0. @param {Record<Direction, number>} lengths @returns {Check} */
export function identified(lengths) {
  return (findings, outcome) => {
    for (const direction of /** @type {Direction[]} */ (['c2s', 's2c'])) {
      const found = new Set(recordsOf(outcome, direction).filter((record) => record.protected).map(({ cid }) => cid?.length ?? 0));
      findings.equal([...found].join(' and '), String(lengths[direction]), `the length of the connection IDs ${direction}`);
    }
  };
}

/** Whoever sends in this direction went over to another connection ID, which this message brought. @param {Direction} direction @param {string} type @returns {Check} */
export function replaced(direction, type) {
  return (findings, outcome) => {
    const found = new Set(recordsOf(outcome, direction).filter((record) => record.protected).map(({ cid }) => cid?.toString('hex') ?? 'none'));
    findings.equal(found.size, 2, `the number of connection IDs ${direction}`);
    findings.expect(outcome.reader.messages.some((message) => message.type === type && message.direction !== direction), `no ${type} was sent`);
  };
}

/** All protected records of one direction are as long as a multiple of this. @param {Direction} direction @param {number} block @returns {Check} */
export function padded(direction, block) {
  return (findings, outcome) => {
    // The content type is one more byte of what is padded.
    const lengths = recordsOf(outcome, direction).filter((record) => record.protected).map(({ length, padding }) => length + 1 + padding);
    const other = lengths.find((length) => length % block !== 0);
    findings.expect(lengths.length > 0 && other === undefined, `a record ${direction} had ${other} bytes, which is no multiple of ${block}`);
  };
}

/** There was one HelloRetryRequest, and it asked for this. @param {{ group?: string, cookie?: boolean }} wanted @returns {Check} */
export function retried({ group, cookie }) {
  return (findings, { hellos }) => {
    const retry = hellos.serverHellos.find((hello) => hello.retry);
    if (retry === undefined) {
      findings.expect(false, 'there was no HelloRetryRequest');
      return;
    }
    if (group !== undefined) findings.equal(retry.group, group, 'the group that the retry asked for');
    if (cookie === true) findings.expect(retry.hasCookie, 'the retry had no cookie');
    findings.equal(hellos.clientHellos.at(-1)?.hasCookie, retry.hasCookie, 'the presence of a cookie in the second hello');
  };
}

/** A message of this type was sent in at least so many fragments. @param {Direction} direction @param {string} type @param {number} count @returns {Check} */
export function fragmented(direction, type, count) {
  return (findings, outcome) => {
    const offsets = recordsOf(outcome, direction).flatMap(({ fragments }) => fragments)
      .filter((fragment) => fragment.type === type && fragment.length < fragment.total).map(({ sequence, offset }) => `${sequence}/${offset}`);
    findings.expect(new Set(offsets).size >= count, `${type} ${direction} came in ${new Set(offsets).size} fragments, not ${count} or more`);
  };
}

/** @param {Direction} direction @param {number} mtu @returns {Check} */
export function withinMtu(direction, mtu) {
  return (findings, { datagrams }) => {
    const largest = Math.max(...datagrams.filter(({ captured }) => captured.direction === direction).map(({ captured }) => captured.bytes.length));
    findings.expect(largest <= mtu, `a datagram ${direction} had ${largest} bytes, more than ${mtu}`);
  };
}

/** Both sides exported the same. @param {string} label @returns {Check} */
export function exportsEqual(label) {
  return (findings, outcome) => {
    /** @param {import('./peers.mjs').Peer} peer */
    const exported = (peer) => peer.lines.find(({ word, rest }) => word === 'EXPORT' && rest.startsWith(`${label} `))?.rest;
    findings.expect(exported(outcome.client) !== undefined, 'the client exported nothing');
    findings.equal(exported(outcome.client), exported(outcome.server), 'what the client exported');
  };
}

/** @param {string} profile @returns {Check} */
export function srtpEqual(profile) {
  return (findings, outcome, cell) => {
    findings.equal(outcome.client.said('SRTP'), profile, 'the profile that the client tells');
    findings.equal(outcome.server.said('SRTP'), profile, 'the profile that the server tells');
    exportsEqual('EXTRACTOR-dtls_srtp')(findings, outcome, cell);
  };
}

/**
 * The highest epoch of application data in each direction. With `orMore`, for updates that cross: who is asked while an update of its
 * own is under way may answer with one more.
 *
 * @param {Record<Direction, number>} wanted @param {{ orMore?: boolean }} [options] @returns {Check}
 */
export function epochReached(wanted, { orMore = false } = {}) {
  return (findings, outcome) => {
    for (const direction of /** @type {Direction[]} */ (['c2s', 's2c'])) {
      const epochs = recordsOf(outcome, direction).filter(({ type }) => type === 'application_data').map(({ epoch }) => epoch);
      const reached = Math.max(...epochs);
      const fits = orMore ? reached >= wanted[direction] : reached === wanted[direction];
      findings.expect(fits, `application data ${direction} reached epoch ${reached}, not ${wanted[direction]}`);
    }
  };
}

/** This side ended the handshake with one of these alerts, and the other side was told. @param {'client' | 'server'} side @param {number[]} codes @returns {Check} */
export function refused(side, codes) {
  return (findings, outcome) => {
    findings.expect(outcome.codes[side] === 1, `the ${side} ended with ${outcome.codes[side]} instead of failing`);
    const told = side === 'client' ? outcome.server : outcome.client;
    const alert = Number(told.said('ALERT'));
    findings.expect(codes.includes(alert), `the other side was told ${told.said('ALERT') ?? 'nothing'}, not ${codes.join(' or ')}`);
  };
}
