//! Handshakes of other implementations, read from the first byte to the last: every record of every capture is
//! deprotected, its fragments are put together, its ACKs refer to records that were sent, and every Finished matches.
#![cfg(all(feature = "rustcrypto", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::collections::BTreeSet;

use dtls_wasm::codec::Decode as _;
use dtls_wasm::flight::ReceivedMessage;
use dtls_wasm::record::RecordLayer;
use dtls_wasm::trace::DiscardReason;
use dtls_wasm::transcript::{Transcript, TranscriptBuffer};
use dtls_wasm::wire::ack::Ack;
use dtls_wasm::wire::alert::Alert;
use dtls_wasm::wire::record::UnifiedHeader;
use dtls_wasm::wire::registry::{CipherSuite, ContentType, HandshakeType};
use dtls_wasm::wire::server_hello::ServerHello;

#[path = "support/captures.rs"]
mod captures;

use captures::{
    Record, Transcribed, WOLFSSL_CONNECTIONS, all, browsers, captures_of, illustrated, transcribe, vectors, wolfssl,
};

/// Where a message of this type stands among the messages of one side.
fn position(messages: &[ReceivedMessage], msg_type: HandshakeType) -> usize {
    messages.iter().position(|message| message.msg_type == msg_type).unwrap()
}

fn add_all(transcript: &mut Transcript, messages: &[ReceivedMessage]) {
    for message in messages {
        transcript.add(message.msg_type, &message.body);
    }
}

/// Checks both Finished, and gives back the transcript with them.
fn check_finished(transcribed: &Transcribed, name: &str) -> Transcript {
    let [client, server] = &transcribed.messages;
    let mut buffer = TranscriptBuffer::new();
    buffer.add(client[0].msg_type, &client[0].body);
    let is_retry = ServerHello::decode_all(&server[0].body).unwrap().is_hello_retry_request();
    let (mut transcript, client_hellos, server_rest) = if is_retry {
        let mut transcript = buffer.into_transcript_after_retry(transcribed.suite);
        add_all(&mut transcript, &server[..1]);
        add_all(&mut transcript, &client[1..2]);
        (transcript, 2, &server[1..])
    } else {
        (buffer.into_transcript(transcribed.suite), 1, &server[..])
    };

    let finished = position(server_rest, HandshakeType::FINISHED);
    add_all(&mut transcript, &server_rest[..finished]);
    let expected = transcribed.secrets[1][&2].finished(&transcript.current());
    assert_eq!(expected.as_slice(), server_rest[finished].body, "{name}: the server's Finished");
    add_all(&mut transcript, &server_rest[finished..=finished]);

    let client_rest = &client[client_hellos..];
    let finished = position(client_rest, HandshakeType::FINISHED);
    add_all(&mut transcript, &client_rest[..finished]);
    let expected = transcribed.secrets[0][&2].finished(&transcript.current());
    assert_eq!(expected.as_slice(), client_rest[finished].body, "{name}: the client's Finished");
    add_all(&mut transcript, &client_rest[finished..=finished]);
    transcript
}

#[test]
fn every_record_is_deprotected_and_every_finished_matches() {
    let captures = all();
    // wolfSSL's; the illustrated one; four of browsers.
    assert_eq!(captures.len(), WOLFSSL_CONNECTIONS + 1 + 4);
    for capture in captures {
        let name = &capture.name;
        let transcribed = transcribe(&capture);
        check_finished(&transcribed, name);
        let wire: Vec<u8> = transcribed.records.iter().flat_map(|record| record.wire.clone()).collect();
        let captured: Vec<u8> = capture.datagrams.iter().flat_map(|datagram| datagram.payload.clone()).collect();
        assert_eq!(wire, captured, "{name}: not every byte belongs to a record");
        for (epoch, from_client) in [(0, true), (0, false), (2, true), (2, false), (3, true), (3, false)] {
            let is_there = |record: &Record| record.number.epoch == epoch && record.from_client == from_client;
            assert!(transcribed.records.iter().any(is_there), "{name}: nothing in epoch {epoch}");
        }
    }
}

#[test]
fn every_ack_refers_to_records_that_were_sent() {
    let mut acknowledged = 0;
    for capture in all() {
        let name = &capture.name;
        let transcribed = transcribe(&capture);
        let mut sent = [BTreeSet::new(), BTreeSet::new()];
        for record in &transcribed.records {
            let side = usize::from(!record.from_client);
            match record.content_type {
                ContentType::HANDSHAKE => {
                    sent[side].insert(record.number);
                }
                ContentType::ACK => {
                    let ack = Ack::decode_all(&record.content).unwrap();
                    for number in &ack.record_numbers {
                        assert!(number.epoch <= record.number.epoch, "{name}: {number:?} in {:?}", record.number);
                        assert!(sent[1 - side].contains(number), "{name}: {number:?} was not sent");
                    }
                    acknowledged += ack.record_numbers.len();
                }
                ContentType::ALERT => {
                    assert_eq!(Alert::decode_all(&record.content).unwrap().description.0, 0, "{name}")
                }
                ContentType::APPLICATION_DATA => {
                    assert!(record.number.epoch == 1 || record.number.epoch >= 3, "{name}")
                }
                other => panic!("{name}: a record of type {other}"),
            }
        }
    }
    assert!(acknowledged > 30, "{acknowledged}");
}

