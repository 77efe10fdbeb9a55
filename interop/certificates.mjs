/** Certificates for one run of the tests, made by the openssl program, so that no private key is kept in the project. */
import { createPrivateKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
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
[delegating]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:${SERVER_NAME}
1.3.6.1.4.1.44363.44 = DER:05:00
`;

const P256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const ED25519 = ['ed25519'];
const RSA = ['rsa:2048'];

/**
 * `NAME.crt` with `NAME.key`: leaves `p256`, `ed25519` and `rsa` under `root`; `chain`, a leaf with two intermediates, which is
 * larger than any datagram that the tests send; `client`, for client certificates; `delegating`, whose `delegating.dc` is a
 * delegated credential; and `stranger`, a root that signed nothing. `NAME.pub` is the public key of a leaf in DER, and `NAME.ocsp`
 * what the root says of its certificate.
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
  await certificate(folder, 'delegating', P256, 'delegating', 'root');
  for (const name of ['p256', 'client', 'ed25519', 'stranger']) {
    await run('openssl', ['pkey', '-in', join(folder, `${name}.key`), '-pubout', '-outform', 'DER', '-out', join(folder, `${name}.pub`)]);
  }
  await status(folder, 'p256');
  delegate(folder, 'delegating');
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

/** What the root says of a certificate (RFC 6960). @param {string} folder @param {string} name */
async function status(folder, name) {
  /** @param {string} file */
  const at = (file) => join(folder, file);
  const { serialNumber, validTo } = new X509Certificate(readFileSync(at(`${name}.crt`)));
  const until = new Date(validTo).toISOString().replaceAll(/[-:T]|\.\d+/g, '').slice(2);
  writeFileSync(at('index.txt'), `V\t${until}\t\t${serialNumber}\tunknown\t/CN=dtls-wasm interop ${name}\n`);
  await run('openssl', ['ocsp', '-issuer', at('root.crt'), '-cert', at(`${name}.crt`), '-no_nonce', '-reqout', at(`${name}.request`)]);
  await run('openssl', [
    'ocsp', '-index', at('index.txt'), '-CA', at('root.crt'), '-rsigner', at('root.crt'), '-rkey', at('root.key'),
    '-reqin', at(`${name}.request`), '-respout', at(`${name}.ocsp`), '-ndays', DAYS,
  ]);
}

const ECDSA_SECP256R1_SHA256 = 0x0403;
/** A delegated credential is valid for at most a week (RFC 9345, Section 4.1.3); the certificate began a moment ago. */
const DELEGATED_SECONDS = 7 * 24 * 3600 - 60;
const DELEGATED_CONTEXT = 'TLS, server delegated credentials';

/** A DelegatedCredential (RFC 9345, Section 4) for a new key, signed with the certificate's key. @param {string} folder @param {string} name */
function delegate(folder, name) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = publicKey.export({ type: 'spki', format: 'der' });
  const credential = Buffer.concat([number(DELEGATED_SECONDS, 4), number(ECDSA_SECP256R1_SHA256, 2), number(key.length, 3), key, number(ECDSA_SECP256R1_SHA256, 2)]);
  const certificateBytes = new X509Certificate(readFileSync(join(folder, `${name}.crt`))).raw;
  const signed = Buffer.concat([Buffer.alloc(64, 0x20), Buffer.from(`${DELEGATED_CONTEXT}\0`), certificateBytes, credential]);
  const signature = sign('sha256', signed, createPrivateKey(readFileSync(join(folder, `${name}.key`))));
  writeFileSync(join(folder, `${name}.dc`), Buffer.concat([credential, number(signature.length, 2), signature]));
  writeFileSync(join(folder, `${name}.dc.key`), privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

/** @param {number} value @param {number} length */
function number(value, length) {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, 0, length);
  return bytes;
}
