// From events to what the views draw: a pure function of the trace.
//
// `extend(model, events)` returns a new model and leaves the old one as it was, so a view can compare the two. It knows
// nothing of the page, of wasm, or of where the events come from; tests run it in Node on recorded traces.

import { asText, fromHex } from './bytes.js';
import { type Part, parts, recordsOf } from './outline.js';
import { type Direction, otherSide, type Side, type SimulationEvent } from './trace.js';

/** A datagram on its way from one side to the other. */
export interface Datagram {
  readonly id: number;
  readonly from: Side;
  /** When it left, if its sender told of it. */
  readonly sentAt: number | undefined;
  /** Where it has been received, or will be: a lost datagram arrives never, a duplicated one twice. */
  readonly arrivals: readonly Arrival[];
  /** When copies of it are due to arrive, if the network told. */
  readonly due: readonly number[] | undefined;
  readonly fate: 'sent' | 'delivered' | 'lost';
  /** Hexadecimal. */
  readonly bytes: string;
  readonly size: number;
  readonly records: readonly RecordView[];
}

export interface Arrival {
  readonly time: number;
  /** What became of records that were not opened: `discarded: replayed`, `held: …`. */
  readonly refusals: readonly Refusal[];
}

export interface Refusal {
  readonly offset: number;
  readonly outcome: string;
}

/** A record of a datagram. */
export interface RecordView {
  readonly offset: number;
  readonly length: number;
  readonly epoch: number;
  /** Unknown where only the header of a protected record is known. */
  readonly sequenceNumber: number | undefined;
  readonly contentType: string;
  /** Its content, hexadecimal; unknown where nobody told of its deprotection. */
  readonly plaintext: string | undefined;
  readonly parts: readonly Part[];
  /** It carries handshake bytes that its sender had sent before. */
  readonly again: boolean;
  /** Its sender has received an ACK that names it. */
  readonly acknowledged: boolean;
}

export type NoteKind = 'state' | 'keys' | 'timer' | 'negotiated' | 'complete' | 'closed' | 'failed' | 'discarded' | 'held' | 'acknowledged' | 'data' | 'task';

/** Something that happened at one side, for the margin. */
export interface Note {
  readonly id: number;
  readonly side: Side;
  readonly kind: NoteKind;
  readonly text: string;
  /** Of keys: their epoch. */
  readonly epoch?: number;
}

/** What the ladder shows from top to bottom. */
export type Item =
  | { readonly kind: 'sent'; readonly time: number; readonly datagram: number }
  | { readonly kind: 'arrived'; readonly time: number; readonly datagram: number; readonly copy: number }
  | { readonly kind: 'note'; readonly time: number; readonly note: Note };

/** A whole handshake message, as one side told of it. */
export interface Message {
  readonly direction: Direction;
  readonly name: string;
  readonly messageSeq: number;
  readonly epoch: number;
  /** Hexadecimal, without header. */
  readonly body: string;
}

/** One side, as far as it told of itself. */
export interface End {
  /** Whether it tells events at all: live, only the page's side does. */
  readonly tells: boolean;
  readonly state: string | undefined;
  readonly complete: boolean;
  /** A close_notify went one way or the other. */
  readonly closing: boolean;
  readonly closed: boolean;
  readonly error: string | undefined;
  readonly readEpoch: number;
  readonly writeEpoch: number;
  readonly cipherSuite: string | undefined;
  readonly group: string | undefined;
  readonly datagramsSent: number;
  readonly bytesSent: number;
  readonly datagramsReceived: number;
  readonly bytesReceived: number;
  readonly recordsDiscarded: number;
  readonly retransmissions: number;
  /** The wait that the last retransmission began, in milliseconds; none once everything is acknowledged. */
  readonly backOff: number | undefined;
  /** What the application received. */
  readonly data: readonly string[];
  readonly messages: readonly Message[];
}

/** A line of the key log (RFC 9850), and who told it. */
export interface Secret {
  readonly label: string;
  readonly clientRandom: string;
  readonly secret: string;
  readonly toldBy: readonly Side[];
}

export interface Model {
  readonly items: readonly Item[];
  readonly datagrams: readonly Datagram[];
  readonly ends: Readonly<Record<Side, End>>;
  readonly secrets: readonly Secret[];
  /** The times of the first and of the last event, in milliseconds. */
  readonly begin: number;
  readonly end: number;
  readonly bookkeeping: Bookkeeping;
}

