use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::codec::{Decode as _, Reader};
use crate::crypto::null;
use crate::flight::{Inserted, Reassembly};
use crate::schedule::v13::{TrafficKeys, TrafficSecret};
use crate::wire::registry::CipherSuite;

fn keys(epoch: u16) -> TrafficKeys {
    let suite = null::provider(1).suite(CipherSuite::TLS_AES_128_GCM_SHA256).unwrap();
    TrafficSecret::new(suite, &[epoch as u8; 32]).keys()
}

fn record_layers() -> (RecordLayer, RecordLayer) {
    let (mut writer, mut reader) = (RecordLayer::new(), RecordLayer::new());
    for epoch in [2, 3] {
        writer.install_write(epoch, keys(epoch));
        reader.install_read(epoch, keys(epoch));
    }
    (writer, reader)
}

fn body(message_seq: u16, len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 5 + i / 256 + usize::from(message_seq) * 17) as u8).collect()
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// A record as the peer sees it: its number, and its fragments.
type Seen = (RecordNumber, Vec<(FragmentHeader, Vec<u8>)>);

/// Deprotects all records of `datagram` and takes their fragments apart.
fn open(reader: &mut RecordLayer, datagram: &mut [u8]) -> Vec<Seen> {
    let mut rest = datagram;
    let mut seen = Vec::new();
    while !rest.is_empty() {
        let (opened, behind) = reader.open_next(rest);
        let opened = opened.unwrap();
        assert_eq!(opened.content_type, ContentType::HANDSHAKE);
        let mut content = Reader::new(opened.content);
        let mut fragments = Vec::new();
        while !content.is_empty() {
            let header = FragmentHeader::decode(&mut content).unwrap();
            let bytes = content.take(usize::try_from(header.fragment_length).unwrap()).unwrap().to_vec();
            fragments.push((header, bytes));
        }
        assert!(!fragments.is_empty());
        seen.push((opened.number, fragments));
        rest = behind;
    }
    seen
}

