// Pre-shared keys.

import type { Config as RawConfig } from '../dtls_wasm.js';
import { optionError } from '../errors.js';
import { bytesOf, checkBoolean, list, names } from './checks.js';

/** A key that both ends were given (RFC 9846 §2.2), for DTLS 1.3 and nothing else (RFC 9257). */
export interface PreSharedKey {
  /** Its name, which is sent in the clear: text or bytes. */
  identity: string | Uint8Array;
  /** The key: at least 16 bytes from a source of random bytes. A passphrase is none: whoever sees a handshake can try them all. */
  key: Uint8Array;
  /** The hash that the key belongs to. Default: `'sha256'`. */
  hash?: 'sha256' | 'sha384' | undefined;
  /** Import the key (RFC 9258) instead of using it as it is: keys are made of it for each hash. Default: false, unless `context` is given. */
  import?: boolean | undefined;
  /** For a key to import: the circumstances in which it was agreed on, which are sent in the clear. Both ends must say the same. */
  context?: string | Uint8Array | undefined;
}

/** Pre-shared keys. */
export interface PskOptions {
  /**
   * Keys to offer, or to accept, best first. A client that is given no way to know a certificate, and a server that has
   * none, then insist on one of them.
   */
  psk?: PreSharedKey | readonly PreSharedKey[] | undefined;
  /**
   * How keys may be used, those of resumed connections too, best first: `'psk_dhe_ke'`, with a fresh key agreement, and
   * `'psk_ke'`, without: whoever learns the key then reads all that was recorded. Default: `['psk_dhe_ke']`.
   */
  pskModes?: 'psk_dhe_ke' | 'psk_ke' | readonly ('psk_dhe_ke' | 'psk_ke')[] | undefined;
}

/** @internal */
export const PSK_OPTIONS = ['psk', 'pskModes'] as const satisfies readonly (keyof PskOptions)[];

/** @internal */
export function checkPsk({ psk }: PskOptions): void {
  if (psk !== undefined && list(psk).length === 0) throw optionError('psk', '{ identity, key }, or an array of at least one', psk);
  for (const source of list(psk)) {
    const { identity, key, hash, import: imported, context } = source ?? {};
    if (typeof identity !== 'string' && !(identity instanceof Uint8Array)) throw optionError('psk: identity', 'text or a Uint8Array', identity);
    if (!(key instanceof Uint8Array)) throw optionError('psk: key', 'a Uint8Array of at least 16 random bytes', key);
    if (hash !== undefined && hash !== 'sha256' && hash !== 'sha384') throw optionError('psk: hash', "'sha256' or 'sha384'", hash);
    checkBoolean('psk: import', imported);
    if (context !== undefined && typeof context !== 'string' && !(context instanceof Uint8Array)) throw optionError('psk: context', 'text or a Uint8Array', context);
  }
}

/** @internal */
export function applyPsk(raw: RawConfig, { psk, pskModes }: PskOptions, required: boolean): void {
  for (const { identity, key, hash = 'sha256', context, import: imported = context !== undefined } of list(psk)) {
    if (imported) raw.importPsk(bytesOf(identity), bytesOf(context ?? ''), key, hash);
    else raw.addPsk(bytesOf(identity), key, hash);
  }
  if (pskModes !== undefined) raw.setPskModes(names(pskModes));
  if (required) raw.requirePsk();
}
