//! What we send, record by record, over good networks and bad ones: rules that hold for every datagram.
#![cfg(all(feature = "sim", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/backends.rs"]
mod backends;
#[path = "support/modes.rs"]
mod modes;
#[path = "support/null.rs"]
mod null;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backends::Kind;
use dtls_wasm::codec::{Decode as _, Reader};
use dtls_wasm::sim::{Conditions, Outcome};
use dtls_wasm::time::Instant;
use dtls_wasm::trace::{Direction, Event, Trace};
use dtls_wasm::wire::ack::Ack;
use dtls_wasm::wire::client_hello::ClientHello;
use dtls_wasm::wire::fragment::FragmentHeader;
use dtls_wasm::wire::record::{PLAINTEXT_HEADER_LEN, PlaintextHeader, RecordNumber, UnifiedHeader};
use dtls_wasm::wire::registry::{ContentType, HandshakeType, ProtocolVersion};
use dtls_wasm::wire::server_hello::ServerHello;
use modes::{MODES, Mode, as_it_is, bad, is_connected, patient, perfect};
use null::START;

/// A record that was sent.
#[derive(Clone, Debug)]
struct Sent {
    number: RecordNumber,
    content_type: ContentType,
    range: Range<usize>,
    plaintext: Vec<u8>,
    /// Whether the handshake was complete by then.
    is_after_handshake: bool,
    /// The highest epoch that there were keys for.
    highest_epoch: u16,
}

/// What one side did.
#[derive(Debug, Default)]
struct Log {
    datagrams: Vec<(Vec<u8>, Vec<Sent>)>,
    /// Records of the datagram that comes next.
    records: Vec<Sent>,
    /// Which records were received, and whether they carried handshake messages.
    received: BTreeMap<RecordNumber, ContentType>,
    is_after_handshake: bool,
    highest_epoch: u16,
    /// How long the connection ID of each of its protected records is.
    connection_id_len: usize,
}

#[derive(Clone, Debug, Default)]
struct Tap(Arc<Mutex<Log>>);

impl Trace for Tap {
    fn event(&mut self, _: Instant, event: &Event<'_>) {
        let log = &mut *self.0.lock().unwrap();
        match event {
            Event::Record { direction: Direction::Sent, number, content_type, offset, length, plaintext } => {
                log.records.push(Sent {
                    number: *number,
                    content_type: *content_type,
                    range: *offset..offset + length,
                    plaintext: plaintext.to_vec(),
                    is_after_handshake: log.is_after_handshake,
                    highest_epoch: log.highest_epoch,
                });
            }
            Event::Record { direction: Direction::Received, number, content_type, .. } => {
                log.received.insert(*number, *content_type);
            }
            Event::Datagram { direction: Direction::Sent, bytes } => {
                let records = std::mem::take(&mut log.records);
                log.datagrams.push((bytes.to_vec(), records));
            }
            Event::KeyInstalled { direction: Direction::Sent, epoch } => log.highest_epoch = *epoch,
            Event::HandshakeComplete => log.is_after_handshake = true,
            _ => {}
        }
    }
}

/// Runs a mode, and gives what both sides did.
fn tapped(mode: &Mode, kind: Kind, seed: u64, conditions: Conditions, is_patient: bool) -> [Log; 2] {
    let mut pair = mode.begin(kind, seed, conditions, if is_patient { patient } else { as_it_is });
    let taps = [Tap::default(), Tap::default()];
    pair.a.connection.set_trace(Box::new(taps[0].clone()));
    pair.b.connection.set_trace(Box::new(taps[1].clone()));
    let deadline = START + Duration::from_secs(600);
    let outcome = pair.run(deadline, |a, b| is_connected(a) && is_connected(b));
    assert_eq!(outcome, Outcome::Done, "{mode:?} {kind:?} {seed}");
    let now = pair.now();
    (mode.act)(&mut pair.a.connection, &mut pair.b.connection, now);
    pair.run(deadline, |a, b| (mode.acted)(a, b));
    for worker in [&mut pair.a, &mut pair.b] {
        let most = worker.connection.max_send_size();
        worker.connection.send(b"data").unwrap();
        worker.connection.send(&vec![7; most]).unwrap();
    }
    let now = pair.now();
    pair.run(now + Duration::from_secs(1), |_, _| false);
    let now = pair.now();
    pair.a.connection.close(now);
    pair.run(now + Duration::from_secs(30), |_, _| false);
    let lens = [&pair.a, &pair.b].map(|worker| worker.connection.peer_connection_id().len());
    for (tap, len) in taps.iter().zip(lens) {
        tap.0.lock().unwrap().connection_id_len = len;
    }
    drop(pair);
    taps.map(|tap| Arc::try_unwrap(tap.0).unwrap().into_inner().unwrap())
}

