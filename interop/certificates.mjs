/** Certificates for one run of the tests, made by the openssl program, so that no private key is kept in the project. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { run } from '../scripts/steps.mjs';

/** The name in every leaf. */
export const SERVER_NAME = 'interop.test';
const DAYS = '30';

const CONFIG = `[req]
distinguished_name = name
prompt = no
[name]
CN = dtls-wasm interop
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = DNS:${SERVER_NAME}
`;

const P256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const ED25519 = ['ed25519'];
const RSA = ['rsa:2048'];

/**
 * `NAME.crt` with `NAME.key`: leaves `p256`, `ed25519` and `rsa` under `root`; `chain`, a leaf with two intermediates, which is
 * larger than any datagram that the tests send; `client`, for client certificates; and `stranger`, a root that signed nothing.
 *
 * @param {string} folder
 */
export async function makeCertificates(folder) {
  writeFileSync(join(folder, 'openssl.cnf'), CONFIG);
  await certificate(folder, 'root', P256, 'authority');
  await certificate(folder, 'stranger', P256, 'authority');
  await certificate(folder, 'p256', P256, 'leaf', 'root');
  await certificate(folder, 'ed25519', ED25519, 'leaf', 'root');
  await certificate(folder, 'rsa', RSA, 'leaf', 'root');
  await certificate(folder, 'client', P256, 'leaf', 'root');
  await certificate(folder, 'upper', P256, 'authority', 'root');
  await certificate(folder, 'lower', P256, 'authority', 'upper');
  await certificate(folder, 'chain', P256, 'leaf', 'lower');
  for (const name of ['lower', 'upper']) appendFileSync(join(folder, 'chain.crt'), readFileSync(join(folder, `${name}.crt`)));
}

/** @param {string} folder @param {string} name @param {string[]} algorithm @param {string} extensions @param {string} [issuer] */
async function certificate(folder, name, algorithm, extensions, issuer) {
  const signed = issuer === undefined ? [] : ['-CA', join(folder, `${issuer}.crt`), '-CAkey', join(folder, `${issuer}.key`)];
  await run('openssl', [
    'req', '-x509', '-config', join(folder, 'openssl.cnf'), '-extensions', extensions, '-days', DAYS, '-nodes', '-sha256',
    '-subj', `/CN=dtls-wasm interop ${name}`, '-newkey', ...algorithm, '-keyout', join(folder, `${name}.key`),
    '-out', join(folder, `${name}.crt`), ...signed,
  ]);
}
