/** Peer programs: where they are, what they can do, and how one is run. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../scripts/steps.mjs';

/** How long a process may outlive its own time-out before it is ended from here. */
const GRACE_MS = 5_000;

/**
 * What a stack can do, so that the table of features asks it for nothing else. The comments of peers' sources say why.
 *
 * @typedef {{ suites: boolean, groups: string[], hybrid: boolean, keyShares: boolean, fragmentedHello: boolean, cookie: boolean,
 *   keyLog: boolean, exporter: boolean, alpn: boolean, name: boolean, update: 'free' | 'requesting' | 'none', certificates: string[],
 *   chains: boolean, verifies: boolean, alerts: boolean, tellsFailures: boolean, fingerprints: boolean, tinyDatagrams: boolean, profiles: boolean, signatures: string[],
 *   psks: ('external' | 'imported')[], severalPsks: boolean, pskModes: boolean, resumption: boolean, early: boolean, lateAuth: boolean,
 *   connectionIds: boolean, follows: boolean, replaces: boolean, rawKeys: boolean, compression: 'both' | 'server' | 'none', stapling: boolean, delegated: ('client' | 'server')[], grease: boolean,
 *   ccm: boolean, pads: boolean, mki: boolean }} Abilities
 * @typedef {{ name: string, command: string[], needs: string, abilities: Abilities }} Stack `needs`: the file without which it cannot run
 */

/** @type {Abilities} */
const ALL = {
  /** Chooses its cipher suites. */ suites: true,
  groups: ['x25519', 'secp256r1', 'X25519MLKEM768'],
  /** Has X25519MLKEM768. */ hybrid: true,
  /** A client can choose what it sends a key share for. */ keyShares: true,
  /** A server takes a first ClientHello of several fragments. */ fragmentedHello: true,
  /** A server sends a cookie. */ cookie: true,
  keyLog: true,
  exporter: true,
  alpn: true,
  name: true,
  /** Key updates on call: with and without a request, only with one, or not at all. */ update: 'free',
  /** Server certificates that it can sign with. */ certificates: ['p256', 'ed25519', 'rsa'],
  /** Sends intermediate certificates. */ chains: true,
  /** Checks the other side's certificate against a root. */ verifies: true,
  /** Sends fatal alerts. */ alerts: true,
  /** A server tells of handshakes that fail. */ tellsFailures: true,
  /** Knows the other side by a fingerprint alone. */ fingerprints: false,
  /** Sends datagrams as small as 256 bytes. */ tinyDatagrams: true,
  /** Chooses its SRTP profiles. */ profiles: true,
  /** Signatures of others that it verifies. */ signatures: ['p256', 'ed25519', 'rsa'],
  /** Pre-shared keys from outside, as they are or imported (RFC 9258). */ psks: [],
  /** A client offers several of them. */ severalPsks: false,
  /** Chooses between psk_ke and psk_dhe_ke. */ pskModes: false,
  /** Issues and uses tickets. */ resumption: false,
  /** Sends and takes early data. */ early: false,
  /** Certificates after the handshake. */ lateAuth: false,
  connectionIds: false,
  /** A server follows a client with a connection ID to another address. */ follows: false,
  /** Gives the other side new connection IDs. */ replaces: false,
  /** Raw public keys (RFC 7250). */ rawKeys: false,
  /** Compressed certificates (RFC 8879), of both sides or of servers alone. */ compression: 'none',
  /** OCSP stapling. */ stapling: false,
  /** Roles in which it knows delegated credentials (RFC 9345). */ delegated: [],
  /** A client sends unknown values and extensions in a random order. */ grease: false,
  /** Has the suites of AES-CCM. */ ccm: false,
  /** Pads its records on request. */ pads: false,
  /** A client offers an SRTP master key identifier. */ mki: false,
};

/** @param {string} name @param {Partial<Abilities>} [differences] @returns {Stack} */
function program(name, differences = {}) {
  const path = join(ROOT, 'interop', `peer-${name}`, 'target', 'debug', `peer-${name}`);
  return { name, command: [path], needs: path, abilities: { ...ALL, ...differences } };
}

