// Builds what is missing or stale. `npm run build` sets up the tools first; `npm start` and `npm test` call `build()`.
//
//   target/bindings/package/   wasm-pack's output with feature `wasm`
//   target/bindings/page/      the same with `wasm,inspect,sim`
//   dist/                  the npm package: js/**/*.ts compiled, the bindings, and exactly one .wasm
//   dist-page/             what `npm start` serves: www/ compiled and copied, js/ compiled, the page's bindings in js/
//
// Sources under js/ import the bindings as './dtls_wasm.js', as if they lay beside them: in dist/ they do, and for the
// type checker `rootDirs` in the tsconfig files says so.

import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { digest, filesUnder, main, Problem, ROOT, run, unlessFresh } from './steps.mjs';
import { setUp } from './setup.mjs';

const RUST = ['Cargo.toml', 'Cargo.lock', '.cargo/config.toml', 'rust-toolchain.toml', 'src', 'xtask/Cargo.lock'];
const TYPESCRIPT = ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.page.json', 'package-lock.json', 'js'];
/** What wasm-bindgen makes. Its own declarations are for the compiler here; no declaration of the package refers to them. */
const BINDINGS = ['dtls_wasm.js', 'dtls_wasm.d.ts', 'dtls_wasm_bg.wasm'];
const SHIPPED = ['dtls_wasm.js', 'dtls_wasm_bg.wasm'];

export async function build() {
  const wasm = await Promise.all([bindings('package', 'wasm'), bindings('page', 'wasm,inspect,sim')]);
  await npmPackage();
  await page();
  if (wasm[0]) console.log(`  dtls_wasm_bg.wasm: ${sizes('dist/dtls_wasm_bg.wasm')}`);
}

/** wasm-pack compiles with the profile `wasm` of Cargo.toml, runs wasm-bindgen and then wasm-opt as Cargo.toml says. */
function bindings(name, features) {
  const out = `target/bindings/${name}`;
  const title = `compile Rust to wasm for the ${name} (features ${features})`;
  return unlessFresh(title, `${out}.stamp`, digest(RUST, features), BINDINGS.map((file) => `${out}/${file}`), async () => {
    await run('wasm-pack', ['build', '--target', 'web', '--mode', 'no-install', '--profile', 'wasm', '--no-pack', '--no-gitignore',
      '--out-dir', out, '--out-name', 'dtls_wasm', '--', '--locked', '--features', features], { log: `wasm-${name}`, label: name });
  }, name);
}

async function npmPackage() {
  const products = ['dist/index.js', ...SHIPPED.map((file) => `dist/${file}`)];
  await unlessFresh('compile TypeScript to dist/', 'target/dist.stamp', digest([...TYPESCRIPT, 'target/bindings/package']), products, async () => {
    rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
    await run('tsc', ['-p', 'tsconfig.build.json'], { log: 'tsc-package' });
    copyBindings('package', 'dist');
    const modules = readdirSync(join(ROOT, 'dist'), { recursive: true }).filter((file) => file.endsWith('.wasm'));
    if (modules.length !== 1) throw new Problem(`The package must hold exactly one wasm module; dist/ has ${modules.join(', ') || 'none'}.`);
  });
}

async function page() {
  const products = ['dist-page/www/index.html', 'dist-page/index.html'];
  await unlessFresh('compile the page to dist-page/', 'target/dist-page.stamp', digest([...TYPESCRIPT, 'www', 'target/bindings/page']), products, async () => {
    rmSync(join(ROOT, 'dist-page'), { recursive: true, force: true });
    await run('tsc', ['-p', 'tsconfig.page.json'], { log: 'tsc-page' });
    copyBindings('page', 'dist-page/js');
    for (const file of filesUnder(['www']).filter((file) => !file.endsWith('.ts'))) {
      const to = join(ROOT, 'dist-page', relative(ROOT, file));
      mkdirSync(dirname(to), { recursive: true });
      cpSync(file, to);
    }
    // The page is at www/, because its modules import '../js/…'; whoever opens the root is sent there.
    writeFileSync(join(ROOT, 'dist-page', 'index.html'), '<!doctype html><title>dtls-wasm</title><link rel="icon" href="www/icon.svg" type="image/svg+xml"><meta http-equiv="refresh" content="0; url=www/">\n');
  });
}

function copyBindings(name, to) {
  mkdirSync(join(ROOT, to), { recursive: true });
  for (const file of SHIPPED) cpSync(join(ROOT, 'target/bindings', name, file), join(ROOT, to, file));
}

function sizes(path) {
  const file = join(ROOT, path);
  if (!existsSync(file)) return 'missing';
  const bytes = readFileSync(file);
  const kb = (length) => `${(length / 1000).toFixed(1)} KB`;
  return `${kb(bytes.length)}, gzip ${kb(gzipSync(bytes, { level: 9 }).length)}, brotli ${kb(brotliCompressSync(bytes).length)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    await setUp();
    await build();
    console.log('dist/ and dist-page/ are up to date.');
  });
}
