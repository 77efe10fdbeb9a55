/** One cell of the table: a feature, a client and a server; run over a relay and judged. */
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../scripts/steps.mjs';
import { formatCaptured, parseKeyLog } from './capture.mjs';
import { CaptureReader, formatDatagram } from './decrypt.mjs';
import { OURS, PACKAGE, Peer } from './peers.mjs';
import { SUITES } from './protection.mjs';
import { freePort, Relay } from './relay.mjs';

const TIMEOUT_MS = 10_000;
/** Retransmission timers start at up to a second and double. */
const LOSSY_TIMEOUT_MS = 45_000;

/** @param {string} name */
export const certificateFile = (name) => join(ROOT, 'interop', 'target', 'certificates', name);

/**
 * @typedef {import('./peers.mjs').Stack} Stack
 * @typedef {import('./features.mjs').Feature} Feature
 * @typedef {{ feature: Feature, client: Stack, server: Stack }} Cell
 * @typedef {{ client: Peer, server: Peer, datagrams: import('./decrypt.mjs').ReadDatagram[], hellos: import('./decrypt.mjs').Hellos,
 *   reader: CaptureReader, codes: { client: number, server: number } }} Outcome
 */

/** What went against expectation, in sentences. */
export class Findings {
  /** @type {string[]} */
  sentences = [];

  /** @param {boolean} holds @param {string} sentence said when it does not hold */
  expect(holds, sentence) {
    if (!holds) this.sentences.push(sentence);
  }

  /** @param {unknown} found @param {unknown} wanted @param {string} what */
  equal(found, wanted, what) {
    this.expect(found === wanted, `${what} is ${String(found)}, not ${String(wanted)}`);
  }
}

/** @param {Cell} cell */
export const cellName = ({ feature, client, server }) => `${feature.name} ${client.name}→${server.name}`;

