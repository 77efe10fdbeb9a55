// The page's beginning: loads the core, and shows lab, live or a trace on the one board.

import { init } from '../js/core.js';
import { dissectContent, dissectDatagram, dissectMessage } from '../js/trace.js';
import { Board, type Source } from './board.js';
import { assign, byId, save, setText } from './dom.js';
import { Lab, sentence } from './lab.js';
import { Live } from './live.js';
import { EMPTY, extend, type Model } from './model.js';
import { simulate } from './simulation.js';
import { readTrace, type SimulationEvent, writeTrace } from './trace.js';

const MODES = ['lab', 'live', 'trace'] as const;
type Mode = (typeof MODES)[number];

/** What a mode shows, and what it would save. */
interface Shown extends Source {
  readonly title: string;
  readonly events: readonly SimulationEvent[];
}

/** A trace from a file. */
class Opened implements Shown {
  readonly running = {};
  readonly events: readonly SimulationEvent[];
  readonly title: string;
  readonly model: Model;
  readonly run: number;

  constructor(title: string, events: readonly SimulationEvent[], run: number) {
    this.title = title;
    this.events = events;
    this.model = extend(EMPTY, events);
    this.run = run;
  }

  get now(): number {
    return this.model.end;
  }
}

function start(): void {
  const board = new Board({ datagram: dissectDatagram, content: dissectContent, message: dissectMessage });
  let mode: Mode | undefined;
  let opened = new Opened('', [], 0);
  const lab = new Lab(simulate, () => changed('lab'));
  const live = new Live(() => changed('live'));
  const shown = (): Shown => (mode === 'live' ? live : mode === 'trace' ? opened : lab);
  const draw = () => board.show(shown());

  function changed(of: Mode): void {
    if (mode === of) draw();
  }

  function turnTo(next: Mode): void {
    mode = next;
    document.body.dataset['mode'] = next;
    for (const id of MODES) byId(id, HTMLElement).hidden = id !== next;
    for (const link of document.querySelectorAll<HTMLElement>('.modes a')) assign(link, { 'aria-current': link.dataset['mode'] === next ? 'page' : undefined });
    lab.activate(next === 'lab');
    if (next === 'live') live.prepare().catch((error: unknown) => problem(sentence(error)));
    draw();
  }

  async function open(file: File | undefined): Promise<void> {
    if (file === undefined) return;
    try {
      const trace = readTrace(await file.text());
      opened = new Opened(trace.title || file.name, trace.events, opened.run + 1);
      problem('');
      setText(byId('trace-about', HTMLElement), `${opened.title}: ${opened.events.length} events, ${opened.model.datagrams.length} datagrams, from ${file.name}.`);
      byId('trace-mode', HTMLElement).hidden = false;
      location.hash = 'trace';
      turnTo('trace');
    } catch (error) {
      problem(`${file.name} is no trace that this page can read. ${sentence(error)}`);
    }
  }

  const fromHash = (): Mode => {
    const wanted = MODES.find((candidate) => `#${candidate}` === location.hash) ?? 'lab';
    return wanted === 'trace' && opened.run === 0 ? 'lab' : wanted;
  };
  addEventListener('hashchange', () => {
    // Other fragments, such as that of the skip link, are places on the page.
    if (MODES.some((candidate) => `#${candidate}` === location.hash) && fromHash() !== mode) turnTo(fromHash());
  });

  const picker = byId('trace-file', HTMLInputElement);
  byId('open-trace', HTMLButtonElement).addEventListener('click', () => picker.click());
  picker.addEventListener('change', () => {
    void open(picker.files?.[0]);
    picker.value = '';
  });
  document.body.addEventListener('dragover', (event) => event.preventDefault());
  document.body.addEventListener('drop', (event) => {
    event.preventDefault();
    void open(event.dataTransfer?.files[0]);
  });
  byId('save-trace', HTMLButtonElement).addEventListener('click', () => {
    const { title, events } = shown();
    save('dtls-trace.jsonl', 'application/jsonl', writeTrace({ title, events }));
  });

  turnTo(fromHash());
  lab.choose('handshake');
  // From here on every button does what it says; the tests hold the time against two seconds.
  performance.mark('interactive');
}

function problem(text: string): void {
  const element = byId('problem', HTMLElement);
  element.hidden = text === '';
  setText(element, text);
}

init().then(start, (error: unknown) => problem(`The WebAssembly module could not be loaded. ${sentence(error)}`));
