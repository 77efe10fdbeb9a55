//! Two connections, and between them somebody who decides what arrives, who changes it, and who knows every secret.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dtls_wasm::config::{ClientAuth, TransportConfig};
use dtls_wasm::connection::{Connection, ConnectionEvent, ConnectionState};
use dtls_wasm::crypto::CipherSuiteImpl;
use dtls_wasm::crypto::null::NullBackend;
use dtls_wasm::crypto::task::{Backend, Task, TaskError, TaskId, TaskOutput};
use dtls_wasm::error::Error;
use dtls_wasm::record::RecordLayer;
use dtls_wasm::schedule::TrafficSecret;
use dtls_wasm::time::Instant;
use dtls_wasm::trace::{Event, Trace};
use dtls_wasm::wire::registry::{CipherSuite, ContentType, NamedGroup, SrtpProfile};

use super::input::Input;
use super::null::{self, START};

/// Datagrams that one side may send in a row without anything arriving: several flights of 32 KiB in datagrams of 256
/// bytes. More is a connection that sends without end.
const MAX_BURST: usize = 512;

/// Timeouts in a row at one instant, before time has to pass.
const MAX_TIMEOUTS: usize = 8;

/// What input decides at most; longer ones are slow and find nothing new.
const MAX_STEPS: usize = 600;

/// Neither side panics, sends without end or keeps a timer due; after the end nothing more happens; what arrives was sent,
/// unless somebody with the keys sent it; and as long as nothing but loss, repetition and delay happened, the handshake
/// can still be completed, or has been given up for one of the reasons there are.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let mut world = World::new(input.byte());
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        world.step(&mut input);
    }
    world.finish();
}

/// What a listener of one side hears of secrets.
#[derive(Clone, Default)]
pub struct Wiretap(Arc<Mutex<Learned>>);

#[derive(Default)]
pub struct Learned {
    /// The suite that was agreed on.
    pub suite: Option<CipherSuite>,
    /// By whether the client sends with it, and epoch.
    pub secrets: BTreeMap<(bool, u16), Vec<u8>>,
}

impl Wiretap {
    /// What was heard until now.
    pub fn learned(&self) -> MutexGuard<'_, Learned> {
        self.0.lock().unwrap()
    }
}

impl Trace for Wiretap {
    fn event(&mut self, _: Instant, event: &Event<'_>) {
        let mut learned = self.0.lock().unwrap();
        match event {
            Event::Negotiated { cipher_suite, .. } => learned.suite = Some(*cipher_suite),
            Event::Secret { label, secret, .. } => {
                let Some((side, rest)) = label.split_once('_') else { return };
                let epoch = match rest.strip_prefix("TRAFFIC_SECRET_") {
                    Some(number) => number.parse::<u16>().unwrap() + 3,
                    None if rest == "HANDSHAKE_TRAFFIC_SECRET" => 2,
                    None => return,
                };
                learned.secrets.insert((side == "CLIENT", epoch), secret.to_vec());
            }
            _ => {}
        }
    }

    fn wants_secrets(&self) -> bool {
        true
    }
}

/// Leaves every task to the caller.
#[derive(Debug)]
struct Deferring;

impl Backend for Deferring {
    fn perform(&self, _: &Task) -> Option<Result<TaskOutput, TaskError>> {
        None
    }
}

struct Side {
    connection: Connection,
    /// Tasks that it waits for.
    tasks: VecDeque<(TaskId, Task)>,
    /// What is on its way to it.
    inbox: VecDeque<Vec<u8>>,
    /// Application data that the other side sent to it.
    expected: Vec<Vec<u8>>,
    /// How many datagrams of application data arrived.
    heard: usize,
    is_over: bool,
}

struct World {
    /// The client, then the server.
    sides: [Side; 2],
    wiretap: Wiretap,
    suites: Vec<&'static CipherSuiteImpl>,
    /// Does the tasks that were left to the caller.
    worker: NullBackend,
    now: Instant,
    /// Whether more happened than a network may do.
    is_tampered: bool,
    /// Whether somebody spoke with the keys of one side.
    is_impersonated: bool,
}

