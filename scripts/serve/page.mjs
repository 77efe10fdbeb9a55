// Static files over HTTP, for the page that `npm start` serves. Not a public web server: it knows one folder and GET.

import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
};

/** The page runs its own modules and its own wasm and talks to its own origin only, so that is all it may do. */
const HEADERS = {
  'Content-Security-Policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    + "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-cache',
};

/**
 * A server for the files under `root`. `documents` maps paths to functions whose results are sent as JSON. A request
 * under a host name that `hostAllowed` refuses gets 421: a name that someone rebinds to this address is none of ours.
 */
export function pageServer({ root, documents = {}, hostAllowed = () => true }) {
  return createServer((request, response) => {
    answer(request, response, { root, documents, hostAllowed }).catch(() => refuse(response, 500, 'The file could not be read.'));
  });
}

async function answer(request, response, { root, documents, hostAllowed }) {
  if (!hostAllowed(request.headers.host)) return refuse(response, 421, 'This server does not answer to that host name.');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return refuse(response, 405, 'Only GET and HEAD.');
  }
  const path = pathOf(request.url);
  if (path === undefined) return refuse(response, 400, 'That is no path.');
  if (Object.hasOwn(documents, path)) return sendJson(request, response, documents[path]());
  return sendFile(request, response, root, path);
}

/** The decoded path of a request, or `undefined` for one that cannot name a file here. */
function pathOf(url) {
  try {
    const path = decodeURIComponent(new URL(url, 'http://page.invalid').pathname);
    return path.includes('\0') || path.includes('\\') ? undefined : path;
  } catch {
    return undefined;
  }
}

async function sendFile(request, response, root, path) {
  const top = await realpath(root);
  const file = await realpath(join(top, path)).catch(() => undefined);
  // Compared after links and `..` are resolved: what lies outside the folder does not exist.
  if (file === undefined || (file !== top && !file.startsWith(top + sep))) return refuse(response, 404, 'There is no such file.');
  const about = await stat(file);
  if (about.isDirectory()) {
    if (path.endsWith('/')) return sendFile(request, response, root, `${path}index.html`);
    // Relative links in the folder's index need the slash. A leading `//` would name another host.
    return redirect(response, `${path.replace(/^\/+/, '/')}/`);
  }
  if (path.endsWith('/')) return refuse(response, 404, 'There is no such file.');
  response.writeHead(200, { ...HEADERS, 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Content-Length': about.size });
  if (request.method === 'HEAD') return response.end();
  createReadStream(file).on('error', () => response.destroy()).pipe(response);
  return undefined;
}

function sendJson(request, response, value) {
  const body = JSON.stringify(value);
  response.writeHead(200, { ...HEADERS, 'Content-Type': TYPES['.json'], 'Content-Length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function redirect(response, location) {
  response.writeHead(302, { ...HEADERS, Location: encodeURI(location) });
  response.end();
}

function refuse(response, status, sentence) {
  if (response.headersSent) return response.destroy();
  response.writeHead(status, { ...HEADERS, 'Content-Type': TYPES['.txt'] });
  return response.end(`${sentence}\n`);
}
