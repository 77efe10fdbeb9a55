//! What each state makes of each message and record: a table to read, and to compare with.
//!
//! `UPDATE_STATE_TABLE=1 cargo test --features inspect,sim --lib connection::tests::states` writes it anew; what changed is
//! then to be read line by line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;

use super::*;
use crate::codec::Encode as _;
use crate::connection::ClientOffer;
use crate::crypto::resumption::{ResumptionState, Session};
use crate::crypto::secret::SecretBytes;
use crate::error::PeerMisbehaved;
use crate::flight::ReceivedMessage;
use crate::schedule::v13::TrafficSecret;
use crate::ticket::{CachedTickets, LocalStrikeRegister};
use crate::trace::{Event, Trace};
use crate::wire::alert::Alert;
use crate::wire::fragment::FragmentHeader;
use crate::wire::registry::{AlertDescription, ContentType, HandshakeType};

const TABLE: &str = "tests/state_table.txt";

/// What one side of an honest run was sent, and the secrets that it told.
#[derive(Clone, Default)]
struct Tap(Arc<Mutex<Recorded>>);

#[derive(Clone, Default)]
struct Recorded {
    received: Vec<ReceivedMessage>,
    secrets: BTreeMap<String, Vec<u8>>,
}

impl Trace for Tap {
    fn event(&mut self, _: Instant, event: &Event<'_>) {
        let mut recorded = self.0.lock().unwrap();
        match event {
            Event::Message { direction: Direction::Received, msg_type, message_seq, epoch, body } => {
                let body = body.to_vec();
                recorded.received.push(ReceivedMessage {
                    msg_type: *msg_type,
                    message_seq: *message_seq,
                    epoch: *epoch,
                    body,
                });
            }
            Event::Secret { label, secret, .. } => {
                recorded.secrets.insert((*label).to_owned(), secret.to_vec());
            }
            _ => {}
        }
    }

    fn wants_secrets(&self) -> bool {
        true
    }
}

/// One kind of handshake, and what follows it.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    configure: fn(&mut ClientConfig, &mut ServerConfig),
    /// Whether the client has a ticket.
    resumes: bool,
    /// What each application does once its side is connected. Then only what comes afterwards is in the table.
    act: Option<fn(&mut Connection)>,
}

const PLAIN: Case = Case { name: "", configure: |_, _| (), resumes: false, act: None };

const CASES: [Case; 7] = [
    Case { name: "with certificates", configure: |_, server| server.client_auth = ClientAuth::Required, ..PLAIN },
    Case {
        name: "with a pre-shared key",
        configure: |client, server| {
            client.psks = vec![Arc::new(NullBackend::psk_of(b"psk256 of a device").unwrap())];
            server.look_up_psks = true;
        },
        ..PLAIN
    },
    Case { name: "retried", configure: |_, server| server.common.groups = vec![NamedGroup::SECP256R1], ..PLAIN },
    Case { name: "resumed", configure: |_, _| (), resumes: true, ..PLAIN },
    Case {
        name: "with early data",
        configure: |_, server| {
            server.max_early_data = 100;
            // Older than the ticket.
            server.strike_register = Some(Arc::new(LocalStrikeRegister::new(Instant::ZERO)));
        },
        resumes: true,
        ..PLAIN
    },
    Case {
        name: "authentication after the handshake",
        configure: |client, _| client.post_handshake_auth = true,
        act: Some(|connection| {
            if connection.is_server() {
                connection.request_client_authentication(true, START).unwrap();
            }
        }),
        ..PLAIN
    },
    Case {
        name: "keys updated by the client, and the server's too",
        act: Some(|connection| {
            if !connection.is_server() {
                connection.update_keys(true, START).unwrap();
            }
        }),
        ..PLAIN
    },
];

