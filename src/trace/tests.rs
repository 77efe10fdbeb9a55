use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex};

use super::keylog::KeyLog;
use super::memory::{MemoryTrace, OwnedValue, RecordedEvent};
use super::pcapng::Capture;
use super::qlog::{Qlog, VantagePoint};
use super::tee::Tee;
use super::*;
use crate::error::CertificateError;
use crate::wire::record::RecordNumber;

const AT: Instant = Instant::from_micros(1_500_250);

fn secret() -> Event<'static> {
    Event::Secret { label: "EXPORTER_SECRET", client_random: &[0xab; 32], secret: &[1, 2, 0xff] }
}

/// One of each kind.
fn every_event(error: &Error) -> Vec<Event<'_>> {
    const RECORDS: &[RecordNumber] =
        &[RecordNumber { epoch: 0, sequence_number: 1 }, RecordNumber { epoch: 2, sequence_number: 3 }];
    vec![
        Event::Datagram { direction: Direction::Sent, bytes: &[0x16, 0xfe] },
        Event::Record {
            direction: Direction::Received,
            number: RECORDS[1],
            content_type: ContentType::HANDSHAKE,
            offset: 13,
            length: 90,
            plaintext: &[8],
        },
        Event::RecordDiscarded { offset: 0, length: 20, reason: DiscardReason::Replayed },
        Event::RecordHeld { offset: 0, length: 20 },
        Event::Message {
            direction: Direction::Sent,
            msg_type: HandshakeType::CLIENT_HELLO,
            message_seq: 1,
            epoch: 0,
            body: &[],
        },
        Event::Ack { direction: Direction::Sent, records: RECORDS },
        Event::Alert { direction: Direction::Received, level: 1, description: AlertDescription::CLOSE_NOTIFY },
        Event::FlightRetransmitted { count: 2, timeout_micros: 400_500 },
        Event::FlightAcknowledged,
        Event::Negotiated { cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256, group: None },
        Event::PskSelected { kind: PskKind::Imported, identity: b"me" },
        Event::ConnectionIdUsed { direction: Direction::Sent, connection_id: b"id" },
        Event::Path { path: 7, what: "changed" },
        Event::KeyInstalled { direction: Direction::Sent, epoch: 3 },
        Event::KeyDiscarded { direction: Direction::Received, epoch: 2 },
        secret(),
        Event::State { name: "WaitServerHello" },
        Event::TaskIssued { id: TaskId(7), name: "Sign" },
        Event::TaskFinished { id: TaskId(7), ok: true },
        Event::HandshakeComplete,
        Event::Closed { error: Some(error) },
    ]
}

#[test]
fn every_event_is_one_line_and_one_json_object() {
    let error = Error::InvalidCertificate(CertificateError::Other("odd \"name\"\n\u{1}\\".to_owned()));
    let mut memory = MemoryTrace::with_secrets();
    for event in every_event(&error) {
        memory.event(AT, &event);
    }
    let events = memory.events();
    let lines: Vec<_> = memory.lines();
    assert_eq!(
        lines[..9],
        [
            "transport:datagram direction=sent bytes=16fe",
            "transport:record direction=received epoch=2 sequence_number=3 content_type=handshake offset=13 length=90 plaintext=08",
            "transport:record_discarded offset=0 length=20 reason=replayed",
            "transport:record_held offset=0 length=20",
            "dtls:message direction=sent msg_type=client_hello message_seq=1 epoch=0 body=",
            "dtls:ack direction=sent records=0/1,2/3",
            "dtls:alert direction=received level=1 description=close_notify",
            "recovery:flight_retransmitted count=2 timeout=400.5ms",
            "recovery:flight_acknowledged",
        ]
    );
    assert_eq!(lines[9], "security:parameters cipher_suite=TLS_AES_128_GCM_SHA256 group=-");
    assert_eq!(events[0].to_string(), "1.500250s transport:datagram direction=sent bytes=16fe");

    for (event, line) in events.iter().zip(&lines) {
        assert!(!line.contains('\n'), "{line}");
        let json: serde_json::Value = serde_json::from_str(&event.to_json()).unwrap();
        assert_eq!(json["time"], 1500.25);
        assert_eq!(json["name"], event.name);
        assert_eq!(json["data"].as_object().unwrap().len(), event.fields.len());
        for (name, value) in &event.fields {
            let expected = match value {
                OwnedValue::Number(number) => serde_json::json!(number),
                OwnedValue::Millis { micros } => serde_json::json!(*micros as f64 / 1000.0),
                OwnedValue::Flag(flag) => serde_json::json!(flag),
                OwnedValue::Text(text) => serde_json::json!(text),
                OwnedValue::Bytes(bytes) => {
                    serde_json::json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
                }
                OwnedValue::Records(records) => records
                    .iter()
                    .map(|record| serde_json::json!({"epoch": record.epoch, "sequence_number": record.sequence_number}))
                    .collect(),
                OwnedValue::Null => serde_json::Value::Null,
            };
            assert_eq!(json["data"][name], expected, "{line}");
        }
    }
    assert_eq!(memory.take(), events);
    assert!(memory.events().is_empty());
}

