// The pump: the only place that drives the machine in Rust.

import type { ConnectionEvent } from './core.js';

/** The longest wait of setTimeout; longer ones would fire at once. */
const MAX_TIMEOUT = 0x7fffffff;

/** Milliseconds since the Unix epoch that do not run backwards. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** What is pumped: a connection, or an endpoint. */
export interface Machine<E> {
  pollEvent(): E | undefined;
  pollTimeout(): number | undefined;
  handleTimeout(now: number): void;
}

/** Sends what is to be sent, tells of events, and keeps the one timer. */
export class Pump<E> {
  readonly #machine: Machine<E>;
  readonly #transmit: (now: number) => boolean;
  readonly #dispatch: (event: E) => void;
  #running = false;
  #again = false;
  #stopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due: number | undefined;

  /** `transmit` hands over one datagram, and says whether there was one. */
  constructor(machine: Machine<E>, transmit: (now: number) => boolean, dispatch: (event: E) => void) {
    this.#machine = machine;
    this.#transmit = transmit;
    this.#dispatch = dispatch;
  }

  /** To be called after anything was told to the machine. */
  run(): void {
    if (this.#running) {
      // A listener called back into us: the loop below takes it up.
      this.#again = true;
      return;
    }
    this.#running = true;
    try {
      do {
        this.#again = false;
        while (!this.#stopped && this.#transmit(now())) { /* until nothing is left */ }
        for (let event; !this.#stopped && (event = this.#machine.pollEvent()) !== undefined;) {
          this.#dispatch(event);
          this.#again = true;
        }
      } while (this.#again && !this.#stopped);
    } finally {
      this.#running = false;
    }
    if (!this.#stopped) this.#arm();
  }

  /** The machine is gone. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  #arm(): void {
    const due = this.#machine.pollTimeout();
    // The timer stays as it is while it is due at the same time: most datagrams change nothing about it.
    if (due === this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    if (due === undefined) return;
    // A timer may fire up to a millisecond early; to fire before the time has come would be a turn for nothing.
    const wait = Math.min(Math.max(Math.ceil(due - now()), 0), MAX_TIMEOUT);
    this.#timer = setTimeout(() => {
      this.#due = undefined;
      this.#machine.handleTimeout(now());
      this.run();
    }, wait);
  }
}

/** What a {@link DtlsConnection} needs of whatever drives it. */
export interface Link {
  /** The core was told something: pump. */
  run(): void;
  /** The connection is over: let go of what carried it. */
  release(): void;
  /** The peer's address, if the datagrams have one. */
  readonly remote?: { readonly address: string; readonly port: number } | undefined;
}

export type { ConnectionEvent };