impl Case {
    fn sides(&self) -> (Connection, Connection) {
        let (mut client, mut server) = (client_config(), server_config());
        client.key_shares = vec![NamedGroup::X25519];
        server.common.groups = vec![NamedGroup::X25519];
        (self.configure)(&mut client, &mut server);
        let mut offer = ClientOffer { server_name: Some("example.org".to_owned()), ..ClientOffer::default() };
        if self.resumes {
            server.tickets = Some(Arc::new(CachedTickets::new(10)));
            server.ticket_count = 0;
            offer.session = Some(session(&server));
            offer.early_data = server.max_early_data > 0;
        }
        let is_early = offer.early_data;
        let mut client = Connection::connect(Arc::new(client), offer, START).unwrap();
        if is_early {
            client.send_early(b"early").unwrap();
        }
        (client, Connection::server(Arc::new(server), START).unwrap())
    }

    /// What client and server were sent.
    fn run(&self) -> [Recorded; 2] {
        let (client, server) = self.sides();
        let mut pair = Pair::new(client, server, Network::new(7, Conditions::default()), START);
        let taps = [Tap::default(), Tap::default()];
        pair.a.set_trace(Box::new(taps[0].clone()));
        pair.b.set_trace(Box::new(taps[1].clone()));
        let is_connected = |connection: &Connection| connection.state() == ConnectionState::Connected;
        let deadline = START + Duration::from_secs(10);
        let outcome = pair.run(deadline, |a, b| is_connected(a) && is_connected(b) && a.outgoing.is_empty());
        assert_eq!(outcome, Outcome::Done, "{}", self.name);
        if let Some(act) = self.act {
            act(&mut pair.a);
            act(&mut pair.b);
        }
        settle(&mut pair);
        drop(pair);
        taps.map(|tap| tap.0.lock().unwrap().clone())
    }
}

/// What a client kept of an hour ago.
fn session(server: &ServerConfig) -> Session {
    let then = Instant::from_micros(START.as_micros() - 3_600_000_000);
    let state = ResumptionState {
        cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
        secret: SecretBytes::new(vec![5; 32]),
        issued_at: then,
        authenticated_at: then,
        lifetime: 24 * 60 * 60,
        age_add: 7,
        server_name: Some("example.org".to_owned()),
        alpn_protocol: None,
        peer_certificates: vec![b"a certificate".to_vec()],
        psk_identity: None,
        max_early_data: server.max_early_data,
    };
    let ticket = server.tickets.as_ref().unwrap().issue(&state, &*server.common.provider.random).unwrap();
    Session { ticket, state }
}

/// A connection that can be told anything under its peer's keys.
struct Subject {
    connection: Connection,
    peer: RecordLayer,
    act: Option<fn(&mut Connection)>,
}

impl Subject {
    fn new(case: &Case, is_client: bool, recorded: &Recorded) -> Self {
        let (client, server) = case.sides();
        let connection = if is_client { client } else { server };
        let suite = null::provider(1).suites[0];
        let side = if is_client { "SERVER" } else { "CLIENT" };
        let mut peer = RecordLayer::new();
        if let Some(secret) = recorded.secrets.get("CLIENT_EARLY_TRAFFIC_SECRET").filter(|_| !is_client) {
            peer.install_write(1, TrafficSecret::new(suite, secret).keys());
        }
        for (epoch, label) in [(2, "HANDSHAKE_TRAFFIC_SECRET"), (3, "TRAFFIC_SECRET_0")] {
            let secret = &recorded.secrets[&format!("{side}_{label}")];
            peer.install_write(epoch, TrafficSecret::new(suite, secret).keys());
        }
        let secret = &recorded.secrets[&format!("{side}_TRAFFIC_SECRET_0")];
        peer.install_write(4, TrafficSecret::new(suite, secret).next().keys());
        let mut subject = Self { connection, peer, act: case.act };
        subject.flush();
        subject
    }

    /// What it sends has no consequences here.
    fn flush(&mut self) {
        let mut datagram = Vec::new();
        while self.connection.poll_transmit(&mut datagram, START) {}
        if self.connection.state() == ConnectionState::Connected
            && let Some(act) = self.act.take()
        {
            act(&mut self.connection);
            while self.connection.poll_transmit(&mut datagram, START) {}
        }
    }

    fn state(&self) -> String {
        match &self.connection.handshake {
            Some(state) => state.name().to_owned(),
            None => format!("{:?}", self.connection.state()).to_lowercase(),
        }
    }

