/**
 * A UDP relay between a client and a server on loopback: it records every datagram, and loses, repeats and overtakes some of them
 * when told to.
 *
 * @typedef {{ loss?: number, duplication?: number, reordering?: number, seed?: number }} Conditions probabilities, 0 to 1
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const LOOPBACK = '127.0.0.1';

/**
 * After this time nothing is lost any more. Timers that double from a second, as wolfSSL's do, wait 16 s after the fifth loss in a
 * row, and then the time-out of a cell would decide, not the implementations.
 */
const HEALED_MS = 8_000;
/** How long a datagram that is to be overtaken waits: longer than an answer takes on loopback. */
const OVERTAKEN_MS = 15;

/** Numbers from 0 to 1 that depend on the seed alone (SplitMix32). @param {number} seed */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** A port on which nothing listens at the moment. */
export async function freePort() {
  const socket = createSocket('udp4');
  socket.bind(0, LOOPBACK);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

export class Relay {
  #client = createSocket('udp4');
  #server = createSocket('udp4');
  /** @type {number | undefined} */ #clientPort;
  #serverPort;
  #begun = performance.now();
  #draw;
  /** @type {Required<Omit<Conditions, 'seed'>>} */ #conditions;
  #closed = false;
  /** @type {import('./capture.mjs').Captured[]} */
  captured = [];

  /** @param {number} serverPort @param {Conditions} [conditions] */
  constructor(serverPort, { loss = 0, duplication = 0, reordering = 0, seed = 1 } = {}) {
    this.#serverPort = serverPort;
    this.#draw = random(seed);
    this.#conditions = { loss, duplication, reordering };
    this.#client.on('message', (bytes, { port }) => {
      this.#clientPort = port;
      this.#pass('c2s', bytes, this.#server, this.#serverPort);
    });
    this.#server.on('message', (bytes) => this.#pass('s2c', bytes, this.#client, this.#clientPort));
    // A side that has ended answers with "port unreachable", which is no matter of the relay's.
    for (const socket of [this.#client, this.#server]) socket.on('error', () => {});
  }

  /** The port for the client. */
  async open() {
    for (const socket of [this.#client, this.#server]) {
      socket.bind(0, LOOPBACK);
      await once(socket, 'listening');
    }
    this.#begun = performance.now();
    return this.#client.address().port;
  }

  close() {
    this.#closed = true;
    this.#client.close();
    this.#server.close();
  }

  /**
   * @param {import('./capture.mjs').Direction} direction @param {Buffer} bytes
   * @param {import('node:dgram').Socket} socket @param {number | undefined} port
   */
  #pass(direction, bytes, socket, port) {
    const { loss, duplication, reordering } = this.#conditions;
    const elapsed = performance.now() - this.#begun;
    const dropped = this.#draw() < loss && elapsed < HEALED_MS;
    const copies = this.#draw() < duplication ? 2 : 1;
    const late = this.#draw() < reordering;
    this.captured.push({ time: elapsed / 1000, direction, bytes, dropped });
    if (dropped || port === undefined) return;
    const send = () => {
      if (this.#closed) return;
      for (let copy = 0; copy < copies; copy += 1) socket.send(bytes, port, LOOPBACK);
    };
    if (late) setTimeout(send, OVERTAKEN_MS);
    else send();
  }
}
