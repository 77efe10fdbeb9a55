/**
 * `dtls-wasm/trace`: what a connection does, told as it happens, and the dissector.
 *
 * Every event is plain data that JSON can carry. Names follow qlog where it has one; bytes are lower-case hexadecimal.
 *
 * @module
 */

import * as bindings from './dtls_wasm.js';
import { DtlsError, fromBinding } from './errors.js';
import { assertLoaded } from './load.js';

/** Which way something goes, seen from the endpoint that tells of it. */
export type Direction = 'sent' | 'received';

/** The number of a record: its epoch, and its number in that epoch (up to 2^48 - 1, which a number holds exactly). */
export interface RecordNumber {
  epoch: number;
  sequence_number: number;
}

/** The data of each event, by the event's name. */
export interface TraceEventData {
  /** A datagram arrived or was handed out, whole, as it is on the wire. */
  'transport:datagram': { direction: Direction; bytes: string };
  /**
   * One record, after deprotection or before protection, of the datagram told of last (`received`) or next (`sent`).
   * `offset` and `length` say where the record lies in that datagram; `plaintext` is its content without type and padding.
   */
  'transport:record': RecordNumber & { direction: Direction; content_type: string; offset: number; length: number; plaintext: string };
  /** A record that was received and ignored. */
  'transport:record_discarded': { offset: number; length: number; reason: string };
  /** A record was put aside because its keys do not exist yet. */
  'transport:record_held': { offset: number; length: number };
  /** A whole handshake message was queued to be sent, or was received and put together. `body` has no header. */
  'dtls:message': { direction: Direction; msg_type: string; message_seq: number; epoch: number; body: string };
  /** An ACK was sent or received. */
  'dtls:ack': { direction: Direction; records: RecordNumber[] };
  /** An alert was sent or received. */
  'dtls:alert': { direction: Direction; level: number; description: string };
  /** The timer ran out, and what was not acknowledged is sent again. `timeout` is the next wait in milliseconds. */
  'recovery:flight_retransmitted': { count: number; timeout: number };
  /** Nothing of what was sent is still unacknowledged. */
  'recovery:flight_acknowledged': Record<string, never>;
  /** Suite and group were negotiated. */
  'security:parameters': { cipher_suite: string; group: string | null };
  /** The keys of an epoch are in use. */
  'security:key_updated': { direction: Direction; epoch: number };
  /** The keys of an epoch were wiped. */
  'security:key_discarded': { direction: Direction; epoch: number };
  /** A pre-shared key of this kind proves who the peer is. `identity` is its name, or a ticket. */
  'security:psk_selected': { kind: string; identity: string };
  /** The server has decided about early data; `reason` says why not, on the side that refuses. */
  'security:early_data': { is_accepted: boolean; reason: string | null };
  /** A secret, named as in SSLKEYLOGFILE (RFC 9850). Only told where secrets were asked for. */
  'security:secret': { label: string; client_random: string; secret: string };
  /** The handshake's state changed. */
  'dtls:state': { name: string };
  /** A task was handed out. */
  'security:task_issued': { id: number; name: string };
  /** The result of a task was taken. */
  'security:task_finished': { id: number; ok: boolean };
  /** Application data flows. */
  'dtls:handshake_complete': Record<string, never>;
  /** Nothing more will be sent or received. */
  'transport:connection_closed': { error: string | null };
}

/** Something that happened in a connection, at `time` in milliseconds on the caller's clock. */
export type TraceEvent = { [Name in keyof TraceEventData]: { time: number; name: Name; data: TraceEventData[Name] } }[keyof TraceEventData];

/** What the simulated network does with a datagram. `datagram` numbers the datagrams sent, from 0, both sides together. */
export interface NetworkEventData {
  /**
   * The network took the `transport:datagram` that the same side told of last. `arrivals` are the times at which copies
   * of it will arrive: none if it is lost, two if it is duplicated.
   */
  'network:sent': { datagram: number; arrivals: number[] };
  /** A copy of the datagram arrives now: the `transport:datagram` that this side tells of next. */
  'network:delivered': { datagram: number };
}

/** Something that happened in the simulation: in the connection of `side`, or between it and the network. */
export type SimulationEvent = { side: Side } & (
  | TraceEvent
  | { [Name in keyof NetworkEventData]: { time: number; name: Name; data: NetworkEventData[Name] } }[keyof NetworkEventData]
  | { time: number; name: 'application:data'; data: { bytes: string } }
);

/** One of the two endpoints of a simulation. */
export type Side = 'client' | 'server';

/** How the simulated network behaves. Probabilities are from 0 to 1, times in milliseconds. */
export interface Conditions {
  loss: number;
  duplicate: number;
  reorder: number;
  delay: number;
  jitter: number;
  /** Longer datagrams are lost, in bytes. */
  mtu: number;
}

/** A span of bytes with a name, as the dissector sees it. Leaves cover the bytes without gap or overlap. */
export interface Field {
  name: string;
  /** Where it begins, in bytes. */
  start: number;
  /** Where it ends: the first byte behind it. */
  end: number;
  /** Its value in words; empty for a mere container. */
  value: string;
  /** What the field is for, with its RFC section. */
  note?: string;
  children?: Field[];
}

/** How to begin a simulation. */
export interface SimulationOptions {
  /** Decides everything that chance decides: the same seed gives the same run. Not for real connections. */
  seed: number;
  /** How the network behaves from the beginning. What is not said is perfect. */
  conditions?: Partial<Conditions> | undefined;
  /** The time at which it begins. Default: 0. */
  now?: number | undefined;
  /** Whether the server asks for a client certificate. Default: false. */
  requestCert?: boolean | undefined;
  /** The cipher suites of both sides, best first. */
  ciphers?: readonly string[] | undefined;
  /** The groups of both sides, best first. */
  groups?: readonly string[] | undefined;
  /** The groups that the client sends key shares for. The server then insists on the first of `groups`: without a share of it the client has to try again. */
  keyShares?: readonly string[] | undefined;
  /** The largest datagram that the sides send, in bytes. Default: 1200. */
  maxDatagramSize?: number | undefined;
}

