// The page in Chromium, as `npm start` serves it: with the built files, the gateway, and the echo endpoint behind it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from 'puppeteer-core';
import { startEcho } from '../scripts/serve/echo.mjs';
import { attachGateway } from '../scripts/serve/gateway.mjs';
import { pageServer } from '../scripts/serve/page.mjs';

const ROOT = join(fileURLToPath(import.meta.url), '..', '..', 'dist-page');
const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => path && existsSync(path));
const ARGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--disable-quic', '--no-first-run'];

/** What one step on the page may take on a busy machine. */
const SLOW_MS = 30_000;

let browser;
let server;
let gateway;
let echo;
let address;

before(async () => {
  assert.ok(CHROMIUM, 'Chromium is not installed; node scripts/setup.mjs --tests does that.');
  echo = await startEcho({ host: '127.0.0.1', port: 0 });
  const documents = { '/config.json': () => ({ gateway: '/gateway', echo: `127.0.0.1:${echo.port}`, fingerprint: echo.fingerprint }) };
  server = pageServer({ root: ROOT, documents });
  gateway = attachGateway(server, { originAllowed: (origin, host) => origin === `http://${host}` });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `http://127.0.0.1:${server.address().port}/www/`;
  browser = await launch({ executablePath: CHROMIUM, args: ARGS });
});

after(async () => {
  await browser?.close();
  server?.close();
  server?.closeAllConnections();
  await Promise.all([gateway?.close(), echo?.close()]);
});

/** The page, loaded; whatever it logs as an error, throws or is refused by its policy fails the test. */
async function load(t, { width = 1400, height = 900, hash = '', speed = '0', features = [] } = {}) {
  const page = await browser.newPage();
  const wrong = [];
  page.on('console', (message) => ['error', 'warn'].includes(message.type()) && wrong.push(message.text()));
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('requestfailed', (request) => wrong.push(`${request.url()} ${request.failure()?.errorText}`));
  page.on('response', (response) => response.status() >= 400 && wrong.push(`${response.url()} ${response.status()}`));
  page.setDefaultTimeout(SLOW_MS);
  t.after(async () => {
    await page.close();
    assert.deepEqual(wrong, []);
  });
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }, ...features]);
  await page.goto(address + hash);
  await page.waitForSelector(hash === '#live' ? '#live:not([hidden])' : 'li.datagram');
  if (speed !== undefined) await page.select('#lab-speed', speed);
  return page;
}

/** Waits until both ends are in a state, and nothing of the handshake is under way. */
async function bothAre(page, state) {
  await page.waitForFunction((wanted) => ['client', 'server'].every((side) => document.querySelector(`#${side}-state`).textContent === wanted), {}, state);
}

async function choose(page, scenario) {
  await page.select('#lab-scenario', scenario);
  await bothAre(page, 'connected');
  await settled(page);
}

async function settled(page) {
  await page.waitForFunction(() => /nothing is due|at rest/.test(document.querySelector('#lab-next').textContent));
}

/** The ladder from top to bottom: who sent what, with what became of it. */
function ladder(page) {
  return page.$$eval('li.datagram', (rows) => rows.map((row) => {
    const names = [...row.querySelectorAll('.record .name')].map((name) => name.textContent);
    return { from: row.dataset.from, fate: row.dataset.fate, names, again: row.querySelector('[data-again]') !== null, y: row.getBoundingClientRect().top };
  }));
}

const described = (rows) => rows.map(({ from, names }) => `${from}: ${names.join(' | ')}`);

function epochs(page) {
  return page.$$eval('.states td', (cells) => Object.fromEntries(cells.filter((cell) => cell.dataset.row.includes('epoch'))
    .map((cell) => [`${cell.dataset.side} ${cell.dataset.row.split(' ')[0].toLowerCase()}`, Number(cell.textContent)])));
}

function click(page, side, name) {
  return page.$eval(`[data-side="${side}"] button[name="${name}"]`, (button) => button.click());
}

