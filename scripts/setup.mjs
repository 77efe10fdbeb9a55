// Puts in place what the build and the tests need, whatever of it is missing: the wasm target, the project's own build
// tools in .tools/bin, the npm packages, and for the tests Chromium with its driver.
//
//   node scripts/setup.mjs           for npm start and npm run build
//   node scripts/setup.mjs --tests   also for npm test

import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask, attempt, digest, EXE, main, Problem, ROOT, run, step, TOOLS, unlessFresh } from './steps.mjs';

const WASM_TARGET = 'wasm32-unknown-unknown';

/** Everything that `npm run build` and `npm start` need. */
export async function setUp() {
  await checkNode();
  await checkLinker();
  await checkRust();
  await npmPackages();
  await wasmTools();
}

/** Everything that `npm test` needs beyond that. */
export async function setUpTests() {
  await rustComponents();
  await browser();
}

async function checkNode() {
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).engines.node.replace('>=', '');
  if (!atLeast(process.versions.node, wanted)) {
    throw new Problem(`This needs Node ${wanted} or newer; this is Node ${process.versions.node}. See https://nodejs.org/.`);
  }
}

async function checkRust() {
  const cargo = await ask('cargo', ['--version']);
  const rustup = await ask('rustup', ['--version']);
  if (!rustup) throw new Problem('rustup was not found. Install Rust with it from https://rustup.rs/ and open a new terminal.');
  if (!cargo) {
    // rust-toolchain.toml names the stable toolchain, and rustup may have been told not to install by itself.
    await step('install the stable Rust toolchain', () =>
      run('rustup', ['toolchain', 'install', 'stable', '--profile', 'minimal', '--target', WASM_TARGET]));
  }
  const wanted = /^rust-version = "([\d.]+)"/m.exec(readFileSync(join(ROOT, 'Cargo.toml'), 'utf8'))?.[1] ?? '1.89';
  const version = (await ask('rustc', ['--version']))?.split(' ')[1];
  if (!version) throw new Problem('`rustc --version` failed. `rustup toolchain install stable` usually mends that.');
  if (!atLeast(version, wanted)) throw new Problem(`This needs Rust ${wanted} or newer; this is Rust ${version}. Run \`rustup update stable\`.`);
  const targets = (await ask('rustup', ['target', 'list', '--installed'])) ?? '';
  if (!targets.split('\n').includes(WASM_TARGET)) {
    await step(`add the Rust target ${WASM_TARGET}`, () => run('rustup', ['target', 'add', WASM_TARGET]));
  }
}

/** rustc links native programs with the system's C compiler driver; rustup does not bring one. */
async function checkLinker() {
  if (process.platform === 'win32' || (await ask('cc', ['--version']))) return;
  await installPackages('a C compiler and linker', ['gcc', 'libc6-dev'], 'Install a C compiler (`cc`): Rust links with it.');
}

async function rustComponents() {
  const installed = (await ask('rustup', ['component', 'list', '--installed'])) ?? '';
  const missing = ['rustfmt', 'clippy'].filter((name) => !installed.includes(name));
  if (missing.length > 0) await step(`add ${missing.join(' and ')}`, () => run('rustup', ['component', 'add', ...missing]));
}

async function npmPackages() {
  await unlessFresh('npm ci: TypeScript, wasm-opt, test tools', 'node_modules/.dtls-wasm-stamp', digest(['package-lock.json']), [], () =>
    run(process.platform === 'win32' ? 'npm.cmd' : 'npm', ['ci', '--no-audit', '--no-fund']));
}

/** wasm-pack, wasm-bindgen and its test runner are one program under three names: see xtask/src/main.rs. */
async function wasmTools() {
  const names = ['wasm-pack', 'wasm-bindgen', 'wasm-bindgen-test-runner'];
  const stamp = digest(['xtask/Cargo.toml', 'xtask/Cargo.lock', 'xtask/src']);
  await unlessFresh('build wasm-pack and wasm-bindgen (once, about two minutes)', '.tools/stamp', stamp, names.map((name) => `.tools/bin/${name}${EXE}`), async () => {
    const target = join(ROOT, 'xtask', 'target');
    await run('cargo', ['build', '--locked', '--manifest-path', 'xtask/Cargo.toml'], { env: { CARGO_TARGET_DIR: target } });
    mkdirSync(TOOLS, { recursive: true });
    for (const name of names) {
      // Renamed into place, so that a copy that runs at this moment is replaced and not written over.
      const path = join(TOOLS, `${name}${EXE}`);
      copyFileSync(join(target, 'debug', `xtask${EXE}`), `${path}.new`);
      chmodSync(`${path}.new`, 0o755);
      renameSync(`${path}.new`, path);
    }
  });
}

/** Where the browser and its driver are; the tests that need them read these. */
export function browserPaths() {
  const { binary } = JSON.parse(readFileSync(join(ROOT, 'webdriver.json'), 'utf8'))['goog:chromeOptions'];
  return { chromium: process.env.CHROMIUM ?? binary, chromedriver: process.env.CHROMEDRIVER ?? '/usr/bin/chromedriver' };
}

async function browser() {
  const { chromium, chromedriver } = browserPaths();
  if (existsSync(chromium) && existsSync(chromedriver)) return;
  await installPackages('Chromium and its driver', ['chromium', 'chromium-driver'],
    `Chromium (${chromium}) or chromedriver (${chromedriver}) is missing. Install both, name them in the environment variables `
    + 'CHROMIUM and CHROMEDRIVER, and put the browser\'s path into webdriver.json.');
  if (!existsSync(chromium) || !existsSync(chromedriver)) {
    throw new Problem(`apt-get installed Chromium, but not as ${chromium} with ${chromedriver}. Set CHROMIUM and CHROMEDRIVER.`);
  }
}

/** Debian packages, as root or through sudo; on other systems the sentence says what is needed. */
export async function installPackages(what, names, sentence) {
  if (!(await ask('apt-get', ['--version']))) throw new Problem(sentence);
  const root = process.getuid?.() === 0;
  if (!root && !(await ask('sudo', ['-n', 'true']))) {
    throw new Problem(`${sentence} On Debian: \`sudo apt-get install ${names.join(' ')}\`.`);
  }
  const quietly = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
  const [command, ...prefix] = root ? quietly : ['sudo', '-n', ...quietly];
  await step(`install ${what} (${names.join(', ')}) with apt-get`, async () => {
    // A failed update is no reason to stop: the lists that are there may suffice, and the install says what it lacks.
    await attempt(command, [...prefix, 'update']);
    await run(command, [...prefix, '-o', 'DPkg::Lock::Timeout=550', 'install', '-y', '--no-install-recommends', ...names]);
  });
}

function atLeast(version, wanted) {
  const [a, b] = [version, wanted].map((text) => text.split('.').map((part) => Number.parseInt(part, 10) || 0));
  for (let i = 0; i < 3; i += 1) {
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  }
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    await setUp();
    if (process.argv.includes('--tests')) await setUpTests();
    console.log('Everything is in place.');
  });
}
