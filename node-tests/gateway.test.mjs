// The WebSocket gateway of `npm start`, with plain UDP sockets behind it.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { parseDestination, resolveDestination } from '../scripts/serve/destinations.mjs';
import { attachGateway, LIMITS } from '../scripts/serve/gateway.mjs';

const ORIGIN = 'http://page.test';

/** A gateway and a UDP peer that echoes, closed when the test ends. */
async function world(t, options = {}) {
  const server = createServer();
  const gateway = attachGateway(server, { originAllowed: (origin) => origin === ORIGIN, ...options });
  server.listen(0, '127.0.0.1');
  const peer = createSocket('udp4');
  peer.bind(0, '127.0.0.1');
  await Promise.all([once(server, 'listening'), once(peer, 'listening')]);
  peer.on('message', (datagram, from) => peer.send(datagram, from.port, from.address));
  t.after(async () => {
    server.close();
    await gateway.close();
    peer.close();
  });
  const url = (to, path = '/gateway') => `ws://127.0.0.1:${server.address().port}${path}?to=${encodeURIComponent(to)}`;
  const open = (to = `127.0.0.1:${peer.address().port}`, { origin = ORIGIN, path } = {}) => new WebSocket(url(to, path), { origin });
  return { gateway, peer, open };
}

async function closing(client) {
  const [code, reason] = await once(client, 'close');
  return { code, reason: reason.toString() };
}

/** The HTTP status with which an upgrade is refused. */
async function refusal(client) {
  client.on('error', () => {});
  const [, response] = await once(client, 'unexpected-response');
  client.terminate();
  return response.statusCode;
}

