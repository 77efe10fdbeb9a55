// `npm start` as a user runs it: the addresses it prints, what answers there, and how it ends.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect } from 'dtls-wasm/node';
import { WebSocket } from 'ws';

const START = join(fileURLToPath(import.meta.url), '..', '..', 'scripts', 'start.mjs');

/** The package is built before these tests run, so that what takes long here is a fault. */
const SLOW_MS = 60_000;

function start(t, ...args) {
  const child = spawn(process.execPath, [START, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { printed += text; });
  const ended = once(child, 'close').then(([code]) => ({ code, printed }));
  return { child, ended, printed: () => printed };
}

/** Starts on free ports and waits for the addresses. */
async function started(t, ...args) {
  const running = start(t, '--port', '0', '--udp-port', '0', ...args);
  const deadline = performance.now() + SLOW_MS;
  while (!running.printed().includes('Ctrl-C ends it.')) {
    if (running.child.exitCode !== null || performance.now() > deadline) assert.fail(`it did not start:\n${running.printed()}`);
    await new Promise((settle) => setTimeout(settle, 50));
  }
  const text = running.printed();
  return {
    ...running,
    page: /page\s+(http:\S+)/.exec(text)[1],
    echo: /echo\s+(\S+)/.exec(text)[1],
    gateway: /gateway\s+(ws:\S+)/.exec(text)[1],
  };
}

describe('npm start', { timeout: 4 * SLOW_MS }, () => {
  it('serves the page, says where the echo is, and ends cleanly on Ctrl-C', async (t) => {
    const { child, ended, page, echo, gateway } = await started(t);
    assert.match(page, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    assert.match(gateway, /^ws:\/\/127\.0\.0\.1:\d+\/gateway\?to=127\.0\.0\.1:\d+$/);

    const index = await fetch(new URL('www/', page));
    assert.equal(index.status, 200);
    assert.match(await index.text(), /<script[^>]+type="module"/);
    const wasm = await fetch(new URL('js/dtls_wasm_bg.wasm', page));
    assert.equal(wasm.headers.get('content-type'), 'application/wasm');
    const config = await (await fetch(new URL('config.json', page))).json();
    assert.equal(config.echo, echo);
    assert.equal(config.gateway, '/gateway');
    assert.match(config.fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);

    child.kill('SIGINT');
    const { code, printed } = await ended;
    assert.equal(code, 0, printed);
  });

  it('echoes over DTLS 1.3 on UDP, to a client that checks the printed fingerprint', async (t) => {
    const { child, ended, page, echo } = await started(t);
    const { fingerprint } = await (await fetch(new URL('config.json', page))).json();
    const connection = await connect(echo, { remoteFingerprints: [{ algorithm: 'sha-256', value: fingerprint }] });
    for (const text of ['first', 'second']) {
      connection.send(new TextEncoder().encode(text));
      const { value } = await connection[Symbol.asyncIterator]().next();
      assert.equal(new TextDecoder().decode(value), text);
    }
    await connection.close();
    child.kill('SIGINT');
    assert.equal((await ended).code, 0);
  });

  it('ends on Ctrl-C while a page is connected through the gateway', async (t) => {
    const { child, ended, page, gateway } = await started(t);
    const client = new WebSocket(gateway, { origin: new URL(page).origin });
    await once(client, 'open');
    const closed = once(client, 'close');
    child.kill('SIGINT');
    assert.equal((await closed)[0], 1001);
    assert.equal((await ended).code, 0);
  });

  it('lets no other page use the gateway', async (t) => {
    const { child, ended, gateway } = await started(t);
    for (const origin of ['http://127.0.0.1:1', 'http://elsewhere.test', 'null']) {
      const client = new WebSocket(gateway, { origin });
      client.on('error', () => {});
      const [, response] = await once(client, 'unexpected-response');
      assert.equal(response.statusCode, 403, origin);
      client.terminate();
    }
    child.kill('SIGTERM');
    assert.equal((await ended).code, 0);
  });

  it('says which port is taken, TCP and UDP, and exits with 1', async (t) => {
    const tcp = createServer().listen(0, '127.0.0.1');
    const udp = createSocket('udp4');
    udp.bind(0, '127.0.0.1');
    await Promise.all([once(tcp, 'listening'), once(udp, 'listening')]);
    t.after(() => (tcp.close(), udp.close()));

    const page = await start(t, '--port', String(tcp.address().port), '--udp-port', '0').ended;
    assert.equal(page.code, 1);
    assert.match(page.printed, new RegExp(`127\\.0\\.0\\.1:${tcp.address().port} \\(HTTP\\) is taken .*--port 0`));
    const echo = await start(t, '--port', '0', '--udp-port', String(udp.address().port)).ended;
    assert.equal(echo.code, 1);
    assert.match(echo.printed, new RegExp(`127\\.0\\.0\\.1:${udp.address().port} \\(UDP\\) is taken .*--udp-port 0`));
    for (const { printed } of [page, echo]) assert.doesNotMatch(printed, /^\s+at /m, 'a sentence, not a stack');
  });

  it('explains its flags, and what is wrong with one', async (t) => {
    const help = await start(t, '--help').ended;
    assert.equal(help.code, 0);
    for (const flag of ['--port', '--udp-port', '--host', '--allow']) assert.ok(help.printed.includes(flag), flag);
    for (const [args, sentence] of [[['--port', 'x'], /--port must be a port number/], [['--udp-port', '65536'], /--udp-port must be a port number/],
      [['--allow', 'nowhere', '--port', '0'], /--allow takes host:port/], [['--nonsense'], /--nonsense/]]) {
      const { code, printed } = await start(t, ...args).ended;
      assert.equal(code, 1, args.join(' '));
      assert.match(printed, sentence);
    }
  });
});
