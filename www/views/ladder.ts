// The ladder: client left, server right, time downwards, a datagram an arrow, its records named on it.
//
// Rows are placed by time, not in proportion to it: nothing overlaps, later is lower, and a long wait is a break in the
// lines with its length beside it. Elements are kept between calls and only what changed is touched.

import { assign, draw, make } from '../dom.js';
import { type Datagram, duration, type Item, type Model, type Note } from '../model.js';
import { otherSide } from '../trace.js';
import { datagramRow, fillDatagramRow, hue, noteRow, noteText, recordOf } from './labels.js';

/** What the reader looks at: a datagram, and perhaps one of its records. */
export interface Selection {
  readonly datagram: number;
  readonly record: number | undefined;
}

/** Below this width in CSS pixels the margins' texts stand between the lines. */
const WIDE = 700;
/** A wait that is drawn as a break, in milliseconds: longer than any usual path takes, shorter than any usual timer. */
const BREAK = 200;
/** Where style.css lays the bytes over the lower part of the page. */
const NARROW = '(max-width: 899px)';
const TOP = 18;
const BOTTOM = 40;
/** Between arrowheads on one line, so that each can be told from the next. */
const HEAD_SPACING = 13;
/** How far down an arrow goes whose other end nobody told of. */
const UNTOLD_SLOPE = 14;

interface Row {
  readonly element: HTMLLIElement;
  readonly arrows: Map<number, SVGGElement>;
  /** Of a note: what it shows. */
  note: Note | undefined;
  height: number;
  y: number;
}

interface Columns {
  readonly wide: boolean;
  readonly width: number;
  readonly left: number;
  readonly right: number;
}

export class Ladder {
  readonly #scroll: HTMLElement;
  readonly #ladder = make('div', { class: 'ladder' });
  readonly #lines = draw('svg', { class: 'lines', 'aria-hidden': 'true' });
  readonly #back = draw('g');
  readonly #times = draw('g', { class: 'times' });
  readonly #arrows = draw('g', { class: 'arrows' });
  readonly #list = make('ol', { class: 'rows', 'aria-label': 'Datagrams and events, the oldest first' });
  readonly #rows = new Map<string, Row>();
  readonly #select: (selection: Selection) => void;
  #model: Model | undefined;
  #selection: Selection | undefined;
  #now = 0;
  /** Where copies of datagrams arrive, by datagram and copy. */
  #arrivals: ReadonlyMap<string, number> = new Map();
  #focusable: Selection | undefined;
  #width = 0;

  constructor(scroll: HTMLElement, select: (selection: Selection) => void) {
    this.#scroll = scroll;
    this.#select = select;
    this.#lines.append(this.#back, this.#times, this.#arrows);
    this.#ladder.append(this.#lines, this.#list);
    scroll.append(this.#ladder);
    this.#list.addEventListener('click', (event) => this.#clicked(event));
    this.#list.addEventListener('keydown', (event) => this.#pressed(event));
    this.#list.addEventListener('focusin', (event) => this.#focused(event));
    this.#arrows.addEventListener('click', (event) => {
      const datagram = event.target instanceof Element ? event.target.closest('[data-datagram]')?.getAttribute('data-datagram') : undefined;
      if (datagram) this.#select({ datagram: Number(datagram), record: undefined });
    });
    new ResizeObserver(() => {
      if (scroll.clientWidth !== this.#width && this.#model) this.#lay(this.#model);
    }).observe(scroll);
  }

