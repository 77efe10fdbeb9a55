//! Two connections with a simulated network between them, for the page.

use core::time::Duration;
use std::sync::Arc;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::config::{ClientAuth, ClientConfig, CommonConfig, ServerConfig, default_key_shares};
use crate::connection::{Connection, ConnectionEvent, ConnectionState};
use crate::crypto::SecureRandom;
use crate::crypto::rustcrypto::{LocalBackend, SeededRandom, provider_with_random};
use crate::error::IdentityError;
use crate::identity::{FingerprintVerifier, KeyAlgorithm, SelfSigned, self_signed};
use crate::sim::{Conditions, Fate, Network, Side};
use crate::time::Instant;
use crate::trace::json;

use super::config::{cipher_suites, groups};
use super::failure;
use super::recording::{Recording, What};

/// How long the certificates of a simulation are valid.
const VALIDITY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Things that may happen in one call of `step`: an hour of the fastest retransmission has fewer, and a call must end.
const MAX_STEPS: u32 = 100_000;

/// A simulation tells everything: its secrets are worth nothing.
const RECORDED: What = What { trace: true, secrets: true, keylog: false };

/// A client, a server, what lies between them, and the clock of all three.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Simulation {
    client: Node,
    server: Node,
    network: Network,
    now: Instant,
    /// What happened and was not taken yet: JSON objects, each with a comma behind it.
    events: String,
}

#[derive(Debug)]
struct Node {
    connection: Connection,
    recording: Recording,
}

#[wasm_bindgen]
impl Simulation {
    /// A client that is about to begin. Whatever is empty of the names is as by default; `mutual` asks for a certificate
    /// of the client too. Where key shares are named, the server insists on the first group, so that a client without a
    /// share of it has to try again. Neither side sends datagrams longer than `max_datagram_size`; 0 is the default.
    #[wasm_bindgen(constructor)]
    pub fn new(
        seed: f64,
        now: f64,
        mutual: bool,
        ciphers: &str,
        group_names: &str,
        key_shares: &str,
        max_datagram_size: f64,
    ) -> Result<Simulation, String> {
        let now = Instant::from_millis_f64(now);
        // A fraction or a sign of the seed is lost; nobody needs more seeds than that.
        let random: Arc<dyn SecureRandom> = Arc::new(SeededRandom::new(seed as u64));
        let certificate =
            |name| self_signed(KeyAlgorithm::P256, &[name], now, VALIDITY, &*random).map_err(|error| internal(&error));
        let (of_server, of_client) = (certificate("localhost")?, certificate("client")?);

        let mut server = ServerConfig::new(
            Arc::new(provider_with_random(Arc::clone(&random))),
            backend(&random, &of_server, &of_client)?,
        );
        server.client_auth = if mutual { ClientAuth::Required } else { ClientAuth::None };
        let mut client = ClientConfig::new(
            Arc::new(provider_with_random(Arc::clone(&random))),
            backend(&random, &of_client, &of_server)?,
        );
        if !group_names.is_empty() {
            client.common.groups = groups("groups", group_names)?;
            client.key_shares = default_key_shares(&client.common.groups);
            server.common.groups.clone_from(&client.common.groups);
        }
        if !key_shares.is_empty() {
            client.key_shares = groups("keyShares", key_shares)?;
            server.common.groups.truncate(1);
        }
        for common in [&mut client.common, &mut server.common] {
            choose(common, ciphers)?;
            if max_datagram_size > 0.0 {
                // A size that is none saturates, and is refused when the configuration is checked.
                common.transport.max_datagram_size = max_datagram_size as usize;
            }
        }

        let recordings = [Recording::default(), Recording::default()];
        let [to_client, to_server] = recordings.each_ref().map(|recording| recording.listener(RECORDED));
        let client = Connection::client_traced(Arc::new(client), Some("localhost"), Some(to_client), now);
        let client = client.map_err(|error| failure::config(&error))?;
        let mut server = Connection::server(Arc::new(server), now).map_err(|error| failure::config(&error))?;
        server.set_trace(to_server);
        let [of_client, of_server] = recordings;
        // The seed of the network is another one: what it loses must not depend on the keys.
        let network = Network::new((seed as u64).rotate_left(32) ^ 1, Conditions::default());
        let client = Node { connection: client, recording: of_client };
        let server = Node { connection: server, recording: of_server };
        Ok(Self { client, server, network, now, events: String::new() })
    }

