// `npm start`: builds what is missing, then serves on this machine alone
//
//   the page                      HTTP
//   a gateway for the page        WebSocket on the same port: one binary message is one datagram
//   a DTLS 1.3 echo endpoint      UDP
//
// and prints their addresses. Ctrl-C ends it.

import { isIP } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { isLoopback, parseDestination } from './serve/destinations.mjs';
import { pageServer } from './serve/page.mjs';
import { setUp } from './setup.mjs';
import { main, Problem, ROOT } from './steps.mjs';

const HELP = `npm start -- [options]

  --port <n>           HTTP port of the page and the gateway (8080; 0 takes any free port)
  --udp-port <n>       UDP port of the DTLS echo endpoint (4433; 0 takes any free port)
  --host <address>     address to listen at (127.0.0.1)
  --allow <host:port>  a destination the gateway may send to although it is not on this machine; may be repeated
  --help               this text
`;

function options() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        port: { type: 'string', default: '8080' },
        'udp-port': { type: 'string', default: '4433' },
        host: { type: 'string', default: '127.0.0.1' },
        allow: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean' },
      },
    }));
  } catch (error) {
    throw new Problem(`${error.message}\n\n${HELP}`);
  }
  const number = (flag) => {
    const port = Number(values[flag]);
    if (!/^\d+$/.test(values[flag]) || port > 65_535) throw new Problem(`--${flag} must be a port number from 0 to 65535; it is "${values[flag]}".`);
    return port;
  };
  const allowed = values.allow.map((text) => {
    const destination = parseDestination(text);
    if (!destination) throw new Problem(`--allow takes host:port; it is "${text}".`);
    return destination;
  });
  return { help: values.help, host: values.host, port: number('port'), udpPort: number('udp-port'), allowed };
}

/** Listens, or says in a sentence why not. */
function listenHttp(server, port, host) {
  return new Promise((settle, fail) => {
    server.once('error', (error) => fail(listenProblem(error, `${host}:${port} (HTTP)`, '--port')));
    server.listen(port, host, () => settle(server.address().port));
  });
}

function listenProblem(error, where, flag) {
  // The package wraps what the socket said.
  const code = error.cause?.code ?? error.code;
  if (code === 'EADDRINUSE') return new Problem(`${where} is taken by another program. Choose another port with ${flag}, or ${flag} 0 for any free one.`);
  if (code === 'EACCES') return new Problem(`This user may not listen at ${where}. Choose a port above 1023 with ${flag}.`);
  if (code === 'EADDRNOTAVAIL') return new Problem(`${where}: this machine has no such address. Choose one with --host.`);
  return error;
}

await main(async () => {
  const { help, host, port, udpPort, allowed } = options();
  if (help) return void console.log(HELP);
  await setUp();
  await build();

  // Only now do the npm packages and the built package exist.
  const [{ attachGateway, GATEWAY_PATH }, { startEcho }] = await Promise.all([import('./serve/gateway.mjs'), import('./serve/echo.mjs')]);

  const echo = await startEcho({ host, port: udpPort, names: ['localhost', host] }).catch((error) => {
    throw listenProblem(error, `${host}:${udpPort} (UDP)`, '--udp-port');
  });
  const echoAddress = authority(host, echo.port);

  const server = pageServer({
    root: join(ROOT, 'dist-page'),
    documents: { '/config.json': () => ({ gateway: GATEWAY_PATH, echo: echoAddress, fingerprint: echo.fingerprint }) },
    hostAllowed: isAddress,
  });
  const gateway = attachGateway(server, { allowed, originAllowed: (origin, host) => isAddress(host) && origin === `http://${host}` });
  let httpPort;
  try {
    httpPort = await listenHttp(server, port, host);
  } catch (error) {
    await echo.close();
    throw error;
  }
  const page = `http://${authority(host, httpPort)}/`;
  console.log(`
  page      ${page}
  echo      ${echoAddress}  DTLS 1.3 over UDP, self-signed
            certificate sha-256 ${echo.fingerprint}
  gateway   ${page.replace('http', 'ws')}${GATEWAY_PATH.slice(1)}?to=${echoAddress}
${isLoopback(host) ? '' : `\n  ${host} is no loopback address: others on the network reach the page, the echo and the gateway.\n`}
Ctrl-C ends it.`);

  await interrupted();
  console.log('\nEnding.');
  server.close();
  server.closeAllConnections();
  await Promise.all([gateway.close(), echo.close()]);
});

/** A Host header that is an address or `localhost`: any other name could be rebound to this machine by whoever owns it. */
function isAddress(name) {
  if (!URL.canParse(`http://${name}/`)) return false;
  const { hostname } = new URL(`http://${name}/`);
  return hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
}

function authority(host, port) {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function interrupted() {
  return new Promise((settle) => {
    process.once('SIGINT', settle);
    process.once('SIGTERM', settle);
  });
}
