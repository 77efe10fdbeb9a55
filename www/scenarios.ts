// What the lab can begin with: a network, a configuration of both ends, and what they do once they are connected.

import type { Conditions } from '../js/trace.js';
import type { Side } from './trace.js';

/** What both ends do alike, as far as the lab lets it be chosen. */
export interface Setup {
  /** Groups for the key exchange, best first; none: the defaults. */
  readonly groups?: readonly string[];
  /** Groups that the client sends a share for at once; none: the defaults. */
  readonly keyShares?: readonly string[];
  /** The cipher suites, best first; none: the defaults. */
  readonly ciphers?: readonly string[];
  /** The server asks for a certificate and gets one. */
  readonly requestCert?: boolean;
}

export type Action =
  | { readonly side: Side; readonly does: 'send'; readonly text: string }
  | { readonly side: Side; readonly does: 'update'; readonly asks: boolean }
  | { readonly side: Side; readonly does: 'close' };

export interface Scenario {
  readonly id: string;
  readonly name: string;
  /** What there is to see, in a sentence or two. */
  readonly about: string;
  readonly seed: number;
  readonly conditions: Conditions;
  readonly setup: Setup;
  /** Done at once when both ends are connected. */
  readonly afterwards: readonly Action[];
}

/** A calm path: 25 ms each way, datagrams as long as IPv6 guarantees a path to carry less headers (RFC 9147 §4.4). */
export const CALM: Conditions = { loss: 0, duplicate: 0, reorder: 0, delay: 25, jitter: 0, mtu: 1232 };

export const SCENARIOS: readonly Scenario[] = [
  {
    id: 'handshake', name: 'A handshake', seed: 1, conditions: CALM, setup: { groups: ['x25519'] }, afterwards: [],
    about: 'One round trip and a half: from epoch 2 on, records are encrypted; from epoch 3 on, application data may flow.',
  },
  {
    id: 'key-update', name: 'Key updates that cross', seed: 2, conditions: CALM, setup: { groups: ['x25519'] },
    afterwards: [{ side: 'client', does: 'update', asks: false }, { side: 'server', does: 'update', asks: false }],
    about: 'Both ends change their keys at once. Each goes on reading with the old keys until the ACK of its own update comes.',
  },
  {
    id: 'loss', name: 'A lossy path', seed: 4, conditions: { ...CALM, loss: 0.25 }, setup: { groups: ['x25519'] }, afterwards: [],
    about: 'A quarter of all datagrams is lost. ACKs say what arrived, so only what is missing is sent again.',
  },
  {
    id: 'post-quantum', name: 'Post-quantum key exchange', seed: 5, conditions: CALM, setup: { groups: ['X25519MLKEM768', 'x25519'] }, afterwards: [],
    about: 'X25519MLKEM768, as browsers offer it: its key share makes the ClientHello too long for one datagram, so it is cut in fragments.',
  },
  {
    id: 'small', name: 'Small datagrams', seed: 6, conditions: { ...CALM, mtu: 300 }, setup: { groups: ['x25519'] }, afterwards: [],
    about: 'No datagram is longer than 300 bytes: the certificate travels in fragments, each a record of its own.',
  },
  {
    id: 'retry', name: 'HelloRetryRequest', seed: 7, conditions: CALM, setup: { groups: ['secp256r1', 'x25519'], keyShares: ['x25519'] }, afterwards: [],
    about: 'The client sends a key share of a group that is not the server’s first choice, so the server asks for another: a round trip more.',
  },
  {
    id: 'client-certificate', name: 'Client certificate', seed: 8, conditions: CALM, setup: { groups: ['x25519'], requestCert: true }, afterwards: [],
    about: 'The server asks who the client is: CertificateRequest, and a certificate, its proof and Finished in answer.',
  },
  {
    id: 'rough', name: 'Everything at once', seed: 9, conditions: { loss: 0.15, duplicate: 0.15, reorder: 0.3, delay: 40, jitter: 40, mtu: 500 }, setup: {},
    afterwards: [{ side: 'client', does: 'send', text: 'through all of it' }],
    about: 'Loss, doubles, detours and small datagrams, and still one connection.',
  },
];
