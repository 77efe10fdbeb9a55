// Live: this page as a DTLS client of a real endpoint on UDP, through the gateway, by the package's own API.

import { DtlsConnection, type DtlsConnectionState } from '../js/index.js';
import { asText, toHex } from './bytes.js';
import { byId, make, setText } from './dom.js';
import { gatewayTransport } from './gateway.js';
import { sentence } from './lab.js';
import { EMPTY, extend, type Model } from './model.js';
import type { SimulationEvent } from './trace.js';

/** What the page's server says about itself. */
interface ServerConfig {
  readonly gateway: string;
  readonly echo: string | undefined;
  readonly fingerprint: string | undefined;
}

/** SHA-256 as in SDP: 32 bytes in hexadecimal, with colons between them. */
const FINGERPRINT = /^[0-9A-F]{2}(?::[0-9A-F]{2}){31}$/i;

export class Live {
  readonly #changed: () => void;
  readonly #to = byId('live-to', HTMLInputElement);
  readonly #fingerprint = byId('live-fingerprint', HTMLInputElement);
  readonly #connect = byId('live-connect', HTMLButtonElement);
  readonly #text = byId('live-text', HTMLInputElement);
  readonly #log = byId('live-log', HTMLOListElement);
  readonly #said = byId('live-said', HTMLElement);
  readonly #state = byId('live-state', HTMLOutputElement);
  readonly #whenConnected = ['live-close', 'live-update', 'live-update-both', 'live-send'].map((id) => byId(id, HTMLButtonElement));
  readonly running = {};
  #config: ServerConfig | undefined;
  #connection: DtlsConnection | undefined;
  #events: SimulationEvent[] = [];
  #pending: SimulationEvent[] = [];
  #model = EMPTY;
  #run = 0;
  #title = 'Live';

