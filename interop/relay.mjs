/**
 * A UDP relay between clients and a server on loopback: it records every datagram, and loses, repeats and overtakes some of them
 * when told to. Like a NAT it gives each client port a port of its own towards the server, and another one in the middle of a
 * connection when told to.
 *
 * @typedef {{ loss?: number, duplication?: number, reordering?: number, seed?: number, rebindAfter?: number }} Conditions
 *   probabilities, 0 to 1, and the number of datagrams from the client after which its address changes
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

/** One client port. @typedef {{ number: number, port: number, sent: number, sockets: import('node:dgram').Socket[] }} Flow */

export class Relay {
  #client = createSocket('udp4');
  /** By the client's port. @type {Map<number, Flow>} */ #flows = new Map();
  #serverPort;
  #begun = performance.now();
  #draw;
  /** @type {Required<Omit<Conditions, 'seed'>>} */ #conditions;
  #closed = false;
  /** @type {import('./capture.mjs').Captured[]} */
  captured = [];

  /** @param {number} serverPort @param {Conditions} [conditions] */
  constructor(serverPort, { loss = 0, duplication = 0, reordering = 0, seed = 1, rebindAfter = Infinity } = {}) {
    this.#serverPort = serverPort;
    this.#draw = random(seed);
    this.#conditions = { loss, duplication, reordering, rebindAfter };
    this.#client.on('message', (bytes, { port }) => this.#onClient(bytes, port));
    // A side that has ended answers with "port unreachable", which is no matter of the relay's.
    this.#client.on('error', () => {});
  }

  /** The port for the client. */
  async open() {
    this.#client.bind(0, LOOPBACK);
    await once(this.#client, 'listening');
    this.#begun = performance.now();
    return this.#client.address().port;
  }

  close() {
    this.#closed = true;
    this.#client.close();
    for (const { sockets } of this.#flows.values()) for (const socket of sockets) socket.close();
  }

  /** @param {Buffer} bytes @param {number} port */
  #onClient(bytes, port) {
    const flow = this.#flows.get(port) ?? { number: this.#flows.size, port, sent: 0, sockets: [] };
    this.#flows.set(port, flow);
    if (flow.sent === 0 || flow.sent === this.#conditions.rebindAfter) flow.sockets.push(this.#towardsServer(flow));
    flow.sent += 1;
    const socket = flow.sockets.at(-1);
    if (socket !== undefined) this.#pass('c2s', flow.number, bytes, socket, this.#serverPort);
  }

  /** @param {Flow} flow */
  #towardsServer(flow) {
    const socket = createSocket('udp4');
    socket.on('message', (bytes) => this.#pass('s2c', flow.number, bytes, this.#client, flow.port));
    socket.on('error', () => {});
    return socket;
  }

  /**
   * @param {import('./capture.mjs').Direction} direction @param {number} flow @param {Buffer} bytes
   * @param {import('node:dgram').Socket} socket @param {number} port
   */
  #pass(direction, flow, bytes, socket, port) {
    const { loss, duplication, reordering } = this.#conditions;
    const elapsed = performance.now() - this.#begun;
    const dropped = this.#draw() < loss && elapsed < HEALED_MS;
    const copies = this.#draw() < duplication ? 2 : 1;
    const late = this.#draw() < reordering;
    this.captured.push({ time: elapsed / 1000, direction, flow, bytes, dropped });
    if (dropped || this.#closed) return;
    const send = () => {
      if (this.#closed) return;
      for (let copy = 0; copy < copies; copy += 1) socket.send(bytes, port, LOOPBACK);
    };
    if (late) setTimeout(send, OVERTAKEN_MS);
    else send();
  }
}
