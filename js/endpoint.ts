// Many connections on one way to send datagrams: drives the core's endpoint.

import { adopt, type Adopted, type DtlsConnection } from './connection.js';
import { type Config, Endpoint, type EndpointEvent } from './core.js';
import { now, Pump } from './driver.js';
import { DtlsError } from './errors.js';
import { type ObserverOptions, recording } from './observers.js';

/** What an endpoint is built on, and whom it tells. */
export interface EndpointHooks {
  /** Sends one datagram. */
  send(address: Uint8Array, datagram: Uint8Array): void;
  /** The handshake of an accepted connection is complete. */
  connected(connection: DtlsConnection): void;
  /** A connection that was connected is over. */
  ended(connection: DtlsConnection): void;
  /** An address in words. */
  remote(address: Uint8Array): Remote;
}

/** An address in words. */
type Remote = { readonly address: string; readonly port: number };

/** Drives an endpoint that accepts connections. */
export class EndpointDriver {
  readonly #core: Endpoint;
  readonly #pump: Pump<EndpointEvent>;
  readonly #hooks: EndpointHooks;
  readonly #observers: ObserverOptions;
  readonly #connections = new Map<number, Adopted & { remote: Remote }>();

  constructor(server: Config, observers: ObserverOptions, hooks: EndpointHooks) {
    this.#core = new Endpoint(server, now());
    this.#core.record(recording(observers));
    this.#hooks = hooks;
    this.#observers = observers;
    this.#pump = new Pump(this.#core, (time) => this.#transmit(time), (event) => this.#handle(event));
  }

  handleDatagram(address: Uint8Array, datagram: Uint8Array): void {
    if (this.#pump.stopped || datagram.length === 0) return;
    this.#core.handleDatagram(address, datagram, now());
    this.#pump.run();
  }

  /** Closes every connection, and says when that is done. Connections that were not ready yet just end. */
  async close(): Promise<void> {
    await Promise.all([...this.#connections.values()].map(({ connection }) => connection.close()));
    this.stop();
  }

  /** Ends at once; connections that are left fail with `error`. */
  stop(error?: unknown): void {
    if (this.#pump.stopped) return;
    for (const { fail } of this.#connections.values()) fail(error);
    this.#pump.stop();
    this.#core.free();
  }

  #transmit(time: number): boolean {
    if (this.#observers.trace || this.#observers.keylog) for (const { drain } of this.#connections.values()) drain();
    const out = this.#core.pollTransmit(time);
    if (out) this.#hooks.send(out.address, out.datagram);
    return out !== undefined;
  }

  #handle({ handle, event }: EndpointEvent): void {
    if (event.type === 'accepted') return this.#accept(handle, event.from);
    const adopted = this.#connections.get(handle);
    if (!adopted) return;
    if (event.type === 'removed') {
      // One that is over is not in the map any more; so its peer began anew, or its room was needed.
      return adopted.fail(new DtlsError('ERR_DTLS_CLOSED', event.replaced ? 'The peer began a new connection from the same address.' : 'There was no room for the connection.'));
    }
    if (event.type === 'path-changed') adopted.remote = this.#hooks.remote(this.#core.address(handle) ?? new Uint8Array());
    adopted.event(event);
    if (event.type === 'connected') this.#hooks.connected(adopted.connection);
  }

  #accept(handle: number, from: Uint8Array): void {
    const core = this.#core.connection(handle);
    if (!core) return;
    const adopted: Adopted & { remote: Remote } = Object.assign(adopt(core, {
      get remote() {
        return adopted.remote;
      },
      run: () => this.#pump.run(),
      release: () => {
        // The core goes on to answer a peer that has not heard of the end, and then forgets the connection by itself.
        this.#connections.delete(handle);
        this.#hooks.ended(adopted.connection);
      },
    }, this.#observers), { remote: this.#hooks.remote(from) });
    this.#connections.set(handle, adopted);
  }
}