/** What `extend` has to remember between events; no view reads it. */
interface Bookkeeping {
  /** Records told of before the datagram that carries them. */
  readonly toBeSent: Readonly<Record<Side, readonly RecordView[]>>;
  /** The network's number of the datagram that a side will receive next. */
  readonly deliveries: Readonly<Record<Side, number | undefined>>;
  /** From the network's numbers to ours. */
  readonly networkIds: ReadonlyMap<number, number>;
  /** What a side received last. */
  readonly lastReceived: Readonly<Record<Side, number | undefined>>;
  /** Ranges of handshake bytes sent, by side and message_seq. */
  readonly sentRanges: ReadonlyMap<string, readonly (readonly [number, number])[]>;
  /** Where a sent record lies: datagram and index, by side and record number. */
  readonly sentRecords: ReadonlyMap<string, readonly [number, number]>;
}

const SILENT: End = {
  tells: false, state: undefined, complete: false, closing: false, closed: false, error: undefined, readEpoch: 0, writeEpoch: 0, cipherSuite: undefined, group: undefined,
  datagramsSent: 0, bytesSent: 0, datagramsReceived: 0, bytesReceived: 0, recordsDiscarded: 0, retransmissions: 0, backOff: undefined, data: [], messages: [],
};

export const EMPTY: Model = {
  items: [], datagrams: [], ends: { client: SILENT, server: SILENT }, secrets: [], begin: 0, end: 0,
  bookkeeping: {
    toBeSent: { client: [], server: [] }, deliveries: { client: undefined, server: undefined }, networkIds: new Map(),
    lastReceived: { client: undefined, server: undefined }, sentRanges: new Map(), sentRecords: new Map(),
  },
};

/** The model after further events. */
export function extend(model: Model, events: readonly SimulationEvent[]): Model {
  if (events.length === 0) return model;
  const draft = new Draft(model);
  for (const event of events) draft.take(event);
  return draft.model();
}

/** A copy that one call of `extend` may change; what it holds is replaced, never changed in place. */
class Draft {
  readonly #items: Item[];
  readonly #datagrams: Datagram[];
  readonly #ends: Record<Side, End>;
  readonly #secrets: Secret[];
  readonly #toBeSent: Record<Side, readonly RecordView[]>;
  readonly #deliveries: Record<Side, number | undefined>;
  readonly #networkIds: Map<number, number>;
  readonly #lastReceived: Record<Side, number | undefined>;
  readonly #sentRanges: Map<string, readonly (readonly [number, number])[]>;
  readonly #sentRecords: Map<string, readonly [number, number]>;
  #begin: number;
  #end: number;

  constructor({ items, datagrams, ends, secrets, begin, end, bookkeeping }: Model) {
    this.#items = [...items];
    this.#datagrams = [...datagrams];
    this.#ends = { ...ends };
    this.#secrets = [...secrets];
    this.#toBeSent = { ...bookkeeping.toBeSent };
    this.#deliveries = { ...bookkeeping.deliveries };
    this.#networkIds = new Map(bookkeeping.networkIds);
    this.#lastReceived = { ...bookkeeping.lastReceived };
    this.#sentRanges = new Map(bookkeeping.sentRanges);
    this.#sentRecords = new Map(bookkeeping.sentRecords);
    this.#begin = items.length === 0 ? Number.NaN : begin;
    this.#end = end;
  }

  model(): Model {
    return {
      items: this.#items, datagrams: this.#datagrams, ends: this.#ends, secrets: this.#secrets, begin: Number.isNaN(this.#begin) ? 0 : this.#begin, end: this.#end,
      bookkeeping: {
        toBeSent: this.#toBeSent, deliveries: this.#deliveries, networkIds: this.#networkIds,
        lastReceived: this.#lastReceived, sentRanges: this.#sentRanges, sentRecords: this.#sentRecords,
      },
    };
  }

