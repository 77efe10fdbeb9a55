// The lab: two endpoints in the page over a simulated network, with buttons for what they can do and a clock of its own.

import type { Conditions } from '../js/trace.js';
import { byId, make, setText } from './dom.js';
import { duration, EMPTY, type End, extend, type Model } from './model.js';
import { type Action, CALM, SCENARIOS, type Scenario, type Setup } from './scenarios.js';
import type { Side, SimulationEvent } from './trace.js';
import type { Running } from './views/states.js';

/** Two connections, the network between them and their virtual clock, in milliseconds. */
export interface Simulation {
  now(): number;
  /** When the next thing happens by itself: a delivery or a timer. */
  next(): number | undefined;
  /** Goes there and lets it happen; false if there is nothing to come. */
  step(): boolean;
  /** Lets everything happen that is due until then, and sets the clock to it. */
  advance(to: number): void;
  setConditions(conditions: Conditions): void;
  send(side: Side, text: string): void;
  updateKeys(side: Side, asksPeer: boolean): void;
  close(side: Side): void;
  /** When the next timer of this side runs out, in milliseconds from now. */
  timer(side: Side): number | undefined;
  /** What has happened since the last call. */
  takeEvents(): SimulationEvent[];
  free(): void;
}

export type MakeSimulation = (options: { readonly seed: number; readonly conditions: Conditions; readonly setup: Setup }) => Simulation;

interface Dial {
  readonly name: keyof Conditions;
  readonly title: string;
  readonly max: number;
  readonly min: number;
  readonly step: number;
  readonly show: (value: number) => string;
}

const percent = (value: number) => `${Math.round(value * 100)} %`;
const milliseconds = (value: number) => `${value} ms`;

const DIALS: readonly Dial[] = [
  { name: 'loss', title: 'Loss', min: 0, max: 0.8, step: 0.01, show: percent },
  { name: 'delay', title: 'Delay', min: 0, max: 500, step: 1, show: milliseconds },
  { name: 'mtu', title: 'MTU', min: 256, max: 1500, step: 4, show: (value) => `${value} B` },
];
const MORE_DIALS: readonly Dial[] = [
  { name: 'jitter', title: 'Jitter', min: 0, max: 300, step: 1, show: milliseconds },
  { name: 'duplicate', title: 'Doubles', min: 0, max: 0.5, step: 0.01, show: percent },
  { name: 'reorder', title: 'Detours', min: 0, max: 0.5, step: 0.01, show: percent },
];

/** A wait that would last longer than this in front of the reader is shortened, in real milliseconds. */
const PATIENCE = 500;
/**
 * When nothing is under way and the next timer is further off than this, in virtual milliseconds, the clock rests: such
 * timers only tidy up, as where keys of an old epoch are wiped. `Step` still goes there.
 */
const REST = 5000;
/** `at once` and catching up stop after so long to let the page live: a frame at 60 Hz is 16 ms. */
const FRAME_BUDGET = 10;
/** A tab that was in the background does not catch up on the time it missed. */
const LONGEST_FRAME = 100;

export class Lab {
  readonly #make: MakeSimulation;
  readonly #changed: () => void;
  readonly #form = byId('lab', HTMLFormElement);
  readonly #seed = byId('lab-seed', HTMLInputElement);
  readonly #scenario = byId('lab-scenario', HTMLSelectElement);
  readonly #speed = byId('lab-speed', HTMLSelectElement);
  readonly #pause = byId('lab-run', HTMLButtonElement);
  readonly #said = byId('lab-said', HTMLElement);
  readonly #dials = new Map<keyof Conditions, { dial: Dial; input: HTMLInputElement; output: HTMLOutputElement }>();
  #simulation: Simulation | undefined;
  #conditions: Conditions = CALM;
  #events: SimulationEvent[] = [];
  #model = EMPTY;
  #title = '';
  #run = 0;
  #runs = true;
  #active = false;
  #frame: number | undefined;
  #before = 0;
  #afterwards: readonly Action[] = [];

