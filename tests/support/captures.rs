//! Reads connections of other implementations from the first byte to the last, with the secrets of their key logs.
//!
//! Include it with `#[path = "support/captures.rs"] mod captures;`. A capture that cannot be read is a panic.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use std::collections::{BTreeMap, HashMap};

use dtls_wasm::codec::{Decode as _, Reader};
use dtls_wasm::config::Limits;
use dtls_wasm::crypto::{CipherSuiteImpl, rustcrypto};
use dtls_wasm::flight::{Inserted, Reassembly, ReceivedMessage};
use dtls_wasm::record::RecordLayer;
use dtls_wasm::schedule::TrafficSecret;
use dtls_wasm::wire::fragment::FragmentHeader;
use dtls_wasm::wire::record::RecordNumber;
use dtls_wasm::wire::registry::{ContentType, HandshakeType};
use dtls_wasm::wire::server_hello::ServerHello;

#[path = "flights.rs"]
pub mod flights;
#[path = "pcap.rs"]
pub mod pcap;

pub use flights::{Datagram, hex, vectors};

/// A connection as it was captured.
pub struct Capture {
    pub name: String,
    pub keylog: Keylog,
    pub datagrams: Vec<Datagram>,
    /// The connection ID that the client's, then the server's protected records carry.
    pub connection_ids: [&'static [u8]; 2],
}

/// Secrets by label and client random.
pub type Keylog = HashMap<(String, Vec<u8>), Vec<u8>>;

pub fn keylog<'a>(lines: impl IntoIterator<Item = &'a str>) -> Keylog {
    let mut log = Keylog::new();
    for line in lines {
        let [label, random, secret] = line.split_whitespace().collect::<Vec<_>>()[..] else { continue };
        // The illustrated connection leaves out the number.
        let label = match label {
            "CLIENT_TRAFFIC_SECRET" | "SERVER_TRAFFIC_SECRET" => format!("{label}_0"),
            _ => label.to_owned(),
        };
        log.insert((label, hex(random)), hex(secret));
    }
    log
}

/// The connections of a capture file, one for each client address.
pub fn captures_of(set: &str, name: &str, keys: &str) -> Vec<Capture> {
    let datagrams = pcap::read_file(vectors(set).join(format!("{name}.pcap")));
    let server = datagrams[0].destination;
    let text = std::fs::read_to_string(vectors(set).join(keys)).unwrap();
    let mut clients: Vec<_> = datagrams.iter().map(|d| d.source).filter(|source| *source != server).collect();
    clients.sort();
    clients.dedup();
    let connection_ids: [&'static [u8]; 2] = if name == "dtls13-cid" { [b"0A0B0C", b"01020304"] } else { [b"", b""] };
    let capture = |client| Capture {
        name: format!("{name} {client}"),
        keylog: keylog(text.lines()),
        datagrams: datagrams
            .iter()
            .filter(|datagram| datagram.source == client || datagram.destination == client)
            .map(|datagram| Datagram { from_client: datagram.source == client, payload: datagram.payload.clone() })
            .collect(),
        connection_ids,
    };
    clients.into_iter().map(capture).collect()
}

/// How many captures of wolfSSL there are for the suites of the provider, and how many connections in them: one capture has
/// two.
pub const WOLFSSL_CAPTURES: usize = if cfg!(feature = "ccm") { 14 } else { 13 };
pub const WOLFSSL_CONNECTIONS: usize = WOLFSSL_CAPTURES + 1;

/// Every DTLS 1.3 capture of wolfSSL, but that with AES-CCM only where the provider has it.
pub fn wolfssl() -> Vec<Capture> {
    let set = "wolfssl-5.9.2-traces";
    let mut names: Vec<_> = std::fs::read_dir(vectors(set))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str().unwrap().strip_suffix(".pcap").map(str::to_owned))
        .filter(|name| name.starts_with("dtls13-") && (cfg!(feature = "ccm") || !name.ends_with("ccm")))
        .collect();
    names.sort();
    assert_eq!(names.len(), WOLFSSL_CAPTURES);
    names.iter().flat_map(|name| captures_of(set, name, &format!("{name}.keys"))).collect()
}

pub fn illustrated() -> Capture {
    captures_of("illustrated-dtls13", "capture", "keylog.txt").remove(0)
}

/// Those of the browsers' handshakes that have a key log: BoringSSL, NSS and dimpl.
pub fn browsers() -> Vec<Capture> {
    let capture = |name: &str| {
        let recording = flights::read(name);
        Capture {
            name: name.to_owned(),
            keylog: keylog(recording.keylog.iter().map(String::as_str)),
            datagrams: recording.datagrams,
            connection_ids: [b"", b""],
        }
    };
    flights::NAMES.into_iter().map(capture).filter(|capture| !capture.keylog.is_empty()).collect()
}

pub fn all() -> Vec<Capture> {
    wolfssl().into_iter().chain([illustrated()]).chain(browsers()).collect()
}

/// One record as it was deprotected.
pub struct Record {
    pub from_client: bool,
    pub number: RecordNumber,
    pub content_type: ContentType,
    pub content: Vec<u8>,
    pub wire: Vec<u8>,
}

