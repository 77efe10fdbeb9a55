// The board that lab, live and trace share: ladder, bytes, secrets, both ends and the way between, drawn from one model.

import { assign, byId, make, setText } from './dom.js';
import type { End, Model } from './model.js';
import type { Side } from './trace.js';
import { Bytes, type Dissector } from './views/bytes.js';
import { hue } from './views/labels.js';
import { Ladder, type Selection } from './views/ladder.js';
import { Network } from './views/network.js';
import { Secrets } from './views/secrets.js';
import { type Running, stateName, States } from './views/states.js';

/** What the board can show. */
export interface Source {
  readonly model: Model;
  /** Counts the runs: the model of another run has nothing to do with the last one. */
  readonly run: number;
  /** The time as of which to draw, on the clock of the events. */
  readonly now: number;
  readonly running: Partial<Record<Side, Running>>;
}

export class Board {
  readonly #ladder: Ladder;
  readonly #bytes: Bytes;
  readonly #secrets: Secrets;
  readonly #states: States;
  readonly #network: Network;
  #source: Source | undefined;
  #run: number | undefined;
  #selection: Selection | undefined;

  constructor(dissector: Dissector) {
    this.#ladder = new Ladder(byId('ladder', HTMLElement), (selection) => this.#select(selection));
    this.#bytes = new Bytes(byId('bytes', HTMLElement), byId('bytes-heading', HTMLElement), dissector);
    this.#secrets = new Secrets(byId('secrets', HTMLElement));
    this.#states = new States(byId('states', HTMLElement));
    this.#network = new Network(byId('network', HTMLElement));
    // On a narrow screen the bytes lie over the page until they are closed.
    byId('bytes-close', HTMLButtonElement).addEventListener('click', () => this.#closeBytes());
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.#selection !== undefined) this.#closeBytes();
    });
  }

  /** Draws `source`. Another source, or one that began anew, is drawn afresh. */
  show(source: Source): void {
    const { model, now, run, running } = source;
    if (source !== this.#source || run !== this.#run) {
      this.#ladder.clear();
      this.#selection = undefined;
      assign(document.body, { 'data-inspecting': false });
    }
    this.#source = source;
    this.#run = run;
    this.#ladder.show(model, now, this.#selection);
    this.#bytes.show(model, this.#selection);
    this.#secrets.show(model);
    this.#states.show(model, running);
    this.#network.show(model);
    for (const side of ['client', 'server'] as const) this.#showEnd(side, model.ends[side]);
  }

  #showEnd(side: Side, end: End): void {
    setText(byId(`${side}-state`, HTMLElement), stateName(end));
    const epochs = byId(`${side}-epochs`, HTMLElement);
    const text = end.tells ? `reads ${end.readEpoch}, writes ${end.writeEpoch}` : '';
    if (epochs.textContent === text) return;
    epochs.replaceChildren(...(end.tells ? [
      'reads ', make('b', { 'data-hue': hue(end.readEpoch) }, String(end.readEpoch)), ', writes ', make('b', { 'data-hue': hue(end.writeEpoch) }, String(end.writeEpoch)),
    ] : []));
  }

  #closeBytes(): void {
    this.#select(undefined);
    this.#ladder.focus();
  }

  #select(selection: Selection | undefined): void {
    this.#selection = selection;
    assign(document.body, { 'data-inspecting': selection !== undefined });
    if (this.#source) this.show(this.#source);
    if (selection !== undefined) this.#ladder.reveal(selection);
  }
}