#[test]
fn sealing_gives_the_same_bytes() {
    let mut same = 0;
    for capture in all() {
        let transcribed = transcribe(&capture);
        for (side, secrets) in transcribed.secrets.iter().enumerate() {
            let mut writer = RecordLayer::new();
            for (epoch, secret) in secrets {
                writer.install_write(*epoch, secret.keys());
            }
            let mut sent: Vec<_> = transcribed.records.iter().filter(|r| usize::from(!r.from_client) == side).collect();
            sent.sort_by_key(|record| record.number);
            for record in sent {
                let epoch = u16::try_from(record.number.epoch).unwrap();
                if epoch == 0 {
                    continue;
                }
                let mut datagram = Vec::new();
                // Numbers that were lost on the way.
                while writer.next_number(epoch).unwrap() < record.number {
                    writer.seal(epoch, ContentType::ALERT, &mut Vec::new(), |_| ()).unwrap();
                }
                let write = |out: &mut Vec<u8>| out.extend_from_slice(&record.content);
                assert_eq!(writer.seal(epoch, record.content_type, &mut datagram, write), Ok(record.number));
                if record.wire[0] & UnifiedHeader::CONNECTION_ID_BIT == 0 {
                    assert_eq!(datagram, record.wire, "{}: {:?}", capture.name, record.number);
                    same += 1;
                }
            }
        }
    }
    // All peers write the header in the form that we do, and none of them pads.
    assert!(same > 200, "{same}");
}

#[test]
fn a_changed_bit_anywhere_in_a_record_is_noticed() {
    for capture in [illustrated(), browsers().remove(0)] {
        let transcribed = transcribe(&capture);
        let record = transcribed.records.iter().find(|r| r.number.epoch == 3 && r.wire.len() < 80).unwrap();
        let mut reader = RecordLayer::new();
        for (epoch, secret) in &transcribed.secrets[usize::from(!record.from_client)] {
            reader.install_read(*epoch, secret.keys());
        }
        for bit in 0..record.wire.len() * 8 {
            let mut wire = record.wire.clone();
            wire[bit / 8] ^= 1 << (bit % 8);
            let opened = reader.open_next(&mut wire).0;
            let reason = opened.map(|opened| opened.number).expect_err("it is noticed").reason;
            if bit >= 40 {
                assert_eq!(reason, DiscardReason::Forged, "bit {bit}");
            }
        }
        // Nothing of that has moved the window.
        let mut wire = record.wire.clone();
        assert_eq!(reader.open_next(&mut wire).0.unwrap().number, record.number);
        let mut wire = record.wire.clone();
        assert_eq!(reader.open_next(&mut wire).0.unwrap_err().reason, DiscardReason::Replayed);
    }
}

#[test]
fn the_illustrated_records_have_the_content_that_is_printed() {
    let transcribed = transcribe(&illustrated());
    let file = |name: &str| std::fs::read(vectors("illustrated-dtls13").join("caps").join(name)).unwrap();
    let names = ["encext", "cert", "cverify", "sfin", "cfin", "sack", "cdata", "sdata", "sbye"];
    let protected: Vec<_> = transcribed.records.iter().filter(|record| record.number.epoch > 0).collect();
    assert_eq!(protected.len(), names.len());
    for (record, name) in protected.into_iter().zip(names) {
        assert_eq!([&record.content[..], &[record.content_type.0]].concat(), file(&format!("record-{name}")), "{name}");
    }
}

#[test]
fn wolfssl_says_hello() {
    for capture in wolfssl() {
        let transcribed = transcribe(&capture);
        let data: Vec<_> = transcribed
            .records
            .iter()
            .filter(|record| record.content_type == ContentType::APPLICATION_DATA)
            .map(|record| (record.from_client, String::from_utf8_lossy(&record.content).into_owned()))
            .collect();
        assert!(data.iter().any(|(from_client, text)| *from_client && text.ends_with("wolfssl!")), "{data:?}");
        assert!(data.contains(&(false, "I hear you fa shizzle!".to_owned())), "{data:?}");
    }
}

#[test]
fn early_data_is_read_in_epoch_1() {
    let captures = captures_of("wolfssl-5.9.2-traces", "dtls13-earlydata", "dtls13-earlydata.keys");
    assert_eq!(captures.len(), 2);
    let early: Vec<_> = captures.iter().flat_map(|c| transcribe(c).records).filter(|r| r.number.epoch == 1).collect();
    let [record] = &early[..] else { panic!("{} records of epoch 1", early.len()) };
    assert!(record.from_client);
    assert_eq!(record.content_type, ContentType::APPLICATION_DATA);
    assert_eq!(record.content, b"A drop of info");
}