#[test]
fn values_are_found_by_name() {
    let event = RecordedEvent::new(AT, &Event::Datagram { direction: Direction::Sent, bytes: &[1, 2] });
    assert_eq!(event.text("direction"), Some("sent"));
    assert_eq!(event.bytes("bytes"), Some(&[1, 2][..]));
    assert_eq!((event.number("bytes"), event.field("absent")), (None, None));
}

#[test]
fn whole_milliseconds_have_no_fraction() {
    let mut out = String::new();
    for micros in [0, 1, 10, 1000, 1_234_500, u64::MAX] {
        json::write_millis(&mut out, micros);
        out.push(' ');
    }
    assert_eq!(out, "0 0.001 0.01 1 1234.5 18446744073709551.615 ");
}

#[test]
fn a_key_log_line_is_what_other_tools_read() {
    let file = Shared::default();
    let mut keylog = KeyLog::new(file.clone());
    keylog.event(AT, &Event::HandshakeComplete);
    keylog.event(AT, &secret());
    assert_eq!(file.text(), format!("EXPORTER_SECRET {} 0102ff\n", "ab".repeat(32)));
}

#[test]
fn a_qlog_is_a_sequence_of_json_texts_without_secrets() {
    let file = Shared::default();
    let error = Error::PeerUnreachable;
    let mut qlog = Qlog::new(file.clone(), VantagePoint::Server, "a \"title\"");
    for event in every_event(&error) {
        qlog.event(AT, &event);
    }
    let text = file.text();
    let texts: Vec<serde_json::Value> =
        text.split('\u{1e}').skip(1).map(|json| serde_json::from_str(json).unwrap()).collect();
    assert_eq!(texts[0]["title"], "a \"title\"");
    assert_eq!(texts[0]["trace"]["vantage_point"]["type"], "server");
    assert_eq!(texts.len(), every_event(&error).len());
    assert_eq!(texts[1]["data"]["bytes"], "16fe");
    assert!(!text.contains("EXPORTER_SECRET"));
}

#[test]
fn a_listener_whose_file_is_full_goes_silent() {
    #[derive(Clone, Default)]
    struct Full(Arc<Mutex<u32>>);
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            *self.0.lock().unwrap() += 1;
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let file = Full::default();
    let mut keylog = KeyLog::new(file.clone());
    keylog.event(AT, &secret());
    keylog.event(AT, &secret());
    assert_eq!(*file.0.lock().unwrap(), 1);
}

#[test]
fn secrets_reach_only_those_who_ask() {
    let (deaf, keen) = (MemoryTrace::new(), MemoryTrace::with_secrets());
    assert!(!Tee::new(vec![Box::new(deaf.clone())]).wants_secrets());
    let mut tee = Tee::default();
    tee.add(Box::new(deaf.clone()));
    tee.add(Box::new(keen.clone()));
    assert!(tee.wants_secrets());
    tee.event(AT, &secret());
    tee.event(AT, &Event::HandshakeComplete);
    assert_eq!(deaf.lines(), ["dtls:handshake_complete"]);
    assert_eq!(keen.lines().len(), 2);
}

#[test]
fn a_capture_holds_the_secrets_before_the_datagrams() {
    let client = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 40_000);
    let server = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 2), 4433);
    let mut capture = Capture::new(client, server);
    capture.event(AT, &Event::Datagram { direction: Direction::Sent, bytes: &[1, 2, 3] });
    capture.event(AT, &secret());
    capture.event(AT, &Event::Datagram { direction: Direction::Received, bytes: &[4; 8] });
    let file = capture.to_pcapng();

    let u32_at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let total = u32_at(at + 4) as usize;
        assert_eq!((total % 4, u32_at(at + total - 4) as usize), (0, total));
        blocks.push((u32_at(at), &file[at + 8..at + total - 4]));
        at += total;
    }
    assert_eq!(blocks.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [0x0a0d0d0a, 1, 10, 6, 6]);
    let secrets = std::str::from_utf8(&blocks[2].1[8..]).unwrap().trim_end_matches('\0');
    assert_eq!(secrets, keylog::line("EXPORTER_SECRET", &[0xab; 32], &[1, 2, 0xff]));

    let sent = blocks[3].1;
    let micros = (u64::from(u32::from_le_bytes(sent[4..8].try_into().unwrap())) << 32)
        | u64::from(u32::from_le_bytes(sent[8..12].try_into().unwrap()));
    assert_eq!(micros, AT.as_micros());
    assert_eq!(sent[12], 31);
    let ip = &sent[20..51];
    assert_eq!(ip[12..20], [192, 0, 2, 1, 192, 0, 2, 2]);
    assert_eq!(ip[20..28], [0x9c, 0x40, 0x11, 0x51, 0, 11, 0, 0]);
    assert_eq!(ip[28..], [1, 2, 3]);
    // A header with its checksum in place sums up to all ones (RFC 1071 §1).
    let sum: u32 = ip[..20].chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    assert_eq!(blocks[4].1[20 + 12..20 + 20], [192, 0, 2, 2, 192, 0, 2, 1]);
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
