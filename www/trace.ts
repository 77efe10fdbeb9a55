// A trace as the page keeps it, and the file that holds one: JSON, a header on the first line, an event on every other.
//
// Everything the page draws comes from events. In the lab two connections and the network between them tell them; live,
// one connection does; a file may hold either.

import type { Side, SimulationEvent } from '../js/trace.js';

export type { Direction, Field, RecordNumber, Side, SimulationEvent } from '../js/trace.js';

export type EventName = SimulationEvent['name'];

/** Events in the order in which they happened, and a line that says of what they are. */
export interface Trace {
  readonly title: string;
  readonly events: readonly SimulationEvent[];
}

/** Why something is no trace, in a sentence for whoever brought it. */
export class NotATrace extends Error {}

const FORMAT = 'dtls-wasm trace';
const VERSION = 1;

/**
 * A longer file is refused rather than read. A handshake takes some 40 kB, so this is the trace of hundreds of them, and
 * still an amount of text that a browser parses in about a second.
 */
export const MAX_FILE_LENGTH = 32_000_000;

export function writeTrace({ title, events }: Trace): string {
  return [{ format: FORMAT, version: VERSION, title }, ...events].map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** Reads a trace file. Events of names that this page does not know are left out; whatever else is wrong is said. */
export function readTrace(text: string): Trace {
  if (text.length > MAX_FILE_LENGTH) throw new NotATrace(`The file is longer than ${MAX_FILE_LENGTH / 1_000_000} MB.`);
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), number: index + 1 })).filter(({ line }) => line !== '');
  const [head, ...rest] = lines.map(({ line, number }) => ({ number, value: parseLine(line, number) }));
  if (!isObject(head?.value) || head.value['format'] !== FORMAT) throw new NotATrace(`The first line does not say "format": "${FORMAT}".`);
  if (head.value['version'] !== VERSION) throw new NotATrace(`This page reads version ${VERSION} of the format, and the file has another.`);
  const events = rest.map(({ value, number }) => readEvent(value, (what) => new NotATrace(`Line ${number}: ${what}.`)));
  const title = head.value['title'];
  return { title: typeof title === 'string' ? title : '', events: inOrder(events.filter((event) => event !== undefined)) };
}

/** Stable: what happened at one instant stays in the order in which it was told. */
function inOrder(events: readonly SimulationEvent[]): SimulationEvent[] {
  return events.toSorted((a, b) => a.time - b.time);
}

function parseLine(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new NotATrace(`Line ${number} is not JSON.`);
  }
}

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === 'string';
const whole: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const time: Check = (value) => Number.isFinite(value) && Number(value) >= 0;
const flag: Check = (value) => typeof value === 'boolean';
const hex: Check = (value) => typeof value === 'string' && value.length % 2 === 0 && /^[0-9a-f]*$/.test(value);
const orNull = (check: Check): Check => (value) => value === null || check(value);
const oneOf = (...words: readonly string[]): Check => (value) => typeof value === 'string' && words.includes(value);
const listOf = (check: Check): Check => (value) => Array.isArray(value) && value.every(check);
const direction = oneOf('sent', 'received');
const recordNumber: Check = (value) => isObject(value) && whole(value['epoch']) && whole(value['sequence_number']);

const FIELDS: { readonly [Name in EventName]: Readonly<Record<string, Check>> } = {
  'transport:datagram': { direction, bytes: hex },
  'transport:record': { direction, epoch: whole, sequence_number: whole, content_type: text, offset: whole, length: whole, plaintext: hex },
  'transport:record_discarded': { offset: whole, length: whole, reason: text },
  'transport:record_held': { offset: whole, length: whole },
  'dtls:message': { direction, msg_type: text, message_seq: whole, epoch: whole, body: hex },
  'dtls:ack': { direction, records: listOf(recordNumber) },
  'dtls:alert': { direction, level: whole, description: text },
  'recovery:flight_retransmitted': { count: whole, timeout: time },
  'recovery:flight_acknowledged': {},
  'security:parameters': { cipher_suite: text, group: orNull(text) },
  'security:key_updated': { direction, epoch: whole },
  'security:key_discarded': { direction, epoch: whole },
  'security:psk_selected': { kind: text, identity: hex },
  'security:early_data': { is_accepted: flag, reason: orNull(text) },
  'security:secret': { label: text, client_random: hex, secret: hex },
  'dtls:state': { name: text },
  'security:task_issued': { id: whole, name: text },
  'security:task_finished': { id: whole, ok: flag },
  'dtls:handshake_complete': {},
  'transport:connection_closed': { error: orNull(text) },
  'network:sent': { datagram: whole, arrivals: listOf(time) },
  'network:delivered': { datagram: whole },
  'application:data': { bytes: hex },
};

const side = oneOf('client', 'server');

function readEvent(value: unknown, wrong: (what: string) => NotATrace): SimulationEvent | undefined {
  if (!isObject(value)) throw wrong('an event is an object');
  const { name, data } = value as { name?: unknown; data?: unknown };
  if (typeof name !== 'string') throw wrong('"name" is missing');
  if (!time(value['time'])) throw wrong('"time" is not a number of milliseconds');
  if (!side(value['side'])) throw wrong('"side" is neither client nor server');
  if (!isKnown(name)) return undefined;
  if (!isObject(data)) throw wrong('"data" is no object');
  for (const [field, check] of Object.entries(FIELDS[name])) {
    if (!check(data[field])) throw wrong(`"${field}" of ${name} is missing or malformed`);
  }
  // Every field that the type of this event names has just been checked.
  return value as unknown as SimulationEvent;
}

function isKnown(name: string): name is EventName {
  return Object.hasOwn(FIELDS, name);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function otherSide(of: Side): Side {
  return of === 'client' ? 'server' : 'client';
}