impl World {
    fn new(flags: u8) -> Self {
        let mut client = null::client(1);
        let mut server = null::server(2);
        let suites = client.common.provider.suites.clone();
        if flags & 1 != 0 {
            server.common.groups = vec![NamedGroup::SECP256R1];
        }
        if flags & 2 != 0 {
            server.client_auth = ClientAuth::Required;
        }
        for common in [&mut client.common, &mut server.common] {
            if flags & 4 != 0 {
                common.transport = TransportConfig { max_datagram_size: 256, ..common.transport.clone() };
            }
            if flags & 8 != 0 {
                common.srtp_profiles = vec![SrtpProfile::SRTP_AEAD_AES_128_GCM];
                common.alpn_protocols = vec![b"a".to_vec()];
            }
            if flags & 32 != 0 {
                common.backend = Arc::new(Deferring);
            }
        }
        if flags & 16 != 0 {
            client.key_shares.clear();
        }
        let wiretap = Wiretap::default();
        let listener: Box<dyn Trace> = Box::new(wiretap.clone());
        let client = Connection::client_traced(Arc::new(client), Some("example.org"), Some(listener), START).unwrap();
        let mut server = Connection::server(Arc::new(server), START).unwrap();
        server.set_trace(Box::new(wiretap.clone()));
        let side = |connection| Side {
            connection,
            tasks: VecDeque::new(),
            inbox: VecDeque::new(),
            expected: Vec::new(),
            heard: 0,
            is_over: false,
        };
        let mut world = Self {
            sides: [side(client), side(server)],
            wiretap,
            suites,
            worker: NullBackend::new(3),
            now: START,
            is_tampered: false,
            is_impersonated: false,
        };
        world.settle();
        world
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let kind = input.byte();
        let to = usize::from(kind >> 7);
        match kind % 16 {
            0..=3 => {
                if let Some(datagram) = self.sides[to].inbox.pop_front() {
                    self.deliver(to, datagram);
                }
            }
            4 => drop(self.sides[to].inbox.pop_front()),
            5 => {
                if let Some(datagram) = self.sides[to].inbox.front().cloned() {
                    self.deliver(to, datagram);
                }
            }
            6 => {
                if let Some(datagram) = self.sides[to].inbox.pop_back() {
                    self.deliver(to, datagram);
                }
            }
            7 => {
                if let Some(mut datagram) = self.sides[to].inbox.pop_front() {
                    let at = input.below(datagram.len());
                    datagram[at] ^= input.byte();
                    if input.byte() & 7 == 0 {
                        datagram.truncate(at);
                    }
                    self.is_tampered = true;
                    self.deliver(to, datagram);
                }
            }
            8 => {
                let len = usize::from(input.byte());
                self.is_tampered = true;
                self.deliver(to, input.bytes(len).to_vec());
            }
            9..=11 => self.impersonate(to, input),
            12 => self.pass_time(Duration::from_millis(u64::from(input.byte()))),
            13 => {
                let due = self.sides.iter().filter_map(|side| side.connection.poll_timeout()).min();
                self.pass_time(due.map_or(Duration::ZERO, |due| due.saturating_duration_since(self.now)));
            }
            14 => {
                let data = vec![input.byte(); usize::from(input.byte())];
                if self.sides[to].connection.send(&data).is_ok() {
                    self.sides[1 - to].expected.push(data);
                }
            }
            _ => match input.byte() % 8 {
                0 => self.sides[to].connection.close(self.now),
                request @ 1..=2 => {
                    let _ = self.sides[to].connection.update_keys(request == 1, self.now);
                }
                3..=5 => {
                    if let Some((id, task)) = self.sides[to].tasks.pop_front() {
                        self.perform(to, id, &task);
                    }
                }
                6 => {
                    // Nobody asked for this one.
                    let id = TaskId(u32::from(input.byte()));
                    if self.sides[to].tasks.iter().all(|(asked, _)| *asked != id) {
                        self.sides[to].connection.handle_task(id, Ok(TaskOutput::Verified), self.now);
                    }
                }
                _ => {
                    if let Some((id, _)) = self.sides[to].tasks.pop_front() {
                        let result = match input.byte() % 4 {
                            0 => Err(TaskError::Failed),
                            1 => Err(TaskError::Rejected),
                            2 => Ok(TaskOutput::Verified),
                            _ => Ok(TaskOutput::Credentials(None)),
                        };
                        self.is_tampered = true;
                        self.sides[to].connection.handle_task(id, result, self.now);
                    }
                }
            },
        }
        self.settle();
    }

    /// Sends a record as if it came from the other side: protected with its keys, with any content.
    fn impersonate(&mut self, to: usize, input: &mut Input<'_>) {
        let from_client = to == 1;
        let content_type = match input.byte() % 8 {
            0..=3 => ContentType::HANDSHAKE,
            4 => ContentType::ACK,
            5 => ContentType::ALERT,
            6 => ContentType::APPLICATION_DATA,
            _ => ContentType(input.byte()),
        };
        let ahead = input.byte() % 80;
        let epoch = 2 + u16::from(input.byte() % 4);
        let len = usize::from(input.byte());
        let content = input.bytes(len);
        let learned = self.wiretap.0.lock().unwrap();
        let suite = learned.suite.and_then(|id| self.suites.iter().find(|suite| suite.id == id).copied());
        let Some((suite, secret)) = suite.zip(learned.secrets.get(&(from_client, epoch)).cloned()) else { return };
        drop(learned);
        let mut records = RecordLayer::new();
        records.install_write(epoch, TrafficSecret::new(suite, &secret).keys());
        let mut datagram = Vec::new();
        for _ in 0..=ahead {
            datagram.clear();
            let written = records.seal(epoch, content_type, &mut datagram, |out| out.extend_from_slice(content));
            assert!(written.is_ok());
        }
        self.is_tampered = true;
        self.is_impersonated = true;
        self.deliver(to, datagram);
    }