/// What `check` finds of every datagram of many runs.
fn every_run(mut check: impl FnMut(&Mode, &Log)) {
    for mode in MODES {
        for kind in [Kind::Synchronous, Kind::Adversarial] {
            tapped(mode, kind, 1, perfect(), false).iter().for_each(|log| check(mode, log));
            for seed in 0..100 {
                tapped(mode, kind, seed, bad(), true).iter().for_each(|log| check(mode, log));
            }
        }
    }
}

fn fragments(record: &Sent) -> Vec<(FragmentHeader, Vec<u8>)> {
    let mut found = Vec::new();
    if record.content_type == ContentType::HANDSHAKE {
        let mut reader = Reader::new(&record.plaintext);
        while !reader.is_empty() {
            let header = FragmentHeader::decode(&mut reader).unwrap();
            let body = reader.take(header.fragment_length as usize).unwrap().to_vec();
            found.push((header, body));
        }
        assert!(!found.is_empty());
    }
    found
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.3
//# The first byte of the datagram payload MUST be the beginning of a record.
//= https://www.rfc-editor.org/rfc/rfc9147#section-4
//# Sending implementations MUST NOT mix records from multiple DTLS associations in the same datagram.
//= https://www.rfc-editor.org/rfc/rfc9147#section-4
//# If a Connection ID is negotiated, then it MUST be contained in all datagrams.
//= https://www.rfc-editor.org/rfc/rfc9147#section-4
//# Omitting the length field MUST only be used for the last record in a datagram.
//= https://www.rfc-editor.org/rfc/rfc9147#section-4
//# legacy_record_version: This value MUST be set to {254, 253} for all records other than the initial ClientHello (i.e.,
//# one not generated after a HelloRetryRequest), where it may also be {254, 255} for compatibility purposes.
#[test]
fn datagrams_are_made_of_whole_records_of_one_connection_and_fit_the_path() {
    let mut count = 0;
    every_run(|mode, log| {
        for (bytes, records) in &log.datagrams {
            assert!(bytes.len() <= mode.mtu, "{mode:?}: {} bytes", bytes.len());
            let mut end = 0;
            for record in records {
                assert_eq!(record.range.start, end, "{mode:?}");
                end = record.range.end;
                let on_wire = &bytes[record.range.clone()];
                if record.number.epoch == 0 {
                    let header = PlaintextHeader::decode(&mut Reader::new(on_wire)).unwrap();
                    assert_eq!((header.version, header.epoch), (ProtocolVersion::DTLS_1_2, 0));
                    assert_eq!(usize::from(header.length) + PLAINTEXT_HEADER_LEN, on_wire.len());
                    assert_eq!(header.content_type, record.content_type);
                } else {
                    // Early data is sent before a connection ID is agreed on.
                    let connection_id_len = if record.number.epoch == 1 { 0 } else { log.connection_id_len };
                    let header = UnifiedHeader::parse(on_wire, connection_id_len).unwrap();
                    assert_eq!(header.connection_id.len(), connection_id_len, "{mode:?}");
                    let length = header.length.map(|length| usize::from(length) + header.header_len);
                    assert_eq!(length.unwrap_or(bytes.len() - record.range.start), on_wire.len());
                    assert_eq!(u64::from(header.epoch_bits), record.number.epoch & 3);
                }
                count += 1;
            }
            assert_eq!(end, bytes.len(), "{mode:?}: bytes that belong to no record");
        }
    });
    assert!(count > 10_000, "{count}");
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5
//# DTLS servers MUST NOT echo the "legacy_session_id" value from the client and endpoints MUST NOT send ChangeCipherSpec
//# messages.
//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-5
//# DTLS servers MUST NOT send ChangeCipherSpec messages when negotiating DTLS 1.3.
#[test]
fn no_number_is_used_twice_and_no_type_is_sent_that_has_no_place() {
    every_run(|mode, log| {
        let mut numbers = BTreeSet::new();
        for record in log.datagrams.iter().flat_map(|(_, records)| records) {
            let known = [ContentType::HANDSHAKE, ContentType::ALERT, ContentType::ACK, ContentType::APPLICATION_DATA];
            assert!(known.contains(&record.content_type), "{mode:?}: {record:?}");
            let is_data = record.content_type == ContentType::APPLICATION_DATA;
            // Epoch 1 is for early data, and for nothing else.
            assert!(if is_data {
                record.number.epoch == 1 || record.number.epoch >= 3
            } else {
                record.number.epoch != 1
            });
            assert!(numbers.insert(record.number), "{mode:?}: {:?} twice", record.number);
        }
        // Numbers are given out without gaps.
        for number in &numbers {
            let before = number.sequence_number.checked_sub(1);
            let before = before.map(|sequence_number| RecordNumber { sequence_number, ..*number });
            assert!(before.is_none_or(|before| numbers.contains(&before)), "{mode:?}: {number:?}");
        }
    });
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.2.1
//# Implementations MUST send retransmissions of lost messages using the same epoch and keying material as the original
//# transmission.
//= https://www.rfc-editor.org/rfc/rfc9147#section-5.5
//# Senders MUST NOT change handshake message bytes upon retransmission.
//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-8
//# After sending KeyUpdate in an epoch, implementations MUST NOT send any new post-handshake messages in that epoch.
#[test]
fn messages_sent_again_are_the_same_in_the_same_epoch_and_none_follows_a_key_update() {
    let mut again = 0;
    every_run(|mode, log| {
        let mut messages = BTreeMap::new();
        let mut bytes = BTreeMap::new();
        for record in log.datagrams.iter().flat_map(|(_, records)| records) {
            for (header, body) in fragments(record) {
                let is = (record.number.epoch, header.msg_type, header.length);
                let was = messages.entry(header.message_seq).or_insert(is);
                assert_eq!(*was, is, "{mode:?}: message {}", header.message_seq);
                for (place, byte) in (header.fragment_offset..).zip(body) {
                    let known = bytes.insert((header.message_seq, place), byte);
                    assert!(known.is_none_or(|known| known == byte), "{mode:?}: message {}", header.message_seq);
                    again += u32::from(known.is_some());
                }
            }
        }
        for (message_seq, (epoch, msg_type, _)) in &messages {
            let behind = messages.range(message_seq + 1..).any(|(_, (other, ..))| other == epoch);
            assert!(*msg_type != HandshakeType::KEY_UPDATE || !behind, "{mode:?}: message {message_seq}");
        }
        let count = u16::try_from(messages.len()).unwrap();
        assert!(messages.keys().copied().eq(0..count), "{mode:?}: {:?}", messages.keys());
    });
    assert!(again > 10_000, "{again} bytes were sent again");
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.5
//# The ranges MUST NOT overlap.
#[test]
fn a_message_is_cut_into_ranges_that_follow_each_other() {
    for mode in MODES {
        for log in tapped(mode, Kind::Synchronous, 1, perfect(), false) {
            let mut ends = BTreeMap::new();
            for record in log.datagrams.iter().flat_map(|(_, records)| records) {
                for (header, _) in fragments(record) {
                    let end = ends.entry(header.message_seq).or_insert((0, header.length));
                    assert_eq!(end.0, header.fragment_offset, "{mode:?}: message {}", header.message_seq);
                    end.0 += header.fragment_length;
                }
            }
            assert!(ends.len() >= 2 && ends.values().all(|(end, length)| end == length), "{mode:?}: {ends:?}");
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-7
//# During the handshake, ACK records MUST be sent with an epoch which is equal to or higher than the record which is
//# being acknowledged.
//= https://www.rfc-editor.org/rfc/rfc9147#section-7
//# After the handshake, implementations MUST use the highest available sending epoch.
#[test]
fn acks_name_handshake_records_that_came_and_stand_in_the_right_epoch() {
    let mut counts = [0; 2];
    every_run(|mode, log| {
        for record in log.datagrams.iter().flat_map(|(_, records)| records) {
            if record.content_type != ContentType::ACK {
                continue;
            }
            let ack = Ack::decode_all(&record.plaintext).unwrap();
            assert!(record.number.epoch != 1);
            assert!(ack.record_numbers.is_sorted());
            for number in &ack.record_numbers {
                assert_eq!(log.received.get(number), Some(&ContentType::HANDSHAKE), "{mode:?}: {number:?}");
                assert!(record.is_after_handshake || number.epoch <= record.number.epoch, "{mode:?}: {record:?}");
            }
            assert!(!record.is_after_handshake || record.number.epoch == u64::from(record.highest_epoch));
            counts[usize::from(record.is_after_handshake)] += 1;
        }
    });
    assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
}

/// The hellos that were sent, whole.
fn hellos(log: &Log, msg_type: HandshakeType) -> Vec<Vec<u8>> {
    let mut bodies: BTreeMap<u16, BTreeMap<u32, u8>> = BTreeMap::new();
    for record in log.datagrams.iter().flat_map(|(_, records)| records) {
        for (header, body) in fragments(record).into_iter().filter(|(header, _)| header.msg_type == msg_type) {
            bodies.entry(header.message_seq).or_default().extend((header.fragment_offset..).zip(body));
        }
    }
    bodies.into_values().map(|body| body.into_values().collect()).collect()
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.3
//# In DTLS 1.3, the client indicates its version preferences in the "supported_versions" extension (see Section 4.2.1 of
//# [TLS13]) and the legacy_version field MUST be set to {254, 253}, which was the version number for DTLS 1.2.
//= https://www.rfc-editor.org/rfc/rfc9147#section-5.3
//# Otherwise, it MUST be set as a zero-length vector (i.e., a zero-valued single byte length field).
//= https://www.rfc-editor.org/rfc/rfc9147#section-5.3
//# legacy_cookie: A DTLS 1.3-only client MUST set the legacy_cookie field to zero length.
//= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
//# In this case, the "cookie" extension is omitted and the legacy_cookie field in the ClientHello message MUST be set to
//# a zero-length vector (i.e., a zero-valued single byte length field).
//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-5
//# Additionally, the "legacy_session_id_echo" field of the ServerHello message, described in Section 4.1.3 of [TLS13],
//# MUST be empty in DTLS 1.3. DTLS 1.3 servers MUST NOT echo the "legacy_session_id" value from the ClientHello.
#[test]
fn hellos_leave_empty_what_older_versions_filled() {
    for mode in MODES {
        let [client, server] = tapped(mode, Kind::Synchronous, 1, perfect(), false);
        let sent = hellos(&client, HandshakeType::CLIENT_HELLO);
        let answers = hellos(&server, HandshakeType::SERVER_HELLO);
        assert_eq!(sent.len(), answers.len());
        for hello in sent.iter().map(|body| ClientHello::decode_all(body).unwrap()) {
            assert_eq!(hello.legacy_version, ProtocolVersion::DTLS_1_2);
            assert!(hello.legacy_session_id.is_empty() && hello.legacy_cookie.is_empty(), "{mode:?}");
            assert_eq!(hello.extensions.cookie, None);
            assert_eq!(hello.legacy_compression_methods, [0]);
        }
        for hello in answers.iter().map(|body| ServerHello::decode_all(body).unwrap()) {
            assert_eq!(hello.legacy_version, ProtocolVersion::DTLS_1_2);
            assert!(hello.legacy_session_id_echo.is_empty(), "{mode:?}");
        }
    }
}
