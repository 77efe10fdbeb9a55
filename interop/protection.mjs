/**
 * DTLS 1.3 record protection (RFC 9147, Section 4.2), from a traffic secret to a plaintext, with node:crypto alone. Nothing
 * here is shared with the implementation under test.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

const NONCE_LENGTH = 12;
const MASK_SAMPLE = 16;

/** Cipher suites by code point: names as registered, and as node:crypto knows their parts. */
export const SUITES = new Map([
  [0x1301, { name: 'TLS_AES_128_GCM_SHA256', hash: 'sha256', keyLength: 16, aead: 'aes-128-gcm', mask: 'aes-128-ecb', tagLength: 16 }],
  [0x1302, { name: 'TLS_AES_256_GCM_SHA384', hash: 'sha384', keyLength: 32, aead: 'aes-256-gcm', mask: 'aes-256-ecb', tagLength: 16 }],
  [0x1303, { name: 'TLS_CHACHA20_POLY1305_SHA256', hash: 'sha256', keyLength: 32, aead: 'chacha20-poly1305', mask: 'chacha20', tagLength: 16 }],
  [0x1304, { name: 'TLS_AES_128_CCM_SHA256', hash: 'sha256', keyLength: 16, aead: 'aes-128-ccm', mask: 'aes-128-ecb', tagLength: 16 }],
  [0x1305, { name: 'TLS_AES_128_CCM_8_SHA256', hash: 'sha256', keyLength: 16, aead: 'aes-128-ccm', mask: 'aes-128-ecb', tagLength: 8 }],
]);

/** @typedef {{ name: string, hash: string, keyLength: number, aead: string, mask: string, tagLength: number }} Suite */

/**
 * HKDF-Expand-Label with the label prefix of DTLS 1.3 (RFC 9147, Section 5.9).
 *
 * @param {string} hash @param {Buffer} secret @param {string} label @param {number} length
 */
function expandLabel(hash, secret, label, length) {
  const full = Buffer.from(`dtls13${label}`);
  const info = Buffer.concat([Buffer.from([length >> 8, length & 0xff, full.length]), full, Buffer.from([0])]);
  let block = Buffer.alloc(0);
  let output = Buffer.alloc(0);
  for (let counter = 1; output.length < length; counter += 1) {
    block = createHmac(hash, secret).update(block).update(info).update(Buffer.from([counter])).digest();
    output = Buffer.concat([output, block]);
  }
  return output.subarray(0, length);
}

/** The keys of one epoch and direction. */
export class EpochKeys {
  /** @type {Suite} */ #suite;
  /** @type {Buffer} */ #secret;
  /** @type {Buffer} */ #key;
  /** @type {Buffer} */ #iv;
  /** @type {Buffer} */ #maskKey;
  /** One more than the highest sequence number that decrypted; what truncated numbers are completed with. */
  #next = 0;

  /** @param {Suite} suite @param {Buffer} secret */
  constructor(suite, secret) {
    this.#suite = suite;
    this.#secret = secret;
    this.#key = expandLabel(suite.hash, secret, 'key', suite.keyLength);
    this.#iv = expandLabel(suite.hash, secret, 'iv', NONCE_LENGTH);
    this.#maskKey = expandLabel(suite.hash, secret, 'sn', suite.keyLength);
  }

  /** The keys after one KeyUpdate (RFC 9846, Section 7.2). */
  updated() {
    return new EpochKeys(this.#suite, expandLabel(this.#suite.hash, this.#secret, 'traffic upd', this.#secret.length));
  }

  /**
   * Opens one record; undefined when these are not its keys.
   *
   * @param {Buffer} header as on the wire @param {number} numberAt @param {number} numberLength @param {Buffer} body
   * @returns {{ sequence: number, type: number, content: Buffer, padding: number } | undefined}
   */
  open(header, numberAt, numberLength, body) {
    if (body.length < MASK_SAMPLE) return undefined;
    const mask = this.#mask(body.subarray(0, MASK_SAMPLE));
    const clear = Buffer.from(header);
    for (let index = 0; index < numberLength; index += 1) clear[numberAt + index] ^= mask[index];
    const sequence = this.#complete(clear.readUIntBE(numberAt, numberLength), 2 ** (8 * numberLength));
    const plaintext = this.#decrypt(sequence, clear, body);
    if (plaintext === undefined) return undefined;
    this.#next = Math.max(this.#next, sequence + 1);
    let end = plaintext.length;
    while (end > 0 && plaintext[end - 1] === 0) end -= 1;
    if (end === 0) throw new Error('a record of padding alone');
    return { sequence, type: plaintext[end - 1], content: plaintext.subarray(0, end - 1), padding: plaintext.length - end };
  }

  /** @param {Buffer} sample */
  #mask(sample) {
    if (this.#suite.mask === 'chacha20') return createCipheriv('chacha20', this.#maskKey, sample).update(Buffer.alloc(2));
    return createCipheriv(this.#suite.mask, this.#maskKey, null).update(sample);
  }

  /** The full number nearest to the expected one (RFC 9147, Section 4.2.2). @param {number} low @param {number} modulus */
  #complete(low, modulus) {
    const base = this.#next - (this.#next % modulus) + low;
    const near = [base - modulus, base, base + modulus].filter((number) => number >= 0);
    return near.reduce((best, number) => (Math.abs(number - this.#next) < Math.abs(best - this.#next) ? number : best));
  }

  /** @param {number} sequence @param {Buffer} header @param {Buffer} body */
  #decrypt(sequence, header, body) {
    const { aead, tagLength } = this.#suite;
    const nonce = Buffer.from(this.#iv);
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(BigInt(sequence));
    for (let index = 0; index < 8; index += 1) nonce[4 + index] ^= number[index];
    const textLength = body.length - tagLength;
    const options = /** @type {import('node:crypto').CipherGCMOptions} */ ({ authTagLength: tagLength });
    const decipher = createDecipheriv(/** @type {import('node:crypto').CipherGCMTypes} */ (aead), this.#key, nonce, options);
    decipher.setAuthTag(body.subarray(textLength));
    decipher.setAAD(header, /** @type {{ plaintextLength: number }} */ ({ plaintextLength: textLength }));
    try {
      const text = decipher.update(body.subarray(0, textLength));
      decipher.final();
      return text;
    } catch {
      return undefined;
    }
  }
}