    fn epoch(&self) -> u16 {
        self.connection.handshake.as_ref().map_or(self.connection.epochs().0, |state| state.epoch())
    }

    fn record(&mut self, epoch: u16, content_type: ContentType, content: &[u8]) {
        let mut datagram = Vec::new();
        self.peer.seal(epoch, content_type, &mut datagram, |out| out.extend_from_slice(content)).unwrap();
        self.connection.handle_datagram(&mut datagram, START);
    }

    fn message(&mut self, epoch: u16, msg_type: HandshakeType, body: &[u8]) {
        let length = u32::try_from(body.len()).unwrap();
        let message_seq = self.connection.incoming.next_message_seq();
        let header = FragmentHeader { msg_type, length, message_seq, fragment_offset: 0, fragment_length: length };
        self.record(epoch, ContentType::HANDSHAKE, &[header.encoded(), body.to_vec()].concat());
    }

    /// What became of it, in words.
    fn outcome(&mut self, before: &str, discarded: u64) -> String {
        if let Some(error) = self.connection.error() {
            let alert = error.alert().map_or_else(|| "no alert".to_owned(), |alert| format!("alert {alert}"));
            return format!("{error:?}, {alert}");
        }
        let events = events(&mut self.connection);
        let events: Vec<_> = events.into_iter().filter(|event| *event != ConnectionEvent::Connected).collect();
        let after = self.state();
        if !self.connection.held.is_empty() {
            "held until there are keys".to_owned()
        } else if self.connection.stats().records_discarded > discarded {
            "ignored".to_owned()
        } else if after != before {
            format!("-> {after}")
        } else if !events.is_empty() {
            format!("{events:?}")
        } else {
            "taken".to_owned()
        }
    }
}

/// A body for each type of message: an honest one where there is one.
fn bodies(recorded: &[Recorded; 2]) -> Vec<(HandshakeType, Vec<u8>)> {
    (0..=u8::MAX)
        .map(HandshakeType)
        .filter(|msg_type| !format!("{msg_type}").contains(|c: char| c.is_ascii_digit()) || msg_type.0 == 99)
        .map(|msg_type| {
            let honest = recorded.iter().flat_map(|side| &side.received).find(|message| message.msg_type == msg_type);
            let body = match msg_type {
                _ if honest.is_some() => honest.unwrap().body.clone(),
                HandshakeType::NEW_SESSION_TICKET => vec![0, 0, 0, 9, 1, 2, 3, 4, 1, 7, 0, 2, 5, 5, 0, 0],
                HandshakeType::KEY_UPDATE => vec![0],
                HandshakeType::HELLO_VERIFY_REQUEST => vec![0xfe, 0xfd, 1, 9],
                HandshakeType::NEW_CONNECTION_ID => vec![0, 3, 2, 1, 1, 1],
                HandshakeType::REQUEST_CONNECTION_ID => vec![1],
                HandshakeType::CERTIFICATE_REQUEST => vec![0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3],
                _ => Vec::new(),
            };
            (msg_type, body)
        })
        .collect()
}

fn records() -> Vec<(&'static str, ContentType, Vec<u8>)> {
    vec![
        ("application_data", ContentType::APPLICATION_DATA, b"data".to_vec()),
        ("ack of nothing", ContentType::ACK, vec![0, 0]),
        ("ack of record 0/0", ContentType::ACK, [&[0, 16][..], &[0; 16]].concat()),
        ("ack of record 9/0", ContentType::ACK, [&[0, 16][..], &9u64.to_be_bytes(), &[0; 8]].concat()),
        ("ack cut short", ContentType::ACK, vec![0, 16, 0]),
        ("alert close_notify", ContentType::ALERT, Alert::warning(AlertDescription::CLOSE_NOTIFY).encoded()),
        ("alert user_canceled", ContentType::ALERT, Alert::warning(AlertDescription::USER_CANCELED).encoded()),
        ("alert handshake_failure", ContentType::ALERT, Alert::fatal(AlertDescription::HANDSHAKE_FAILURE).encoded()),
        ("alert cut short", ContentType::ALERT, vec![2]),
        ("handshake, empty", ContentType::HANDSHAKE, Vec::new()),
        ("handshake, cut short", ContentType::HANDSHAKE, vec![1, 0, 0]),
        ("change_cipher_spec", ContentType::CHANGE_CIPHER_SPEC, vec![1]),
        ("type 99", ContentType(99), vec![1]),
    ]
}

