// What became of the datagrams, both ways, as counted from the trace.

import { make, setText } from '../dom.js';
import type { Datagram, Model } from '../model.js';
import type { Side } from '../trace.js';

interface Way {
  readonly bar: HTMLElement;
  readonly text: HTMLElement;
}

const FATES = ['received', 'under way', 'lost'] as const;

export class Network {
  readonly #ways: Readonly<Record<Side, Way>>;

  constructor(root: HTMLElement) {
    const way = (side: Side, title: string): Way => {
      const bar = make('div', { class: 'bar', 'aria-hidden': 'true' }, ...FATES.map((fate) => make('span', { 'data-fate': fate })));
      const text = make('p', { class: 'counts', 'data-side': side });
      root.append(make('h3', {}, title), bar, text);
      return { bar, text };
    };
    this.#ways = { client: way('client', 'Client to server'), server: way('server', 'Server to client') };
  }

  show({ datagrams, ends }: Model): void {
    for (const side of ['client', 'server'] as const) {
      const from = datagrams.filter((datagram) => datagram.from === side);
      const otherTells = ends[side === 'client' ? 'server' : 'client'].tells;
      const lost = from.filter(({ fate }) => fate === 'lost').length;
      const underWay = otherTells ? from.filter(({ fate, arrivals }) => fate !== 'lost' && arrivals.length === 0).length : 0;
      const received = from.length - lost - underWay;
      const copies = from.reduce((sum, { arrivals }) => sum + Math.max(0, arrivals.length - 1), 0);
      const bytes = from.reduce((sum, { size }) => sum + size, 0);
      const again = from.filter((datagram) => isRepeat(datagram)).length;
      const counts = { received, 'under way': underWay, lost };
      const words = [
        otherTells ? `${received} received` : `${received} passed on`, ...(underWay ? [`${underWay} under way`] : []), `${lost} lost`,
        ...(copies ? [`${copies} doubled`] : []), ...(again ? [`${again} with something sent again`] : []),
      ];
      setText(this.#ways[side].text, `${from.length} datagrams, ${bytes} bytes: ${words.join(', ')}`);
      for (const piece of this.#ways[side].bar.children) {
        if (piece instanceof HTMLElement) piece.style.flexGrow = String(counts[FATES.find((fate) => fate === piece.dataset['fate']) ?? 'lost']);
      }
    }
  }
}

function isRepeat({ records }: Datagram): boolean {
  return records.some(({ again }) => again);
}