/// Packs datagrams until nothing is unsent, and checks each.
fn pack_all(
    outgoing: &mut Outgoing,
    writer: &mut RecordLayer,
    reader: &mut RecordLayer,
    limit: usize,
) -> Vec<Vec<Seen>> {
    let mut datagrams = Vec::new();
    while outgoing.has_unsent() {
        let mut datagram = Vec::new();
        let mut told = Vec::new();
        let packed = outgoing.pack(writer, &mut datagram, limit, &mut |number, content_type, content, range| {
            assert_eq!(content_type, ContentType::HANDSHAKE);
            told.push((number, content.to_vec(), range));
        });
        assert_eq!(packed, Ok(true), "nothing fits into {limit}");
        assert!(datagram.len() <= limit, "{} of {limit}", datagram.len());
        let seen = open(reader, &mut datagram);
        let mut end = 0;
        assert_eq!(told.len(), seen.len());
        for ((number, content, range), (seen_number, fragments)) in told.into_iter().zip(&seen) {
            assert_eq!((number, range.start), (*seen_number, end));
            assert!(outgoing.was_sent(number) && writer.may_have_sent(number));
            end = range.end;
            let mut expected = Vec::new();
            for (header, bytes) in fragments {
                header.encode(&mut expected);
                expected.extend_from_slice(bytes);
            }
            assert_eq!(content, expected);
        }
        assert_eq!(end, datagram.len());
        datagrams.push(seen);
    }
    datagrams
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.3
//# Each DTLS record MUST fit within a single datagram.
//= https://www.rfc-editor.org/rfc/rfc9147#section-5.5
//# Each handshake message fragment that is placed into a record MUST be delivered in a single UDP datagram.
#[test]
fn every_limit_is_kept_and_every_message_arrives() {
    for limit in 64..=1500 {
        let (mut writer, mut reader) = record_layers();
        let mut outgoing = Outgoing::new(0, &Limits::default());
        let mut bodies = Vec::new();
        for (epoch, len) in [(0, 90), (2, 40), (2, 800), (2, 0), (2, 36), (3, 2)] {
            let message_seq = outgoing.push(epoch, HandshakeType::CERTIFICATE, body(bodies.len() as u16, len)).unwrap();
            bodies.push((epoch, body(message_seq, len)));
        }
        let mut reassembly = Reassembly::new(0);
        let datagrams = pack_all(&mut outgoing, &mut writer, &mut reader, limit);
        for (number, fragments) in datagrams.iter().flatten() {
            for (header, bytes) in fragments {
                let epoch = u16::try_from(number.epoch).unwrap();
                let inserted = reassembly.insert(header, bytes, epoch, &Limits::default());
                // Nothing twice.
                assert_eq!(inserted, Ok(Inserted::New));
            }
        }
        for (epoch, body) in &bodies {
            let message = reassembly.pop().unwrap();
            assert_eq!((message.epoch, &message.body), (*epoch, body));
        }
        if limit >= 1068 + 150 {
            // One datagram, and one record for each epoch.
            assert_eq!(datagrams.len(), 1);
            assert_eq!(datagrams[0].len(), 3);
        }
        // The whole flight again, with fresh numbers.
        outgoing.resend();
        let again = pack_all(&mut outgoing, &mut writer, &mut reader, limit);
        let numbers = |datagrams: &[Vec<Seen>]| datagrams.iter().flatten().map(|seen| seen.0).collect::<BTreeSet<_>>();
        assert!(numbers(&datagrams).is_disjoint(&numbers(&again)));
    }
}

#[test]
fn a_datagram_that_has_records_is_filled_up() {
    let (mut writer, mut reader) = record_layers();
    let mut outgoing = Outgoing::new(0, &Limits::default());
    outgoing.push(2, HandshakeType::FINISHED, body(0, 500)).unwrap();
    let mut datagram = Vec::new();
    writer
        .seal(3, ContentType::HANDSHAKE, &mut datagram, |out| {
            let header = FragmentHeader {
                msg_type: HandshakeType::FINISHED,
                length: 0,
                message_seq: 9,
                fragment_offset: 0,
                fragment_length: 0,
            };
            header.encode(out);
        })
        .unwrap();
    let before = datagram.clone();
    // Room for a header and no more: the datagram stays as it is.
    let too_little = before.len() + 5 + 17 + FRAGMENT_HEADER_LEN;
    assert_eq!(outgoing.pack(&mut writer, &mut datagram, too_little, &mut |_, _, _, _| ()), Ok(false));
    assert_eq!(datagram, before);
    assert_eq!(outgoing.pack(&mut writer, &mut datagram, 300, &mut |_, _, _, _| ()), Ok(true));
    assert_eq!(datagram.len(), 300);
    assert_eq!(open(&mut reader, &mut datagram).len(), 2);
    // A limit below what is there.
    assert_eq!(outgoing.pack(&mut writer, &mut vec![0; 400], 300, &mut |_, _, _, _| ()), Ok(false));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-7.2
//# Implementations MUST treat a record as having been acknowledged if it appears in any ACK; this prevents spurious
//# retransmission in cases where a flight is very large and the receiver is forced to elide acknowledgements for
//# records which have already been ACKed.
#[test]
fn random_acknowledgements_leave_what_a_naive_model_leaves() {
    for seed in 0..40 {
        let mut random = Random(seed);
        let (mut writer, mut reader) = record_layers();
        let mut outgoing = Outgoing::new(5, &Limits::default());
        // Of each message the units that are not acknowledged, and of each record what it carried.
        let mut missing: BTreeMap<u16, BTreeSet<usize>> = BTreeMap::new();
        let mut carried: BTreeMap<RecordNumber, Vec<(u16, BTreeSet<usize>)>> = BTreeMap::new();
        let mut lens = BTreeMap::new();
        for epoch in [0, 2, 2, 2, 3] {
            let len = [0, 1, 40, 700, 2500][random.below(5)];
            let seq = outgoing.next_message_seq().unwrap();
            assert_eq!(outgoing.push(epoch, HandshakeType::CERTIFICATE, body(seq, len)), Ok(seq));
            missing.insert(seq, (0..len.max(1)).collect());
            lens.insert(seq, len);
        }
        let mut rounds = 0;
        while !missing.is_empty() {
            rounds += 1;
            assert!(rounds < 1000);
            outgoing.resend();
            let limit = 100 + random.below(1200);
            let mut sent_now: BTreeMap<u16, BTreeSet<usize>> = BTreeMap::new();
            for (number, fragments) in pack_all(&mut outgoing, &mut writer, &mut reader, limit).into_iter().flatten() {
                let entry = carried.entry(number).or_default();
                for (header, bytes) in fragments {
                    let len = lens[&header.message_seq];
                    assert_eq!(usize::try_from(header.length).unwrap(), len);
                    let start = usize::try_from(header.fragment_offset).unwrap();
                    assert_eq!(bytes, body(header.message_seq, len)[start..start + bytes.len()]);
                    let units: BTreeSet<_> =
                        if len == 0 { BTreeSet::from([0]) } else { (start..start + bytes.len()).collect() };
                    assert!(sent_now.entry(header.message_seq).or_default().is_disjoint(&units), "sent twice");
                    sent_now.entry(header.message_seq).or_default().extend(units.clone());
                    entry.push((header.message_seq, units));
                }
            }
            // Exactly what is not acknowledged was sent.
            assert_eq!(sent_now, missing);

            // An ACK of some records, old ones and unknown ones among them.
            let mut numbers = Vec::new();
            for number in carried.keys() {
                if random.below(3) == 0 {
                    numbers.push(*number);
                }
            }
            numbers.push(RecordNumber { epoch: 2, sequence_number: 1 << 40 });
            let before = missing.clone();
            // Only the records sent last are remembered.
            for number in numbers.iter().filter(|number| outgoing.was_sent(**number)) {
                for (seq, units) in &carried[number] {
                    if let Some(left) = missing.get_mut(seq) {
                        left.retain(|unit| !units.contains(unit));
                    }
                }
            }
            missing.retain(|_, left| !left.is_empty());
            let finished: Vec<_> = before.keys().filter(|seq| !missing.contains_key(seq)).copied().collect();
            let acknowledged = outgoing.acknowledge(&numbers);
            assert_eq!(acknowledged.anything_new, before != missing);
            assert_eq!(acknowledged.finished.iter().map(|(_, seq)| *seq).collect::<Vec<_>>(), finished);
            assert_eq!(
                outgoing.unacknowledged().map(|(_, seq)| seq).collect::<Vec<_>>(),
                missing.keys().copied().collect::<Vec<_>>()
            );
            // The same again changes nothing.
            assert_eq!(outgoing.acknowledge(&numbers), Acknowledged::default());
        }
        assert!(outgoing.is_empty() && !outgoing.has_unsent());
        assert_eq!((outgoing.messages.capacity(), outgoing.sent.capacity()), (0, 0));
    }
}

#[test]
fn an_acknowledgement_between_transmissions_frees_what_is_still_unsent() {
    let (mut writer, mut reader) = record_layers();
    let mut outgoing = Outgoing::new(0, &Limits::default());
    outgoing.push(2, HandshakeType::CERTIFICATE, body(0, 500)).unwrap();
    let first = pack_all(&mut outgoing, &mut writer, &mut reader, 200);
    outgoing.resend();
    let numbers: Vec<_> = first.iter().flatten().map(|seen| seen.0).collect();
    assert_eq!(outgoing.acknowledge(&numbers[..2]), Acknowledged { anything_new: true, finished: vec![] });
    let again = pack_all(&mut outgoing, &mut writer, &mut reader, 1200);
    let held: usize = first[..2].iter().flatten().flat_map(|seen| &seen.1).map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0][0].1[0].0.fragment_offset as usize, held);
    assert_eq!(again[0][0].1[0].1.len(), 500 - held);
}

