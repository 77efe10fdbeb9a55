// What the page makes of a trace, without a page: the model is a pure function of events.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { EMPTY, extend, messageOf, partName } from '../dist-page/www/model.js';
import { parts, recordsOf } from '../dist-page/www/outline.js';
import { NotATrace, readTrace, writeTrace } from '../dist-page/www/trace.js';

/** Saved in the lab: loss, doubles, datagrams of 400 bytes, key updates of both ends, a text each way, and a close. */
const ROUGH = readFileSync(new URL('traces/rough.jsonl', import.meta.url), 'utf8');

const event = (time, side, name, data = {}) => ({ time, side, name, data });
const hex = (...bytes) => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** A fragment: msg_type, length, message_seq, fragment_offset, fragment_length, body. */
function fragment({ type, length, seq, offset = 0, body }) {
  const three = (n) => [n >> 16, (n >> 8) & 0xff, n & 0xff];
  return hex(type, ...three(length), seq >> 8, seq & 0xff, ...three(offset), ...three(body.length), ...body);
}

/** A plaintext record of epoch 0 around a content. */
function plaintext(type, sequence, content) {
  const length = content.length / 2;
  return hex(type, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, sequence, length >> 8, length & 0xff) + content;
}

/** Sends a datagram of one epoch 0 record, as a side and the network tell of it. */
function sending(time, side, { number, content, type = 22, name = 'handshake', sequence = number, arrivals = [time + 25] }) {
  const bytes = plaintext(type, sequence, content);
  return {
    bytes,
    sent: [
      event(time, side, 'transport:record', { direction: 'sent', epoch: 0, sequence_number: sequence, content_type: name, offset: 0, length: bytes.length / 2, plaintext: content }),
      event(time, side, 'transport:datagram', { direction: 'sent', bytes }),
      event(time, side, 'network:sent', { datagram: number, arrivals }),
    ],
    received: (at) => [
      event(at, side === 'client' ? 'server' : 'client', 'network:delivered', { datagram: number }),
      event(at, side === 'client' ? 'server' : 'client', 'transport:datagram', { direction: 'received', bytes }),
    ],
  };
}

const hello = (offset, body, length = 8) => fragment({ type: 1, length, seq: 0, offset, body });