  constructor(changed: () => void) {
    this.#changed = changed;
    byId('live', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      if (document.activeElement === this.#text) this.#send();
      else this.#begin();
    });
    byId('live-send', HTMLButtonElement).addEventListener('click', () => this.#send());
    byId('live-close', HTMLButtonElement).addEventListener('click', () => void this.#connection?.close());
    byId('live-update', HTMLButtonElement).addEventListener('click', () => this.#attempt((connection) => connection.updateKeys()));
    byId('live-update-both', HTMLButtonElement).addEventListener('click', () => this.#attempt((connection) => connection.updateKeys({ requestPeer: true })));
  }

  get events(): readonly SimulationEvent[] {
    return this.#events;
  }

  get model(): Model {
    return this.#model;
  }

  get title(): string {
    return this.#title;
  }

  get run(): number {
    return this.#run;
  }

  get now(): number {
    return this.#model.end;
  }

  /** Asks the page's server where gateway and echo are; without it, lab and traces still work. */
  async prepare(): Promise<void> {
    if (this.#config) return;
    try {
      const response = await fetch('/config.json');
      if (!response.ok) throw new Error(`The server has no /config.json (${response.status}).`);
      const answer: unknown = await response.json();
      const text = (name: string) => {
        const value = typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>)[name] : undefined;
        return typeof value === 'string' ? value : undefined;
      };
      this.#config = { gateway: text('gateway') ?? '/gateway', echo: text('echo'), fingerprint: text('fingerprint') };
      if (this.#to.value === '') this.#to.value = this.#config.echo ?? '';
      if (this.#fingerprint.value === '') this.#fingerprint.value = this.#config.fingerprint ?? '';
    } catch (error) {
      this.#say(`No gateway: this page is not served by npm start. ${sentence(error)}`);
    }
  }

  #begin(): void {
    const to = this.#to.value.trim();
    const fingerprint = this.#fingerprint.value.trim();
    if (!/^.+:\d+$/.test(to)) return this.#say('The endpoint is written host:port, for example 127.0.0.1:4433.');
    if (!FINGERPRINT.test(fingerprint)) return this.#say('The fingerprint is 32 pairs of hexadecimal digits with colons between them. npm start prints it.');
    this.#connection?.close().catch(() => {
      // What went wrong with a connection that nobody looks at any more is of no interest.
    });
    this.#say('');
    this.#log.replaceChildren();
    this.#events = [];
    this.#pending = [];
    this.#model = EMPTY;
    this.#run += 1;
    this.#title = `Live to ${to}`;
    this.#connection = undefined;
    const run = this.#run;
    try {
      const connection = new DtlsConnection({
        transport: gatewayTransport(this.#config?.gateway ?? '/gateway', to), role: 'client',
        remoteFingerprints: [{ algorithm: 'sha-256', value: fingerprint }],
        trace: (event) => this.#take(run, { side: 'client', ...event }),
        keylog: (line) => this.#takeSecret(run, line),
      });
      this.#connection = connection;
      connection.addEventListener('statechange', () => this.#showState(connection));
      connection.closed.catch((error: unknown) => {
        if (connection === this.#connection) this.#say(reasonOf(error));
      });
      this.#receive(connection, run).catch(() => {
        // The iteration ends with the error that `closed` has told already.
      });
      this.#showState(connection);
    } catch (error) {
      this.#say(sentence(error));
    }
    this.#changed();
    return undefined;
  }

  async #receive(connection: DtlsConnection, run: number): Promise<void> {
    for await (const datagram of connection) {
      if (connection !== this.#connection) return;
      this.#take(run, { side: 'client', time: this.#model.end, name: 'application:data', data: { bytes: toHex(datagram) } });
      this.#write('received', asText(datagram) ?? `${datagram.length} bytes`);
    }
  }

  #send(): void {
    this.#attempt((connection) => {
      const waits = connection.send(new TextEncoder().encode(this.#text.value));
      this.#write('sent', waits ? this.#text.value : `${this.#text.value} (lost: too much is waiting)`);
    });
  }

  #attempt(action: (connection: DtlsConnection) => void): void {
    if (!this.#connection) return;
    try {
      this.#say('');
      action(this.#connection);
    } catch (error) {
      this.#say(sentence(error));
    }
  }

  /** Events of one turn are drawn together. A connection tells them while it is still being made, hence the number. */
  #take(run: number, event: SimulationEvent): void {
    if (run !== this.#run) return;
    if (this.#pending.length === 0) {
      queueMicrotask(() => {
        const events = this.#pending.splice(0);
        this.#events.push(...events);
        this.#model = extend(this.#model, events);
        this.#changed();
      });
    }
    this.#pending.push(event);
  }

  #takeSecret(run: number, line: string): void {
    const [label, clientRandom, secret] = line.trim().split(' ');
    if (label === undefined || clientRandom === undefined || secret === undefined) return;
    const time = this.#pending.at(-1)?.time ?? this.#model.end;
    this.#take(run, { side: 'client', time, name: 'security:secret', data: { label, client_random: clientRandom.toLowerCase(), secret: secret.toLowerCase() } });
  }

  #showState(connection: DtlsConnection): void {
    if (connection !== this.#connection) return;
    const { state } = connection;
    setText(this.#state, state === 'connected' ? `connected, ${connection.cipher ?? ''}, ${connection.group ?? ''}` : state);
    setText(this.#connect, live(state) ? 'Connect anew' : 'Connect');
    for (const button of this.#whenConnected) button.disabled = state !== 'connected';
    this.#changed();
  }

  #write(way: 'sent' | 'received', text: string): void {
    this.#log.append(make('li', { 'data-way': way }, make('span', { class: 'hidden' }, `${way}: `), text));
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #say(text: string): void {
    setText(this.#said, text);
  }
}

function live(state: DtlsConnectionState): boolean {
  return state === 'connecting' || state === 'connected';
}

/** The sentence of an error, and of what lies beneath it where that says more. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? ` ${error.cause.message}` : '';
  return `${sentence(error)}${cause}`;
}
