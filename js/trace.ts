/**
 * `dtls-wasm/trace`: what a connection does, told as it happens, and the dissector.
 *
 * Every event is plain data that JSON can carry. Names follow qlog where it has one; bytes are lower-case hexadecimal.
 *
 * @module
 */

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
