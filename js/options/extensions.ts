// Extensions of the hellos that are not about suites, groups and certificates.

import type { Config as RawConfig } from '../dtls_wasm.js';
import { DtlsError, optionError } from '../errors.js';
import { checkArray, checkBoolean } from './checks.js';

/** The messages in which a custom extension may stand (RFC 9846 §4.3). */
export type ExtensionMessage = 'client_hello' | 'encrypted_extensions' | 'certificate_request' | 'new_session_ticket';

/** An extension that the library does not know. */
export interface CustomExtension {
  /** Its number: none that the library knows itself, and none that GREASE reserves. */
  type: number;
  /**
   * What it says in each message; nothing in those that are not named. A client asks in `client_hello`, a server in
   * `certificate_request` and `new_session_ticket`; what answers is sent only to a peer that asked. At most 16,384 bytes.
   */
  send?: Partial<Record<ExtensionMessage, Uint8Array>> | undefined;
  /** Refuse a peer without it (missing_extension): as a server in `client_hello`, as a client in `encrypted_extensions`. Default: false. */
  required?: boolean | undefined;
}

/** A custom extension that the peer sent. */
export interface PeerExtension {
  /** Its number. */
  readonly type: number;
  /** The message in which it stood. */
  readonly message: ExtensionMessage;
  /** What it says. */
  readonly data: Uint8Array;
}

/** What the hellos carry beside the rest. */
export interface ExtensionOptions {
  /** Extensions that the library does not know. What the peer said is in `peerExtensions` of the connection. */
  customExtensions?: readonly CustomExtension[] | undefined;
  /** Offer values that mean nothing (GREASE, RFC 8701), so that no peer gets used to a world without change. Default: false. */
  grease?: boolean | undefined;
  /** Clients: put the extensions of the hello in a random order, so that nobody recognises the library by it. Default: false. */
  permuteExtensions?: boolean | undefined;
}

/** @internal */
export const EXTENSION_OPTIONS = ['customExtensions', 'grease', 'permuteExtensions'] as const satisfies readonly (keyof ExtensionOptions)[];

/** @internal */
export function checkExtensions({ customExtensions, grease, permuteExtensions }: ExtensionOptions): void {
  checkBoolean('grease', grease);
  checkBoolean('permuteExtensions', permuteExtensions);
  checkArray('customExtensions', customExtensions);
  for (const extension of customExtensions ?? []) {
    const { type, send = {}, required } = extension ?? {};
    if (!Number.isInteger(type) || type < 0 || type > 0xffff) throw optionError('customExtensions', 'an array of { type, send, required } with a type from 0 to 65535', type);
    checkBoolean('required', required);
    if (typeof send !== 'object' || send === null) throw optionError('customExtensions', 'an array of { type, send } with send as { client_hello: bytes, … }', send);
    for (const [message, data] of Object.entries(send)) {
      if (!(data instanceof Uint8Array)) throw optionError(`customExtensions: send.${message}`, 'a Uint8Array', data);
      if (data.length > 16_384) throw new DtlsError('ERR_DTLS_INVALID_OPTION', `The extension ${type} has ${data.length} bytes for ${message}; at most 16384 can be sent.`);
    }
  }
}

/** @internal */
export function applyExtensions(raw: RawConfig, { customExtensions, grease, permuteExtensions }: ExtensionOptions): void {
  for (const { type, send = {}, required = false } of customExtensions ?? []) {
    raw.addExtension(type, required);
    for (const [message, data] of Object.entries(send)) raw.setExtensionData(message, data);
  }
  if (grease) raw.useGrease();
  if (permuteExtensions) raw.permuteExtensions();
}
