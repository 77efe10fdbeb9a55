// What lies in a datagram and in a record, as far as the ladder names it: records, fragments, ACKs, alerts.
//
// The trace tells of records with their plaintext, and `parts` names what is in it. Where it tells of a datagram alone
// (a stateless answer belongs to no connection), `recordsOf` splits it as RFC 9147 §4 says; that needs no key.

import { asText } from './bytes.js';
import type { RecordNumber } from './trace.js';

/** One thing in a record's content. */
export type Part =
  | { readonly kind: 'fragment'; readonly message: string; readonly messageSeq: number; readonly offset: number; readonly end: number; readonly length: number }
  | { readonly kind: 'ack'; readonly records: readonly RecordNumber[] }
  | { readonly kind: 'alert'; readonly description: string; readonly fatal: boolean }
  | { readonly kind: 'data'; readonly length: number; readonly text: string | undefined }
  | { readonly kind: 'other'; readonly name: string; readonly length: number };

/** A record that nobody told of, as its header shows it. */
export interface BareRecord {
  readonly offset: number;
  readonly length: number;
  /** The whole epoch of a plaintext record; of a protected one the two bits that its header has. */
  readonly epoch: number;
  readonly sequenceNumber: number | undefined;
  readonly contentType: string;
  /** Of a plaintext record. */
  readonly plaintext: Uint8Array | undefined;
}

const MESSAGES: ReadonlyMap<number, string> = new Map([
  [1, 'ClientHello'], [2, 'ServerHello'], [3, 'HelloVerifyRequest'], [4, 'NewSessionTicket'], [8, 'EncryptedExtensions'], [9, 'RequestConnectionId'],
  [10, 'NewConnectionId'], [11, 'Certificate'], [13, 'CertificateRequest'], [15, 'CertificateVerify'], [20, 'Finished'], [24, 'KeyUpdate'],
]);

const CONTENT_TYPES: ReadonlyMap<number, string> = new Map([[20, 'change_cipher_spec'], [21, 'alert'], [22, 'handshake'], [23, 'application_data'], [26, 'ack']]);

const ALERTS: ReadonlyMap<number, string> = new Map([
  [0, 'close_notify'], [10, 'unexpected_message'], [20, 'bad_record_mac'], [22, 'record_overflow'], [40, 'handshake_failure'], [42, 'bad_certificate'],
  [43, 'unsupported_certificate'], [44, 'certificate_revoked'], [45, 'certificate_expired'], [46, 'certificate_unknown'], [47, 'illegal_parameter'],
  [48, 'unknown_ca'], [49, 'access_denied'], [50, 'decode_error'], [51, 'decrypt_error'], [52, 'too_many_cids_requested'], [70, 'protocol_version'],
  [71, 'insufficient_security'], [80, 'internal_error'], [86, 'inappropriate_fallback'], [90, 'user_canceled'], [109, 'missing_extension'],
  [110, 'unsupported_extension'], [112, 'unrecognized_name'], [113, 'bad_certificate_status_response'], [115, 'unknown_psk_identity'],
  [116, 'certificate_required'], [117, 'general_error'], [120, 'no_application_protocol'],
]);

const PLAINTEXT_HEADER = 13;
const FRAGMENT_HEADER = 12;

/** ServerHello.random of a HelloRetryRequest, its first eight bytes (RFC 9846 §4.2.3); chance alone never makes them. */
const RETRY_RANDOM = [0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11];
/** ServerHello.random follows legacy_version. */
const RANDOM_OFFSET = 2;

/** The parts of a record's content, in their order. What cannot be read is one part of its own. */
export function parts(contentType: string, content: Uint8Array): Part[] {
  switch (contentType) {
    case 'handshake': return fragments(content);
    case 'ack': return [{ kind: 'ack', records: recordNumbers(content) }];
    case 'alert': return [{ kind: 'alert', description: ALERTS.get(content[1] ?? -1) ?? `alert ${content[1] ?? '?'}`, fatal: content[0] === 2 }];
    case 'application_data': return [{ kind: 'data', length: content.length, text: asText(content) }];
    default: return [{ kind: 'other', name: contentType, length: content.length }];
  }
}

function fragments(content: Uint8Array): Part[] {
  const found: Part[] = [];
  let rest = content;
  while (rest.length > 0) {
    const offset = number(rest, 6, 3);
    const size = number(rest, 9, 3);
    if (rest.length < FRAGMENT_HEADER + size) return [...found, { kind: 'other', name: 'malformed fragment', length: rest.length }];
    const body = rest.subarray(FRAGMENT_HEADER, FRAGMENT_HEADER + size);
    found.push({ kind: 'fragment', message: messageName(rest[0] ?? 0, offset, body), messageSeq: number(rest, 4, 2), offset, end: offset + size, length: number(rest, 1, 3) });
    rest = rest.subarray(FRAGMENT_HEADER + size);
  }
  return found;
}

function messageName(type: number, offset: number, body: Uint8Array): string {
  const isRetry = type === 2 && offset === 0 && RETRY_RANDOM.every((byte, i) => body[RANDOM_OFFSET + i] === byte);
  return isRetry ? 'HelloRetryRequest' : MESSAGES.get(type) ?? `message ${type}`;
}

function recordNumbers(content: Uint8Array): RecordNumber[] {
  const count = Math.floor((content.length - 2) / 16);
  return Array.from({ length: Math.max(0, count) }, (_, i) => ({ epoch: number(content, 2 + 16 * i, 8), sequence_number: number(content, 10 + 16 * i, 8) }));
}

/** The records of a datagram, as far as headers show them. What is no record ends the list. */
export function recordsOf(datagram: Uint8Array): BareRecord[] {
  const found: BareRecord[] = [];
  let offset = 0;
  while (offset < datagram.length) {
    const record = recordAt(datagram.subarray(offset), offset);
    if (record === undefined || offset + record.length > datagram.length) break;
    found.push(record);
    offset += record.length;
  }
  return found;
}

function recordAt(rest: Uint8Array, offset: number): BareRecord | undefined {
  const first = rest[0] ?? 0;
  // 001CSLEE, the unified header; its connection ID would have a length that only its receiver knows.
  if ((first & 0xf0) === 0x20) {
    const numberLength = (first & 0x08) === 0 ? 1 : 2;
    const hasLength = (first & 0x04) !== 0;
    const header = 1 + numberLength + (hasLength ? 2 : 0);
    const length = hasLength ? header + number(rest, 1 + numberLength, 2) : rest.length;
    return { offset, length, epoch: first & 0x03, sequenceNumber: undefined, contentType: 'protected', plaintext: undefined };
  }
  const contentType = CONTENT_TYPES.get(first);
  if (contentType === undefined || rest.length < PLAINTEXT_HEADER) return undefined;
  const length = PLAINTEXT_HEADER + number(rest, 11, 2);
  return { offset, length, epoch: number(rest, 3, 2), sequenceNumber: number(rest, 5, 6), contentType, plaintext: rest.subarray(PLAINTEXT_HEADER, length) };
}

function number(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = at; i < at + length; i += 1) value = value * 256 + (bytes[i] ?? 0);
  return value;
}