const PERFECT: Conditions = { loss: 0, duplicate: 0, reorder: 0, delay: 0, jitter: 0, mtu: 65_535 };
const SIDE_STATES = ['connecting', 'connected', 'closing', 'closed', 'failed'] as const;

/** Two endpoints with a simulated network between them. Time passes only when `step` says so. */
export class Simulation {
  readonly #raw: RawSimulation;

  /** `init()` of `dtls-wasm/core` must be complete. */
  constructor({ seed, conditions, now = 0, requestCert = false, ciphers = [], groups = [], keyShares = [], maxDatagramSize = 0 }: SimulationOptions) {
    const { Simulation: Raw } = builtIn('Simulation');
    this.#raw = rethrowing(() => new Raw(seed, now, requestCert, ciphers.join(':'), groups.join(':'), keyShares.join(':'), maxDatagramSize));
    this.setConditions({ ...PERFECT, ...conditions });
  }

  /** The time. */
  get now(): number {
    return this.#raw.now();
  }

  /** When the next thing happens, if anything will. */
  nextTime(): number | undefined {
    return this.#raw.nextTime();
  }

  /** Lets happen what happens until `now`, in order, which then is the time. */
  step(now: number): void {
    this.#raw.step(now);
  }

  /** Goes on to the next thing and lets it happen; says whether there is one. */
  advance(): boolean {
    return this.#raw.advance();
  }

  /** When the next timer of a side runs out. */
  timeout(side: Side): number | undefined {
    return this.#raw.timeout(side === 'server');
  }

  /** How the network treats what is sent from now on. */
  setConditions({ loss, duplicate, reorder, delay, jitter, mtu }: Conditions): void {
    this.#raw.setConditions(loss, duplicate, reorder, delay, jitter, mtu);
  }

  /** A side sends application data; says whether it could. */
  send(side: Side, data: Uint8Array): boolean {
    return this.#raw.send(side === 'server', data);
  }

  /** A side updates its keys; says whether it could. */
  updateKeys(side: Side, requestPeer = false): boolean {
    return this.#raw.updateKeys(side === 'server', requestPeer);
  }

  /** A side closes. */
  close(side: Side): void {
    this.#raw.close(side === 'server');
  }

  /** Where a side stands. */
  state(side: Side): (typeof SIDE_STATES)[number] {
    return SIDE_STATES[this.#raw.state(side === 'server')] ?? 'failed';
  }

  /** The epochs of a side: in which its peer sends, and in which it sends. */
  epochs(side: Side): { read: number; write: number } {
    return { read: this.#raw.readEpoch(side === 'server'), write: this.#raw.writeEpoch(side === 'server') };
  }

  /** What happened since the last call, in order. */
  events(): SimulationEvent[] {
    return JSON.parse(this.#raw.events()) as SimulationEvent[];
  }

  /** Gives the memory back. */
  free(): void {
    this.#raw.free();
  }
}

/** Dissects a datagram as it is on the wire. */
export function dissectDatagram(bytes: Uint8Array): Field {
  const { dissectDatagram: dissect } = builtIn('dissectDatagram');
  return JSON.parse(dissect(bytes)) as Field;
}

/** Dissects the content of a record. `contentType` is named as in `transport:record`. */
export function dissectContent(contentType: string, plaintext: Uint8Array): Field {
  const { dissectContent: dissect } = builtIn('dissectContent');
  return JSON.parse(rethrowing(() => dissect(contentType, plaintext))) as Field;
}

/** Dissects the body of a handshake message. `msgType` is named as in `dtls:message`. */
export function dissectMessage(msgType: string, body: Uint8Array): Field {
  const { dissectMessage: dissect } = builtIn('dissectMessage');
  return JSON.parse(rethrowing(() => dissect(msgType, body))) as Field;
}

interface RawSimulation {
  now(): number;
  nextTime(): number | undefined;
  step(until: number): void;
  advance(): boolean;
  timeout(server: boolean): number | undefined;
  setConditions(loss: number, duplicate: number, reorder: number, delay: number, jitter: number, mtu: number): void;
  send(server: boolean, data: Uint8Array): boolean;
  updateKeys(server: boolean, requestPeer: boolean): boolean;
  close(server: boolean): void;
  state(server: boolean): number;
  readEpoch(server: boolean): number;
  writeEpoch(server: boolean): number;
  events(): string;
  free(): void;
}

/** What a module that was built with the features `inspect` and `sim` has beside the others. */
interface Features {
  Simulation: new (seed: number, now: number, mutual: boolean, ciphers: string, groups: string, keyShares: string, maxDatagramSize: number) => RawSimulation;
  dissectDatagram(bytes: Uint8Array): string;
  dissectContent(contentType: string, plaintext: Uint8Array): string;
  dissectMessage(msgType: string, body: Uint8Array): string;
}

/** The module's features, if it has the one that is called `name`. */
function builtIn(name: keyof Features): Features {
  assertLoaded();
  if (!(name in bindings)) {
    throw new DtlsError('ERR_DTLS_NOT_BUILT_IN', `The WebAssembly module was built without ${name}; the crate's features inspect and sim have it.`);
  }
  return bindings as unknown as Features;
}

function rethrowing<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    throw fromBinding(thrown);
  }
}
