// The package as npm would publish it, installed into small projects: Node by import and by require, TypeScript with
// and without a browser's types, Vite, and a page without any bundler.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import puppeteer from 'puppeteer-core';
import { build } from 'vite';
import { pageServer } from '../scripts/serve/page.mjs';
import { browserPaths } from '../scripts/setup.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROJECTS = join(ROOT, 'node-tests', 'projects');
const run = promisify(execFile);

/** Files beyond the compiled ones that every npm package carries or that the licences ask for. */
const BESIDE_DIST = ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE-MIT', 'LICENSE-APACHE'];

describe('the npm package', { timeout: 300_000 }, () => {
  let folder;
  let installed;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dtls-wasm-package-'));
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT });
    await cp(PROJECTS, folder, { recursive: true });
    const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
    // It has no dependencies, so that nothing has to be fetched.
    await run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${tarball}`], { cwd: folder });
    installed = join(folder, 'node_modules', 'dtls-wasm');
  });

  after(() => rm(folder, { recursive: true }));

  it('holds the compiled files, one wasm module, the licences, and nothing else', async () => {
    const files = (await readdir(installed, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(installed.length + 1));
    assert.deepEqual(files.filter((name) => name.endsWith('.wasm')), [join('dist', 'dtls_wasm_bg.wasm')]);
    const others = files.filter((name) => !/^dist[/\\].*\.(js|d\.ts|wasm)$/.test(name));
    assert.deepEqual(others.sort(), [...BESIDE_DIST].sort());
    const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
    assert.deepEqual(Object.keys(manifest.dependencies ?? {}), []);
  });

  it('exports files that exist, with their types', async () => {
    const { exports } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
    const targets = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(targets));
    for (const target of Object.values(exports).flatMap(targets)) {
      assert.ok((await readFile(join(installed, target))).length > 0, target);
    }
    for (const [path, value] of Object.entries(exports)) {
      if (typeof value !== 'string') assert.equal(Object.keys(value)[0], 'types', `${path}: types come first`);
    }
  });

  for (const file of ['echo.mjs', 'echo.cjs']) {
    it(`works in Node by ${file.endsWith('.cjs') ? 'require' : 'import'}`, async () => {
      const { stdout } = await run(process.execPath, [join('node', file)], { cwd: folder });
      assert.equal(stdout.trim(), 'echo: from the package');
    });
  }

  for (const [name, options] of [['Node types only', 'tsconfig.node.json'], ['a browser\'s types only', 'tsconfig.browser.json']]) {
    it(`type-checks strictly with ${name}`, async () => {
      await mkdir(join(folder, 'node_modules', '@types'), { recursive: true });
      for (const types of ['@types/node', 'undici-types']) {
        await cp(join(ROOT, 'node_modules', types), join(folder, 'node_modules', types), { recursive: true });
      }
      await run(join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', join('typescript', options)], { cwd: folder })
        .catch((error) => assert.fail(error.stdout));
    });
  }

  describe('in Chromium', () => {
    let browser;
    let server;

    before(async () => {
      const { chromium } = browserPaths();
      browser = await puppeteer.launch({ executablePath: chromium, headless: true, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    });
    after(() => browser.close());

    /** Serves a folder under the Content-Security-Policy of `npm start` and returns what its page wrote. */
    async function shown(root, path) {
      server = pageServer({ root });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const page = await browser.newPage();
      const problems = [];
      page.on('pageerror', (error) => problems.push(String(error)));
      page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
      try {
        await page.goto(`http://127.0.0.1:${server.address().port}${path}`);
        await page.waitForFunction(() => document.title !== 'waiting', { timeout: 30_000 })
          .catch(() => assert.fail(`the page did not finish: ${problems.join('; ')}`));
        return await page.title();
      } finally {
        await page.close();
        server.close();
        server.closeAllConnections();
      }
    }

    it('works unbundled', async () => {
      assert.equal(await shown(folder, '/page/'), 'echo: from the package');
    });

    it('works through Vite, with one wasm file in its output', async () => {
      const out = join(folder, 'vite-out');
      await build({ root: join(folder, 'vite'), build: { outDir: out }, logLevel: 'error', configFile: false });
      const assets = await readdir(join(out, 'assets'));
      assert.equal(assets.filter((name) => name.endsWith('.wasm')).length, 1, assets.join(', '));
      assert.equal(await shown(out, '/'), 'echo: from the package');
    });
  });
});
