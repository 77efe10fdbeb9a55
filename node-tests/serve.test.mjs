// The static server of `npm start`.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pageServer } from '../scripts/serve/page.mjs';

describe('page server', () => {
  let folder;
  let server;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dtls-wasm-serve-'));
    const root = join(folder, 'root');
    await mkdir(join(root, 'www'), { recursive: true });
    await writeFile(join(root, 'www', 'index.html'), '<!doctype html>');
    await writeFile(join(root, 'www', 'main.js'), 'export {};');
    await writeFile(join(root, 'a b.css'), '');
    await writeFile(join(root, 'x.wasm'), Buffer.from([0, 0x61, 0x73, 0x6d]));
    await writeFile(join(folder, 'secret'), 'secret');
    await mkdir(join(folder, 'root-beside'));
    await writeFile(join(folder, 'root-beside', 'secret'), 'secret');
    await symlink(join(folder, 'secret'), join(root, 'link'));
    server = pageServer({ root, documents: { '/config.json': () => ({ a: 1 }) }, hostAllowed: (host) => host !== 'rebound.test' });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  after(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });

  /** The path goes out as it is: fetch() would resolve `..` before sending. */
  async function get(path, { method = 'GET', headers = {} } = {}) {
    const sent = request({ host: '127.0.0.1', port: server.address().port, path, method, headers, agent: false });
    sent.end();
    const [response] = await once(sent, 'response');
    const chunks = await response.toArray();
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString('latin1') };
  }

  it('sends files with their types', async () => {
    for (const [path, type] of [['/www/', 'text/html; charset=utf-8'], ['/www/main.js', 'text/javascript; charset=utf-8'],
      ['/a%20b.css', 'text/css; charset=utf-8'], ['/x.wasm', 'application/wasm'], ['/www/main.js?v=1', 'text/javascript; charset=utf-8']]) {
      const { status, headers } = await get(path);
      assert.equal(status, 200, path);
      assert.equal(headers['content-type'], type, path);
      assert.match(headers['content-security-policy'], /wasm-unsafe-eval/);
    }
  });

  it('sends no file outside its folder', async () => {
    for (const path of ['/../secret', '/www/../../secret', '/%2e%2e/secret', '/..%2fsecret', '/www/%2e%2e%2f%2e%2e%2fsecret',
      '/../root-beside/secret', '/..%5csecret', '//secret', '/link', '/%00', '/%zz', '/www/main.js/']) {
      const { status, body } = await get(path);
      assert.ok(status === 404 || status === 400, `${path}: ${status}`);
      assert.doesNotMatch(body, /^secret$/, path);
    }
  });

  it('redirects a folder to its slash, on this host', async () => {
    for (const path of ['/www', '//www']) {
      const { status, headers } = await get(path);
      if (status === 302) assert.equal(headers.location, '/www/', path);
      else assert.equal(status, 404, path);
    }
    assert.equal((await get('/www')).status, 302);
  });

  it('sends documents as JSON, HEAD without a body, and nothing for other methods', async () => {
    const { headers, body } = await get('/config.json');
    assert.equal(headers['content-type'], 'application/json; charset=utf-8');
    assert.deepEqual(JSON.parse(body), { a: 1 });
    const head = await get('/www/', { method: 'HEAD' });
    assert.deepEqual([head.status, head.body], [200, '']);
    assert.equal((await get('/www/', { method: 'POST' })).status, 405);
  });

  it('does not answer to a host name that is not allowed', async () => {
    assert.equal((await get('/www/', { headers: { Host: 'rebound.test' } })).status, 421);
  });
});