describe('model', () => {
  it('follows a datagram from one side to the other', () => {
    const { sent, received } = sending(0, 'client', { number: 0, content: hello(0, [1, 2, 3, 4, 5, 6, 7, 8]) });
    const half = extend(EMPTY, sent);
    assert.equal(half.datagrams[0].fate, 'sent');
    assert.deepEqual(half.datagrams[0].due, [25]);
    const model = extend(half, received(25));
    const [datagram] = model.datagrams;
    assert.equal(model.datagrams.length, 1);
    assert.equal(datagram.from, 'client');
    assert.equal(datagram.fate, 'delivered');
    assert.deepEqual(datagram.arrivals.map(({ time }) => time), [25]);
    assert.deepEqual(datagram.records.map(({ parts }) => parts.map(partName)), [['ClientHello']]);
    assert.deepEqual(model.items.map(({ kind }) => kind), ['sent', 'arrived']);
  });

  it('leaves the model it extends as it was', () => {
    const { sent, received } = sending(0, 'client', { number: 0, content: hello(0, [1, 2, 3, 4, 5, 6, 7, 8]) });
    const before = extend(EMPTY, sent);
    const copy = structuredClone(before);
    extend(before, received(25));
    assert.deepEqual(before, copy);
    assert.equal(EMPTY.datagrams.length, 0);
  });

  it('knows what is lost and what is doubled from what the network tells', () => {
    const lost = sending(0, 'client', { number: 0, content: hello(0, [1, 2, 3, 4, 5, 6, 7, 8]), arrivals: [] });
    const twice = sending(10, 'client', { number: 1, content: hello(0, [1, 2, 3, 4, 5, 6, 7, 8]), arrivals: [30, 40] });
    const model = extend(EMPTY, [...lost.sent, ...twice.sent, ...twice.received(30), ...twice.received(40)]);
    assert.deepEqual(model.datagrams.map(({ fate, arrivals }) => [fate, arrivals.length]), [['lost', 0], ['delivered', 2]]);
  });

  it('marks handshake bytes that were sent before, and only those', () => {
    const first = sending(0, 'client', { number: 0, content: hello(0, [1, 2, 3, 4]), arrivals: [] });
    const second = sending(0, 'client', { number: 1, content: hello(4, [5, 6, 7, 8]) });
    const again = sending(1000, 'client', { number: 2, content: hello(2, [3, 4, 5]) });
    const other = sending(1000, 'server', { number: 3, content: hello(0, [1, 2, 3, 4]) });
    const model = extend(EMPTY, [...first.sent, ...second.sent, ...again.sent, ...other.sent]);
    assert.deepEqual(model.datagrams.map(({ records }) => records[0].again), [false, false, true, false]);
  });

  it('marks the records that an ACK names once their sender has received it', () => {
    const { sent, received } = sending(0, 'client', { number: 0, sequence: 7, content: hello(0, [1, 2, 3, 4, 5, 6, 7, 8]) });
    const acks = (epoch, number) => event(50, 'client', 'dtls:ack', { direction: 'received', records: [{ epoch, sequence_number: number }] });
    const model = extend(EMPTY, [...sent, ...received(25)]);
    assert.equal(extend(model, [acks(0, 6), acks(2, 7)]).datagrams[0].records[0].acknowledged, false);
    assert.equal(extend(model, [acks(0, 7)]).datagrams[0].records[0].acknowledged, true);
  });

  it('matches what two sides told where no network did, and draws what one side alone knows', () => {
    const { bytes, sent } = sending(0, 'client', { number: 0, content: hello(0, [1, 2, 3, 4, 5, 6, 7, 8]) });
    const withoutNetwork = sent.filter(({ name }) => !name.startsWith('network:'));
    const arrival = event(30, 'server', 'transport:datagram', { direction: 'received', bytes });
    assert.equal(extend(EMPTY, [...withoutNetwork, arrival]).datagrams.length, 1);
    const alone = extend(EMPTY, [arrival]);
    assert.equal(alone.datagrams[0].sentAt, undefined);
    assert.equal(alone.datagrams[0].from, 'client');
    assert.deepEqual(alone.datagrams[0].records[0].parts.map(partName), ['ClientHello']);
    assert.deepEqual([alone.ends.client.tells, alone.ends.server.tells], [false, true]);
  });

  it('keeps state, epochs, secrets and the whole messages of both ends', () => {
    const secret = { label: 'CLIENT_TRAFFIC_SECRET_0', client_random: 'aa', secret: 'bb' };
    const model = extend(EMPTY, [
      event(1, 'client', 'dtls:state', { name: 'make_shares' }),
      event(1, 'client', 'dtls:state', { name: 'expect_server_hello' }),
      event(2, 'client', 'security:secret', secret),
      event(3, 'server', 'security:secret', secret),
      event(3, 'client', 'security:key_updated', { direction: 'received', epoch: 3 }),
      event(3, 'client', 'security:key_updated', { direction: 'sent', epoch: 3 }),
      event(4, 'client', 'security:key_updated', { direction: 'sent', epoch: 4 }),
      event(5, 'client', 'dtls:message', { direction: 'sent', msg_type: 'client_hello', message_seq: 0, epoch: 0, body: '0102' }),
      event(6, 'client', 'dtls:handshake_complete'),
      event(7, 'server', 'transport:connection_closed', { error: 'the peer is gone' }),
    ]);
    assert.deepEqual([model.ends.client.readEpoch, model.ends.client.writeEpoch], [3, 4]);
    assert.equal(model.ends.client.state, 'expect_server_hello');
    assert.equal(model.ends.client.complete, true);
    assert.equal(model.ends.server.error, 'the peer is gone');
    assert.deepEqual(model.secrets, [{ label: secret.label, clientRandom: 'aa', secret: 'bb', toldBy: ['client', 'server'] }]);
    const notes = model.items.filter(({ kind }) => kind === 'note').map(({ note }) => note.text);
    assert.ok(notes.includes('waits for ServerHello') && !notes.includes('make shares'), 'of states at one instant the last is noted');
    assert.ok(notes.includes('epoch 3: read and write'), 'keys of one epoch that come together are one note');
    assert.equal(messageOf(model, { from: 'client' }, 0).body, '0102');
    assert.equal(messageOf(model, { from: 'client' }, 1), undefined);
  });
});

