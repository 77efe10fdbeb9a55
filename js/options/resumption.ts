// Tickets, with which a later connection resumes an earlier one, and early data.

import type { Config as RawConfig } from '../dtls_wasm.js';
import { DtlsError, optionError } from '../errors.js';
import { checkBoolean, checkWhole, list } from './checks.js';

/** Resumption (RFC 9846 §2.2) and 0-RTT (§2.3). */
export interface ResumptionOptions {
  /** Servers: issue tickets, and let clients resume with them. Default: false, unless `ticketKeys` are given. */
  tickets?: boolean | undefined;
  /**
   * Servers: keys for the tickets, each of 48 random bytes, so that several servers share them and they outlive this
   * process. The first one seals, all of them open. Default: keys that this server makes and replaces by itself.
   */
  ticketKeys?: Uint8Array | readonly Uint8Array[] | undefined;
  /** Servers: how many tickets to issue after a handshake, 1 to 255. Default: 2, or what the client asks for if that is less. */
  ticketCount?: number | undefined;
  /** Servers: for how many seconds a ticket can be used, up to 604800 (seven days). Default: 86400. */
  ticketLifetime?: number | undefined;
  /**
   * Servers: how many bytes of early data (0-RTT) to take in one connection. Default: 0, none.
   *
   * Early data is read before the client has proved anything about this very connection. What is replayed to this server
   * is refused; what is replayed to another server that shares its `ticketKeys` is not. Take only what may come twice.
   */
  maxEarlyData?: number | undefined;
  /** Clients: ask for tickets, and tell of each in a `session` event. Default: false. */
  resumption?: boolean | undefined;
}

const RESUMPTION_OPTIONS_OF = {
  server: ['tickets', 'ticketKeys', 'ticketCount', 'ticketLifetime', 'maxEarlyData'],
  client: ['resumption'],
} as const satisfies Record<'server' | 'client', readonly (keyof ResumptionOptions)[]>;

/** @internal */
export const RESUMPTION_OPTIONS = [...RESUMPTION_OPTIONS_OF.server, ...RESUMPTION_OPTIONS_OF.client];

/** @internal */
export function checkResumption(role: 'client' | 'server', options: ResumptionOptions): void {
  const other = role === 'client' ? 'server' : 'client';
  const misplaced = RESUMPTION_OPTIONS_OF[other].find((name) => options[name] !== undefined);
  if (misplaced !== undefined) throw new DtlsError('ERR_DTLS_INVALID_OPTION', `The option ${misplaced} is for a ${other}; this is a ${role}.`);
  checkBoolean('tickets', options.tickets);
  checkBoolean('resumption', options.resumption);
  checkWhole('ticketCount', options.ticketCount, 1, 255);
  checkWhole('ticketLifetime', options.ticketLifetime, 1, 604_800);
  checkWhole('maxEarlyData', options.maxEarlyData, 0, 0xffff_ffff);
  if (options.ticketKeys !== undefined) ticketKeys(options.ticketKeys);
  if (options.maxEarlyData && !issuesTickets(options)) {
    throw new DtlsError('ERR_DTLS_INVALID_OPTION', 'Early data comes with a ticket: maxEarlyData needs tickets: true or ticketKeys.');
  }
}

/** @internal */
export function applyResumption(raw: RawConfig, options: ResumptionOptions, now: number): void {
  raw.setTickets(options.ticketCount, options.ticketLifetime);
  if (options.tickets !== false && options.ticketKeys !== undefined) raw.setTicketKeys(ticketKeys(options.ticketKeys));
  else if (options.tickets) raw.useTickets(now);
  if (options.maxEarlyData) raw.takeEarlyData(options.maxEarlyData, now);
  if (options.resumption) raw.wantTickets();
}

/**
 * Ticket keys, one behind the other.
 *
 * @internal
 */
export function ticketKeys(keys: NonNullable<ResumptionOptions['ticketKeys']>): Uint8Array {
  const all = list(keys);
  if (all.length === 0 || all.some((key) => !(key instanceof Uint8Array) || key.length !== 48)) {
    throw optionError('ticketKeys', 'a Uint8Array of 48 random bytes, or an array of such', keys);
  }
  const joined = new Uint8Array(48 * all.length);
  for (const [index, key] of all.entries()) joined.set(key, 48 * index);
  return joined;
}

function issuesTickets({ tickets, ticketKeys: keys }: ResumptionOptions): boolean {
  return tickets ?? keys !== undefined;
}