/// What a whole connection consists of.
pub struct Transcribed {
    pub suite: &'static CipherSuiteImpl,
    pub records: Vec<Record>,
    /// The client's messages, then the server's.
    pub messages: [Vec<ReceivedMessage>; 2],
    /// The secrets that each side's epochs are protected with.
    pub secrets: [BTreeMap<u16, TrafficSecret>; 2],
}

/// One side, as the other reads it.
pub struct Side {
    pub records: RecordLayer,
    pub reassembly: Reassembly,
    pub messages: Vec<ReceivedMessage>,
    pub secrets: BTreeMap<u16, TrafficSecret>,
}

impl Side {
    pub fn new(connection_id: &[u8]) -> Self {
        let mut records = RecordLayer::new();
        records.set_read_connection_id(connection_id);
        Self { records, reassembly: Reassembly::new(0), messages: Vec::new(), secrets: BTreeMap::new() }
    }

    pub fn install(&mut self, epoch: u16, secret: TrafficSecret) {
        self.records.install_read(epoch, secret.keys());
        self.secrets.insert(epoch, secret);
    }
}

/// Reads all of `capture`.
pub fn transcribe(capture: &Capture) -> Transcribed {
    let name = &capture.name;
    let mut sides = capture.connection_ids.map(Side::new);
    let mut suite: Option<&'static CipherSuiteImpl> = None;
    let mut records = Vec::new();
    for (index, datagram) in capture.datagrams.iter().enumerate() {
        let place = usize::from(!datagram.from_client);
        let mut payload = datagram.payload.clone();
        let mut rest = payload.as_mut_slice();
        while !rest.is_empty() {
            let at = datagram.payload.len() - rest.len();
            let (opened, behind) = sides[place].records.open_next(rest);
            let opened = opened.unwrap_or_else(|discarded| panic!("{name}, datagram {index}, at {at}: {discarded:?}"));
            let record = Record {
                from_client: datagram.from_client,
                number: opened.number,
                content_type: opened.content_type,
                content: opened.content.to_vec(),
                wire: datagram.payload[at..at + opened.wire_len].to_vec(),
            };
            rest = behind;
            if record.content_type == ContentType::HANDSHAKE {
                assemble(&mut sides[place], &record, name);
            }
            records.push(record);
            if suite.is_none() {
                suite = install_from_hellos(&mut sides, &capture.keylog, name);
            }
        }
    }
    for side in &sides {
        assert!(side.reassembly.is_empty(), "{name}: something was not put together");
    }
    let [client, server] = sides;
    Transcribed {
        suite: suite.unwrap_or_else(|| panic!("{name}: no ServerHello")),
        records,
        messages: [client.messages, server.messages],
        secrets: [client.secrets, server.secrets],
    }
}

/// Puts together what a record of the handshake carries, and follows key updates.
pub fn assemble(side: &mut Side, record: &Record, name: &str) {
    let epoch = u16::try_from(record.number.epoch).unwrap();
    let mut content = Reader::new(&record.content);
    while !content.is_empty() {
        let header = FragmentHeader::decode(&mut content).unwrap();
        let body = content.take(usize::try_from(header.fragment_length).unwrap()).unwrap();
        let inserted = side.reassembly.insert(&header, body, epoch, &Limits::default());
        assert!(matches!(inserted, Ok(Inserted::New | Inserted::Duplicate)), "{name}: {inserted:?} of {header:?}");
    }
    while let Some(message) = side.reassembly.pop() {
        if message.msg_type == HandshakeType::KEY_UPDATE {
            let next = side.secrets[&message.epoch].next();
            side.install(message.epoch + 1, next);
        }
        side.messages.push(message);
    }
}

/// Once there is a ServerHello: its suite, and the keys of all epochs that the key log has.
pub fn install_from_hellos(sides: &mut [Side; 2], log: &Keylog, name: &str) -> Option<&'static CipherSuiteImpl> {
    let [client, server] = sides;
    let hello = server
        .messages
        .iter()
        .filter(|message| message.msg_type == HandshakeType::SERVER_HELLO)
        .map(|message| ServerHello::decode_all(&message.body).unwrap())
        .find(|hello| !hello.is_hello_retry_request())?;
    let suite = rustcrypto::provider().suite(hello.cipher_suite).unwrap_or_else(|| panic!("{name}: no such suite"));
    let random = client.messages[0].body[2..34].to_vec();
    let secret =
        |label: &str| log.get(&(label.to_owned(), random.clone())).map(|secret| TrafficSecret::new(suite, secret));
    for (side, prefix) in [(client, "CLIENT"), (server, "SERVER")] {
        for (epoch, label) in [(1, "EARLY_TRAFFIC_SECRET"), (2, "HANDSHAKE_TRAFFIC_SECRET"), (3, "TRAFFIC_SECRET_0")] {
            match secret(&format!("{prefix}_{label}")) {
                Some(secret) => side.install(epoch, secret),
                None => assert_eq!(epoch, 1, "{name}: {prefix}_{label} is missing"),
            }
        }
    }
    Some(suite)
}