/** @param {Cell} cell @returns {Promise<{ sentences: string[], folder: string, milliseconds: number }>} */
export async function runCell(cell) {
  const begun = performance.now();
  const folder = join(ROOT, 'interop', 'target', 'runs', `${cell.feature.name}-${cell.client.name}-${cell.server.name}`.replaceAll(/[^\w.-]+/g, '_'));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const findings = new Findings();
  try {
    const outcome = await exchange(cell, folder);
    judge(cell, outcome, findings);
  } catch (error) {
    findings.sentences.push(`the capture cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { sentences: findings.sentences, folder, milliseconds: performance.now() - begun };
}

/** @param {Cell} cell @param {string} folder @returns {Promise<Outcome>} */
async function exchange({ feature, client, server }, folder) {
  const timeout = feature.network === undefined ? TIMEOUT_MS : LOSSY_TIMEOUT_MS;
  const keys = join(folder, 'keys.txt');
  const serverPort = await freePort();
  const logging = keyLogger(client, server, feature);
  /** @param {Stack} stack */
  const keyLog = (stack) => (stack === logging ? ['--keylog', keys] : []);
  const serverFlags = ['server', '--port', String(serverPort), ...serverCertificate(feature), ...feature.server(server, client), ...keyLog(server)];
  const serverPeer = new Peer(server, serverFlags, timeout);
  await serverPeer.listening();
  const relay = new Relay(serverPort, feature.network);
  const clientPort = await relay.open();
  const clientFlags = ['client', '--port', String(clientPort), ...verification(feature, client), ...ownCertificate(client), ...feature.client(client, server), ...keyLog(client)];
  const clientPeer = new Peer(client, clientFlags, timeout);
  const codes = { client: await clientPeer.ended, server: await ended(serverPeer, timeout) };
  relay.close();
  const reader = new CaptureReader(parseKeyLog(existsSync(keys) ? readFileSync(keys, 'utf8') : ''));
  writeFileSync(join(folder, 'capture.txt'), relay.captured.map(formatCaptured).join(''));
  writeFileSync(join(folder, 'client.txt'), `${clientFlags.join(' ')}\n${clientPeer.output}exit ${codes.client}\n`);
  writeFileSync(join(folder, 'server.txt'), `${serverFlags.join(' ')}\n${serverPeer.output}exit ${codes.server}\n`);
  const datagrams = relay.captured.map((captured) => reader.read(captured));
  writeFileSync(join(folder, 'records.txt'), datagrams.map((datagram) => `${formatDatagram(datagram)}\n`).join(''));
  return { client: clientPeer, server: serverPeer, datagrams, hellos: reader.hellos, reader, codes };
}

/** The side whose secrets decrypt the capture: ours where it takes part, so that every cell is also a test of its key log. */
function keyLogger(/** @type {Stack} */ client, /** @type {Stack} */ server, /** @type {Feature} */ { clientLogs }) {
  if (clientLogs === true) return client;
  const able = [server, client].filter(({ abilities }) => abilities.keyLog);
  return able.find((stack) => stack === PACKAGE) ?? able.find((stack) => stack === OURS) ?? able[0];
}

/** @param {Peer} peer @param {number} timeout */
async function ended(peer, timeout) {
  const late = setTimeout(() => peer.kill(), timeout);
  const code = await peer.ended;
  clearTimeout(late);
  return code;
}

/** @param {Feature} feature */
function serverCertificate(feature) {
  if (feature.shows === 'nothing') return [];
  const name = feature.certificate ?? 'p256';
  return ['--cert', certificateFile(`${name}.crt`), '--key', certificateFile(`${name}.key`)];
}

/** The client's root and the name that it expects. @param {Feature} feature @param {Stack} client */
function verification({ shows }, { abilities }) {
  if (!abilities.verifies) return [];
  if (shows !== undefined) return ['--name', 'interop.test'];
  return ['--ca', certificateFile('root.crt'), '--name', 'interop.test'];
}

/** A stack that cannot be without a certificate of its own always gets one. @param {Stack} client */
function ownCertificate({ abilities }) {
  return abilities.verifies ? [] : ['--cert', certificateFile('client.crt'), '--key', certificateFile('client.key')];
}

/** @param {Cell} cell @param {Outcome} outcome @param {Findings} findings */
function judge(cell, outcome, findings) {
  if (cell.feature.fails === true) {
    cell.feature.check?.(findings, outcome, cell);
    return;
  }
  const { client, server, codes, hellos, datagrams } = outcome;
  for (const [peer, code, side] of /** @type {[Peer, number, string][]} */ ([[client, codes.client, 'client'], [server, codes.server, 'server']])) {
    findings.expect(code === 0, `the ${side} ended with ${code}: ${peer.lines.at(-1)?.word ?? ''} ${peer.lines.at(-1)?.rest ?? ''}`.trim());
  }
  if (findings.sentences.length > 0) return;
  judgeNegotiation(cell, outcome, findings);
  if (cell.feature.shows === undefined) {
    const leaf = new X509Certificate(readFileSync(certificateFile(`${cell.feature.certificate ?? 'p256'}.crt`)));
    findings.equal(fingerprintSaid(client), leaf.fingerprint256.replaceAll(':', '').toLowerCase(), 'the certificate that the client saw');
  } else {
    findings.equal(fingerprintSaid(client), undefined, 'the certificate that the client saw');
  }
  if (cell.feature.network === undefined) {
    const closedFirst = cell.feature.serverCloses === true ? client : server;
    findings.expect(closedFirst.said('CLOSE_NOTIFY') !== undefined, 'the close_notify did not arrive');
  }
  if (keyLogger(cell.client, cell.server, cell.feature) !== undefined) judgeRecords(datagrams, findings);
  findings.expect(hellos.clientHellos.length > 0, 'no ClientHello was read');
  cell.feature.check?.(findings, outcome, cell);
}

/** @param {Cell} cell @param {Outcome} outcome @param {Findings} findings */
function judgeNegotiation(cell, outcome, findings) {
  const { feature } = cell;
  findings.equal(outcome.reader.flows.length, feature.connections ?? 1, 'the number of connections');
  for (const [index, { hellos }] of outcome.reader.flows.entries()) {
    const hello = hellos.serverHellos.findLast((one) => !one.retry);
    if (hello === undefined) {
      findings.sentences.push('no ServerHello was read');
      return;
    }
    const suite = SUITES.get(hello.suite)?.name;
    findings.equal(hello.version, 0xfefc, 'the version');
    if (feature.suite !== undefined) findings.equal(suite, feature.suite, 'the cipher suite');
    if (feature.group !== undefined) findings.equal(hello.group, feature.group, 'the group');
    for (const [stack, peer] of /** @type {[Stack, Peer][]} */ ([[cell.client, outcome.client], [cell.server, outcome.server]])) {
      const { cipher, group } = peer.connections[index] ?? {};
      if (cipher !== 'untold') findings.equal(cipher, suite, `the cipher suite that ${stack.name} tells`);
      if (group !== 'none') findings.equal(group, hello.group, `the group that ${stack.name} tells`);
    }
  }
}

/** @param {import('./decrypt.mjs').ReadDatagram[]} datagrams @param {Findings} findings */
function judgeRecords(datagrams, findings) {
  const records = datagrams.flatMap((datagram) => datagram.records).filter((record) => record.protected);
  const undecrypted = records.filter((record) => !record.decrypted).length;
  findings.expect(records.length > 0, 'no protected record was captured');
  findings.equal(undecrypted, 0, `of ${records.length} protected records, the number that the independent decryptor cannot read`);
  const alerts = records.filter((record) => record.alert !== undefined && record.alert.description !== 0);
  findings.expect(alerts.length === 0, `an alert was sent: ${alerts[0]?.alert?.description}`);
}

/** @param {Peer} peer */
export function fingerprintSaid(peer) {
  return /sha256=([0-9a-f]+)/.exec(peer.said('PEERCERT') ?? '')?.[1];
}
