// `npm test`: everything. `npm run test:quick`: the minute-long part.
//
//   npm test -- --only cargo,node    only these steps (what they need is built first)
//   npm test -- --skip interop       all but these
//   npm test -- --list               their names
//   npm test -- --verbose            shows what the programs print while they run
//
// Each step names the command and how its closing lines are counted. A step that fails does not stop the others, unless
// they need what it makes.

import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { browserPaths, setUp, setUpTests } from './setup.mjs';
import { attempt, filesUnder, main, Problem, ROOT, seconds, tailOf } from './steps.mjs';

const FEATURES = 'inspect,sim';
const WASM_TEST_FEATURES = 'wasm,inspect,sim';

/** In the order they run: what is quick and finds most comes first. */
const STEPS = [
  { name: 'format', title: 'cargo fmt --check', quick: true, run: format },
  { name: 'lint', title: 'oxlint', quick: true, run: () => command('oxlint', ['--deny-warnings']) },
  { name: 'cargo', title: 'cargo test', quick: true, run: () => cargoTest() },
  { name: 'clippy', title: 'clippy, native and wasm, warnings denied', quick: true, run: clippy },
  { name: 'build', title: 'build the package and the page', quick: true, run: buildAll },
  { name: 'types', title: 'tsc over everything', quick: true, run: () => command('tsc', ['-p', 'tsconfig.json']) },
  { name: 'node', title: 'the built package in Node', quick: true, needs: 'build', run: () => nodeTests((file) => !/^(page|packaging)/.test(file)) },
  { name: 'page', title: 'the page in Chromium', needs: 'build', run: () => nodeTests((file) => file.startsWith('page')) },
  { name: 'packaging', title: 'the package in small projects', needs: 'build', run: () => nodeTests((file) => file.startsWith('packaging')) },
  { name: 'wasm-node', title: 'wasm-bindgen-test in Node', run: () => wasmTest(['--node']) },
  { name: 'wasm-chromium', title: 'wasm-bindgen-test in headless Chromium', run: wasmInChromium },
  { name: 'rustdoc', title: 'rustdoc, warnings denied', run: rustdoc },
  { name: 'interop', title: 'real peers over UDP', needs: 'build', run: interop },
];

/** The crate, and the crates beside it that have their own lockfiles. */
async function format() {
  const manifests = ['.', 'xtask', 'fuzz', ...folders('interop').map((name) => `interop/${name}`)]
    .map((folder) => join(folder, 'Cargo.toml')).filter((manifest) => existsSync(join(ROOT, manifest)));
  const results = [];
  for (const manifest of manifests) results.push(await command('cargo', ['fmt', '--check', '--manifest-path', manifest, '--', '--color=never']));
  return together(...results);
}

function folders(path) {
  const entries = existsSync(join(ROOT, path)) ? readdirSync(join(ROOT, path), { withFileTypes: true }) : [];
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort();
}

/** The library under all its lints; tests, benches and examples may unwrap, index and panic: there a panic is an answer. */
async function clippy() {
  const mayPanic = ['unwrap_used', 'expect_used', 'panic', 'indexing_slicing', 'string_slice', 'unreachable'].flatMap((lint) => ['-A', `clippy::${lint}`]);
  const check = (args, ...lints) => command('cargo', ['clippy', '--locked', ...args, '--', '-D', 'warnings', ...lints]);
  return together(
    await check(['--lib', '--all-features']),
    await check(['--lib', '--no-default-features']),
    await check(['--lib', '--features', WASM_TEST_FEATURES, '--target', 'wasm32-unknown-unknown']),
    await check(['--all-targets', '--all-features'], ...mayPanic),
  );
}

async function cargoTest() {
  return counted('cargo', ['test', '--locked', '--features', FEATURES, '--no-fail-fast'], rustCounts);
}

async function buildAll() {
  await build();
  return passed(1);
}

function rustdoc() {
  return command('cargo', ['doc', '--locked', '--no-deps', '--all-features'], { env: { RUSTDOCFLAGS: '-D warnings' } });
}