  /** `changed` is called when there is something new to draw. */
  constructor(makeSimulation: MakeSimulation, changed: () => void) {
    this.#make = makeSimulation;
    this.#changed = changed;
    this.#scenario.append(...SCENARIOS.map(({ id, name }) => make('option', { value: id }, name)));
    byId('lab-sliders', HTMLElement).append(...DIALS.map((dial) => this.#dial(dial)));
    byId('lab-more-sliders', HTMLElement).append(...MORE_DIALS.map((dial) => this.#dial(dial)));
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) this.#speed.value = '0';
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    this.#form.addEventListener('click', (event) => this.#clicked(event));
    this.#form.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.target instanceof HTMLInputElement)) return;
      event.preventDefault();
      if (event.target === this.#seed) this.start();
      else event.target.closest('.row')?.querySelector<HTMLButtonElement>('button[name="send"]')?.click();
    });
    this.#scenario.addEventListener('change', () => this.choose(this.#scenario.value));
  }

  get events(): readonly SimulationEvent[] {
    return this.#events;
  }

  get model(): Model {
    return this.#model;
  }

  get run(): number {
    return this.#run;
  }

  get title(): string {
    return this.#title;
  }

  /** The virtual time, on the clock of the events. */
  get now(): number {
    return this.#simulation?.now() ?? 0;
  }

  get running(): Record<Side, Running> {
    return { client: { timer: this.#simulation?.timer('client') }, server: { timer: this.#simulation?.timer('server') } };
  }

  /** While the lab is not shown its clock stands. */
  activate(active: boolean): void {
    this.#active = active;
    if (active) this.#wake();
  }

  /** Sets everything to a scenario and begins it. */
  choose(id: string): void {
    const scenario = this.#scenarioOf(id);
    this.#scenario.value = scenario.id;
    this.#seed.value = String(scenario.seed);
    this.#conditions = scenario.conditions;
    for (const { dial, input, output } of this.#dials.values()) {
      input.value = String(scenario.conditions[dial.name]);
      setText(output, dial.show(scenario.conditions[dial.name]));
    }
    setText(byId('lab-about', HTMLElement), scenario.about);
    this.start();
  }

  /** A new client and a new server, with the seed that stands in the field. */
  start(): void {
    const scenario = this.#scenarioOf(this.#scenario.value);
    const seed = this.#seed.valueAsNumber;
    if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff) return this.#say('The seed is a whole number from 0 to 4294967295.');
    this.#say('');
    this.#simulation?.free();
    this.#simulation = undefined;
    this.#events = [];
    this.#model = EMPTY;
    this.#run += 1;
    this.#afterwards = scenario.afterwards;
    this.#title = `${scenario.name}, seed ${seed}`;
    try {
      this.#simulation = this.#make({ seed, conditions: this.#conditions, setup: scenario.setup });
    } catch (error) {
      this.#say(sentence(error));
    }
    this.#setRunning(true);
    this.#collect();
    this.#wake();
    return undefined;
  }

  #scenarioOf(id: string): Scenario {
    const [first] = SCENARIOS;
    const scenario = SCENARIOS.find((candidate) => candidate.id === id) ?? first;
    if (scenario === undefined) throw new RangeError('There is no scenario.');
    return scenario;
  }

  #dial(dial: Dial): HTMLElement {
    const { name, title, min, max, step, show } = dial;
    const input = make('input', { type: 'range', id: `lab-${name}`, min, max, step, value: CALM[name] });
    const output = make('output', { for: `lab-${name}` }, show(CALM[name]));
    input.addEventListener('input', () => {
      this.#conditions = { ...this.#conditions, [name]: input.valueAsNumber };
      setText(output, show(input.valueAsNumber));
      this.#attempt((simulation) => simulation.setConditions(this.#conditions));
    });
    this.#dials.set(name, { dial, input, output });
    return make('div', { class: 'slider' }, make('label', { for: `lab-${name}` }, title), input, output);
  }

  #clicked(event: Event): void {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    if (!button) return;
    switch (button.id) {
      case 'lab-new': return this.start();
      case 'lab-run': return this.#setRunning(!this.#runs);
      case 'lab-step': {
        this.#setRunning(false);
        return this.#attempt((simulation) => void simulation.step());
      }
      default: return this.#command(button);
    }
  }