#[test]
fn the_records_that_are_remembered_are_bounded() {
    let limits = Limits { sent_records: 3, ..Limits::default() };
    let (mut writer, mut reader) = record_layers();
    let mut outgoing = Outgoing::new(0, &limits);
    outgoing.push(2, HandshakeType::CERTIFICATE, body(0, 1000)).unwrap();
    let sent = pack_all(&mut outgoing, &mut writer, &mut reader, 200);
    let numbers: Vec<_> = sent.iter().flatten().map(|seen| seen.0).collect();
    assert!(numbers.len() > 4);
    assert!(!outgoing.was_sent(numbers[0]));
    assert!(writer.may_have_sent(numbers[0]));
    assert!(!outgoing.acknowledge(&numbers[..numbers.len() - 3]).anything_new);
    assert!(outgoing.acknowledge(&numbers).anything_new);
    assert!(!outgoing.is_empty());
}

#[test]
fn epochs_are_acknowledged_as_a_whole() {
    let mut outgoing = Outgoing::new(0, &Limits::default());
    for epoch in [0, 2, 3] {
        outgoing.push(epoch, HandshakeType::FINISHED, vec![1]).unwrap();
    }
    outgoing.acknowledge_through(2);
    assert!(!outgoing.needs_epoch(0) && !outgoing.needs_epoch(2) && outgoing.needs_epoch(3));
    outgoing.acknowledge_all();
    assert!(outgoing.is_empty());
}