  take(event: SimulationEvent): void {
    const { side, time } = event;
    if (Number.isNaN(this.#begin)) this.#begin = time;
    this.#end = time;
    if (!event.name.startsWith('network:')) this.#change(side, { tells: true });
    switch (event.name) {
      case 'transport:record': return event.data.direction === 'sent' ? this.#recordSent(side, event.data) : this.#recordReceived(side, event.data);
      case 'transport:datagram': return event.data.direction === 'sent' ? this.#datagramSent(side, time, event.data.bytes) : this.#datagramReceived(side, time, event.data.bytes);
      case 'network:sent': return this.#takenByNetwork(side, event.data.datagram, event.data.arrivals);
      case 'network:delivered': return void (this.#deliveries[side] = event.data.datagram);
      case 'transport:record_discarded': {
        this.#refuse(side, event.data.offset, `discarded: ${words(event.data.reason)}`);
        this.#change(side, { recordsDiscarded: this.#ends[side].recordsDiscarded + 1 });
        return this.#note(time, { side, kind: 'discarded', text: `record discarded: ${words(event.data.reason)}` });
      }
      case 'transport:record_held': {
        this.#refuse(side, event.data.offset, 'held until its keys exist');
        return this.#note(time, { side, kind: 'held', text: 'record held until its keys exist' });
      }
      case 'dtls:message': {
        const { direction, msg_type: type, message_seq: messageSeq, epoch, body } = event.data;
        return this.#change(side, { messages: [...this.#ends[side].messages, { direction, name: type, messageSeq, epoch, body }] });
      }
      case 'dtls:ack': {
        if (event.data.direction === 'received') for (const { epoch, sequence_number: number } of event.data.records) this.#acknowledged(side, epoch, number);
        return undefined;
      }
      case 'dtls:alert': {
        if (event.data.description === 'close_notify') this.#change(side, { closing: true });
        return undefined;
      }
      case 'recovery:flight_retransmitted': {
        const { count, timeout } = event.data;
        this.#change(side, { retransmissions: this.#ends[side].retransmissions + 1, backOff: timeout });
        return this.#note(time, { side, kind: 'timer', text: `timer ran out: flight sent again (${count}), next wait ${duration(timeout)}` });
      }
      case 'recovery:flight_acknowledged': {
        this.#change(side, { backOff: undefined });
        return this.#note(time, { side, kind: 'acknowledged', text: 'flight acknowledged, timer off' });
      }
      case 'security:parameters': {
        const { cipher_suite: cipherSuite, group } = event.data;
        this.#change(side, { cipherSuite, group: group ?? undefined });
        return this.#note(time, { side, kind: 'negotiated', text: [suiteName(cipherSuite), ...(group === null ? [] : [group])].join(', ') });
      }
      case 'security:key_updated': return this.#keys(side, time, event.data.direction, event.data.epoch);
      case 'security:key_discarded': {
        const { direction, epoch } = event.data;
        return this.#note(time, { side, kind: 'keys', epoch, text: `epoch ${epoch}: ${doing(direction)} keys wiped` });
      }
      case 'security:psk_selected': return this.#note(time, { side, kind: 'negotiated', text: `pre-shared key (${event.data.kind})` });
      case 'security:early_data': {
        const { is_accepted: isAccepted, reason } = event.data;
        const why = reason === null ? '' : `: ${words(reason)}`;
        return this.#note(time, { side, kind: 'negotiated', text: `early data ${isAccepted ? 'taken' : 'refused'}${why}` });
      }
      case 'security:secret': return this.#secret(side, event.data.label, event.data.client_random, event.data.secret);
      case 'dtls:state': {
        this.#change(side, { state: event.data.name });
        return this.#state(side, time, event.data.name);
      }
      case 'security:task_issued': return this.#note(time, { side, kind: 'task', text: `task ${event.data.id}: ${words(event.data.name)}` });
      case 'security:task_finished': return this.#note(time, { side, kind: 'task', text: `task ${event.data.id} ${event.data.ok ? 'done' : 'failed'}` });
      case 'dtls:handshake_complete': {
        this.#change(side, { complete: true });
        return this.#note(time, { side, kind: 'complete', text: 'handshake complete' });
      }
      case 'transport:connection_closed': {
        const { error } = event.data;
        this.#change(side, { closed: true, error: error ?? undefined });
        return this.#note(time, error === null ? { side, kind: 'closed', text: 'connection closed' } : { side, kind: 'failed', text: `failed: ${error}` });
      }
      case 'application:data': {
        const bytes = fromHex(event.data.bytes);
        const text = asText(bytes);
        this.#change(side, { data: [...this.#ends[side].data, event.data.bytes] });
        return this.#note(time, { side, kind: 'data', text: text === undefined ? `received ${bytes.length} bytes` : `received “${text}”` });
      }
    }
  }

  #change(side: Side, change: Partial<End>): void {
    this.#ends[side] = { ...this.#ends[side], ...change };
  }

  #note(time: number, note: Omit<Note, 'id'>): void {
    this.#items.push({ kind: 'note', time, note: { ...note, id: this.#items.length } });
  }

  #recordSent(side: Side, told: RecordTold): void {
    const record = recordView(told);
    const again = record.parts.some((part) => part.kind === 'fragment' && this.#sentBefore(side, part.messageSeq, part.offset, part.end));
    this.#toBeSent[side] = [...this.#toBeSent[side], { ...record, again }];
  }

  #sentBefore(side: Side, messageSeq: number, from: number, to: number): boolean {
    const ranges = this.#sentRanges.get(`${side} ${messageSeq}`) ?? [];
    return ranges.some(([start, end]) => (from === to ? start === from && end === to : start < to && from < end));
  }

