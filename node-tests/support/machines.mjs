// Two machines of `dtls-wasm/core` and nothing between them.

/** When tests begin, on the clock that they hand in. */
export const BEGIN = Date.UTC(2026, 0, 1);

/** Hands datagrams over both ways until nobody has more to send, and gives the events of each. */
export function exchange(client, server, now = BEGIN) {
  const events = { client: [], server: [] };
  for (let quiet = false; !quiet;) {
    quiet = true;
    for (const [from, to] of [[client, server], [server, client]]) {
      for (let datagram; (datagram = from.pollTransmit(now)) !== undefined;) {
        to.handleDatagram(datagram, now);
        quiet = false;
      }
    }
    for (const [name, machine] of [['client', client], ['server', server]]) {
      for (let event; (event = machine.pollEvent()) !== undefined;) events[name].push(event);
    }
  }
  return events;
}
