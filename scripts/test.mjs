// `npm test`: everything. `npm run test:quick`: the minute-long part.
//
//   npm test -- --only cargo,node    only these steps (what they need is built first)
//   npm test -- --skip interop       all but these
//   npm test -- --list               their names
//   npm test -- --verbose            shows what the programs print while they run
//
// A step that fails does not stop the others, unless they need what it makes.

import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { showEverything, STEPS } from './checks.mjs';
import { together } from './counts.mjs';
import { setUp, setUpTests } from './setup.mjs';
import { main, Problem, ROOT, seconds, tailOf, writeLog } from './steps.mjs';

function chosen() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' }, skip: { type: 'string' }, quick: { type: 'boolean' },
      list: { type: 'boolean' }, verbose: { type: 'boolean' }, help: { type: 'boolean' },
    },
  });
  if (values.help || values.list) {
    if (values.help) console.log('npm test -- [--only a,b] [--skip a,b] [--quick] [--list] [--verbose]\n');
    for (const { name, title, quick } of STEPS) console.log(`${name.padEnd(14)} ${title}${quick ? ' (quick)' : ''}`);
    return undefined;
  }
  if (values.verbose) showEverything();
  const names = (text) => text?.split(',').map((name) => name.trim()).filter(Boolean) ?? [];
  const unknown = [...names(values.only), ...names(values.skip)].filter((name) => !STEPS.some((step) => step.name === name));
  if (unknown.length > 0) throw new Problem(`There is no step ${unknown.join(', ')}. The steps are ${STEPS.map((step) => step.name).join(', ')}.`);
  const only = new Set(names(values.only));
  const skip = new Set(names(values.skip));
  const wanted = STEPS.filter((step) => (only.size > 0 ? only.has(step.name) : !values.quick || step.quick) && !skip.has(step.name));
  const needs = new Set(wanted.map((step) => step.needs));
  return STEPS.filter((step) => wanted.includes(step) || needs.has(step.name));
}

async function runStep(step, broken) {
  const begun = performance.now();
  let result;
  if (broken.has(step.needs)) {
    result = { passed: 0, failed: 1, ignored: 0, output: `Not run, because the step ${step.needs} failed.` };
  } else {
    try {
      result = await step.run();
    } catch (error) {
      result = { passed: 0, failed: 1, ignored: 0, output: error instanceof Problem ? error.message : String(error.stack) };
    }
  }
  const log = writeLog(step.name, result.output ?? '');
  if (result.failed > 0) {
    broken.add(step.name);
    console.log(`${tailOf(result.output ?? '')}\n  all of it: ${relative(ROOT, log)}`);
  }
  const took = performance.now() - begun;
  console.log(`  ${result.failed > 0 ? 'FAILED' : 'ok'}: ${counts(result)}, ${seconds(took)}`);
  return { ...result, step, took };
}

function counts({ passed, failed, ignored }) {
  return `${passed} passed, ${failed} failed${ignored > 0 ? `, ${ignored} ignored` : ''}`;
}

function summary(results, begun) {
  console.log(`\n${'step'.padEnd(14)} ${'result'.padEnd(7)} ${'passed'.padStart(7)} ${'failed'.padStart(7)} ${'ignored'.padStart(7)} ${'time'.padStart(12)}`);
  for (const { step, passed, failed, ignored, took } of results) {
    const cells = [passed, failed, ignored].map((count) => String(count).padStart(7)).join(' ');
    console.log(`${step.name.padEnd(14)} ${(failed > 0 ? 'FAILED' : 'ok').padEnd(7)} ${cells} ${seconds(took).padStart(12)}`);
  }
  const total = together(...results);
  const failures = results.filter(({ failed }) => failed > 0).map(({ step }) => step.name);
  console.log(`\nin ${seconds(performance.now() - begun)}${failures.length > 0 ? `; failed: ${failures.join(', ')}` : ''}`);
  console.log(counts(total));
  return total.failed === 0;
}

await main(async () => {
  const steps = chosen();
  if (!steps) return;
  const begun = performance.now();
  await setUp();
  await setUpTests();
  const results = [];
  const broken = new Set();
  for (const [index, step] of steps.entries()) {
    console.log(`\n[${index + 1}/${steps.length}] ${step.name}: ${step.title}`);
    results.push(await runStep(step, broken));
  }
  if (!summary(results, begun)) process.exitCode = 1;
});