    /// Sets how the network treats what is sent from now on: probabilities from 0 to 1, times in milliseconds, and the
    /// longest datagram that gets through in bytes.
    #[wasm_bindgen(js_name = setConditions)]
    pub fn set_conditions(&mut self, loss: f64, duplicate: f64, reorder: f64, delay: f64, jitter: f64, mtu: f64) {
        let duration = |millis: f64| Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default();
        // A size that is none saturates.
        let mtu = mtu as usize;
        self.network.set_conditions(Conditions {
            loss,
            duplicate,
            reorder,
            delay: duration(delay),
            jitter: duration(jitter),
            mtu,
        });
    }

    /// The time.
    pub fn now(&self) -> f64 {
        self.now.as_millis_f64()
    }

    /// When the next thing happens, if anything will.
    #[wasm_bindgen(js_name = nextTime)]
    pub fn next_time(&mut self) -> Option<f64> {
        self.flush();
        self.next().map(Instant::as_millis_f64)
    }

    /// Lets happen what happens until `until`, which then is the time.
    pub fn step(&mut self, until: f64) {
        let until = Instant::from_millis_f64(until);
        for _ in 0..MAX_STEPS {
            self.flush();
            let Some(at) = self.next().filter(|at| *at <= until) else { break };
            self.now = self.now.max(at);
            self.happen();
        }
        self.flush();
        self.now = self.now.max(until);
    }

    /// Goes on to the next thing and lets it happen; says whether there is one.
    pub fn advance(&mut self) -> bool {
        self.flush();
        let Some(at) = self.next() else { return false };
        self.now = self.now.max(at);
        self.happen();
        self.flush();
        true
    }

    /// When the next timer of a side runs out.
    pub fn timeout(&mut self, server: bool) -> Option<f64> {
        self.node(server).connection.poll_timeout().map(Instant::as_millis_f64)
    }

    /// A side sends application data; says whether it could.
    pub fn send(&mut self, server: bool, data: &[u8]) -> bool {
        let sent = self.node(server).connection.send(data).is_ok();
        self.flush();
        sent
    }

    /// A side updates its keys; says whether it could.
    #[wasm_bindgen(js_name = updateKeys)]
    pub fn update_keys(&mut self, server: bool, request_peer: bool) -> bool {
        let now = self.now;
        let updated = self.node(server).connection.update_keys(request_peer, now).is_ok();
        self.flush();
        updated
    }

    /// A side closes.
    pub fn close(&mut self, server: bool) {
        let now = self.now;
        self.node(server).connection.close(now);
        self.flush();
    }

    /// The state of a side: its place in `STATES` of core.ts.
    pub fn state(&mut self, server: bool) -> u32 {
        match self.node(server).connection.state() {
            ConnectionState::Connecting => 0,
            ConnectionState::Connected => 1,
            ConnectionState::Closing => 2,
            ConnectionState::Closed => 3,
            ConnectionState::Failed => 4,
        }
    }

    /// The epoch in which the peer of a side sends.
    #[wasm_bindgen(js_name = readEpoch)]
    pub fn read_epoch(&mut self, server: bool) -> u16 {
        self.node(server).connection.epochs().0
    }

    /// The epoch in which a side sends.
    #[wasm_bindgen(js_name = writeEpoch)]
    pub fn write_epoch(&mut self, server: bool) -> u16 {
        self.node(server).connection.epochs().1
    }

    /// Takes what happened since the last call: a JSON array of `SimulationEvent`.
    pub fn events(&mut self) -> String {
        self.drain();
        let events = core::mem::take(&mut self.events);
        format!("[{}]", events.trim_end_matches(','))
    }
}