describe('model of a recorded run', () => {
  const { events } = readTrace(ROUGH);
  const model = extend(EMPTY, events);

  it('accounts for every datagram as the network did', () => {
    const taken = events.filter(({ name }) => name === 'network:sent').map(({ data }) => data.arrivals.length);
    assert.deepEqual(model.datagrams.map(({ due }) => due.length), taken);
    assert.ok(taken.includes(0) && taken.includes(1) && taken.includes(2), 'lost, delivered and doubled ones are among them');
    for (const { fate, due, arrivals } of model.datagrams) {
      assert.deepEqual(arrivals.map(({ time }) => time).toSorted((a, b) => a - b), due.toSorted((a, b) => a - b));
      assert.equal(fate, due.length === 0 ? 'lost' : 'delivered');
    }
  });

  it('finds the records of every datagram, end to end, with what they carry', () => {
    for (const { records, size } of model.datagrams) {
      assert.equal(records.reduce((end, { offset, length }) => (assert.equal(offset, end), end + length), 0), size);
      for (const { parts } of records) assert.ok(parts.length > 0);
    }
    const names = new Set(model.datagrams.flatMap(({ records }) => records.flatMap(({ parts }) => parts.map(partName))));
    for (const name of ['ClientHello', 'ServerHello', 'EncryptedExtensions', 'Certificate', 'CertificateVerify', 'Finished', 'ACK', 'KeyUpdate', '“hello server”', 'Alert close_notify']) {
      assert.ok(names.has(name), name);
    }
  });

  it('finds what was sent again exactly where handshake bytes repeat', () => {
    for (const side of ['client', 'server']) {
      const seen = new Set();
      for (const { from, records } of model.datagrams) {
        if (from !== side) continue;
        const bytes = records.map(({ parts }) => parts.filter(({ kind }) => kind === 'fragment')
          .flatMap(({ messageSeq, offset, end }) => Array.from({ length: end - offset }, (_, i) => `${messageSeq}:${offset + i}`)));
        assert.deepEqual(records.map(({ again }) => again), bytes.map((of) => of.some((byte) => seen.has(byte))));
        for (const byte of bytes.flat()) seen.add(byte);
      }
    }
  });

  it('ends with both ends in epoch 4, agreed on every secret, and closed', () => {
    for (const side of ['client', 'server']) {
      const { readEpoch, writeEpoch, complete, closed, error, data, retransmissions } = model.ends[side];
      assert.deepEqual([readEpoch, writeEpoch, complete, closed, error], [4, 4, true, true, undefined]);
      assert.equal(Buffer.from(data[0], 'hex').toString(), `hello ${side}`);
      assert.equal(retransmissions, events.filter((one) => one.side === side && one.name === 'recovery:flight_retransmitted').length);
    }
    assert.ok(model.secrets.length >= 6);
    for (const { label, toldBy } of model.secrets) assert.equal(toldBy.length, 2, label);
  });

  it('comes out the same, however the events are portioned', () => {
    for (const portion of [1, 2, 7, 50]) {
      let grown = EMPTY;
      for (let at = 0; at < events.length; at += portion) grown = extend(grown, events.slice(at, at + portion));
      assert.deepEqual(grown, model);
    }
  });

  it('keeps the order of time', () => {
    const times = model.items.map(({ time }) => time);
    assert.deepEqual(times, times.toSorted((a, b) => a - b));
  });
});

