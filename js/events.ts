// The events of a DtlsConnection that carry something.

/** An `error` event: the connection failed. */
export class DtlsErrorEvent extends Event {
  /** Why: usually a {@link DtlsError}; what an `AbortSignal` gave, if it was aborted. */
  readonly error: unknown;

  constructor(error: unknown) {
    super('error');
    this.error = error;
  }
}

/** A `keylog` event: one secret became known. */
export class KeyLogEvent extends Event {
  /** A line of SSLKEYLOGFILE, with its line feed. */
  readonly line: string;

  constructor(line: string) {
    super('keylog');
    this.line = line;
  }
}

/** A `keysupdate` event: the keys of one direction were replaced. */
export class KeysUpdateEvent extends Event {
  /** Whose keys: those that this side sends with, or those of the peer. */
  readonly direction: 'sent' | 'received';
  /** The epoch of the new keys. */
  readonly epoch: number;

  constructor(direction: 'sent' | 'received', epoch: number) {
    super('keysupdate');
    this.direction = direction;
    this.epoch = epoch;
  }
}

/** A `session` event: the server issued a ticket. */
export class SessionEvent extends Event {
  /** What to give to a later connection, as `session`, to resume this one. It holds a secret: keep it as a password. */
  readonly session: Uint8Array;

  constructor(session: Uint8Array) {
    super('session');
    this.session = session;
  }
}
