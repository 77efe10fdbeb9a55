// How long records are, and how their keys change.

import type { Config as RawConfig } from '../dtls_wasm.js';
import { optionError } from '../errors.js';
import { checkBoolean, checkWhole } from './checks.js';

/** Sizes of records. */
export interface RecordOptions {
  /**
   * The longest plaintext of a record to accept, in bytes (RFC 8449), 64 to 16385; the peer is told. False: do not tell,
   * and accept what the protocol allows. Default: 16385.
   */
  recordSizeLimit?: number | false | undefined;
  /**
   * Hide how long datagrams are by padding each: a number pads to a multiple of so many bytes, an array to the first of
   * these lengths that is long enough. It costs bandwidth, and hides neither when something is sent nor how often. Default: 0, no padding.
   */
  padding?: number | readonly number[] | undefined;
  /**
   * **Experimental.** Offer or accept Extended Key Update (draft-ietf-tls-extended-key-update), for `extendedKeyUpdate()`. Excludes
   * resumption. Default: false.
   */
  extendedKeyUpdate?: boolean | undefined;
}

/** @internal */
export const RECORD_OPTIONS = ['recordSizeLimit', 'padding', 'extendedKeyUpdate'] as const satisfies readonly (keyof RecordOptions)[];

/** @internal */
export function checkRecords({ recordSizeLimit, padding, extendedKeyUpdate }: RecordOptions): void {
  checkBoolean('extendedKeyUpdate', extendedKeyUpdate);
  if (recordSizeLimit !== false) checkWhole('recordSizeLimit', recordSizeLimit, 64, 16_385);
  if (!Array.isArray(padding)) return checkWhole('padding', padding, 0, 0xffff);
  if (padding.length === 0 || padding.some((length: unknown) => !Number.isInteger(length) || (length as number) < 1 || (length as number) > 0xffff)) {
    throw optionError('padding', 'a number of bytes, or an array of lengths from 1 to 65535', padding);
  }
}

/** @internal */
export function applyRecords(raw: RawConfig, { recordSizeLimit, padding, extendedKeyUpdate }: RecordOptions): void {
  if (extendedKeyUpdate) raw.offerExtendedKeyUpdate();
  if (recordSizeLimit === false) raw.setRecordSizeLimit(undefined);
  else if (recordSizeLimit !== undefined) raw.setRecordSizeLimit(recordSizeLimit);
  if (typeof padding === 'object') raw.padToBuckets(Uint16Array.from(padding));
  else if (padding) raw.padToBlock(padding);
}
