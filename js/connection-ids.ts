// What the application may say about the connection IDs of a running connection.

import type { Connection } from './core.js';
import { now } from './driver.js';
import { checkWhole } from './options/checks.js';

/** Connection IDs of a connection (RFC 9147 §9). */
export class ConnectionIds {
  readonly #core: () => Connection;
  readonly #run: () => void;

  /** @internal */
  constructor(core: () => Connection, run: () => void) {
    this.#core = core;
    this.#run = run;
  }

  /** Those of ours that the peer may send with; none if its records carry none. */
  get own(): Uint8Array[] {
    return this.#core().connectionIds.own;
  }

  /** The one of the peer's that this side sends with; empty if our records carry none. */
  get peer(): Uint8Array {
    return this.#core().connectionIds.peer;
  }

  /** Asks the peer for `count` more, one for each path that may come; the event `connectionids` tells of them. Some peers end the connection over it. */
  request(count: number): void {
    checkWhole('count', count, 1, 255);
    this.#core().requestConnectionIds(count);
    this.#run();
  }

  /** Gives the peer `count` more: for later, or with `immediate` to use from now on. */
  provide(count: number, { immediate = false }: { immediate?: boolean } = {}): void {
    checkWhole('count', count, 1, 255);
    this.#core().provideConnectionIds(count, immediate, now());
    this.#run();
  }

  /** Goes over to the next one of the peer's, so that what follows cannot be linked to what was before. */
  next(): void {
    this.#core().useNextConnectionId(now());
    this.#run();
  }
}