/** The npm package in Node. @returns {Stack} */
function npmPackage() {
  const needs = join(ROOT, 'dist', 'node.js');
  return { name: 'package', command: [process.execPath, join(ROOT, 'interop', 'peer-package.mjs')], needs, abilities: { ...ALL, certificates: ['p256', 'ed25519'], fingerprints: true, tellsFailures: false } };
}

export const OURS = program('ours', {
  fingerprints: true, psks: ['external', 'imported'], severalPsks: true, pskModes: true, resumption: true, early: true, lateAuth: true, connectionIds: true, follows: true,
  replaces: true, rawKeys: true, compression: 'both', stapling: true, delegated: ['client', 'server'], grease: true, ccm: true, pads: true,
  mki: true,
});
export const PACKAGE = npmPackage();

/** @type {Stack[]} */
export const OTHERS = [
  program('boring', {
    suites: false, cookie: false, psks: ['imported'], resumption: true, rawKeys: true, compression: 'server', stapling: true, delegated: ['server'], grease: true,
  }),
  program('wolfssl', {
    fragmentedHello: false, tinyDatagrams: false, update: 'requesting', psks: ['external'], pskModes: true, resumption: true, early: true,
    lateAuth: true, connectionIds: true, follows: true, rawKeys: true, stapling: true, ccm: true,
  }),
  program('dimpl', {
    groups: ['x25519', 'secp256r1'], hybrid: false, keyShares: false, keyLog: false, exporter: false, alpn: false, name: false,
    update: 'none', certificates: ['p256'], chains: false, verifies: false, alerts: false, tellsFailures: false, profiles: false, signatures: ['p256'],
  }),
];

/** @param {Stack} stack */
export const isBuilt = (stack) => existsSync(stack.needs);

/** @typedef {{ word: string, rest: string }} Line */

/** One running peer. */
export class Peer {
  #child;
  #output = '';
  /** @type {Promise<number>} */ ended;

  /** @param {Stack} stack @param {string[]} flags @param {number} timeoutMs */
  constructor(stack, flags, timeoutMs) {
    const [command, ...first] = stack.command;
    this.#child = spawn(command, [...first, ...flags, '--timeout', String(timeoutMs)], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => {
        this.#output += chunk;
      });
    }
    const late = setTimeout(() => this.#child.kill('SIGKILL'), timeoutMs + GRACE_MS);
    this.ended = new Promise((settle) => {
      this.#child.on('error', (error) => {
        this.#output += `${error.message}\n`;
        settle(-1);
      });
      this.#child.on('close', (code) => {
        clearTimeout(late);
        settle(code ?? -1);
      });
    });
  }

  get output() {
    return this.#output;
  }

  /** @returns {Line[]} */
  get lines() {
    return this.#output.split('\n').filter((line) => line !== '').map((line) => {
      const space = line.indexOf(' ');
      return space < 0 ? { word: line, rest: '' } : { word: line.slice(0, space), rest: line.slice(space + 1) };
    });
  }

  /** What follows the first line that begins with `word`. @param {string} word */
  said(word) {
    return this.lines.find((line) => line.word === word)?.rest;
  }

  /** The facts of each line CONNECTED: one per connection. @returns {Record<string, string>[]} */
  get connections() {
    return this.lines.filter(({ word }) => word === 'CONNECTED').map(({ rest }) => Object.fromEntries(rest.split(' ').map((pair) => pair.split('='))));
  }

  /** The facts of the first connection. @returns {Record<string, string>} */
  get connected() {
    return this.connections[0] ?? {};
  }

  /** Until the server listens, or has ended. */
  async listening() {
    while (this.said('LISTEN') === undefined) {
      const ended = await Promise.race([this.ended, new Promise((settle) => setTimeout(settle, 5))]);
      if (ended !== undefined) return;
    }
  }

  kill() {
    this.#child.kill('SIGKILL');
  }
}