  #datagramSent(side: Side, time: number, bytes: string): void {
    const id = this.#datagrams.length;
    const told = this.#toBeSent[side];
    const records = told.length > 0 ? told : bareRecords(bytes);
    this.#toBeSent[side] = [];
    for (const [index, record] of records.entries()) {
      this.#sentRecords.set(`${side} ${record.epoch} ${record.sequenceNumber ?? '?'}`, [id, index]);
      for (const part of record.parts) {
        if (part.kind !== 'fragment') continue;
        const key = `${side} ${part.messageSeq}`;
        this.#sentRanges.set(key, [...this.#sentRanges.get(key) ?? [], [part.offset, part.end]]);
      }
    }
    const size = bytes.length / 2;
    this.#datagrams.push({ id, from: side, sentAt: time, arrivals: [], due: undefined, fate: 'sent', bytes, size, records });
    this.#items.push({ kind: 'sent', time, datagram: id });
    this.#change(side, { datagramsSent: this.#ends[side].datagramsSent + 1, bytesSent: this.#ends[side].bytesSent + size });
  }

  #takenByNetwork(side: Side, networkId: number, due: readonly number[]): void {
    const datagram = this.#datagrams.findLast(({ from, due }) => from === side && due === undefined);
    if (datagram === undefined) return;
    this.#networkIds.set(networkId, datagram.id);
    this.#datagrams[datagram.id] = { ...datagram, due, fate: due.length === 0 ? 'lost' : datagram.fate };
  }

  #datagramReceived(side: Side, time: number, bytes: string): void {
    const known = this.#sentCounterpart(side, bytes);
    const id = known?.id ?? this.#datagrams.length;
    const size = bytes.length / 2;
    const datagram = known ?? { id, from: otherSide(side), sentAt: undefined, arrivals: [], due: undefined, fate: 'sent', bytes, size, records: bareRecords(bytes) } satisfies Datagram;
    this.#datagrams[id] = { ...datagram, fate: 'delivered', arrivals: [...datagram.arrivals, { time, refusals: [] }] };
    this.#items.push({ kind: 'arrived', time, datagram: id, copy: datagram.arrivals.length });
    this.#lastReceived[side] = id;
    this.#change(side, { datagramsReceived: this.#ends[side].datagramsReceived + 1, bytesReceived: this.#ends[side].bytesReceived + size });
  }

  /** The datagram that now arrives at `side`: the one that the network named, or else an equal one that the other side sent. */
  #sentCounterpart(side: Side, bytes: string): Datagram | undefined {
    const named = this.#deliveries[side];
    this.#deliveries[side] = undefined;
    if (named !== undefined) {
      const id = this.#networkIds.get(named);
      if (id !== undefined) return this.#datagrams[id];
    }
    const equal = this.#datagrams.filter((datagram) => datagram.from !== side && datagram.sentAt !== undefined && datagram.bytes === bytes);
    return equal.find(({ arrivals }) => arrivals.length === 0) ?? equal.at(-1);
  }

  #recordReceived(side: Side, told: RecordTold): void {
    const id = this.#lastReceived[side];
    const datagram = id === undefined ? undefined : this.#datagrams[id];
    if (datagram === undefined) return;
    const known = datagram.records.find(({ offset }) => offset === told.offset);
    // What the sender told of its own record stands; the receiver completes what is known from the header alone.
    if (known !== undefined && known.plaintext !== undefined && known.contentType !== 'protected') return;
    const record = recordView(told);
    const records = [...datagram.records.filter(({ offset }) => offset !== told.offset), record].toSorted((a, b) => a.offset - b.offset);
    this.#datagrams[datagram.id] = { ...datagram, records };
  }

  #refuse(side: Side, offset: number, outcome: string): void {
    const id = this.#lastReceived[side];
    const datagram = id === undefined ? undefined : this.#datagrams[id];
    const last = datagram?.arrivals.at(-1);
    if (datagram === undefined || last === undefined) return;
    const arrival = { ...last, refusals: [...last.refusals, { offset, outcome }] };
    this.#datagrams[datagram.id] = { ...datagram, arrivals: [...datagram.arrivals.slice(0, -1), arrival] };
  }

  #acknowledged(side: Side, epoch: number, sequenceNumber: number): void {
    const place = this.#sentRecords.get(`${side} ${epoch} ${sequenceNumber}`);
    const datagram = place === undefined ? undefined : this.#datagrams[place[0]];
    if (place === undefined || datagram === undefined) return;
    this.#datagrams[datagram.id] = { ...datagram, records: datagram.records.map((record, index) => (index === place[1] ? { ...record, acknowledged: true } : record)) };
  }

  /** Of several states at one instant only the last one lasts, so it alone is noted. */
  #state(side: Side, time: number, name: string): void {
    // The last state has an event of its own, which comes next.
    if (name === 'complete') return;
    const index = this.#items.findLastIndex((item) => item.kind === 'note' && item.note.side === side && item.note.kind === 'state');
    const item = this.#items[index];
    if (item?.kind === 'note' && item.time === time) this.#items[index] = { ...item, note: { ...item.note, text: stateText(name) } };
    else this.#note(time, { side, kind: 'state', text: stateText(name) });
  }

  /** Reading and writing keys of one epoch that come together are one note. */
  #keys(side: Side, time: number, direction: Direction, epoch: number): void {
    const end = this.#ends[side];
    this.#change(side, direction === 'sent' ? { writeEpoch: Math.max(end.writeEpoch, epoch) } : { readEpoch: Math.max(end.readEpoch, epoch) });
    const last = this.#items.at(-1);
    const other = `epoch ${epoch}: ${doing(direction === 'sent' ? 'received' : 'sent')}`;
    if (last?.kind === 'note' && last.time === time && last.note.side === side && last.note.text === other) {
      this.#items[this.#items.length - 1] = { ...last, note: { ...last.note, text: `epoch ${epoch}: read and write` } };
      return;
    }
    this.#note(time, { side, kind: 'keys', epoch, text: `epoch ${epoch}: ${doing(direction)}` });
  }

  #secret(side: Side, label: string, clientRandom: string, secret: string): void {
    const index = this.#secrets.findIndex((known) => known.label === label && known.clientRandom === clientRandom && known.secret === secret);
    const known = this.#secrets[index];
    if (known === undefined) this.#secrets.push({ label, clientRandom, secret, toldBy: [side] });
    else if (!known.toldBy.includes(side)) this.#secrets[index] = { ...known, toldBy: [...known.toldBy, side] };
  }
}