async function freeUdpPort() {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

describe('gateway', () => {
  it('carries one binary message as one datagram, both ways, in size and bytes', async (t) => {
    const { open, peer } = await world(t);
    const client = open();
    await once(client, 'open');
    for (const size of [0, 1, 1_200, LIMITS.datagramBytes]) {
      const sent = Buffer.alloc(size, size % 251);
      const heard = once(peer, 'message');
      const answer = once(client, 'message');
      client.send(sent);
      assert.deepEqual((await heard)[0], sent);
      const [data, isBinary] = await answer;
      assert.deepEqual(data, sent);
      assert.equal(isBinary, true);
    }
  });

  it('keeps what is sent while the socket behind it still opens', async (t) => {
    const { open, peer } = await world(t);
    const client = open(`localhost:${peer.address().port}`);
    const heard = [];
    const both = new Promise((settle) => peer.on('message', (datagram) => heard.push(datagram.toString()) === 2 && settle()));
    client.on('open', () => {
      client.send(Buffer.from('first'));
      client.send(Buffer.from('second'));
    });
    await both;
    assert.deepEqual(heard, ['first', 'second']);
  });

  it('delivers nothing that comes from anywhere but the destination', async (t) => {
    const { open, peer } = await world(t);
    const client = open();
    await once(client, 'open');
    const heard = once(peer, 'message');
    client.send(Buffer.from('hello'));
    const [, from] = await heard;
    await once(client, 'message');

    const messages = [];
    client.on('message', (data) => messages.push(data.toString()));
    const stranger = createSocket('udp4');
    t.after(() => stranger.close());
    await new Promise((settle) => stranger.send('from a stranger', from.port, from.address, settle));
    const answered = once(client, 'message');
    client.send(Buffer.from('again'));
    await answered;
    assert.deepEqual(messages, ['again']);
  });

  it('refuses pages of other origins, requests without one, and other paths', async (t) => {
    const { open } = await world(t);
    assert.equal(await refusal(open(undefined, { origin: 'http://elsewhere.test' })), 403);
    assert.equal(await refusal(open(undefined, { origin: '' })), 403);
    assert.equal(await refusal(open(undefined, { path: '/other' })), 404);
  });

  it('sends to loopback only, and to what was allowed', async (t) => {
    const { open } = await world(t);
    for (const to of ['192.0.2.1:4433', '[2001:db8::1]:4433', 'example.invalid:4433', '0.0.0.0:4433', '[::ffff:192.0.2.1]:4433']) {
      const { code, reason } = await closing(open(to));
      assert.equal(code, 1008, to);
      assert.match(reason, /loopback/, to);
    }
    for (const to of ['', '127.0.0.1', '127.0.0.1:0', '127.0.0.1:65536', 'a b:1', '127.0.0.1:80/x']) {
      const { code, reason } = await closing(open(to));
      assert.equal(code, 1008, to);
      assert.match(reason, /host:port/, to);
    }
  });

  it('says that nothing listens at the destination', async (t) => {
    const { open } = await world(t);
    const port = await freeUdpPort();
    const client = open(`127.0.0.1:${port}`);
    client.on('open', () => client.send(Buffer.from('anyone?')));
    const { code, reason } = await closing(client);
    assert.equal(code, 1014);
    assert.equal(reason, `Nothing listens at 127.0.0.1:${port}.`);
  });

  it('closes on text and on messages larger than a datagram', async (t) => {
    const { open } = await world(t);
    const text = open();
    text.on('open', () => text.send('text'));
    assert.equal((await closing(text)).code, 1003);
    const large = open();
    large.on('open', () => large.send(Buffer.alloc(LIMITS.datagramBytes + 1)));
    assert.equal((await closing(large)).code, 1009);
  });

  it('closes when nothing has passed for the idle time, and not while something does', async (t) => {
    const { open } = await world(t, { limits: { idleMs: 300 } });
    const client = open();
    await once(client, 'open');
    const begun = performance.now();
    const pulse = setInterval(() => client.readyState === client.OPEN && client.send(Buffer.from('here')), 50);
    setTimeout(() => clearInterval(pulse), 600);
    const { code } = await closing(client);
    clearInterval(pulse);
    assert.equal(code, 4000);
    assert.ok(performance.now() - begun > 800, 'the idle time counts from the last datagram');
  });

  it('holds a limited number of connections and has room again when one ends', async (t) => {
    const { gateway, open } = await world(t, { limits: { connections: 2 } });
    const first = open();
    const second = open();
    await Promise.all([once(first, 'open'), once(second, 'open')]);
    const third = await closing(open());
    assert.equal(third.code, 1013);
    first.close();
    await once(first, 'close');
    const fourth = open();
    await once(fourth, 'open');
    const answer = once(fourth, 'message');
    fourth.send(Buffer.from('room'));
    assert.equal((await answer)[0].toString(), 'room');
    assert.equal(gateway.connections, 2);
  });

  it('drops what exceeds the rate', async (t) => {
    const { open, peer } = await world(t, { limits: { datagramBurst: 10, datagramsPerSecond: 1 } });
    const client = open();
    await once(client, 'open');
    let heard = 0;
    peer.on('message', () => { heard += 1; });
    for (let i = 0; i < 100; i += 1) client.send(Buffer.from([i]));
    await new Promise((settle) => setTimeout(settle, 300));
    assert.ok(heard >= 10 && heard <= 12, `${heard} of 100 passed`);
  });

  it('ends its connections and sockets when it closes', async (t) => {
    const { gateway, open } = await world(t);
    const client = open();
    await once(client, 'open');
    const ended = closing(client);
    await gateway.close();
    assert.equal((await ended).code, 1001);
    assert.equal(gateway.connections, 0);
  });
});

describe('destinations', () => {
  it('reads host:port and [address]:port', () => {
    assert.deepEqual(parseDestination('127.0.0.1:4433'), { host: '127.0.0.1', port: 4433 });
    assert.deepEqual(parseDestination('[::1]:1'), { host: '::1', port: 1 });
    assert.deepEqual(parseDestination('Example.org:65535'), { host: 'example.org', port: 65_535 });
    for (const bad of [null, '', ':1', '::1:1', '[127.0.0.1]:1', 'a:b', 'a:1:2', 'a:00000001', 'user@host:1']) {
      assert.equal(parseDestination(bad), undefined, String(bad));
    }
  });

  it('lets an allowed address pass on its port only', async () => {
    const allowed = [{ host: '192.0.2.7', port: 4433 }];
    assert.deepEqual(await resolveDestination('192.0.2.7:4433', allowed), { address: '192.0.2.7', family: 4, port: 4433 });
    assert.ok((await resolveDestination('192.0.2.7:4434', allowed)).refused);
    assert.ok((await resolveDestination('192.0.2.8:4433', allowed)).refused);
  });

  it('takes all of 127.0.0.0/8, ::1 and localhost for loopback', async () => {
    for (const to of ['127.0.0.1:1', '127.9.9.9:1', '[::1]:1', 'localhost:1']) assert.equal((await resolveDestination(to, [])).port, 1, to);
  });
});
