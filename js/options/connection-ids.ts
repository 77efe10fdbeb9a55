// Connection IDs, by which a connection outlives a change of its peer's address.

import type { Config as RawConfig } from '../dtls_wasm.js';
import { checkBoolean, checkWhole } from './checks.js';

/** Connection IDs (RFC 9146, RFC 9147 §9) and return routability (RFC 9853). */
export interface ConnectionIdOptions {
  /** Whether to negotiate connection IDs at all. Default: true. */
  connectionIds?: boolean | undefined;
  /**
   * How many bytes the connection IDs have that the peer's records carry, up to 255. Default: 0, they carry none. A server whose
   * clients change their addresses (phones, sensors behind a NAT) needs at least 8.
   */
  connectionIdLength?: number | undefined;
  /**
   * How a new address of the peer is checked before anything is sent there: `'basic'` asks the new address, `'enhanced'` the old one
   * first, which is slower and keeps out who forwards datagrams faster than the network does; with `'none'` the address never changes.
   * Default: `'enhanced'`.
   */
  pathCheck?: 'none' | 'basic' | 'enhanced' | undefined;
}

/** @internal */
export const CONNECTION_ID_OPTIONS = ['connectionIds', 'connectionIdLength', 'pathCheck'] as const satisfies readonly (keyof ConnectionIdOptions)[];

/** @internal */
export function checkConnectionIds({ connectionIds, connectionIdLength }: ConnectionIdOptions): void {
  checkBoolean('connectionIds', connectionIds);
  checkWhole('connectionIdLength', connectionIdLength, 0, 255);
}

/** @internal */
export function applyConnectionIds(raw: RawConfig, { connectionIds, connectionIdLength, pathCheck }: ConnectionIdOptions): void {
  if (connectionIds === false) raw.withoutConnectionIds();
  if (connectionIdLength !== undefined) raw.setConnectionIdLength(connectionIdLength);
  if (pathCheck !== undefined) raw.setPathCheck(pathCheck);
}
