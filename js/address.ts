// Addresses of UDP as the few bytes that the core compares: 4 or 16 bytes of address, 2 of port, and the zone of a
// link-local address.

/** The core takes addresses of at most 32 bytes, so this is left for the zone: the name of a network interface. */
const MAX_ZONE = 32 - 16 - 2;

/** The bytes of an address that `node:dgram` gave, or nothing if it is none. */
export function encodeAddress(address: string, port: number): Uint8Array | undefined {
  const [host = '', zone = ''] = address.split('%');
  const parts = host.includes(':') ? v6(host) : v4(host);
  if (!parts || zone.length > MAX_ZONE) return undefined;
  const bytes = new Uint8Array(parts.length + 2 + zone.length);
  bytes.set(parts);
  bytes[parts.length] = port >> 8;
  bytes[parts.length + 1] = port & 0xff;
  for (let index = 0; index < zone.length; index += 1) bytes[parts.length + 2 + index] = zone.charCodeAt(index);
  return bytes;
}

/** The address and port that were encoded. */
export function decodeAddress(bytes: Uint8Array): { address: string; port: number } {
  const length = bytes.length === 6 ? 4 : 16;
  const port = ((bytes[length] ?? 0) << 8) | (bytes[length + 1] ?? 0);
  if (length === 4) return { address: bytes.subarray(0, 4).join('.'), port };
  const groups = Array.from({ length: 8 }, (_, group) => (((bytes[2 * group] ?? 0) << 8) | (bytes[2 * group + 1] ?? 0)).toString(16));
  const zone = String.fromCharCode(...bytes.subarray(18));
  return { address: shorten(groups) + (zone && `%${zone}`), port };
}

/** The longest run of zeros as `::` (RFC 5952 §4.2). */
function shorten(groups: readonly string[]): string {
  const text = groups.join(':');
  let longest = '';
  for (const [run] of text.matchAll(/\b0(?::0)+\b/g)) if (run.length > longest.length) longest = run;
  return longest ? text.replace(longest, '').replace(/^$/, '::').replace(/^:|:$/, '::').replace(/:{2,}/, '::') : text;
}

function v4(text: string): number[] | undefined {
  const parts = text.split('.').map(Number);
  return parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255) ? parts : undefined;
}

function v6(text: string): number[] | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted) {
    const last = v4(dotted[2] ?? '');
    if (!last) return undefined;
    const [a = 0, b = 0, c = 0, d = 0] = last;
    return v6(`${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`);
  }
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  const zeros = tail === undefined ? 0 : Math.max(8 - first.length - last.length, 0);
  const all = [...first, ...Array.from({ length: zeros }, () => 0), ...last];
  if (all.length !== 8 || all.some((group) => !(group >= 0 && group <= 0xffff))) return undefined;
  return all.flatMap((group) => [group >> 8, group & 0xff]);
}
