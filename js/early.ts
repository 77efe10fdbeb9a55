// Early data of one connection, on either side.

import type { Connection } from './core.js';

/** What a client offered and what became of it; what a server received, which `maxEarlyData` bounds. */
export class EarlyData {
  /** What came to a server. */
  readonly received: Uint8Array[] = [];
  /** Whether the server took what the client offered; undefined if there was nothing, or nothing is known yet. */
  accepted: boolean | undefined;
  #sent = false;

  /** Queues all of `datagrams`, or none if the session does not allow so much. */
  offer(core: Connection, datagrams: readonly Uint8Array[]): void {
    if (datagrams.length === 0) return;
    const length = datagrams.reduce((sum, datagram) => sum + datagram.length, 0);
    if (length > core.earlyDataLeft) {
      this.accepted = false;
      return;
    }
    for (const datagram of datagrams) core.sendEarly(datagram);
    this.#sent = true;
  }

  /** The server said what it makes of early data. */
  answered(accepted: boolean): void {
    this.accepted = accepted && this.#sent;
  }
}
