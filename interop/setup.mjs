// Puts in place what interop/run.mjs needs: the tools that build the peers, the peers, and test certificates.
//
//   node interop/setup.mjs
//
// The first run compiles BoringSSL and wolfSSL, which takes a few minutes; later runs find both built.

import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { installPackages } from '../scripts/setup.mjs';
import { ask, digest, main, Problem, ROOT, run, step, unlessFresh } from '../scripts/steps.mjs';
import { makeCertificates } from './certificates.mjs';

/** Programs that the builds call, and the Debian packages that bring them. */
const TOOLS = new Map([
  ['cmake', 'cmake'],
  ['clang', 'clang'],
  ['c++', 'g++'],
  ['autoconf', 'autoconf'],
  ['automake', 'automake'],
  ['libtoolize', 'libtool'],
  ['make', 'make'],
  ['patch', 'patch'],
  ['openssl', 'openssl'],
]);
const LIBCLANG = 'libclang-dev';
const LIBCLANG_FOLDERS = ['/usr/lib', '/usr/lib64', '/usr/local/lib', '/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'];

/** The peers; `system` names the crate whose build script does not notice when its settings change. */
const PEERS = [
  { name: 'peer-boring', what: 'BoringSSL (once, about three minutes)' },
  { name: 'peer-wolfssl', what: 'wolfSSL (once, about two minutes)', system: 'wolfssl-sys' },
  { name: 'peer-dimpl', what: 'dimpl' },
  { name: 'peer-ours', what: 'the peer of this project' },
];

async function tools() {
  const missing = [];
  for (const [program, name] of TOOLS) {
    // Not every one of them knows `--version`; finding the program is enough.
    if ((await ask('sh', ['-c', `command -v ${program}`])) === undefined) missing.push(name);
  }
  if (!hasLibclang()) missing.push(LIBCLANG);
  if (missing.length === 0) return;
  await installPackages('what the interoperability peers are built with', missing,
    `The interoperability peers need these programs to build: ${missing.join(', ')}.`);
}

/** bindgen loads libclang when it runs, so its absence shows only in the middle of a build. */
function hasLibclang() {
  if (process.env.LIBCLANG_PATH !== undefined) return true;
  const llvm = existsSync('/usr/lib') ? readdirSync('/usr/lib').filter((name) => name.startsWith('llvm')).map((name) => `/usr/lib/${name}/lib`) : [];
  return [...LIBCLANG_FOLDERS, ...llvm].some((folder) => existsSync(folder) && readdirSync(folder).some((name) => /^libclang(-\d+)?\.so/.test(name)));
}

/** @param {{ name: string, what: string, system?: string }} peer */
async function buildPeer({ name, what, system }) {
  const folder = join(ROOT, 'interop', name);
  if (system !== undefined) {
    const settings = digest([`interop/${name}/.cargo`, `interop/${name}/Cargo.lock`]);
    const stamp = join(folder, 'target', 'settings');
    const changed = existsSync(join(folder, 'target')) && !existsSync(`${stamp}-${settings}`);
    if (changed) await run('cargo', ['clean', '--quiet', '-p', system], { cwd: folder });
    mkdirSync(join(folder, 'target'), { recursive: true });
    writeFileSync(`${stamp}-${settings}`, '');
  }
  // Cargo reads .cargo/config.toml from the folder that it is started in.
  await step(`build ${name}: ${what}`, () => run('cargo', ['build', '--locked'], { cwd: folder }));
}

async function certificates() {
  const week = Math.floor(Date.now() / (7 * 24 * 3600 * 1000));
  const folder = 'interop/target/certificates';
  await unlessFresh('make test certificates with openssl', `${folder}/stamp`, digest(['interop/certificates.mjs'], String(week)), [], async () => {
    rmSync(join(ROOT, folder), { recursive: true, force: true });
    mkdirSync(join(ROOT, folder), { recursive: true });
    await makeCertificates(join(ROOT, folder));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    if (process.platform === 'win32') throw new Problem('The interoperability peers are built on Unix systems only.');
    await tools();
    await certificates();
    for (const peer of PEERS) {
      if (existsSync(join(ROOT, 'interop', peer.name, 'Cargo.toml'))) await buildPeer(peer);
    }
  });
}
