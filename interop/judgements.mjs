/** What features look for in an outcome, beyond what every cell is judged by. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { certificateFile } from './cell.mjs';

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