describe('page', { timeout: 10 * SLOW_MS }, () => {
  it('is there within two seconds, without an error or a shift of its layout', async (t) => {
    let best = Infinity;
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const page = await load(t, { speed: undefined });
      const { ready, shift } = await page.evaluate(() => new Promise((settle) => {
        const ready = performance.getEntriesByName('interactive')[0]?.startTime;
        new PerformanceObserver((list, observer) => {
          observer.disconnect();
          settle({ ready, shift: list.getEntries().filter(({ hadRecentInput }) => !hadRecentInput).reduce((sum, { value }) => sum + value, 0) });
        }).observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => settle({ ready, shift: 0 }), 500);
      }));
      assert.ok(shift < 0.02, `layout shift ${shift}`);
      best = Math.min(best, ready);
    }
    t.diagnostic(`interactive after ${best.toFixed(0)} ms at best`);
    assert.ok(best < 2_000, `${best} ms`);
  });

  it('draws a handshake message by message, in the order of time', async (t) => {
    const page = await load(t);
    await choose(page, 'handshake');
    const rows = await ladder(page);
    const text = described(rows).join('\n');
    assert.match(text, /^client: ClientHello\nserver: ServerHello.*EncryptedExtensions.*Certificate.*CertificateVerify.*Finished\nclient: Finished\nserver: ACK$/s, text);
    assert.ok(rows.every(({ fate, again }) => fate === 'delivered' && !again), text);
    assert.deepEqual(rows.map(({ y }) => y), rows.map(({ y }) => y).toSorted((a, b) => a - b));
    assert.deepEqual(await epochs(page), { 'client reads': 3, 'client writes': 3, 'server reads': 3, 'server writes': 3 });
    const secrets = await page.$$eval('.secrets .label', (labels) => labels.map((label) => label.textContent));
    for (const label of ['CLIENT_HANDSHAKE_TRAFFIC_SECRET', 'SERVER_HANDSHAKE_TRAFFIC_SECRET', 'CLIENT_TRAFFIC_SECRET_0', 'SERVER_TRAFFIC_SECRET_0', 'EXPORTER_SECRET']) {
      assert.ok(secrets.includes(label), label);
    }
    assert.deepEqual(await page.$$eval('.secrets .agree', (said) => [...new Set(said.map((one) => one.textContent))]), ['both ends derived it']);
  });

  it('repeats a run from its seed, byte for byte', async (t) => {
    const page = await load(t);
    const first = async (seed) => {
      await page.$eval('#lab-seed', (input, value) => { input.value = value; }, seed);
      await page.click('#lab-new');
      await bothAre(page, 'connected');
      await page.$eval('li.datagram .record', (record) => record.click());
      return page.$$eval('.byte', (bytes) => bytes.map((byte) => byte.textContent).join(''));
    };
    const [one, two, again] = [await first('11'), await first('12'), await first('11')];
    assert.equal(one, again);
    assert.notEqual(one, two);
  });

  it('shows the bytes of a record before and after decryption, every one of them in a field', async (t) => {
    const page = await load(t);
    await choose(page, 'handshake');
    const finished = await page.evaluateHandle(() => [...document.querySelectorAll('[data-from="client"] .record')].find((record) => record.textContent.includes('Finished')));
    await finished.click();
    const tabs = () => page.$$eval('.tabs button', (buttons) => buttons.map((button) => [button.textContent, button.getAttribute('aria-selected')]));
    assert.deepEqual(await tabs(), [['On the wire', 'false'], ['Decrypted', 'true']]);
    const shown = () => page.$$eval('.byte', (bytes) => bytes.map((byte) => byte.textContent).join(' '));
    const after = await shown();
    // A Finished message: type 20, a fragment header that says so, and the HMAC of SHA-256 or SHA-384.
    assert.match(after, /^14 00 00 (20|30) /);
    await page.click('.tabs button');
    const wire = await shown();
    // 001CSLEE: no connection ID, a number of 16 bits, a length, epoch 2.
    assert.match(wire, /^2e /);
    assert.ok(wire.length > after.length);

    await page.$eval('[data-from="client"] .record', (record) => record.click());
    const { names, notes, gaps } = await page.evaluate(() => {
      const names = [...document.querySelectorAll('.field-name')].map((name) => name.textContent);
      const bytes = [...document.querySelectorAll('.byte')];
      const gaps = bytes.filter((byte) => byte.dataset.tint === '0').length;
      const notes = [];
      for (const byte of bytes) {
        byte.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
        notes.push(document.querySelector('.detail-note').textContent.length);
      }
      return { names, notes, gaps };
    });
    for (const name of ['cipher_suites', 'random', 'epoch']) assert.ok(names.some((known) => known.includes(name)), `${name} in ${names}`);
    assert.equal(gaps, 0, 'no byte is outside of all fields');
    assert.ok(notes.length > 100 && notes.every((length) => length > 10), 'each byte is told about');
  });

  it('marks the bytes of a field and the field of a byte', async (t) => {
    const page = await load(t);
    await choose(page, 'handshake');
    await page.click('[data-from="client"] .record');
    const fields = await page.$$('.tree .field');
    const random = await Promise.all(fields.map((field) => field.$eval('.field-name', (name) => name.textContent))).then((names) => names.indexOf('random'));
    await fields[random].hover();
    const lit = () => page.$$eval('.byte[data-lit]', (bytes) => bytes.map((byte) => Number(byte.dataset.at)));
    const bytes = await lit();
    assert.equal(bytes.length, 32, 'the random of a ClientHello');
    assert.match(await page.$eval('.detail', (detail) => detail.textContent), /random/);
    await (await page.$$('.byte'))[bytes[0]].hover();
    assert.deepEqual(await lit(), bytes);
    assert.equal(await page.$eval('.tree [data-lit] > .field .field-name', (name) => name.textContent), 'random');
  });

  it('raises the epochs of both ends to 4 by key updates, and data still passes both ways', async (t) => {
    const page = await load(t);
    await choose(page, 'handshake');
    await click(page, 'client', 'update-both');
    await page.waitForFunction(() => [...document.querySelectorAll('.states td')].filter((cell) => cell.dataset.row.includes('epoch')).every((cell) => cell.textContent === '4'));
    assert.deepEqual(await epochs(page), { 'client reads': 4, 'client writes': 4, 'server reads': 4, 'server writes': 4 });
    for (const side of ['client', 'server']) await click(page, side, 'send');
    await page.waitForFunction(() => ['hello server', 'hello client'].every((text) => [...document.querySelectorAll('.note')].some((note) => note.textContent.includes(`received “${text}”`))));
    const text = described(await ladder(page)).join('\n');
    assert.match(text, /client: KeyUpdate/);
    assert.match(text, /server: (.* )?KeyUpdate/);
    const hues = await page.$$eval('.record', (records) => records.filter((record) => record.textContent.includes('hello')).map((record) => record.dataset.hue));
    assert.deepEqual(hues, ['4', '4']);
    assert.ok(await page.$$eval('.secrets .label', (labels) => labels.some((label) => label.textContent === 'CLIENT_TRAFFIC_SECRET_1')));
  });

  it('shows key updates that cross', async (t) => {
    const page = await load(t);
    await choose(page, 'key-update');
    await page.waitForFunction(() => [...document.querySelectorAll('.states td')].filter((cell) => cell.dataset.row.includes('epoch')).every((cell) => cell.textContent === '4'));
    const updates = (await ladder(page)).filter(({ names }) => names.some((name) => name.includes('KeyUpdate')));
    assert.deepEqual(new Set(updates.map(({ from }) => from)), new Set(['client', 'server']));
  });

  it('closes, and says why nothing can be sent then', async (t) => {
    const page = await load(t);
    await choose(page, 'handshake');
    await click(page, 'server', 'close');
    await bothAre(page, 'closed');
    const rows = described(await ladder(page)).filter((row) => row.includes('close_notify'));
    assert.ok(rows.some((row) => row.startsWith('server')) && rows.some((row) => row.startsWith('client')), rows.join('\n'));
    await click(page, 'client', 'send');
    assert.match(await page.$eval('#lab-said', (said) => said.textContent), /closed|not connected/i);
  });

  it('draws loss and what is sent again because of it, and completes', async (t) => {
    const page = await load(t);
    // The slider is moved by the keyboard, as a reader would: 30 times one percent.
    await page.focus('#lab-loss');
    for (let i = 0; i < 30; i += 1) await page.keyboard.press('ArrowRight');
    assert.equal(await page.$eval('#lab-loss', (input) => input.value), '0.3');
    // What is lost follows from the seed and from what is sent; with several seeds something of a flight is.
    let rows = [];
    for (let seed = 1; seed <= 8 && !rows.some(({ again }) => again); seed += 1) {
      await page.$eval('#lab-seed', (input, value) => { input.value = value; }, String(seed));
      await page.click('#lab-new');
      await bothAre(page, 'connected');
      await settled(page);
      rows = await ladder(page);
    }
    assert.ok(rows.some(({ fate }) => fate === 'lost'), 'something is lost');
    assert.ok(rows.some(({ again }) => again), 'something is sent again');
    assert.equal(await page.$$eval('.arrow[data-state="lost"]', (arrows) => arrows.length), rows.filter(({ fate }) => fate === 'lost').length);
    assert.ok(await page.$$eval('.note', (notes) => notes.some((note) => /timer ran out/.test(note.textContent))));
  });

  for (const scenario of ['loss', 'post-quantum', 'small', 'retry', 'client-certificate', 'rough']) {
    it(`completes the scenario ${scenario}`, async (t) => {
      const page = await load(t);
      await choose(page, scenario);
      const text = described(await ladder(page)).join('\n');
      const expected = { 'post-quantum': /ClientHello[^\n]*\nclient: ClientHello/, small: /Certificate[^\n]*\nserver: Certificate/, retry: /HelloRetryRequest/, 'client-certificate': /client: .*Certificate/ };
      assert.match(text, expected[scenario] ?? /Finished/);
    });
  }

  it('can be used by the keyboard alone', async (t) => {
    const page = await load(t);
    await choose(page, 'handshake');
    const active = () => page.evaluate(() => {
      const { activeElement: element } = document;
      return { label: element.getAttribute('aria-label') ?? element.textContent, role: element.getAttribute('role'), datagram: element.closest('li[data-datagram]')?.dataset.datagram };
    });
    await page.focus('.skip');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    assert.equal((await active()).datagram, '0', 'one step from the heading into the ladder');
    await page.keyboard.press('ArrowDown');
    assert.equal((await active()).datagram, '1');
    await page.keyboard.press('ArrowRight');
    const { label } = await active();
    await page.keyboard.press('Enter');
    assert.equal(await page.$$eval('#ladder [aria-pressed="true"]', (pressed) => pressed.length), 1, label);
    assert.ok(await page.$('.byte'));
    await page.keyboard.press('Tab');
    assert.equal((await active()).role, 'tab');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Tab');
    const cursor = () => page.$eval('.byte[data-cursor]', (byte) => Number(byte.dataset.at));
    const from = await cursor();
    await page.keyboard.press('ArrowRight');
    assert.equal(await cursor(), from + 1);
    await page.keyboard.press('ArrowDown');
    assert.equal(await cursor(), from + 17);
    assert.ok(await page.$('.tree [aria-selected="true"]'));
    await page.keyboard.press('Tab');
    assert.equal((await active()).role, 'treeitem');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await page.$eval('.tree > [role="treeitem"]', (root) => root.getAttribute('aria-expanded')), 'false');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    assert.ok((await page.$$('.byte[data-lit]')).length > 0);
    await page.keyboard.press('Escape');
    assert.equal((await active()).datagram, '1', 'Escape leads back to the ladder');
  });

  it('pauses, steps and runs on', async (t) => {
    const page = await load(t, { speed: '0.05' });
    await page.click('#lab-new');
    await page.click('#lab-step');
    const count = () => page.$$eval('li.datagram', (rows) => rows.length);
    const [before, clock] = [await count(), await page.$eval('#lab-clock', (output) => output.textContent)];
    await new Promise((settle) => setTimeout(settle, 300));
    assert.equal(await page.$eval('#lab-clock', (output) => output.textContent), clock, 'the clock stands');
    for (let i = 0; i < 4; i += 1) await page.click('#lab-step');
    assert.ok((await count()) > before);
    await page.select('#lab-speed', '0');
    await page.click('#lab-run');
    await bothAre(page, 'connected');
  });

  for (const [width, height] of [[360, 740], [768, 1024], [1024, 768], [1920, 1080]]) {
    it(`fits ${width} by ${height} without scrolling sideways, in the lab, live, and with bytes open`, async (t) => {
      const page = await load(t, { width, height, features: [{ name: 'prefers-color-scheme', value: width < 1000 ? 'dark' : 'light' }] });
      await choose(page, 'post-quantum');
      const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
      assert.ok(await fits());
      await page.click('li.datagram .record');
      assert.ok(await fits());
      const seen = await page.$eval('.bytes-panel', (panel) => {
        const { top, left, width, height } = panel.getBoundingClientRect();
        return width > 200 && height > 200 && left >= 0 && top < innerHeight - 100;
      });
      assert.ok(seen, 'the bytes are in sight');
      await page.keyboard.press('Escape');
      await page.evaluate(() => { location.hash = 'live'; });
      await page.waitForSelector('#live:not([hidden])');
      assert.ok(await fits());
    });
  }

  it('saves a trace and draws it again from the file', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'dtls-wasm-page-'));
    t.after(() => rm(folder, { recursive: true }));
    const page = await load(t);
    await choose(page, 'loss');
    const drawn = described(await ladder(page));
    const devtools = await page.createCDPSession();
    await devtools.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: folder, eventsEnabled: true });
    const done = new Promise((settle) => devtools.on('Browser.downloadProgress', ({ state }) => state === 'completed' && settle()));
    await page.click('#save-trace');
    await done;
    const file = join(folder, 'dtls-trace.jsonl');
    assert.match(await readFile(file, 'utf8'), /^\{"format":"dtls-wasm trace","version":1,"title":"A lossy path, seed \d+"\}\n/);
    await page.select('#lab-scenario', 'handshake');
    const picker = await page.$('#trace-file');
    await picker.uploadFile(file);
    await page.waitForSelector('body[data-mode="trace"]');
    assert.deepEqual(described(await ladder(page)), drawn);
    assert.match(await page.$eval('#trace-about', (about) => about.textContent), /A lossy path/);

    const broken = join(folder, 'broken.jsonl');
    await writeFile(broken, 'no trace');
    await picker.uploadFile(broken);
    await page.waitForSelector('#problem:not([hidden])');
    assert.match(await page.$eval('#problem', (problem) => problem.textContent), /broken\.jsonl is no trace.*Line 1 is not JSON/);
  });
});

