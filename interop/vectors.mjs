/** The decryptor against sessions that it was not made with: every protected record of the recorded traces must open. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../scripts/steps.mjs';
import { parseKeyLog, readCapture } from './capture.mjs';
import { CaptureReader } from './decrypt.mjs';

const TRACES = join(ROOT, 'tests', 'vectors', 'wolfssl-5.9.2-traces');
const ILLUSTRATED = join(ROOT, 'tests', 'vectors', 'illustrated-dtls13');

/** @returns {{ name: string, capture: string, keys: string }[]} */
export function vectors() {
  const traces = readdirSync(TRACES).filter((file) => /^dtls13-.*\.pcap$/.test(file)).map((file) => file.replace('.pcap', '')).map((name) => ({
    name,
    capture: join(TRACES, `${name}.pcap`),
    keys: join(TRACES, `${name}.keys`),
  }));
  return [...traces, { name: 'illustrated-dtls13', capture: join(ILLUSTRATED, 'capture.pcap'), keys: join(ILLUSTRATED, 'keylog.txt') }];
}

/** What is wrong, in a sentence, if anything is. @param {{ name: string, capture: string, keys: string }} vector */
export function judgeVector({ capture, keys }) {
  if (!existsSync(keys)) return 'its key log is missing';
  const reader = new CaptureReader(parseKeyLog(readFileSync(keys, 'utf8')));
  const records = readCapture(capture).flatMap((captured) => reader.read(captured).records).filter((record) => record.protected);
  const decrypted = records.filter((record) => record.decrypted).length;
  return records.length > 0 && decrypted === records.length ? undefined : `${decrypted} of ${records.length} protected records decrypted`;
}
