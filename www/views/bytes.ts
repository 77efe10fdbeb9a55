// A datagram's bytes beside the tree of what they mean: on the wire, and each record again as it was decrypted.
//
// Bytes and tree are two views of one list of fields. Whatever is hovered or focused in one is marked in the other and
// told below both: its name, its place, its value, and what it is for.

import { fromHex } from '../bytes.js';
import { assign, make, setText } from '../dom.js';
import { type Datagram, duration, messageOf, type Model, partName, type RecordView } from '../model.js';
import { type Field, otherSide } from '../trace.js';
import type { Selection } from './ladder.js';

/** The dissector: bytes to a tree of named spans. */
export interface Dissector {
  datagram(bytes: Uint8Array): Field;
  content(contentType: string, plaintext: Uint8Array): Field;
  message(type: string, body: Uint8Array): Field;
}

/** One way to look at what is selected. */
interface Page {
  readonly key: string;
  readonly title: string;
  readonly bytes: Uint8Array;
  readonly field: Field;
  /** What these bytes are, in a sentence. */
  readonly about: string;
}

interface Node {
  readonly field: Field;
  readonly depth: number;
  readonly parent: Node | undefined;
  readonly children: Node[];
  readonly element: HTMLLIElement;
  readonly group: HTMLUListElement | undefined;
}

/** A tree is unfolded from the top until it has so many lines, which is a screen or two. */
const UNFOLDED = 60;
const PER_ROW = 16;

export class Bytes {
  readonly #dissector: Dissector;
  readonly #heading: HTMLElement;
  readonly #empty: HTMLElement;
  readonly #content = make('div', { class: 'inspection', hidden: true });
  readonly #tabs = make('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Before and after decryption' });
  readonly #about = make('p', { class: 'about' });
  readonly #hex = make('div', { class: 'hex', tabindex: 0, role: 'application', 'aria-roledescription': 'bytes', 'aria-label': 'Bytes. Arrow keys move from byte to byte.' });
  readonly #tree = make('ul', { class: 'tree', role: 'tree', 'aria-label': 'Fields' });
  readonly #panel = make('div', { class: 'panes', role: 'tabpanel', id: 'bytes-panel', 'aria-labelledby': 'bytes-tab-0' }, this.#hex, this.#tree);
  readonly #detail = make('div', { class: 'detail', 'aria-live': 'polite' });
  #pages: readonly Page[] = [];
  #page: Page | undefined;
  #shown = '';
  #cells: HTMLElement[] = [];
  #leaves: Node[] = [];
  #nodes = new Map<Element, Node>();
  #pinned: Node | undefined;
  #cursor = 0;

