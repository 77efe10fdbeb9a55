// Certificates, keys, roots and fingerprints.

import { Roots } from '../dtls_wasm.js';
import { DtlsError, optionError } from '../errors.js';
import { bytesOf, checkArray, checkNumber, list } from './checks.js';

/** A certificate and its private key. */
export interface CertificateSource {
  /** The certificate, and behind it those that lead to a root: PEM text, DER bytes, or an array of either. */
  cert: OneOrMany;
  /** The private key of the first certificate (P-256 or Ed25519): PEM text, or PKCS #8 or SEC 1 DER bytes. */
  key: string | Uint8Array;
  /** A delegated credential (RFC 9345) and its key, for peers that accept one; others get the certificate as it is. */
  delegatedCredential?: { credential: Uint8Array; key: string | Uint8Array } | undefined;
  /** A `SignedCertificateTimestampList` (RFC 6962 §3.3) for the certificate, for peers that ask for one. It is sent as it is. */
  certificateTimestamps?: Uint8Array | undefined;
  /** An OCSP response for the certificate, DER, for peers that ask for one (RFC 6066 §8). It is sent as it is. */
  ocspResponse?: Uint8Array | undefined;
}

/** A certificate's fingerprint, as in SDP (RFC 8122) and `RTCDtlsFingerprint`. */
export interface Fingerprint {
  /** The hash: `'sha-256'`, `'sha-384'` or `'sha-512'`. */
  algorithm: string;
  /** Its value: `AB:CD:…`. */
  value: string;
}

/** PEM text (which may hold many), DER bytes, or an array of either. */
type OneOrMany = string | Uint8Array | readonly (string | Uint8Array)[];

/** Who we are, and whom we trust. */
export interface CertificateChoice {
  /** Our certificate and key; several if there is one for each of several names or kinds of key. A server needs one. */
  certificate?: CertificateSource | readonly CertificateSource[] | undefined;
  /** With `key`, short for `certificate: { cert, key }`. */
  cert?: CertificateSource['cert'] | undefined;
  /** With `cert`, short for `certificate: { cert, key }`. */
  key?: CertificateSource['key'] | undefined;
  /** Root certificates that the peer's certificate must lead to: PEM text (which may hold many), DER bytes, or an array. */
  ca?: OneOrMany | undefined;
  /** The peer's certificate must have one of these fingerprints. Instead of `ca`: for certificates that sign themselves. */
  remoteFingerprints?: readonly Fingerprint[] | undefined;
  /** Our private key (as `key`), whose public key is shown without a certificate to peers that accept that (RFC 7250). */
  rawKey?: string | Uint8Array | undefined;
  /** The peer must show one of these public keys, and no certificate (RFC 7250): SubjectPublicKeyInfo, DER. Instead of `ca`. */
  remotePublicKeys?: readonly Uint8Array[] | undefined;
  /** Ask the peer for an OCSP response, which `ocspResponse` of the connection then has. Nothing here judges it. Default: false. */
  requestOCSP?: boolean | undefined;
  /** Ask the peer for certificate timestamps (RFC 6962), which `certificateTimestamps` of the connection then has. Nothing here judges them. Default: false. */
  requestTimestamps?: boolean | undefined;
  /** Clients: judge the certificate once more when a connection is resumed: it may have expired since. Default: false. */
  verifyOnResumption?: boolean | undefined;
  /** The distinguished names, DER, of the authorities that we trust (RFC 9846 §4.3.4), so that the peer can choose a certificate. Default: none. */
  authorities?: readonly Uint8Array[] | undefined;
  /** The schemes that the peer may sign with, best first, as in `'ecdsa_secp256r1_sha256'`: an array, or one string with colons. */
  signatureSchemes?: string | readonly string[] | undefined;
  /** The schemes that the certificates of the peer's chain may be signed with (signature_algorithms_cert). Default: `signatureSchemes`. */
  certificateSignatureSchemes?: string | readonly string[] | undefined;
  /** The schemes that the key of a delegated credential of the peer may sign with (RFC 9345). Default: none, no such credential is accepted. */
  delegatedCredentials?: string | readonly string[] | undefined;
  /**
   * How certificates may be compressed (RFC 8879), best first: `'zlib'`, `'brotli'`. Default: not. For a module that was built with the
   * crate's feature `certificate-compression`, which that of the npm package is not, for its size.
   */
  certificateCompression?: 'zlib' | 'brotli' | readonly ('zlib' | 'brotli')[] | undefined;
  /** Servers: ask for a client certificate. Implied by `remoteFingerprints` and `remotePublicKeys`. Default: false. */
  requestCert?: boolean | undefined;
  /**
   * Refuse a peer whose certificate cannot be verified. Default: true. With false *any* certificate is accepted, and
   * anybody on the way can read and change everything, unless you check `getRemoteCertificates()` yourself.
   */
  rejectUnauthorized?: boolean | undefined;
}

/** What to generate. */
export interface CertificateOptions {
  /** The kind of key. Default: `'P-256'`, which every peer knows. */
  algorithm?: 'P-256' | 'Ed25519' | undefined;
  /** The DNS names and IP addresses that it is for. Default: `['localhost']`. */
  names?: readonly string[] | undefined;
  /** How long it is valid, in days, from now on. Default: 365. */
  days?: number | undefined;
}

/** A certificate that signs itself. */
export interface GeneratedCertificate {
  /** The certificate, PEM. */
  cert: string;
  /** The private key, PKCS #8, PEM. */
  key: string;
  /** The SHA-256 fingerprint of the certificate: `AB:CD:…`. */
  fingerprint: string;
}

/** @internal */
export function checkCertificateOptions(options: CertificateOptions): { algorithm: string; names: readonly string[]; days: number } {
  const { algorithm = 'P-256', names = ['localhost'], days = 365, ...unknown } = options;
  const [other] = Object.keys(unknown);
  if (other !== undefined) throw new DtlsError('ERR_DTLS_INVALID_OPTION', `There is no option ${other} here. The options are algorithm, names, days.`);
  if (algorithm !== 'P-256' && algorithm !== 'Ed25519') throw optionError('algorithm', "'P-256' or 'Ed25519'", algorithm);
  checkArray('names', names);
  if (names.length === 0 || names.some((name) => typeof name !== 'string' || name.includes('\n'))) throw optionError('names', 'an array of at least one name', names);
  checkNumber('days', days);
  return { algorithm, names, days };
}

/** @internal */
export function certificatesOf({ certificate, cert, key }: CertificateChoice): readonly CertificateSource[] {
  if (cert === undefined && key === undefined) return list(certificate);
  if (certificate !== undefined) throw new DtlsError('ERR_DTLS_INVALID_OPTION', 'Give either certificate, or cert and key.');
  if (cert === undefined || key === undefined) {
    throw new DtlsError('ERR_DTLS_INVALID_OPTION', `The options cert and key belong together; ${cert === undefined ? 'cert' : 'key'} is missing.`);
  }
  return [{ cert, key }];
}

/** Roots that were read once. Only frozen arrays of text are kept: they cannot change. `tls.rootCertificates` is one. */
const readRoots = new WeakMap<object, Roots>();

/** @internal */
export function rootsOf(ca: OneOrMany): Roots {
  const known = typeof ca === 'object' ? readRoots.get(ca) : undefined;
  if (known) return known;
  const roots = new Roots();
  for (const part of list(ca)) roots.add(bytesOf(part));
  if (Array.isArray(ca) && Object.isFrozen(ca) && ca.every((part) => typeof part === 'string')) readRoots.set(ca, roots);
  return roots;
}

