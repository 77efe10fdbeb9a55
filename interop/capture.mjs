/**
 * Captures: datagrams in order, with direction and time.
 *
 * The text form, which the relay writes, has one line per datagram: seconds, `c2s` or `s2c` with the number of the flow, which is
 * left out for the first one (a client port and what is sent to and from it is a flow), the bytes in hexadecimal, and the word
 * `dropped` when the relay did not pass it on.
 *
 * @typedef {'c2s' | 's2c'} Direction
 * @typedef {{ time: number, direction: Direction, flow: number, bytes: Buffer, dropped: boolean }} Captured
 */
import { readFileSync } from 'node:fs';

const PCAP_MAGIC = 0xa1b2c3d4;
const PCAP_FILE_HEADER = 24;
const PCAP_RECORD_HEADER = 16;
/** Link types, and the bytes before the IP header in each: BSD loopback and Ethernet. */
const LINK_HEADERS = new Map([[0, 4], [1, 14]]);
const PROTOCOL_UDP = 17;
const UDP_HEADER = 8;

/** @param {string} text @returns {Captured[]} */
export function parseCapture(text) {
  return text.split('\n').filter((line) => line !== '').map((line) => {
    const [time, where, hex, note] = line.split(' ');
    const [direction, flow = '0'] = where.split('/');
    if (direction !== 'c2s' && direction !== 's2c') throw new Error(`not a line of a capture: ${line}`);
    return { time: Number(time), direction, flow: Number(flow), bytes: Buffer.from(hex, 'hex'), dropped: note === 'dropped' };
  });
}

/** @param {Captured} captured */
export function formatCaptured({ time, direction, flow, bytes, dropped }) {
  return `${time.toFixed(4)} ${formatDirection({ direction, flow })} ${bytes.toString('hex')}${dropped ? ' dropped' : ''}\n`;
}

/** @param {{ direction: Direction, flow: number }} where */
export const formatDirection = ({ direction, flow }) => (flow === 0 ? direction : `${direction}/${flow}`);

/**
 * UDP over IPv4 as recorded on loopback. The server is where the first datagram goes.
 *
 * @param {Buffer} file @returns {Captured[]}
 */
export function parsePcap(file) {
  const little = file.readUInt32LE(0) === PCAP_MAGIC;
  /** @param {number} at */
  const word = (at) => (little ? file.readUInt32LE(at) : file.readUInt32BE(at));
  const linkHeader = LINK_HEADERS.get(word(20));
  if (word(0) !== PCAP_MAGIC || linkHeader === undefined) throw new Error('not a pcap file that is understood here');
  /** @type {Captured[]} */
  const captured = [];
  let serverPort;
  /** @type {number[]} */
  const clientPorts = [];
  for (let at = PCAP_FILE_HEADER; at + PCAP_RECORD_HEADER <= file.length;) {
    const time = word(at) + word(at + 4) / 1e6;
    const length = word(at + 8);
    const ip = at + PCAP_RECORD_HEADER + linkHeader;
    at += PCAP_RECORD_HEADER + length;
    if (file[ip + 9] !== PROTOCOL_UDP) continue;
    const udp = ip + (file[ip] & 0x0f) * 4;
    const destination = file.readUInt16BE(udp + 2);
    serverPort ??= destination;
    const direction = destination === serverPort ? 'c2s' : 's2c';
    const clientPort = direction === 'c2s' ? file.readUInt16BE(udp) : destination;
    if (!clientPorts.includes(clientPort)) clientPorts.push(clientPort);
    captured.push({
      time,
      direction,
      flow: clientPorts.indexOf(clientPort),
      bytes: file.subarray(udp + UDP_HEADER, udp + file.readUInt16BE(udp + 4)),
      dropped: false,
    });
  }
  return captured;
}

/** @param {string} path @returns {Captured[]} */
export function readCapture(path) {
  const file = readFileSync(path);
  return path.endsWith('.pcap') ? parsePcap(file) : parseCapture(file.toString('utf8'));
}

/**
 * SSLKEYLOGFILE (RFC 9850): client random → label → secret.
 *
 * @param {string} text @returns {Map<string, Map<string, Buffer>>}
 */
export function parseKeyLog(text) {
  const log = new Map();
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/);
    if (words.length !== 3 || words[0].startsWith('#')) continue;
    const [label, random, secret] = words;
    const key = random.toLowerCase();
    if (!log.has(key)) log.set(key, new Map());
    log.get(key).set(label, Buffer.from(secret, 'hex'));
  }
  return log;
}
