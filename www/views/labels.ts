// The texts of the ladder: what stands on a datagram's arrow, and what is noted beside a line.

import { assign, make, setText } from '../dom.js';
import { type Datagram, duration, type Note, partName, type RecordView } from '../model.js';
import type { Part } from '../outline.js';
import { otherSide } from '../trace.js';

export function noteRow(note: Note): HTMLLIElement {
  return make('li', { class: 'note', 'data-side': note.side, 'data-kind': note.kind, 'data-hue': note.epoch === undefined ? undefined : hue(note.epoch) }, ...noteText(note));
}

export function noteText(note: Note): Node[] {
  return [make('span', { class: 'hidden' }, `${note.side}: `), make('span', {}, note.text)];
}

export function datagramRow(datagram: Datagram, begin: number): HTMLLIElement {
  const element = make('li', { class: 'datagram', 'data-datagram': datagram.id, 'data-from': datagram.from });
  fillDatagramRow(element, datagram, begin);
  return element;
}

/** The label of a datagram: a button for every record, one for the whole, and what became of it. */
export function fillDatagramRow(element: HTMLLIElement, datagram: Datagram, begin: number): void {
  const { from, records, size, fate, sentAt } = datagram;
  assign(element, { 'data-fate': fate });
  const way = `${from} to ${otherSide(from)}`;
  const when = sentAt === undefined ? '' : ` at ${duration(sentAt - begin)}`;
  // Buttons are kept, so that the keyboard does not lose its place when a record is acknowledged.
  const [group, whole] = [element.querySelector('.records') ?? make('span', { class: 'records' }), element.querySelector('.whole') ?? make('button', { type: 'button', class: 'whole', tabindex: -1 })];
  if (group.parentElement === null) element.append(group, whole);
  while (group.childElementCount < records.length) group.append(make('button', { type: 'button', class: 'record', tabindex: -1 }));
  for (const [index, record] of records.entries()) {
    const button = group.children[index];
    if (button === undefined) continue;
    const title = recordTitle(record);
    assign(button, {
      'data-record': index, 'data-hue': hue(record.epoch), 'data-again': record.again, 'data-acknowledged': record.acknowledged,
      'aria-label': `${way}${when}, ${fate}: ${title}, epoch ${record.epoch}${record.again ? ', sent again' : ''}${record.acknowledged ? ', acknowledged' : ''}`,
    });
    button.replaceChildren(...recordLabel(record));
  }
  assign(whole, { 'aria-label': `${way}${when}, ${fate}: the whole datagram, ${size} bytes` });
  setText(whole, fate === 'lost' ? `${size} B lost` : `${size} B`);
}

function recordLabel(record: RecordView): Node[] {
  const names = record.parts.length === 0 ? [record.contentType] : record.parts.map(partName);
  const range = record.parts.length === 1 && record.parts[0]?.kind === 'fragment' ? fragmentRange(record.parts[0]) : undefined;
  const acks = record.parts.flatMap((part) => (part.kind === 'ack' ? [acknowledges(part)] : []));
  const asked = keyUpdateAsks(record) ? ['asks for the peer’s'] : [];
  return [
    ...(record.again ? [make('span', { class: 'mark', title: 'sent again' }, '↻')] : []),
    make('span', { class: 'name' }, names.join(' + ')),
    ...[range, ...acks, ...asked].filter((text) => text !== undefined).map((text) => make('span', { class: 'more' }, text)),
    make('span', { class: 'epoch', title: `epoch ${record.epoch}` }, `e${record.epoch}`),
    ...(record.acknowledged ? [make('span', { class: 'mark', title: 'acknowledged' }, '✓')] : []),
  ];
}

function recordTitle(record: RecordView): string {
  const names = record.parts.map((part) => {
    const detail = part.kind === 'fragment' ? fragmentRange(part) : part.kind === 'ack' ? acknowledges(part) : undefined;
    return detail === undefined ? partName(part) : `${partName(part)} ${detail}`;
  });
  return `${names.join(', ') || record.contentType}${keyUpdateAsks(record) ? ', asks for the peer’s' : ''}`;
}

/** KeyUpdate.request_update is the only byte of its message (RFC 9846 §4.7.3). */
function keyUpdateAsks(record: RecordView): boolean {
  return record.parts.some((part) => part.kind === 'fragment' && part.message === 'KeyUpdate') && record.plaintext?.endsWith('01') === true;
}

function fragmentRange(part: Extract<Part, { kind: 'fragment' }>): string | undefined {
  return part.offset === 0 && part.end === part.length ? undefined : `${part.offset}–${part.end} of ${part.length}`;
}

/** `2:0–2 3:1`: the records that an ACK names, as epoch and number. */
function acknowledges({ records }: Extract<Part, { kind: 'ack' }>): string {
  if (records.length === 0) return 'nothing';
  const runs: { epoch: number; from: number; to: number }[] = [];
  for (const { epoch, sequence_number: number } of records) {
    const last = runs.at(-1);
    if (last?.epoch === epoch && last.to + 1 === number) last.to = number;
    else runs.push({ epoch, from: number, to: number });
  }
  return runs.map(({ epoch, from, to }) => (from === to ? `${epoch}:${from}` : `${epoch}:${from}–${to}`)).join(' ');
}

/** Which record of its datagram a button stands for; none for the whole. */
export function recordOf(button: Element): number | undefined {
  const index = button.getAttribute('data-record');
  return index === null ? undefined : Number(index);
}

/** Epochs 0 to 3 have their own colours; later ones take turns, so that every key update changes the colour. */
export function hue(epoch: number): number {
  return epoch <= 3 ? epoch : 4 + ((epoch - 4) % 3);
}