type RecordTold = Extract<SimulationEvent, { name: 'transport:record' }>['data'];

function recordView({ offset, length, epoch, sequence_number: sequenceNumber, content_type: contentType, plaintext }: RecordTold): RecordView {
  return { offset, length, epoch, sequenceNumber, contentType, plaintext, parts: parts(contentType, fromHex(plaintext)), again: false, acknowledged: false };
}

function bareRecords(bytes: string): RecordView[] {
  return recordsOf(fromHex(bytes)).map(({ offset, length, epoch, sequenceNumber, contentType, plaintext }) => ({
    offset, length, epoch, sequenceNumber, contentType, plaintext: plaintext && bytes.slice(2 * (offset + length - plaintext.length), 2 * (offset + length)),
    parts: plaintext === undefined ? [] : parts(contentType, plaintext), again: false, acknowledged: false,
  }));
}

/** The whole message that a fragment belongs to, if a side told of it. */
export function messageOf(model: Model, { from }: Datagram, messageSeq: number): Message | undefined {
  const find = (side: Side, direction: Direction) => model.ends[side].messages.find((message) => message.direction === direction && message.messageSeq === messageSeq);
  return find(from, 'sent') ?? find(otherSide(from), 'received');
}

/** Milliseconds for people: `25 ms`, `1.02 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Number(milliseconds.toFixed(milliseconds < 10 ? 2 : 1))} ms`;
  return `${Number((milliseconds / 1000).toFixed(2))} s`;
}

/** What something in a record is called. */
export function partName(part: Part): string {
  switch (part.kind) {
    case 'fragment': return part.message;
    case 'ack': return 'ACK';
    case 'alert': return `Alert ${part.description}`;
    case 'data': return part.text === undefined ? `Data, ${part.length} bytes` : `“${part.text}”`;
    case 'other': return words(part.name);
  }
}

/** `AES-128-GCM-SHA256`: what all suites have in common is left out, and a line may break at a hyphen. */
export function suiteName(name: string): string {
  return name.replace(/^TLS_/, '').replaceAll('_', '-');
}

function doing(direction: Direction): string {
  return direction === 'sent' ? 'write' : 'read';
}

/** The name of a state for people: `expect_server_hello` is `waits for ServerHello`. */
export function stateText(name: string): string {
  const message = /^expect_(.+)$/.exec(name)?.[1];
  if (message === undefined) return words(name);
  return `waits for ${message.split('_').map((word) => (word === 'or' ? ' or ' : word.charAt(0).toUpperCase() + word.slice(1))).join('')}`;
}

function words(name: string): string {
  return name.replaceAll('_', ' ');
}