describe('outline', () => {
  it('names what a record carries', () => {
    const bytes = (text) => Uint8Array.from(Buffer.from(text, 'hex'));
    assert.deepEqual(parts('alert', bytes('0100')), [{ kind: 'alert', description: 'close_notify', fatal: false }]);
    assert.deepEqual(parts('ack', bytes(`0010${'0'.repeat(15)}2${'0'.repeat(15)}5`)), [{ kind: 'ack', records: [{ epoch: 2, sequence_number: 5 }] }]);
    assert.equal(parts('application_data', bytes('68690a'))[0].text, 'hi\n');
    assert.equal(parts('application_data', bytes('ff00'))[0].text, undefined);
    assert.deepEqual(parts('handshake', bytes('0b00')).map(({ kind }) => kind), ['other']);
    const retry = fragment({ type: 2, length: 34, seq: 0, body: [0xfe, 0xfd, 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, ...Array(24).fill(0)] });
    assert.deepEqual(parts('handshake', bytes(retry)).map(partName), ['HelloRetryRequest']);
  });

  it('splits any bytes into records without failing', () => {
    let state = 1;
    const random = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 24;
    };
    for (let round = 0; round < 2_000; round += 1) {
      const datagram = Uint8Array.from({ length: random() % 64 }, random);
      if (datagram.length > 0) datagram[0] = [22, 0x2e, 0x2c, 0x28, 0x20, 26, random()][random() % 7];
      const records = recordsOf(datagram);
      let end = 0;
      for (const { offset, length } of records) {
        assert.equal(offset, end);
        assert.ok(length > 0);
        end += length;
      }
      assert.ok(end <= datagram.length);
      for (const type of ['handshake', 'ack', 'alert', 'application_data', 'other']) parts(type, datagram);
    }
  });
});

describe('trace file', () => {
  const events = [event(0, 'client', 'dtls:state', { name: 'start' }), event(1, 'server', 'transport:connection_closed', { error: null })];

  it('comes back as it was written', () => {
    assert.deepEqual(readTrace(writeTrace({ title: 'a “title”\n', events })), { title: 'a “title”\n', events });
  });

  it('says what is wrong with a file', () => {
    const head = '{"format":"dtls-wasm trace","version":1,"title":""}\n';
    for (const [text, says] of [
      ['', /first line/], ['no trace', /Line 1 is not JSON/], ['{"format":"qlog"}', /first line/], ['{"format":"dtls-wasm trace","version":9}', /version 1/],
      [`${head}[]`, /Line 2: an event is an object/], [`${head}{"time":1,"side":"client"}`, /"name"/],
      [`${head}{"time":-1,"side":"client","name":"dtls:state","data":{"name":"x"}}`, /"time"/],
      [`${head}{"time":1,"side":"middle","name":"dtls:state","data":{"name":"x"}}`, /"side"/],
      [`${head}{"time":1,"side":"client","name":"dtls:state","data":{}}`, /"name" of dtls:state/],
      [`${head}{"time":1,"side":"client","name":"transport:datagram","data":{"direction":"sent","bytes":"0g"}}`, /"bytes"/],
    ]) assert.throws(() => readTrace(text), (error) => error instanceof NotATrace && says.test(error.message), text);
  });

  it('leaves out events that it does not know, also those named like parts of JavaScript', () => {
    const lines = ['{"format":"dtls-wasm trace","version":1,"title":""}', '{"time":0,"side":"client","name":"later:invention","data":{}}', '{"time":0,"side":"client","name":"constructor","data":{}}'];
    assert.deepEqual(readTrace(lines.join('\n')).events, []);
  });
});