function nodeTests(wanted) {
  const files = readdirSync(join(ROOT, 'node-tests')).filter((file) => file.endsWith('.test.mjs') && wanted(file)).sort();
  if (files.length === 0) throw new Problem('No test file in node-tests/ belongs to this step.');
  const { chromium } = browserPaths();
  const args = ['--test', '--test-reporter=tap', ...files.map((file) => `node-tests/${file}`)];
  return counted(process.execPath, args, tapCounts, { env: { CHROMIUM: chromium } });
}

/** The files tests/wasm_*.rs, which name no place to run in, so that the same tests run in Node and in a browser. */
function wasmTest(where, env = {}) {
  const files = filesUnder(['tests']).map((file) => relative(join(ROOT, 'tests'), file)).filter((file) => /^wasm_\w+\.rs$/.test(file));
  if (files.length === 0) throw new Problem('There is no tests/wasm_*.rs.');
  const targets = files.flatMap((file) => ['--test', file.replace('.rs', '')]);
  return counted('wasm-pack', ['test', ...where, '--mode', 'no-install', '.', '--locked', '--features', WASM_TEST_FEATURES, ...targets], rustCounts, { env });
}

function wasmInChromium() {
  const { chromedriver } = browserPaths();
  return wasmTest(['--headless', '--chrome', '--chromedriver', chromedriver], { WASM_BINDGEN_USE_BROWSER: '1', WASM_BINDGEN_TEST_TIMEOUT: '120' });
}

async function interop() {
  const setup = await command(process.execPath, ['interop/setup.mjs']);
  if (setup.failed > 0) return setup;
  return counted(process.execPath, ['interop/run.mjs'], closingCounts);
}

const passed = (count) => ({ passed: count, failed: 0, ignored: 0 });
const together = (...results) => results.reduce((a, b) => ({
  passed: a.passed + b.passed, failed: a.failed + b.failed, ignored: a.ignored + b.ignored, output: [a.output, b.output].filter(Boolean).join('\n'),
}), { ...passed(0), output: '' });

let current = '';
let verbose = false;

/** A program that either succeeds or fails: one check. */
async function command(program, args, options = {}) {
  const { code, output } = await attempt(program, args, { ...options, show: verbose });
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, ignored: 0, output };
}

/** A test runner: its closing lines say how many passed. None at all, or a non-zero exit code, is a failure. */
async function counted(program, args, count, options = {}) {
  const { code, output } = await attempt(program, args, { ...options, show: verbose, log: current });
  const result = { ...count(output), output };
  if (result.failed === 0 && (code !== 0 || result.passed === 0)) result.failed = 1;
  return result;
}

/** `test result: ok. 12 passed; 0 failed; 1 ignored; …`, once for every binary. */
function rustCounts(output) {
  return sum(output, /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm);
}

/** `# pass 12`, `# fail 0`, `# skipped 1` and `# todo 0` of node's TAP reporter. */
function tapCounts(output) {
  const number = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
  return { passed: number('pass'), failed: number('fail') + number('cancelled'), ignored: number('skipped') + number('todo') };
}

/** The last `12 passed, 0 failed` of a runner of ours, with `, 1 skipped` where it has it. */
function closingCounts(output) {
  const last = [...output.matchAll(/^.*?(\d+) passed, (\d+) failed(?:, (\d+) (?:skipped|ignored))?/gm)].at(-1);
  return last ? { passed: Number(last[1]), failed: Number(last[2]), ignored: Number(last[3] ?? 0) } : passed(0);
}

function sum(output, pattern) {
  return [...output.matchAll(pattern)].reduce((total, [, ok, bad, not]) => ({
    passed: total.passed + Number(ok), failed: total.failed + Number(bad), ignored: total.ignored + Number(not),
  }), passed(0));
}

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
  verbose = values.verbose ?? false;
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
  current = step.name;
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
  if (result.failed > 0) {
    broken.add(step.name);
    console.log(tailOf(result.output ?? ''));
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
