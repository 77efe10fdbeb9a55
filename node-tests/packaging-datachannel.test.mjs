// Two pages in Chromium, joined by an RTCDataChannel, with a DTLS connection of this package in the channel.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';
import { pageServer } from '../scripts/serve/page.mjs';
import { browserPaths } from '../scripts/setup.mjs';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));

describe('over an RTCDataChannel between two pages', { timeout: 120_000 }, () => {
  let folder;
  let server;
  let browser;
  const pages = {};

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dtls-wasm-channel-'));
    await cp(DIST, join(folder, 'dist'), { recursive: true });
    await writeFile(join(folder, 'page.html'), '<!doctype html><title>channel</title>');
    server = pageServer({ root: folder });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { chromium } = browserPaths();
    browser = await puppeteer.launch({
      executablePath: chromium, headless: true,
      // Without these a headless page that was allowed no microphone offers no address of this machine that it can reach.
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-features=WebRtcHideLocalIpsWithMdns', '--allow-loopback-in-peer-connection',
        '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
    });
    for (const name of ['client', 'server']) {
      pages[name] = await browser.newPage();
      await pages[name].goto(`http://127.0.0.1:${server.address().port}/page.html`);
    }
    await connectPages(pages.client, pages.server);
  });

  after(async () => {
    await browser?.close();
    server?.close();
    server?.closeAllConnections();
    await rm(folder, { recursive: true });
  });

  it('connects, carries data both ways, updates keys and closes', async () => {
    const fingerprint = await pages.server.evaluate(async () => {
      const { DtlsConnection, generateCertificate } = await import('/dist/index.js');
      const certificate = await generateCertificate();
      globalThis.connection = new DtlsConnection({ role: 'server', transport: globalThis.channel, certificate, initialTimeout: 400 });
      return certificate.fingerprint;
    });
    const told = await pages.client.evaluate(async (value) => {
      const { DtlsConnection } = await import('/dist/index.js');
      const options = { role: 'client', transport: globalThis.channel, remoteFingerprints: [{ algorithm: 'sha-256', value }], initialTimeout: 400 };
      const connection = new DtlsConnection(options);
      globalThis.connection = connection;
      await connection.ready;
      return { state: connection.state, group: connection.group, cipher: connection.cipher, size: connection.maxDatagramSize };
    }, fingerprint);
    assert.deepEqual({ ...told, size: undefined }, { state: 'connected', group: 'X25519MLKEM768', cipher: 'TLS_CHACHA20_POLY1305_SHA256', size: undefined });
    assert.ok(told.size > 1100 && told.size < 1156, String(told.size));

    const echoed = pages.server.evaluate(async () => {
      let count = 0;
      for await (const datagram of globalThis.connection) {
        globalThis.connection.send(datagram);
        count += 1;
      }
      return { count, state: globalThis.connection.state, sent: globalThis.channel.readyState };
    });
    const answers = await pages.client.evaluate(async () => {
      const { connection } = globalThis;
      const got = [];
      const talk = async (data) => {
        connection.send(data);
        const { value } = await connection[Symbol.asyncIterator]().next();
        got.push(value.length);
      };
      await talk(new TextEncoder().encode('hello'));
      connection.updateKeys({ requestPeer: true });
      await talk(new Uint8Array(connection.maxDatagramSize));
      await connection.close();
      return { got, state: connection.state };
    });
    assert.deepEqual(answers, { got: [5, told.size], state: 'closed' });
    assert.deepEqual(await echoed, { count: 2, state: 'closed', sent: 'open' });
  });
});

/** Joins two pages by a data channel without order or retransmission; each keeps its end as `channel`. */
async function connectPages(offering, answering) {
  const open = (page, offers) => page.evaluate(async (isOffering) => {
    (await navigator.mediaDevices.getUserMedia({ audio: true })).getTracks().forEach((track) => track.stop());
    const peer = new RTCPeerConnection();
    globalThis.peer = peer;
    globalThis.opened = new Promise((resolve) => {
      const keep = (channel) => {
        globalThis.channel = channel;
        if (channel.readyState === 'open') resolve();
        else channel.addEventListener('open', () => resolve());
      };
      if (isOffering) keep(peer.createDataChannel('dtls', { ordered: false, maxRetransmits: 0 }));
      else peer.addEventListener('datachannel', ({ channel }) => keep(channel));
    });
  }, offers);
  await open(offering, true);
  await open(answering, false);
  /** Sets a description and gives the own one when all its candidates are in it. */
  const describe = (page, remote) => page.evaluate(async (description) => {
    const { peer } = globalThis;
    if (description) await peer.setRemoteDescription(description);
    if (peer.signalingState !== 'stable' || !description) await peer.setLocalDescription();
    if (peer.iceGatheringState !== 'complete') {
      await new Promise((resolve) => {
        peer.addEventListener('icegatheringstatechange', () => peer.iceGatheringState === 'complete' && resolve());
      });
    }
    return { type: peer.localDescription.type, sdp: peer.localDescription.sdp };
  }, remote);
  await describe(answering, await describe(offering)).then((answer) => offering.evaluate((description) => globalThis.peer.setRemoteDescription(description), answer));
  await Promise.all([offering, answering].map((page) => page.evaluate(() => globalThis.opened)));
}
