// Both ends side by side: state, epochs, what was negotiated, timers and counters.

import { assign, make, setText } from '../dom.js';
import { duration, type End, type Model, stateText, suiteName } from '../model.js';
import type { Side } from '../trace.js';
import { hue } from './labels.js';

/** What only a running connection knows, as opposed to a trace. */
export interface Running {
  /** When its next timer runs out, in milliseconds from now. */
  readonly timer: number | undefined;
}

type Cells = ReadonlyMap<string, HTMLTableCellElement>;

const ROWS = ['State', 'Reads epoch', 'Writes epoch', 'Timer', 'Sent again', 'Suite', 'Group', 'Sent', 'Received', 'Discarded'] as const;

export class States {
  readonly #cells: Readonly<Record<Side, Cells>>;

  constructor(root: HTMLElement) {
    const cells = { client: new Map<string, HTMLTableCellElement>(), server: new Map<string, HTMLTableCellElement>() };
    const rows = ROWS.map((name) => {
      const row = make('tr', {}, make('th', { scope: 'row' }, name));
      for (const side of ['client', 'server'] as const) {
        const cell = make('td', { 'data-side': side, 'data-row': name });
        cells[side].set(name, cell);
        row.append(cell);
      }
      return row;
    });
    const head = make('tr', {}, make('th', { scope: 'col' }, make('span', { class: 'hidden' }, 'What')), make('th', { scope: 'col' }, 'Client'), make('th', { scope: 'col' }, 'Server'));
    root.append(make('table', { class: 'states' }, make('thead', {}, head), make('tbody', {}, ...rows)));
    this.#cells = cells;
  }

  show({ ends }: Model, running: Partial<Record<Side, Running>>): void {
    for (const side of ['client', 'server'] as const) {
      const values = describe(ends[side], running[side]);
      for (const [name, cell] of this.#cells[side]) {
        setText(cell, values.get(name) ?? '–');
        const epoch = name === 'Reads epoch' ? ends[side].readEpoch : name === 'Writes epoch' ? ends[side].writeEpoch : undefined;
        assign(cell, { 'data-hue': epoch === undefined || !ends[side].tells ? undefined : hue(epoch) });
      }
    }
  }
}

export function stateName({ tells, error, closed, closing, complete, state }: End): string {
  if (!tells) return 'unseen';
  if (error !== undefined) return 'failed';
  if (closed) return 'closed';
  if (closing) return 'closing';
  return complete ? 'connected' : stateText(state ?? 'new');
}

function describe(end: End, running: Running | undefined): Map<string, string> {
  if (!end.tells) return new Map([['State', 'unseen']]);
  return new Map([
    ['State', stateName(end)],
    ['Reads epoch', String(end.readEpoch)],
    ['Writes epoch', String(end.writeEpoch)],
    ['Timer', running === undefined ? '–' : running.timer === undefined ? 'off' : `in ${duration(Math.round(running.timer))}`],
    ['Sent again', end.retransmissions === 0 ? 'never' : `${end.retransmissions}${end.backOff === undefined ? '' : `, waits ${duration(end.backOff)}`}`],
    ['Suite', end.cipherSuite === undefined ? '–' : suiteName(end.cipherSuite)],
    ['Group', end.group ?? '–'],
    ['Sent', amount(end.datagramsSent, end.bytesSent)],
    ['Received', amount(end.datagramsReceived, end.bytesReceived)],
    ['Discarded', end.recordsDiscarded === 1 ? '1 record' : `${end.recordsDiscarded} records`],
  ]);
}

function amount(datagrams: number, bytes: number): string {
  return `${datagrams} in ${bytes} B`;
}