  /** Draws the model as of `now`: what is under way then is drawn as far as it has come. */
  show(model: Model, now: number, selection: Selection | undefined): void {
    const grown = model !== this.#model;
    const follows = this.#scroll.scrollTop + this.#scroll.clientHeight >= this.#scroll.scrollHeight - 60;
    const moved = selection !== this.#selection;
    this.#now = now;
    this.#selection = selection;
    if (grown) this.#update(model);
    if (grown || this.#columns().width !== this.#width) this.#lay(model);
    else if (model.datagrams.some(isUnderWay)) this.#drawArrows(model);
    if (grown || moved) this.#mark(model);
    if (grown && follows) this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }

  /** Forgets everything drawn: another trace comes. */
  clear(): void {
    this.#rows.clear();
    this.#list.replaceChildren();
    for (const group of [this.#back, this.#times, this.#arrows]) group.replaceChildren();
    this.#model = undefined;
    this.#focusable = undefined;
    this.#scroll.scrollTop = 0;
  }

  /** Moves the keyboard to the selected datagram, or to the first. */
  focus(): void {
    this.#list.querySelector<HTMLElement>('button[tabindex="0"]')?.focus();
  }

  /** Scrolls so that the selected label is in sight; where the bytes lie over the page, the page as well. */
  reveal({ datagram }: Selection): void {
    const panel = this.#scroll.parentElement;
    if (matchMedia(NARROW).matches) panel?.scrollIntoView({ block: 'start' });
    const row = this.#rows.get(`d${datagram}`);
    if (row === undefined) return;
    const room = this.#scroll.clientHeight;
    const [top, bottom] = [row.y - row.height / 2, row.y + row.height / 2];
    if (top < this.#scroll.scrollTop || bottom > this.#scroll.scrollTop + room) this.#scroll.scrollTop = Math.max(0, top - room / 2);
  }

  #update(model: Model): void {
    const before = this.#model;
    for (const item of model.items) {
      const key = keyOf(item, model);
      if (key === undefined) continue;
      const known = this.#rows.get(key);
      if (item.kind === 'note') {
        if (known === undefined) this.#add(key, noteRow(item.note)).note = item.note;
        else if (known.note !== item.note) {
          known.element.replaceChildren(...noteText(item.note));
          known.note = item.note;
          known.height = 0;
        }
        continue;
      }
      const datagram = model.datagrams[item.datagram];
      if (datagram === undefined) continue;
      if (known === undefined) this.#add(key, datagramRow(datagram, model.begin));
      else if (before?.datagrams[item.datagram] !== datagram) {
        fillDatagramRow(known.element, datagram, model.begin);
        known.height = 0;
      }
    }
    this.#model = model;
    this.#roam(model);
  }

  #add(key: string, element: HTMLLIElement): Row {
    this.#list.append(element);
    const row = { element, arrows: new Map(), height: 0, y: 0, note: undefined };
    this.#rows.set(key, row);
    return row;
  }

  #columns(): Columns {
    const width = this.#scroll.clientWidth;
    const wide = width >= WIDE;
    const gutter = wide ? 66 : 52;
    const margin = wide ? Math.min(210, Math.max(120, (width - gutter) * 0.19)) : 0;
    return { wide, width, left: Math.round(gutter + margin) + 0.5, right: Math.round(width - margin - (wide ? 6 : 10)) + 0.5 };
  }

  /** Places every row, then draws every line. Sizes are read before anything is written, once for all rows. */
  #lay(model: Model): void {
    const columns = this.#columns();
    if (columns.width === 0) return;
    if (columns.width !== this.#width) {
      this.#width = columns.width;
      assign(this.#ladder, { 'data-wide': columns.wide });
      for (const [name, x] of [['--left', columns.left], ['--right', columns.width - columns.right]] as const) this.#ladder.style.setProperty(name, `${x}px`);
      this.#scroll.style.setProperty('--left', `${columns.left}px`);
      this.#scroll.style.setProperty('--right', `${columns.width - columns.right}px`);
      for (const row of this.#rows.values()) row.height = 0;
    }
    for (const row of this.#rows.values()) if (row.height === 0) row.height = row.element.offsetHeight;

    const labels = { client: TOP, server: TOP };
    const heads = { client: TOP, server: TOP };
    const margins = { client: TOP, server: TOP };
    let centre = TOP;
    let base = TOP;
    let lowest = TOP;
    let time = model.begin;
    const arrivals = new Map<string, number>();
    const breaks: { from: number; to: number; wait: number }[] = [];
    const moments: { y: number; time: number }[] = [];

    for (const [index, item] of model.items.entries()) {
      if (item.time > time || index === 0) {
        const wait = item.time - time;
        if (wait >= BREAK) breaks.push({ from: lowest + 8, to: lowest + 8 + 26, wait });
        base = index === 0 ? TOP : lowest + gap(wait);
        time = item.time;
      }
      const key = keyOf(item, model);
      const row = key === undefined ? undefined : this.#rows.get(key);
      const half = (row?.height ?? 0) / 2;
      let y: number;
      if (item.kind === 'note') {
        const { side } = item.note;
        y = columns.wide ? Math.max(base, margins[side] + half) : Math.max(base, centre + half, labels[side] + half);
        if (columns.wide) margins[side] = y + half;
        else centre = y + half + 1;
      } else {
        const datagram = model.datagrams[item.datagram];
        if (datagram === undefined) continue;
        if (item.kind === 'sent') {
          y = Math.max(base, centre + half, labels[datagram.from] + half);
          centre = y + half + 5;
        } else {
          const to = otherSide(datagram.from);
          y = Math.max(base, heads[to] + HEAD_SPACING);
          heads[to] = y;
          labels[to] = Math.max(labels[to], y + 5);
          if (datagram.sentAt === undefined) {
            // Its own label, beside its untold beginning.
            y = Math.max(y, centre + half + UNTOLD_SLOPE);
            heads[to] = y;
            centre = y - UNTOLD_SLOPE + half + 5;
          }
          arrivals.set(`${item.datagram} ${item.copy}`, y);
        }
      }
      lowest = Math.max(lowest, y);
      if (row !== undefined) {
        // The label of a datagram whose sending nobody told of stands at the untold beginning of its arrow.
        row.y = item.kind === 'arrived' ? y - UNTOLD_SLOPE : y;
        const transform = `translateY(${Math.round(row.y - half)}px)`;
        if (row.element.style.transform !== transform) row.element.style.transform = transform;
      }
      if (moments.at(-1)?.time !== item.time && (moments.length === 0 || y - (moments.at(-1)?.y ?? 0) >= HEAD_SPACING)) moments.push({ y, time: item.time });
    }

    const height = Math.max(lowest + BOTTOM, centre + BOTTOM, margins.client + 10, margins.server + 10);
    this.#ladder.style.height = `${Math.round(height)}px`;
    assign(this.#lines, { width: columns.width, height: Math.round(height) });
    this.#drawBack(model, columns, height, breaks, moments);
    this.#arrivals = arrivals;
    this.#drawArrows(model);
  }

  #drawBack(model: Model, { left, right, wide }: Columns, height: number, breaks: readonly { from: number; to: number; wait: number }[], moments: readonly { y: number; time: number }[]): void {
    const lines = [left, right].flatMap((x) => {
      const cuts = [0, ...breaks.flatMap(({ from, to }) => [from, to]), height];
      return Array.from({ length: cuts.length - 1 }, (_, i) =>
        draw('line', { class: i % 2 === 0 ? 'life' : 'life waiting', x1: x, x2: x, y1: cuts[i] ?? 0, y2: cuts[i + 1] ?? 0 }));
    });
    const waits = breaks.map(({ from, to, wait }) => draw('text', { class: 'wait', x: (left + right) / 2, y: (from + to) / 2 + 4 }, `${duration(wait)} pass`));
    const dots = model.items.flatMap((item) => {
      if (item.kind !== 'note') return [];
      const y = this.#rows.get(`n${item.note.id}`)?.y ?? 0;
      return [draw('circle', { class: 'dot', 'data-kind': item.note.kind, 'data-hue': item.note.epoch === undefined ? undefined : hue(item.note.epoch), cx: item.note.side === 'client' ? left : right, cy: y, r: 3.5 })];
    });
    this.#back.replaceChildren(...lines, ...waits, ...dots);
    const labels = moments.map(({ y, time }) => draw('text', { class: 'moment', x: wide ? 58 : 45, y: y + 4 }, clock(time - model.begin, wide)));
    this.#times.replaceChildren(...labels);
  }

  #drawArrows(model: Model): void {
    const { left, right } = this.#columns();
    const arrivals = this.#arrivals;
    const seen = new Set<SVGGElement>();
    for (const datagram of model.datagrams) {
      const row = this.#rows.get(`d${datagram.id}`);
      if (row === undefined) continue;
      const to = otherSide(datagram.from);
      const start = datagram.from === 'client' ? left : right;
      const end = datagram.from === 'client' ? right : left;
      const place = (copy: number, x1: number, y1: number, x2: number, y2: number, state: string) => {
        let arrow = row.arrows.get(copy);
        if (arrow === undefined) {
          arrow = draw('g', { class: 'arrow', 'data-datagram': datagram.id }, draw('line', { class: 'hit' }), draw('line', { class: 'shaft' }), draw('path', { class: 'head' }));
          row.arrows.set(copy, arrow);
          this.#arrows.append(arrow);
        }
        seen.add(arrow);
        assign(arrow, { 'data-state': state, 'data-hue': hue(datagram.records.at(-1)?.epoch ?? 0), 'data-copy': copy });
        for (const line of arrow.querySelectorAll('line')) assign(line, { x1, y1, x2, y2 });
        const head = arrow.querySelector('path');
        if (head) assign(head, { d: state === 'lost' ? cross(x2, y2) : arrowhead(x1, y1, x2, y2) });
      };
      if (datagram.sentAt === undefined) {
        const y = arrivals.get(`${datagram.id} 0`) ?? row.y;
        place(0, start, y - UNTOLD_SLOPE, end, y, 'arrived');
        continue;
      }
      for (const copy of datagram.arrivals.keys()) {
        place(copy, start, row.y, end, arrivals.get(`${datagram.id} ${copy}`) ?? row.y, copy === 0 ? 'arrived' : 'copy');
      }
      if (datagram.fate === 'lost') place(0, start, row.y, start + (end - start) * 0.62, row.y + 16, 'lost');
      else if (datagram.arrivals.length === 0) {
        if (model.ends[to].tells || datagram.due !== undefined) {
          const due = datagram.due?.[0];
          const part = due === undefined ? 0.5 : Math.min(1, Math.max(0.06, (this.#now - datagram.sentAt) / Math.max(0.001, due - datagram.sentAt)));
          place(0, start, row.y, start + (end - start) * part, row.y + 22 * part, 'under-way');
        } else place(0, start, row.y, end, row.y + UNTOLD_SLOPE, 'untold');
      }
    }
    for (const arrow of this.#arrows.children) if (arrow instanceof SVGGElement && !seen.has(arrow)) arrow.remove();
  }

  /** Shows what is selected, and what an ACK that is selected names. */
  #mark(model: Model): void {
    const chosen = this.#selection;
    const datagram = chosen === undefined ? undefined : model.datagrams[chosen.datagram];
    const record = chosen?.record === undefined ? undefined : datagram?.records[chosen.record];
    const named = new Set((record ? [record] : datagram?.records ?? []).flatMap(({ parts }) => parts)
      .flatMap((part) => (part.kind === 'ack' ? part.records : [])).map(({ epoch, sequence_number: number }) => `${epoch} ${number}`));
    for (const row of this.#rows.values()) {
      const id = row.element.dataset['datagram'];
      if (id === undefined) continue;
      const other = model.datagrams[Number(id)];
      const isChosen = chosen?.datagram === Number(id);
      assign(row.element, { 'data-chosen': isChosen });
      for (const arrow of row.arrows.values()) assign(arrow, { 'data-chosen': isChosen });
      for (const button of row.element.querySelectorAll('button')) {
        const index = recordOf(button);
        const isNamed = datagram !== undefined && other !== undefined && other.from !== datagram.from && index !== undefined && other.sentAt !== undefined
          && named.has(`${other.records[index]?.epoch} ${other.records[index]?.sequenceNumber}`);
        assign(button, { 'aria-pressed': String(isChosen && chosen?.record === index), 'data-named': isNamed });
      }
    }
  }

  /** One button of the ladder takes part in the tab order: the one used last, or else the first. */
  #roam(model: Model): void {
    const wanted = this.#focusable ?? { datagram: 0, record: model.datagrams[0]?.records.length ? 0 : undefined };
    for (const button of this.#list.querySelectorAll('button')) {
      const row = button.closest('li');
      const isWanted = row?.dataset['datagram'] === String(wanted.datagram) && recordOf(button) === wanted.record;
      assign(button, { tabindex: isWanted ? 0 : -1 });
    }
  }

  #clicked(event: Event): void {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    const datagram = button?.closest('li')?.dataset['datagram'];
    if (button && datagram !== undefined) this.#select({ datagram: Number(datagram), record: recordOf(button) });
  }

  #focused(event: FocusEvent): void {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    const datagram = button?.closest('li')?.dataset['datagram'];
    if (!button || datagram === undefined || !this.#model) return;
    this.#focusable = { datagram: Number(datagram), record: recordOf(button) };
    this.#roam(this.#model);
  }

  /** Up and down between datagrams, left and right between the records of one, Home and End. Enter is the button's own. */
  #pressed(event: KeyboardEvent): void {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    const row = button?.closest('li');
    if (!button || !row || event.altKey || event.ctrlKey || event.metaKey) return;
    const rows = [...this.#list.querySelectorAll<HTMLLIElement>('li[data-datagram]')];
    const within = [...row.querySelectorAll('button')];
    const column = within.indexOf(button);
    const at = rows.indexOf(row);
    const inRow = (target: HTMLLIElement | undefined) => {
      const buttons = [...target?.querySelectorAll('button') ?? []];
      return buttons[Math.min(column, buttons.length - 1)];
    };
    const next = {
      ArrowDown: () => inRow(rows[at + 1]), ArrowUp: () => inRow(rows[at - 1]), ArrowRight: () => within[column + 1], ArrowLeft: () => within[column - 1],
      Home: () => inRow(rows[0]), End: () => inRow(rows.at(-1)),
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const target = next();
    target?.focus({ preventScroll: true });
    target?.closest('li')?.scrollIntoView({ block: 'nearest' });
  }
}

function isUnderWay({ sentAt, arrivals, fate }: Datagram): boolean {
  return sentAt !== undefined && arrivals.length === 0 && fate !== 'lost';
}

/** The row of an item. A datagram has one label: where it left, or, if nobody told of that, where it arrived first. */
function keyOf(item: Item, { datagrams }: Model): string | undefined {
  if (item.kind === 'note') return `n${item.note.id}`;
  const labelled = item.kind === 'sent' || (item.copy === 0 && datagrams[item.datagram]?.sentAt === undefined);
  return labelled ? `d${item.datagram}` : undefined;
}

/** How far apart two moments are drawn. It grows with the logarithm: 1 ms and 100 ms both fit a screen. */
function gap(wait: number): number {
  return wait >= BREAK ? 42 : Math.min(34, 12 + 7 * Math.log2(1 + wait / 4));
}

function clock(milliseconds: number, wide: boolean): string {
  if (wide) return duration(Math.round(milliseconds * 10) / 10);
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : milliseconds < 100_000 ? 1 : 0)} s`;
}

function arrowhead(x1: number, y1: number, x2: number, y2: number): string {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [dx, dy] = [(x2 - x1) / length, (y2 - y1) / length];
  const [bx, by] = [x2 - 9 * dx, y2 - 9 * dy];
  return `M${x2} ${y2}L${bx - 4 * dy} ${by + 4 * dx}L${bx + 4 * dy} ${by - 4 * dx}Z`;
}

function cross(x: number, y: number): string {
  return `M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x - 5} ${y + 5}L${x + 5} ${y - 5}`;
}