#[test]
fn key_updates_lead_to_the_next_epochs() {
    let capture = captures_of("wolfssl-5.9.2-traces", "dtls13-keyupdate", "dtls13-keyupdate.keys").remove(0);
    let transcribed = transcribe(&capture);
    for (side, messages) in transcribed.messages.iter().enumerate() {
        let updates = messages.iter().filter(|message| message.msg_type == HandshakeType::KEY_UPDATE).count();
        let from_client = side == 0;
        let highest = transcribed.records.iter().filter(|r| r.from_client == from_client).map(|r| r.number.epoch).max();
        assert!(updates > 0);
        assert_eq!(highest, Some(3 + updates as u64), "from the client: {from_client}");
    }
}

/// RFC 9846 §4.7.2: the Finished of post-handshake authentication is made with the application secret.
#[test]
fn post_handshake_authentication_continues_the_transcript() {
    let name = "dtls13-posthandshake-auth";
    let capture = captures_of("wolfssl-5.9.2-traces", name, &format!("{name}.keys")).remove(0);
    let transcribed = transcribe(&capture);
    let mut transcript = check_finished(&transcribed, name);
    let [client, server] = &transcribed.messages;
    let request = position(server, HandshakeType::CERTIFICATE_REQUEST);
    assert_eq!(server[request].epoch, 3);
    add_all(&mut transcript, &server[request..=request]);
    let answer: Vec<_> = client.iter().filter(|message| message.epoch == 3).cloned().collect();
    let finished = position(&answer, HandshakeType::FINISHED);
    add_all(&mut transcript, &answer[..finished]);
    let expected = transcribed.secrets[0][&3].finished(&transcript.current());
    assert_eq!(expected.as_slice(), answer[finished].body);
}

#[test]
fn the_suites_are_those_of_the_names() {
    let suite = |name: &str| {
        let capture = captures_of("wolfssl-5.9.2-traces", name, &format!("{name}.keys")).remove(0);
        transcribe(&capture).suite.id
    };
    assert_eq!(suite("dtls13-x25519-chacha20-cookie"), CipherSuite::TLS_CHACHA20_POLY1305_SHA256);
    assert_eq!(suite("dtls13-x25519-aes128gcm-cookie"), CipherSuite::TLS_AES_128_GCM_SHA256);
    #[cfg(feature = "ccm")]
    assert_eq!(suite("dtls13-x25519-aes128ccm"), CipherSuite::TLS_AES_128_CCM_SHA256);
}

#[test]
fn the_connection_id_is_demanded() {
    let capture = captures_of("wolfssl-5.9.2-traces", "dtls13-cid", "dtls13-cid.keys").remove(0);
    let transcribed = transcribe(&capture);
    let record = transcribed.records.iter().find(|r| r.number.epoch == 3 && r.from_client).unwrap();
    let reader = |connection_id: &[u8]| {
        let mut reader = RecordLayer::new();
        reader.set_read_connection_id(connection_id);
        reader.install_read(3, transcribed.secrets[0][&3].keys());
        reader
    };
    let open = |mut reader: RecordLayer, wire: &[u8]| {
        reader.open_next(&mut wire.to_vec()).0.map(|opened| opened.number).map_err(|discarded| discarded.reason)
    };
    assert_eq!(open(reader(b"0A0B0C"), &record.wire), Ok(record.number));
    assert_eq!(open(reader(b"0A0B0D"), &record.wire), Err(DiscardReason::WrongConnectionId));
    assert_eq!(open(reader(b""), &record.wire), Err(DiscardReason::WrongConnectionId));
    // Without the connection ID, and with the bit cleared that announces it.
    let stripped = [&[record.wire[0] & !UnifiedHeader::CONNECTION_ID_BIT], &record.wire[7..]].concat();
    assert_eq!(open(reader(b"0A0B0C"), &stripped), Err(DiscardReason::WrongConnectionId));
    // It is part of the additional data as well.
    assert_eq!(open(reader(b""), &stripped), Err(DiscardReason::Forged));
}

/// What came out of the protection is a content, and what was put together is a message, that the dissector knows to
/// the last byte.
#[cfg(feature = "inspect")]
#[test]
fn everything_that_was_deprotected_is_dissected() {
    use dtls_wasm::inspect::{self, Field, MALFORMED, UNEXPECTED};

    let check = |field: &Field, len: usize, what: &str| {
        let mut end = 0;
        for leaf in field.leaves() {
            assert!(leaf.name != MALFORMED && leaf.name != UNEXPECTED, "{what}: {leaf:?}");
            assert_eq!(leaf.range.start, end, "{what}: {leaf:?}");
            end = leaf.range.end;
        }
        assert_eq!(end, len, "{what}");
    };
    for capture in all() {
        let transcribed = transcribe(&capture);
        for record in &transcribed.records {
            let field = inspect::content(record.content_type, &record.content);
            check(&field, record.content.len(), &format!("{}: {:?}", capture.name, record.number));
        }
        for message in transcribed.messages.iter().flatten() {
            let field = inspect::message(message.msg_type, &message.body);
            check(&field, message.body.len(), &format!("{}: {}", capture.name, message.msg_type));
        }
    }
}