describe('live', { timeout: 4 * SLOW_MS }, () => {
  async function connected(page) {
    await page.waitForFunction(() => document.querySelector('#live-fingerprint').value !== '');
    await page.click('#live-connect');
    await page.waitForFunction(() => document.querySelector('#live-state').textContent.startsWith('connected'));
  }

  it('echoes text over UDP through the gateway, draws it, and closes', async (t) => {
    const page = await load(t, { hash: '#live', speed: undefined });
    await connected(page);
    await page.$eval('#live-text', (input) => { input.value = 'over real UDP'; });
    await page.click('#live-send');
    await page.waitForFunction(() => document.querySelectorAll('#live-log [data-way="received"]').length === 1);
    assert.match(await page.$eval('#live-log', (log) => log.textContent), /sent: over real UDP.*received: over real UDP/);
    const text = described(await ladder(page)).join('\n');
    assert.match(text, /client: ClientHello/);
    assert.match(text, /server: .*ServerHello/);
    assert.match(text, /client: “over real UDP”.*server: “over real UDP”/s);
    await page.click('#live-update-both');
    await page.waitForFunction(() => [...document.querySelectorAll('.states td[data-side="client"]')].filter((cell) => cell.dataset.row.includes('epoch')).every((cell) => cell.textContent === '4'));
    await page.click('#live-send');
    await page.waitForFunction(() => document.querySelectorAll('#live-log [data-way="received"]').length === 2);
    await page.click('#live-close');
    await page.waitForFunction(() => document.querySelector('#live-state').textContent === 'closed');
  });

  it('refuses an endpoint with another certificate, and says so', async (t) => {
    const page = await load(t, { hash: '#live', speed: undefined });
    await page.waitForFunction(() => document.querySelector('#live-fingerprint').value !== '');
    await page.$eval('#live-fingerprint', (input) => { input.value = Array(32).fill('00').join(':'); });
    await page.click('#live-connect');
    await page.waitForFunction(() => document.querySelector('#live-state').textContent === 'failed');
    assert.match(await page.$eval('#live-said', (said) => said.textContent), /certificate|fingerprint/i);
  });

  it('says that nothing listens, and what is wrong with an address', async (t) => {
    const page = await load(t, { hash: '#live', speed: undefined });
    await page.waitForFunction(() => document.querySelector('#live-fingerprint').value !== '');
    const to = async (text) => {
      await page.$eval('#live-to', (input, value) => { input.value = value; }, text);
      await page.click('#live-connect');
    };
    await to('nowhere');
    assert.match(await page.$eval('#live-said', (said) => said.textContent), /host:port/);
    await to('127.0.0.1:9');
    await page.waitForFunction(() => /Nothing listens at 127\.0\.0\.1:9/.test(document.querySelector('#live-said').textContent));
  });
});