fn table() -> String {
    let mut table = String::from(
        "# What each state makes of each message, in the epoch in which it waits for one, and of each record.\n\
         # Written by src/connection/tests/states.rs, which says how to write it anew.\n",
    );
    for case in CASES {
        let recorded = case.run();
        for (is_client, recorded_here) in [true, false].into_iter().zip(&recorded) {
            let handshake = recorded_here.received.iter().filter(|message| message.epoch < 3).count();
            let (begins, ends) =
                if case.act.is_some() { (handshake, recorded_here.received.len()) } else { (0, handshake) };
            for step in begins..=ends {
                let begin = || {
                    let mut subject = Subject::new(&case, is_client, recorded_here);
                    for message in &recorded_here.received[..step] {
                        subject.message(message.epoch, message.msg_type, &message.body);
                        subject.flush();
                    }
                    events(&mut subject.connection);
                    let state = subject.state();
                    let discarded = subject.connection.stats().records_discarded;
                    (subject, state, discarded)
                };
                let (mut subject, state, _) = begin();
                subject.flush();
                let role = if is_client { "client" } else { "server" };
                writeln!(table, "\n{role}, {}, message {step}: {state}", case.name).unwrap();
                let honest = recorded_here.received.get(step).filter(|_| step < ends);
                let mut unexpected = 0;
                for (msg_type, mut body) in bodies(&recorded) {
                    if let Some(honest) = honest.filter(|honest| honest.msg_type == msg_type) {
                        body = honest.body.clone();
                    }
                    let (mut subject, state, discarded) = begin();
                    let epoch = subject.epoch();
                    subject.message(epoch, msg_type, &body);
                    // Most messages: only the others are worth a line.
                    if subject.connection.error() == Some(&PeerMisbehaved::UnexpectedMessage(msg_type).into()) {
                        unexpected += 1;
                        continue;
                    }
                    writeln!(table, "  {msg_type}: {}", subject.outcome(&state, discarded)).unwrap();
                }
                let all = bodies(&recorded).len();
                assert!(unexpected > all / 2, "{role}, {}, message {step}: {unexpected} of {all}", case.name);
                writeln!(table, "  any other message: UnexpectedMessage, alert unexpected_message").unwrap();
                for (name, content_type, content) in records() {
                    let (mut subject, state, discarded) = begin();
                    let epoch = subject.epoch();
                    subject.record(epoch, content_type, &content);
                    writeln!(table, "  record, {name}: {}", subject.outcome(&state, discarded)).unwrap();
                }
                let (mut subject, state, discarded) = begin();
                if subject.peer.can_write(1) {
                    subject.record(1, ContentType::APPLICATION_DATA, b"early data");
                    let outcome = subject.outcome(&state, discarded);
                    writeln!(table, "  record, application_data in epoch 1: {outcome}").unwrap();
                }
                // The right message in the wrong epoch.
                for epoch in [0, 2, 3] {
                    let Some(honest) = honest.filter(|honest| honest.epoch != epoch) else { continue };
                    let (mut subject, state, discarded) = begin();
                    subject.message(epoch, honest.msg_type, &honest.body);
                    let outcome = subject.outcome(&state, discarded);
                    writeln!(table, "  {} in epoch {epoch}: {outcome}", honest.msg_type).unwrap();
                }
            }
        }
    }
    table
}

#[test]
fn each_state_makes_of_each_message_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE);
    let table = table();
    if std::env::var_os("UPDATE_STATE_TABLE").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (is, was)) in table.lines().zip(written.lines()).enumerate() {
        assert_eq!(is, was, "line {} of {TABLE}; UPDATE_STATE_TABLE=1 writes it anew", number + 1);
    }
    assert_eq!(table.lines().count(), written.lines().count(), "{TABLE}; UPDATE_STATE_TABLE=1 writes it anew");
}
