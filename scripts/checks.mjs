// The steps of `npm test`: each names the command and how its closing lines are counted.

import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from './build.mjs';
import { closingCounts, passed, rustCounts, nodeCounts, together } from './counts.mjs';
import { browserPaths } from './setup.mjs';
import { attempt, filesUnder, Problem, ROOT } from './steps.mjs';

const FEATURES = 'inspect,sim,all-algorithms,certificate-compression';
const WASM_TEST_FEATURES = 'wasm,inspect,sim';

/**
 * In the order they run: what is quick and finds most comes first. `quick` steps belong to `npm run test:quick`; one that
 * `needs` another is run after it, and fails with it.
 */
export const STEPS = [
  { name: 'format', title: 'cargo fmt --check', quick: true, run: format },
  { name: 'lint', title: 'oxlint', quick: true, run: () => command('oxlint', ['--deny-warnings']) },
  { name: 'citations', title: 'rules of RFC 9147, cited at code and tests', quick: true, run: () => counted(process.execPath, ['scripts/citations.mjs'], closingCounts) },
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
  { name: 'bogo', title: 'BoringSSL\'s conformance runner', run: bogo },
  { name: 'interop', title: 'real peers over UDP', needs: 'build', run: interop },
];

/** The crate, and the crates beside it that have their own lockfiles. */
async function format() {
  const manifests = ['.', 'xtask', 'fuzz', 'bogo', ...folders('interop').map((name) => `interop/${name}`)]
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
  const args = ['--test', '--test-reporter=spec', ...files.map((file) => `node-tests/${file}`)];
  return counted(process.execPath, args, nodeCounts, { env: { CHROMIUM: chromium } });
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

/** Builds the runner from the registries, and runs it against the shim in bogo/. */
function bogo() {
  return counted(process.execPath, ['scripts/bogo.mjs'], closingCounts);
}

async function interop() {
  const setup = await command(process.execPath, ['interop/setup.mjs']);
  if (setup.failed > 0) return setup;
  return counted(process.execPath, ['interop/run.mjs'], closingCounts);
}

/** Shown is what the programs print while they run. */
let verbose = false;

export function showEverything() {
  verbose = true;
}

/** A program that either succeeds or fails: one check. */
async function command(program, args, options = {}) {
  const { code, output } = await attempt(program, args, { ...options, show: verbose });
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, ignored: 0, output };
}

/** A test runner: its closing lines say how many passed. None at all, or a non-zero exit code, is a failure. */
async function counted(program, args, count, options = {}) {
  const { code, output } = await attempt(program, args, { ...options, show: verbose });
  const result = { ...count(output), output };
  if (result.failed === 0 && (code !== 0 || result.passed === 0)) result.failed = 1;
  return result;
}