  #command(button: HTMLButtonElement): void {
    const row = button.closest<HTMLElement>('[data-side]');
    const side: Side = row?.dataset['side'] === 'server' ? 'server' : 'client';
    const text = row?.querySelector('input')?.value ?? '';
    const action: Action = button.name === 'send' ? { side, does: 'send', text } : button.name === 'close' ? { side, does: 'close' } : { side, does: 'update', asks: button.name === 'update-both' };
    this.#attempt((simulation) => perform(simulation, action));
  }

  /** Does something with the simulation; what it refuses is said in its sentence. */
  #attempt(action: (simulation: Simulation) => void): void {
    if (this.#simulation === undefined) return;
    try {
      this.#say('');
      action(this.#simulation);
    } catch (error) {
      this.#say(sentence(error));
    }
    this.#collect();
    this.#wake();
  }

  #setRunning(runs: boolean): void {
    this.#runs = runs;
    setText(this.#pause, runs ? 'Pause' : 'Run');
    this.#pause.setAttribute('aria-pressed', String(runs));
    if (runs) this.#wake();
  }

  #wake(): void {
    if (this.#frame !== undefined || !this.#active || !this.#runs) return;
    this.#before = performance.now();
    this.#frame = requestAnimationFrame((now) => this.#tick(now));
  }

  #tick(now: number): void {
    this.#frame = undefined;
    const simulation = this.#simulation;
    if (simulation === undefined || !this.#active || !this.#runs) return;
    const passed = Math.min(LONGEST_FRAME, Math.max(0, now - this.#before));
    this.#before = now;
    const next = this.#due();
    if (next !== undefined) {
      const speed = Number(this.#speed.value);
      if (speed === 0) {
        const end = performance.now() + FRAME_BUDGET;
        while (performance.now() < end && this.#due() !== undefined && simulation.step()) this.#collect(false);
      } else {
        // A long wait passes faster, and slower again as its end comes near.
        const wait = next - simulation.now();
        simulation.advance(simulation.now() + passed * Math.max(speed, wait / PATIENCE));
      }
      this.#frame = requestAnimationFrame((later) => this.#tick(later));
    }
    this.#collect();
  }

  /** When the next thing happens that is worth running to. */
  #due(): number | undefined {
    const simulation = this.#simulation;
    const next = simulation?.next();
    if (simulation === undefined || next === undefined) return undefined;
    return this.#isQuiet() && next - simulation.now() > REST ? undefined : next;
  }

  /** Both ends are connected or gone, nothing is under way, and nobody waits to send again. */
  #isQuiet(): boolean {
    const { ends, datagrams } = this.#model;
    const isSettled = ({ complete, closed, backOff }: End) => (complete || closed) && backOff === undefined;
    return isSettled(ends.client) && isSettled(ends.server) && !datagrams.some(({ fate, arrivals, due }) => fate !== 'lost' && arrivals.length < (due?.length ?? 0));
  }

  /** Takes what has happened into the model, and does what the scenario has for connected ends. */
  #collect(draw = true): void {
    const simulation = this.#simulation;
    const events = simulation?.takeEvents() ?? [];
    if (events.length > 0) {
      this.#events.push(...events);
      this.#model = extend(this.#model, events);
    }
    if (simulation && this.#afterwards.length > 0 && this.#isQuiet()) {
      const actions = this.#afterwards;
      this.#afterwards = [];
      for (const action of actions) this.#attempt((running) => perform(running, action));
    }
    if (draw) {
      this.#showClock();
      this.#changed();
    }
  }

  #showClock(): void {
    const simulation = this.#simulation;
    if (simulation === undefined) return;
    const now = simulation.now();
    setText(byId('lab-clock', HTMLElement), duration(Math.round((now - this.#model.begin) * 10) / 10));
    const next = simulation.next();
    setText(byId('lab-next', HTMLElement), next === undefined ? 'nothing is due' : `${this.#due() === undefined ? 'at rest, ' : ''}next in ${duration(Math.max(0, Math.round((next - now) * 10) / 10))}`);
  }

  #say(text: string): void {
    setText(this.#said, text);
  }
}

function perform(simulation: Simulation, action: Action): void {
  switch (action.does) {
    case 'send': return simulation.send(action.side, action.text);
    case 'update': return simulation.updateKeys(action.side, action.asks);
    case 'close': return simulation.close(action.side);
  }
}

export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