  constructor(root: HTMLElement, heading: HTMLElement, dissector: Dissector) {
    this.#dissector = dissector;
    this.#heading = heading;
    this.#empty = make('p', { class: 'empty' }, 'Choose a datagram or a record in the ladder: its bytes and what each of them means appear here.');
    this.#content.append(this.#tabs, this.#about, this.#panel, this.#detail);
    root.append(this.#empty, this.#content);
    this.#tabs.addEventListener('click', (event) => this.#turnTo(closest(event, 'button')?.dataset['page']));
    this.#tabs.addEventListener('keydown', (event) => this.#tabKey(event));
    this.#hex.addEventListener('pointerover', (event) => this.#overByte(event, false));
    this.#hex.addEventListener('click', (event) => this.#overByte(event, true));
    this.#hex.addEventListener('focus', () => this.#moveTo(this.#cursor));
    this.#hex.addEventListener('keydown', (event) => this.#hexKey(event));
    this.#tree.addEventListener('pointerover', (event) => this.#mark(this.#nodeAt(event)));
    this.#tree.addEventListener('click', (event) => this.#clickedTree(event));
    this.#tree.addEventListener('focusin', (event) => this.#pin(this.#nodeAt(event), true));
    this.#tree.addEventListener('keydown', (event) => this.#treeKey(event));
    this.#panel.addEventListener('pointerleave', () => this.#mark(this.#pinned));
  }

  show(model: Model, selection: Selection | undefined): void {
    const datagram = selection === undefined ? undefined : model.datagrams[selection.datagram];
    this.#empty.hidden = datagram !== undefined;
    this.#content.hidden = datagram === undefined;
    if (selection === undefined || datagram === undefined) {
      this.#shown = '';
      setText(this.#heading, 'Bytes');
      return;
    }
    setText(this.#heading, headline(datagram, model));
    // A whole message and a decrypted record may become known after the datagram: what there is to look at is the key.
    const parts = this.#parts(model, datagram, selection);
    const shown = [selection.datagram, selection.record ?? 'all', ...parts.map(({ key }) => key)].join(' ');
    if (shown === this.#shown) return;
    const sameSelection = this.#shown.startsWith(`${selection.datagram} ${selection.record ?? 'all'} `);
    this.#shown = shown;
    this.#pages = parts.map(({ make: build }) => build());
    const record = selection.record === undefined ? undefined : datagram.records[selection.record];
    const wanted = sameSelection ? this.#page?.key : undefined;
    const first = wanted ?? (record && record.epoch > 0 && record.plaintext !== undefined ? `record ${selection.record}` : 'wire');
    this.#drawTabs();
    this.#turnTo(first, record?.offset);
  }

  /** What there is to look at, and how each is dissected once it is looked at. */
  #parts(model: Model, datagram: Datagram, { record: chosen }: Selection): { key: string; make: () => Page }[] {
    const wire = fromHex(datagram.bytes);
    const pages = [{
      key: 'wire',
      make: () => ({
        key: 'wire', title: 'On the wire', bytes: wire, field: this.#dissector.datagram(wire),
        about: `The whole datagram as it travelled, ${wire.length} bytes${datagram.records.some(({ epoch }) => epoch > 0) ? ': before decryption' : ''}.`,
      }),
    }];
    for (const [index, record] of datagram.records.entries()) {
      if (chosen !== undefined && chosen !== index) continue;
      const { plaintext, epoch, contentType } = record;
      if (plaintext === undefined) continue;
      if (epoch > 0) {
        const key = `record ${index}`;
        const title = chosen === undefined && datagram.records.length > 1 ? `Record ${index + 1} decrypted` : 'Decrypted';
        const bytes = fromHex(plaintext);
        pages.push({ key, make: () => ({ key, title, bytes, field: this.#dissector.content(contentType, bytes), about: about(record) }) });
      }
      for (const part of record.parts) {
        if (part.kind !== 'fragment' || (part.offset === 0 && part.end === part.length)) continue;
        const message = messageOf(model, datagram, part.messageSeq);
        if (message === undefined || pages.some(({ key }) => key === `message ${part.messageSeq}`)) continue;
        const key = `message ${part.messageSeq}`;
        const bytes = fromHex(message.body);
        pages.push({
          key, make: () => ({
            key, title: `Whole ${part.message}`, bytes, field: this.#dissector.message(message.name, bytes),
            about: `The message that bytes ${part.offset} to ${part.end} here belong to, put together from its fragments.`,
          }),
        });
      }
    }
    return pages;
  }

  #drawTabs(): void {
    this.#tabs.replaceChildren(...this.#pages.map(({ key, title }, index) =>
      make('button', { type: 'button', role: 'tab', id: `bytes-tab-${index}`, 'data-page': key, 'aria-controls': 'bytes-panel', tabindex: -1 }, title)));
  }

  #turnTo(key: string | undefined, recordOffset?: number): void {
    const page = this.#pages.find((candidate) => candidate.key === key) ?? this.#pages[0];
    if (key === undefined || page === undefined) return;
    for (const tab of this.#tabs.querySelectorAll('button')) {
      const isChosen = tab.dataset['page'] === page.key;
      assign(tab, { 'aria-selected': String(isChosen), tabindex: isChosen ? 0 : -1 });
      if (isChosen) assign(this.#panel, { 'aria-labelledby': tab.id });
    }
    this.#page = page;
    setText(this.#about, page.about);
    // The record that was chosen is pointed out where there are several.
    const focus = page.key === 'wire' && (page.field.children?.length ?? 0) > 1 ? recordOffset : undefined;
    this.#drawTree(page, focus);
    this.#drawHex(page);
    this.#cursor = focus ?? 0;
    const at = focus === undefined ? undefined : this.#leaves.find(({ field }) => field.start === focus);
    this.#pinned = at && topMost(at);
    this.#mark(this.#pinned);
    if (this.#pinned === undefined) {
      this.#hex.scrollTop = 0;
      this.#tree.scrollTop = 0;
    }
  }

  #drawTree({ field }: Page, recordOffset: number | undefined): void {
    this.#nodes = new Map();
    this.#leaves = [];
    const build = (of: Field, depth: number, parent: Node | undefined): Node => {
      const children = of.children ?? [];
      const group = children.length > 0 ? make('ul', { role: 'group' }) : undefined;
      const element = make('li', { role: 'treeitem', 'aria-level': depth + 1, 'aria-selected': 'false', tabindex: -1 }, label(of), group);
      const node: Node = { field: of, depth, parent, children: [], element, group };
      this.#nodes.set(element, node);
      for (const child of children) {
        const grown = build(child, depth + 1, node);
        node.children.push(grown);
        group?.append(grown.element);
      }
      if (group) assign(element, { 'aria-expanded': 'false' });
      else this.#leaves.push(node);
      return node;
    };
    const root = build(field, 0, undefined);
    const isElsewhere = ({ depth, field: { start, end } }: Node) => depth === 1 && recordOffset !== undefined && (recordOffset < start || recordOffset >= end);
    let lines = 1;
    for (const queue = [root]; queue.length > 0;) {
      const node = queue.shift();
      if (node === undefined || isElsewhere(node) || lines + node.children.length > UNFOLDED) continue;
      this.#fold(node, true);
      lines += node.children.length;
      queue.push(...node.children);
    }
    assign(root.element, { tabindex: 0 });
    this.#tree.replaceChildren(root.element);
  }

  #drawHex({ bytes }: Page): void {
    const tints = this.#tints(bytes.length);
    this.#cells = [];
    const rows: HTMLElement[] = [];
    for (let start = 0; start < bytes.length; start += PER_ROW) {
      const cells: HTMLElement[] = [];
      const texts: HTMLElement[] = [];
      for (let at = start; at < Math.min(start + PER_ROW, bytes.length); at += 1) {
        const byte = bytes[at] ?? 0;
        cells.push(make('span', { class: 'byte', 'data-at': at, 'data-tint': tints[at] }, byte.toString(16).padStart(2, '0')));
        texts.push(make('span', { 'data-at': at }, byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·'));
      }
      this.#cells.push(...cells);
      rows.push(make('div', { class: 'line' }, make('span', { class: 'offset' }, start.toString(16).padStart(4, '0')), make('span', { class: 'cells' }, ...cells), make('span', { class: 'ascii', 'aria-hidden': 'true' }, ...texts)));
    }
    this.#hex.replaceChildren(...rows);
  }

  /** Neighbouring fields get different tints, so that the eye sees where one ends. */
  #tints(length: number): number[] {
    const tints = Array.from({ length }, () => 0);
    for (const [index, { field }] of this.#leaves.entries()) tints.fill(1 + (index % 4), field.start, field.end);
    return tints;
  }

  /** Marks a field in bytes and tree and tells about it; none clears the marks. */
  #mark(node: Node | undefined): void {
    const { start, end } = node?.field ?? { start: 0, end: 0 };
    for (const [at, cell] of this.#cells.entries()) {
      const lit = at >= start && at < end;
      if (lit !== cell.hasAttribute('data-lit')) cell.toggleAttribute('data-lit', lit);
    }
    for (const marked of this.#tree.querySelectorAll('[data-lit]')) if (marked !== node?.element) marked.removeAttribute('data-lit');
    node?.element.setAttribute('data-lit', '');
    this.#detail.replaceChildren(...(node === undefined ? [make('p', { class: 'empty' }, 'Point at a byte or a field, or move to one with the arrow keys.')] : detailOf(node, this.#page)));
  }

  /** Marks a field and keeps it marked when the pointer leaves. */
  #pin(node: Node | undefined, fromTree: boolean): void {
    if (node === undefined) return;
    for (const item of this.#tree.querySelectorAll('[aria-selected="true"]')) assign(item, { 'aria-selected': 'false', tabindex: -1 });
    for (const item of this.#tree.querySelectorAll('[tabindex="0"]')) assign(item, { tabindex: -1 });
    assign(node.element, { 'aria-selected': 'true', tabindex: 0 });
    this.#pinned = node;
    this.#mark(node);
    if (fromTree) {
      this.#cursor = node.field.start;
      reveal(this.#hex, this.#cells[node.field.start]);
    } else {
      for (let above = node.parent; above; above = above.parent) assign(above.element, { 'aria-expanded': 'true' });
      reveal(this.#tree, node.element.firstElementChild ?? undefined);
    }
  }

  #nodeAt(event: Event): Node | undefined {
    const item = closest(event, '[role="treeitem"]');
    return item ? this.#nodes.get(item) : undefined;
  }

  #leafAt(at: number): Node | undefined {
    return this.#leaves.find(({ field }) => at >= field.start && at < field.end);
  }

  #overByte(event: Event, stay: boolean): void {
    const at = closest(event, '[data-at]')?.dataset['at'];
    if (at === undefined) return;
    if (stay) this.#moveTo(Number(at));
    else {
      const leaf = this.#leafAt(Number(at));
      this.#mark(leaf);
      if (leaf && this.#isVisible(leaf)) reveal(this.#tree, leaf.element);
    }
  }

  #isVisible(node: Node): boolean {
    for (let above = node.parent; above; above = above.parent) if (above.element.getAttribute('aria-expanded') === 'false') return false;
    return true;
  }

  #moveTo(at: number): void {
    const cell = this.#cells[at];
    if (cell === undefined) return;
    this.#cursor = at;
    for (const old of this.#hex.querySelectorAll('[data-cursor]')) old.removeAttribute('data-cursor');
    cell.setAttribute('data-cursor', '');
    this.#pin(this.#leafAt(at), false);
    reveal(this.#hex, cell);
  }

  #hexKey(event: KeyboardEvent): void {
    const last = this.#cells.length - 1;
    const to = { ArrowRight: this.#cursor + 1, ArrowLeft: this.#cursor - 1, ArrowDown: this.#cursor + PER_ROW, ArrowUp: this.#cursor - PER_ROW, Home: 0, End: last }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.#moveTo(Math.max(0, Math.min(last, to)));
  }

  #clickedTree(event: Event): void {
    const node = this.#nodeAt(event);
    if (node === undefined) return;
    if (node.group && closest(event, '.twist')) this.#fold(node);
    node.element.focus({ preventScroll: true });
  }

  #fold(node: Node, expanded = node.element.getAttribute('aria-expanded') !== 'true'): void {
    if (node.group) assign(node.element, { 'aria-expanded': String(expanded) });
  }

  /** As the tree pattern of the ARIA Authoring Practices has it. */
  #treeKey(event: KeyboardEvent): void {
    const node = this.#nodeAt(event);
    if (node === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const visible = [...this.#nodes.values()].filter((other) => this.#isVisible(other));
    const at = visible.indexOf(node);
    const isOpen = node.element.getAttribute('aria-expanded') === 'true';
    const go = (to: Node | undefined) => to?.element.focus({ preventScroll: true });
    const action = {
      ArrowDown: () => go(visible[at + 1]),
      ArrowUp: () => go(visible[at - 1]),
      ArrowRight: () => (node.group && !isOpen ? this.#fold(node, true) : go(node.children[0])),
      ArrowLeft: () => (node.group && isOpen ? this.#fold(node, false) : go(node.parent)),
      Home: () => go(visible[0]),
      End: () => go(visible.at(-1)),
      Enter: () => this.#fold(node),
      ' ': () => this.#fold(node),
    }[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
    const focused = document.activeElement;
    if (focused && this.#nodes.has(focused)) reveal(this.#tree, focused.firstElementChild ?? undefined);
  }

  #tabKey(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const index = this.#pages.findIndex(({ key }) => key === this.#page?.key);
    const next = this.#pages[(index + step + this.#pages.length) % this.#pages.length];
    this.#turnTo(next?.key);
    this.#tabs.querySelector<HTMLElement>('[aria-selected="true"]')?.focus();
  }
}

function headline({ from, sentAt, arrivals, size, fate }: Datagram, { begin }: Model): string {
  const sent = sentAt === undefined ? undefined : duration(sentAt - begin);
  const arrived = arrivals[0] === undefined ? undefined : duration(arrivals[0].time - begin);
  const times = [sent && `sent at ${sent}`, fate === 'lost' ? 'lost' : arrived && `received at ${arrived}`, arrivals.length > 1 && `${arrivals.length} copies`].filter(Boolean).join(', ');
  return `${from === 'client' ? 'Client' : 'Server'} to ${otherSide(from)}, ${size} bytes, ${times}`;
}

function about({ epoch, sequenceNumber, contentType, parts, length, plaintext }: RecordView): string {
  const content = (plaintext?.length ?? 0) / 2;
  const names = parts.map(partName).join(', ');
  return `Record ${sequenceNumber ?? '?'} of epoch ${epoch} after decryption: ${content} bytes of ${contentType} (${names}) out of ${length} on the wire.`;
}

function label({ name, value, children }: Field): HTMLElement {
  return make('span', { class: 'field' },
    children?.length ? make('span', { class: 'twist', 'aria-hidden': 'true' }) : make('span', { class: 'leaf', 'aria-hidden': 'true' }),
    make('span', { class: 'field-name' }, name), value === '' ? undefined : make('span', { class: 'field-value' }, value));
}

function detailOf({ field, parent }: Node, page: Page | undefined): HTMLElement[] {
  const { name, start, end, value, note } = field;
  const size = end - start;
  const place = size === 0 ? 'no bytes' : size === 1 ? `byte ${start}` : `bytes ${start} to ${end - 1}, ${size} of ${page?.bytes.length ?? size}`;
  const inside = note ?? (parent?.field.note ? `Part of ${parent.field.name}: ${parent.field.note}` : parent ? `Part of ${parent.field.name}.` : undefined);
  return [
    make('p', { class: 'detail-head' }, make('strong', {}, name), make('span', {}, place)),
    make('p', { class: 'detail-value' }, value),
    make('p', { class: 'detail-note' }, inside),
  ];
}

/** The outermost node that begins where this one begins, below the root. */
function topMost(node: Node): Node {
  let top = node;
  while (top.parent && top.parent.depth > 0 && top.parent.field.start === node.field.start) top = top.parent;
  return top;
}

function closest(event: Event, selector: string): HTMLElement | undefined {
  const found = event.target instanceof Element ? event.target.closest(selector) : null;
  return found instanceof HTMLElement ? found : undefined;
}

/** Scrolls only the pane, never the page. */
function reveal(pane: HTMLElement, target: Element | undefined): void {
  if (!target) return;
  const [outer, inner] = [pane.getBoundingClientRect(), target.getBoundingClientRect()];
  if (inner.top < outer.top) pane.scrollTop -= outer.top - inner.top + 24;
  else if (inner.bottom > outer.bottom) pane.scrollTop += inner.bottom - outer.bottom + 24;
}