    /// Does a task, and hands in its result twice.
    fn perform(&mut self, to: usize, id: TaskId, task: &Task) {
        let result = self.worker.perform(task).unwrap();
        self.sides[to].connection.handle_task(id, result.clone(), self.now);
        self.sides[to].connection.handle_task(id, result, self.now);
    }

    fn deliver(&mut self, to: usize, mut datagram: Vec<u8>) {
        self.sides[to].connection.handle_datagram(&mut datagram, self.now);
    }

    /// Lets time pass, and calls each side whose time has come.
    fn pass_time(&mut self, duration: Duration) {
        self.now = self.now.saturating_add(duration);
        for side in &mut self.sides {
            let mut calls = 0;
            while side.connection.poll_timeout().is_some_and(|due| due <= self.now) {
                side.connection.handle_timeout(self.now);
                calls += 1;
                assert!(calls <= MAX_TIMEOUTS, "a timer stays due: {:?}", side.connection);
            }
        }
    }

    /// Fetches what both sides have to send and to say.
    fn settle(&mut self) {
        for at in 0..2 {
            let mut burst = 0;
            let mut datagram = Vec::new();
            while self.sides[at].connection.poll_transmit(&mut datagram, self.now) {
                assert!(!datagram.is_empty());
                assert!(datagram.len() <= 1200);
                self.sides[1 - at].inbox.push_back(std::mem::take(&mut datagram));
                burst += 1;
                assert!(burst <= MAX_BURST, "sends without end: {:?}", self.sides[at].connection);
            }
            while self.sides[1 - at].inbox.len() > MAX_BURST {
                self.sides[1 - at].inbox.pop_front();
            }
            while let Some(task) = self.sides[at].connection.poll_task() {
                // There is never more than one outstanding; an older one was abandoned.
                self.sides[at].tasks = VecDeque::from([task]);
            }
            let is_impersonated = self.is_impersonated;
            while let Some(event) = self.sides[at].connection.poll_event() {
                let side = &mut self.sides[at];
                assert!(!side.is_over, "{event:?} after the end");
                match event {
                    ConnectionEvent::Datagram(data) => {
                        side.heard += 1;
                        assert!(is_impersonated || side.expected.contains(&data), "{data:?} was not sent");
                    }
                    ConnectionEvent::Closed => side.is_over = true,
                    ConnectionEvent::Failed(error) => {
                        assert_eq!(side.connection.error(), Some(&error));
                        side.is_over = true;
                    }
                    _ => {}
                }
            }
        }
    }

    /// From now on the network is perfect. See what becomes of it.
    fn finish(mut self) {
        self.run_until_settled();
        for side in &self.sides {
            let state = side.connection.state();
            assert_ne!(state, ConnectionState::Connecting, "{:?}", side.connection);
            if !self.is_tampered && state == ConnectionState::Failed {
                let error = side.connection.error();
                let is_allowed =
                    matches!(error, Some(Error::HandshakeTimedOut | Error::PeerUnreachable | Error::AlertReceived(_)));
                assert!(is_allowed, "{error:?} without any tampering");
            }
        }
        let are_connected = self.sides.iter().all(|side| side.connection.state() == ConnectionState::Connected);
        if !self.is_tampered && are_connected {
            self.check_that_data_flows();
        }
    }

    /// Both sides are connected, and nobody but them has ever spoken: they agree about their keys, and understand each
    /// other.
    fn check_that_data_flows(mut self) {
        for to in 0..2 {
            let [sender, receiver] = if to == 1 { [0, 1] } else { [1, 0] };
            let sent_in = self.sides[sender].connection.epochs().1;
            assert_eq!(sent_in, self.sides[receiver].connection.epochs().0, "the epochs of one direction");
            self.sides[sender].connection.send(b"still there?").unwrap();
            self.sides[receiver].expected.push(b"still there?".to_vec());
            self.settle();
            let heard = self.sides[receiver].heard;
            self.run_until_settled();
            assert_eq!(self.sides[receiver].heard, heard + 1, "{:?}", self.sides[receiver].connection);
        }
    }

    fn run_until_settled(&mut self) {
        for _ in 0..4000 {
            let mut is_idle = true;
            for to in 0..2 {
                while let Some(datagram) = self.sides[to].inbox.pop_front() {
                    self.deliver(to, datagram);
                    is_idle = false;
                }
                if let Some((id, task)) = self.sides[to].tasks.pop_front() {
                    self.perform(to, id, &task);
                    is_idle = false;
                }
            }
            self.settle();
            if !is_idle {
                continue;
            }
            let due = self.sides.iter().filter_map(|side| side.connection.poll_timeout()).min();
            let Some(due) = due else { return };
            self.pass_time(due.saturating_duration_since(self.now));
            self.settle();
        }
        let [client, server] = &self.sides;
        panic!("always something to do: {:?} {:?}", client.connection, server.connection);
    }
}
