// Runs real peers against each other over UDP on loopback: every feature, every peer, both roles.
//
//   node interop/run.mjs                         this project's peer against all others and itself
//   node interop/run.mjs --peer boring,wolfssl   only against these (`ours`: itself; `package`: the npm package in Node)
//   node interop/run.mjs --feature 'key update'  only features whose name contains this
//   node interop/run.mjs --vectors               only the decryptor, on recorded traces
//   node interop/run.mjs --others                the other peers among themselves: a check of the table itself
//   node interop/run.mjs --list                  the cells, without running them
//
// Each cell leaves what was said and sent in interop/target/runs/.

import { relative } from 'node:path';
import { parseArgs } from 'node:util';

import { main, Problem, ROOT, seconds } from '../scripts/steps.mjs';
import { cellName, runCell } from './cell.mjs';
import { FEATURES } from './features.mjs';
import { isBuilt, OTHERS, OURS, PACKAGE } from './peers.mjs';
import { judgeVector, vectors } from './vectors.mjs';

/** Two processes and a relay run in a cell, and wait for each other's timers most of the time. */
const AT_ONCE = 4;

/** @typedef {import('./cell.mjs').Cell} Cell @typedef {import('./peers.mjs').Stack} Stack */

/** @param {Stack[]} stacks @returns {[Stack, Stack][]} */
const everyPair = (stacks) => stacks.flatMap((client) => stacks.map((server) => /** @type {[Stack, Stack]} */ ([client, server])));

/**
 * Ours against all others and itself, and the package, which is the same core in wasm, against the first of the others.
 *
 * @param {(stack: Stack) => boolean} wanted @returns {[Stack, Stack][]}
 */
function ourPairs(wanted) {
  const [first] = OTHERS;
  const opposite = [...OTHERS.map((other) => [OURS, other]), [OURS, OURS], [PACKAGE, first]];
  return opposite.filter(([own, other]) => wanted(own === PACKAGE ? own : other)).flatMap(([own, other]) => /** @type {[Stack, Stack][]} */ (own === other ? [[own, other]] : [[own, other], [other, own]]));
}

/** @returns {{ cells: Cell[], list: boolean }} */
function chosen() {
  const { values } = parseArgs({
    options: { peer: { type: 'string' }, feature: { type: 'string' }, others: { type: 'boolean' }, vectors: { type: 'boolean' }, list: { type: 'boolean' } },
  });
  const known = [OURS, PACKAGE, ...OTHERS];
  const names = values.peer?.split(',') ?? known.map(({ name }) => name);
  const unknown = names.filter((name) => !known.some((stack) => stack.name === name));
  if (unknown.length > 0) throw new Problem(`There is no peer ${unknown.join(', ')}. The peers are ${known.map(({ name }) => name).join(', ')}.`);
  const wanted = (/** @type {Stack} */ { name }) => names.includes(name);
  const pairs = values.others === true ? everyPair(OTHERS.filter(wanted)) : ourPairs(wanted);
  const features = FEATURES.filter(({ name }) => name.includes(values.feature ?? ''));
  const cells = features.flatMap((feature) => pairs.filter(([client, server]) => feature.fits(client, server))
    .map(([client, server]) => ({ feature, client, server })));
  if (cells.length === 0) throw new Problem('No cell of the table is left by these filters.');
  return { cells: values.vectors === true ? [] : cells, list: values.list === true };
}

/** The judge is judged first. @returns {{ count: number, failed: string[] }} */
function checkDecryptor() {
  const all = vectors();
  const failed = all.flatMap((vector) => {
    const sentence = judgeVector(vector);
    console.log(`${sentence === undefined ? 'ok    ' : 'FAILED'} decryptor on ${vector.name}`);
    if (sentence !== undefined) console.log(`         ${sentence}`);
    return sentence === undefined ? [] : [vector.name];
  });
  return { count: all.length, failed };
}

/** @param {Cell[]} cells */
function checkBuilt(cells) {
  const missing = new Set(cells.flatMap(({ client, server }) => [client, server]).filter((stack) => !isBuilt(stack)).map(({ name }) => name));
  if (missing.size > 0) throw new Problem(`Not built: ${[...missing].join(', ')}. Run \`node interop/setup.mjs\` and, for the package, \`npm run build\` first.`);
}

/** @param {Cell[]} cells @returns {Promise<string[]>} the names of those that failed */
async function runAll(cells) {
  /** @type {string[]} */
  const failed = [];
  const waiting = [...cells];
  const worker = async () => {
    for (let cell = waiting.shift(); cell !== undefined; cell = waiting.shift()) {
      const { sentences, folder, milliseconds } = await runCell(cell);
      console.log(`${sentences.length === 0 ? 'ok    ' : 'FAILED'} ${cellName(cell)} (${seconds(milliseconds)})`);
      for (const sentence of sentences) console.log(`         ${sentence}`);
      if (sentences.length > 0) {
        console.log(`         see ${relative(ROOT, folder)}`);
        failed.push(cellName(cell));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return failed;
}

await main(async () => {
  const { cells, list } = chosen();
  if (list) {
    for (const cell of cells) console.log(cellName(cell));
    return;
  }
  checkBuilt(cells);
  const decryptor = checkDecryptor();
  const failed = [...decryptor.failed, ...await runAll(cells)];
  if (failed.length > 0) process.exitCode = 1;
  console.log(`\n${decryptor.count + cells.length - failed.length} passed, ${failed.length} failed`);
});