impl Simulation {
    fn node(&mut self, server: bool) -> &mut Node {
        if server { &mut self.server } else { &mut self.client }
    }

    fn next(&self) -> Option<Instant> {
        let timeouts = [self.client.connection.poll_timeout(), self.server.connection.poll_timeout()];
        timeouts.into_iter().chain([self.network.next_delivery()]).flatten().min()
    }

    /// Lets the one thing happen whose time has come.
    fn happen(&mut self) {
        let now = self.now;
        if let Some(mut arrival) = self.network.arrive(now) {
            let server = arrival.to == Side::B;
            self.tell(server, "network:delivered", &format!("\"datagram\":{}", arrival.index));
            self.node(server).connection.handle_datagram(&mut arrival.bytes, now);
        } else {
            for server in [false, true] {
                let connection = &mut self.node(server).connection;
                if connection.poll_timeout().is_some_and(|due| due <= now) {
                    connection.handle_timeout(now);
                }
            }
        }
        self.drain();
    }

    /// Hands over to the network what the sides have to send, and takes their events.
    fn flush(&mut self) {
        let now = self.now;
        let mut datagram = Vec::new();
        for server in [false, true] {
            while self.node(server).connection.poll_transmit(&mut datagram, now) {
                self.drain();
                let index = self.network.stats().sent;
                let side = if server { Side::B } else { Side::A };
                let fate = self.network.send(side, core::mem::take(&mut datagram), now);
                let arrivals = match fate {
                    Fate::UnderWay { at, again } => [Some(at), again].into_iter().flatten().collect(),
                    Fate::Lost | Fate::TooLong => Vec::new(),
                };
                let arrivals: Vec<_> = arrivals.iter().map(|at| at.as_millis_f64().to_string()).collect();
                self.tell(
                    server,
                    "network:sent",
                    &format!("\"datagram\":{index},\"arrivals\":[{}]", arrivals.join(",")),
                );
            }
            while let Some(event) = self.node(server).connection.poll_event() {
                if let ConnectionEvent::Datagram(data) = event {
                    let mut hex = String::new();
                    json::write_hex(&mut hex, &data);
                    self.drain();
                    self.tell(server, "application:data", &format!("\"bytes\":\"{hex}\""));
                }
            }
        }
        self.drain();
    }

    /// Takes what the sides recorded.
    fn drain(&mut self) {
        for (server, recording) in [(false, self.client.recording.clone()), (true, self.server.recording.clone())] {
            while let Some(event) = recording.next_event() {
                let members = event.strip_prefix('{').unwrap_or(&event);
                self.events.push_str(&format!("{{\"side\":\"{}\",{members},", name_of(server)));
            }
        }
    }

    fn tell(&mut self, server: bool, name: &str, data: &str) {
        let (side, time) = (name_of(server), self.now.as_millis_f64());
        self.events
            .push_str(&format!("{{\"side\":\"{side}\",\"time\":{time},\"name\":\"{name}\",\"data\":{{{data}}}}},"));
    }
}

/// A back end with the one certificate, which trusts the other.
fn backend(random: &Arc<dyn SecureRandom>, own: &SelfSigned, peer: &SelfSigned) -> Result<Arc<LocalBackend>, String> {
    let credentials = own.to_credentials().map_err(|error| internal(&error))?;
    let verifier = FingerprintVerifier::new(vec![peer.fingerprint()]);
    Ok(Arc::new(LocalBackend::new(Arc::clone(random)).with_credentials(credentials).with_verifier(Arc::new(verifier))))
}

fn choose(common: &mut CommonConfig, ciphers: &str) -> Result<(), String> {
    if !ciphers.is_empty() {
        common.cipher_suites = cipher_suites(ciphers)?;
    }
    Ok(())
}

fn internal(error: &IdentityError) -> String {
    failure::identity(error, "ERR_DTLS_INTERNAL")
}

const fn name_of(server: bool) -> &'static str {
    if server { "server" } else { "client" }
}
