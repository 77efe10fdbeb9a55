// The package's simulation, in the shape that the lab uses: what cannot be done is said in a sentence.

import { Simulation } from '../js/trace.js';
import type { MakeSimulation } from './lab.js';

export const simulate: MakeSimulation = ({ seed, conditions, setup }) => {
  const simulation = new Simulation({ seed, conditions, ...setup, maxDatagramSize: conditions.mtu });
  const orSay = (done: boolean, what: string) => {
    if (!done) throw new Error(what);
  };
  return {
    now: () => simulation.now,
    next: () => simulation.nextTime(),
    step: () => simulation.advance(),
    advance: (to) => simulation.step(to),
    setConditions: (changed) => simulation.setConditions(changed),
    send: (side, text) => orSay(simulation.send(side, new TextEncoder().encode(text)), refusal(simulation, side, 'send')),
    updateKeys: (side, asksPeer) => orSay(simulation.updateKeys(side, asksPeer), refusal(simulation, side, 'update its keys')),
    close: (side) => simulation.close(side),
    timer: (side) => {
      const due = simulation.timeout(side);
      return due === undefined ? undefined : Math.max(0, due - simulation.now);
    },
    takeEvents: () => simulation.events(),
    free: () => simulation.free(),
  };
};

function refusal(simulation: Simulation, side: 'client' | 'server', what: string): string {
  const state = simulation.state(side);
  const why = { connecting: 'is not connected yet', connected: 'still waits for the ACK of what it sent before', closing: 'is closing', closed: 'is closed', failed: 'has failed' }[state];
  return `The ${side} cannot ${what}: it ${why}.`;
}