//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-5.2
//# Implementations MUST NOT allow message_seq to wrap, but instead MUST establish a new association, terminating
//# the old association.
#[test]
fn message_numbers_do_not_wrap() {
    let mut outgoing = Outgoing::new(u16::MAX, &Limits::default());
    assert_eq!(outgoing.push(3, HandshakeType::KEY_UPDATE, vec![0]), Ok(u16::MAX));
    assert_eq!(outgoing.push(3, HandshakeType::KEY_UPDATE, vec![0]), Err(Exhausted::MessageSequence));
    assert_eq!(outgoing.next_message_seq(), None);
    assert_eq!(outgoing.unacknowledged().count(), 1);
}

#[test]
fn without_keys_nothing_is_written() {
    let mut records = RecordLayer::new();
    let mut outgoing = Outgoing::new(0, &Limits::default());
    outgoing.push(2, HandshakeType::FINISHED, vec![1]).unwrap();
    let mut datagram = vec![9];
    assert_eq!(outgoing.pack(&mut records, &mut datagram, 100, &mut |_, _, _, _| ()), Err(SealError::NoKeys));
    assert_eq!(datagram, [9]);
    assert!(outgoing.has_unsent());
}

#[test]
fn what_was_overtaken_is_sent_again_and_only_once() {
    let (mut writer, mut reader) = record_layers();
    let mut outgoing = Outgoing::new(0, &Limits::default());
    outgoing.push(2, HandshakeType::CERTIFICATE, body(0, 700)).unwrap();
    let sent = pack_all(&mut outgoing, &mut writer, &mut reader, 200);
    let numbers: Vec<_> = sent.iter().flatten().map(|seen| seen.0).collect();
    let carried = |index: usize| sent[index][0].1[0].0.fragment_offset;
    assert_eq!(numbers.len(), 5);
    // The third arrived: the first two were overtaken, the others are under way.
    outgoing.acknowledge(&numbers[2..3]);
    outgoing.resend_overtaken();
    let again = pack_all(&mut outgoing, &mut writer, &mut reader, 200);
    let offsets: Vec<_> = again.iter().flatten().flat_map(|seen| &seen.1).map(|(h, _)| h.fragment_offset).collect();
    assert_eq!(offsets, [carried(0), carried(1)]);
    // The fourth arrived too: nothing new was overtaken.
    outgoing.acknowledge(&numbers[3..4]);
    outgoing.resend_overtaken();
    assert!(!outgoing.has_unsent());
    // A number that was never sent says nothing.
    outgoing.acknowledge(&[RecordNumber { epoch: 2, sequence_number: 1 << 47 }]);
    outgoing.resend_overtaken();
    assert!(!outgoing.has_unsent());
    // What was sent again arrived: the fifth, sent before that, is lost.
    let last = again.iter().flatten().last().unwrap().0;
    outgoing.acknowledge(&[last]);
    outgoing.resend_overtaken();
    let fifth = pack_all(&mut outgoing, &mut writer, &mut reader, 200);
    let offsets: Vec<_> = fifth.iter().flatten().flat_map(|seen| &seen.1).map(|(h, _)| h.fragment_offset).collect();
    assert!(offsets.contains(&carried(4)), "{offsets:?}");
}

/// A lower epoch is not older: a hello that is sent again comes after what was sent under its keys.
#[test]
fn records_overtake_each_other_in_the_order_of_sending() {
    let (mut writer, mut reader) = record_layers();
    let mut outgoing = Outgoing::new(0, &Limits::default());
    outgoing.push(0, HandshakeType::SERVER_HELLO, body(0, 100)).unwrap();
    outgoing.push(2, HandshakeType::CERTIFICATE, body(1, 100)).unwrap();
    let first = pack_all(&mut outgoing, &mut writer, &mut reader, 150);
    outgoing.resend();
    let again = pack_all(&mut outgoing, &mut writer, &mut reader, 150);
    let [certificate, hello] = [first[1][0].0, again[0][0].0];
    assert_eq!((certificate.epoch, hello.epoch), (2, 0));
    // The certificate of before arrives: the hello was sent after it.
    outgoing.acknowledge(&[certificate]);
    outgoing.resend_overtaken();
    assert!(!outgoing.has_unsent());
    outgoing.acknowledge(&[hello]);
    assert!(outgoing.is_empty());
}
