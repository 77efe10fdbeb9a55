// The secrets as lines of SSLKEYLOGFILE (RFC 9850), with what each protects and whether both ends derived the same.

import { make, save, setText } from '../dom.js';
import type { Model, Secret } from '../model.js';

export class Secrets {
  readonly #list = make('ul', { class: 'secrets' });
  readonly #empty = make('p', { class: 'empty' }, 'No secrets yet: the first are derived when ServerHello has been sent or received.');
  readonly #copy = make('button', { type: 'button', disabled: true }, 'Copy key log');
  readonly #save = make('button', { type: 'button', disabled: true }, 'Save key log');
  readonly #said = make('span', { class: 'said', role: 'status' });
  #secrets: readonly Secret[] = [];

  constructor(root: HTMLElement) {
    root.append(this.#empty, this.#list, make('div', { class: 'row' }, this.#copy, this.#save, this.#said));
    this.#copy.addEventListener('click', () => {
      navigator.clipboard.writeText(keyLog(this.#secrets)).then(() => setText(this.#said, 'Copied.'), () => setText(this.#said, 'The browser did not allow copying.'));
    });
    this.#save.addEventListener('click', () => save('keys.log', 'text/plain', keyLog(this.#secrets)));
  }

  show({ secrets, ends }: Model): void {
    if (secrets === this.#secrets) return;
    const two = ends.client.tells && ends.server.tells;
    if (secrets.length !== this.#secrets.length || two) {
      this.#list.replaceChildren(...secrets.map((secret) => make('li', {},
        make('code', { class: 'label' }, secret.label), make('span', { class: 'use' }, useOf(secret.label)),
        make('code', { class: 'value' }, secret.secret), two ? make('span', { class: 'agree' }, agreement(secret)) : undefined)));
    }
    setText(this.#said, '');
    this.#secrets = secrets;
    this.#empty.hidden = secrets.length > 0;
    this.#copy.disabled = secrets.length === 0;
    this.#save.disabled = secrets.length === 0;
  }
}

/** The whole file: Wireshark and other tools read it. */
export function keyLog(secrets: readonly Secret[]): string {
  return secrets.map(({ label, clientRandom, secret }) => `${label} ${clientRandom} ${secret}\n`).join('');
}

function agreement({ toldBy }: Secret): string {
  return toldBy.length === 2 ? 'both ends derived it' : `so far only the ${toldBy[0] ?? 'one'}`;
}

function useOf(label: string): string {
  const side = label.startsWith('CLIENT') ? 'client' : 'server';
  const update = /_TRAFFIC_SECRET_(\d+)$/.exec(label)?.[1];
  if (label.endsWith('HANDSHAKE_TRAFFIC_SECRET')) return `epoch 2, what the ${side} sends until the handshake ends`;
  if (update !== undefined) return `epoch ${3 + Number(update)}, what the ${side} sends${update === '0' ? ' after the handshake' : ` after key update ${update}`}`;
  if (label === 'EXPORTER_SECRET') return 'for keys that the application exports';
  return '';
}
