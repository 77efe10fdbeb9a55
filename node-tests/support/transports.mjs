// Ways for datagrams to go in tests: in memory, and over a relay that loses some.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Two transports that deliver to each other, each datagram in a turn of its own. `lost(bytes)` says which do not arrive. */
export function memoryTransports({ lost = () => false, maxDatagramSize } = {}) {
  const ends = [0, 1].map(() => ({ receiver: undefined, stopped: false, sent: [] }));
  const transport = (own, other) => ({
    maxDatagramSize,
    send(bytes) {
      own.sent.push(bytes);
      if (lost(bytes)) return;
      setImmediate(() => other.stopped || other.receiver?.datagram(bytes.slice()));
    },
    start(receiver) {
      own.receiver = receiver;
    },
    stop() {
      own.stopped = true;
    },
    get sent() {
      return own.sent;
    },
    get stopped() {
      return own.stopped;
    },
    end(error) {
      own.receiver.ended(error);
    },
  });
  return [transport(ends[0], ends[1]), transport(ends[1], ends[0])];
}

/** A UDP relay to `port` on this machine that loses, doubles and delays datagrams; one way back for each client. */
export async function relay(port, { seed = 1, loss = 0, duplicate = 0, delay = 0 } = {}) {
  const random = seeded(seed);
  const front = createSocket('udp4');
  const backs = new Map();
  const counts = { passed: 0, lost: 0 };
  let open = true;
  const pass = (send) => {
    for (let copies = random() < duplicate ? 2 : 1; copies > 0; copies -= 1) {
      if (random() < loss) counts.lost += 1;
      else {
        counts.passed += 1;
        setTimeout(() => open && send(), random() * delay);
      }
    }
  };
  front.on('message', (bytes, from) => {
    let back = backs.get(from.port);
    if (!back) {
      back = createSocket('udp4').on('error', () => {});
      back.on('message', (answer) => pass(() => front.send(answer, from.port, '127.0.0.1')));
      backs.set(from.port, back);
    }
    pass(() => back.send(bytes, port, '127.0.0.1'));
  });
  front.bind(0, '127.0.0.1');
  await once(front, 'listening');
  return {
    port: front.address().port,
    counts,
    /** As a NAT that has forgotten its clients: from now on their datagrams come from other ports. */
    rebind() {
      for (const back of backs.values()) back.close();
      backs.clear();
    },
    close() {
      if (!open) return;
      open = false;
      front.close();
      for (const back of backs.values()) back.close();
    },
  };
}
