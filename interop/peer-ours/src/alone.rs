//! Connections that stand alone: a client, and a server whose peer address is taken for proven, as in WebRTC.

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::config::{ClientConfig, ServerConfig};
use dtls_wasm::connection::{ClientOffer, Connection, ConnectionEvent, PathId};
use dtls_wasm::crypto::resumption::Session;
use dtls_wasm::trace::Trace;
use dtls_wasm::trace::keylog::KeyLog;
use peer::{Flags, Happening, Role, Stack};

use crate::{configure, tell};

pub struct Alone {
    settings: Settings,
    keylog: Option<Arc<File>>,
    connection: Connection,
    /// The name that a client asks for.
    name: Option<String>,
    /// What the connections before left to resume, newest last.
    sessions: Vec<Session>,
    early: bool,
    /// Where datagrams came from, by the numbers of paths; and where the last one goes.
    addresses: Vec<SocketAddr>,
    destination: Option<SocketAddr>,
}

/// The configuration of all connections of this process.
enum Settings {
    Client(Arc<ClientConfig>),
    Server(Arc<ServerConfig>),
}

impl Settings {
    fn begin(
        &self,
        name: Option<&String>,
        session: Option<Session>,
        early_data: bool,
        keylog: Option<&Arc<File>>,
    ) -> Result<Connection, String> {
        let trace = || keylog.map(|file| Box::new(KeyLog::new(Arc::clone(file))) as Box<dyn Trace>);
        let now = configure::now();
        match self {
            Self::Client(config) => {
                let offer = ClientOffer { server_name: name.cloned(), session, early_data, trace: trace() };
                Connection::connect(Arc::clone(config), offer, now).map_err(|error| error.to_string())
            }
            Self::Server(config) => {
                let connection = Connection::server(Arc::clone(config), now);
                let mut connection = connection.map_err(|error| error.to_string())?;
                if let Some(trace) = trace() {
                    // No secret is agreed before the first datagram arrives, so nothing is missed.
                    connection.set_trace(trace);
                }
                Ok(connection)
            }
        }
    }
}

impl Alone {
    pub fn new(flags: &Flags) -> Result<Self, String> {
        let (settings, name) = match flags.role {
            Role::Client => (Settings::Client(configure::client(flags)?), flags.name.clone()),
            Role::Server => (Settings::Server(configure::server(flags)?), None),
        };
        let keylog = configure::key_log_file(flags)?;
        let connection = settings.begin(name.as_ref(), None, false, keylog.as_ref())?;
        Ok(Self {
            settings,
            keylog,
            connection,
            name,
            sessions: Vec::new(),
            early: flags.early > 0,
            addresses: Vec::new(),
            destination: None,
        })
    }
}

impl Stack for Alone {
    fn handle_datagram(&mut self, from: SocketAddr, datagram: &[u8]) {
        let index = self.addresses.iter().position(|address| *address == from).unwrap_or_else(|| {
            self.addresses.push(from);
            self.addresses.len() - 1
        });
        self.connection.handle_datagram_on(PathId(index as u64), &mut datagram.to_vec(), configure::now());
    }

    fn handle_timeout(&mut self) {
        self.connection.handle_timeout(configure::now());
    }

    fn timeout(&mut self) -> Option<Duration> {
        self.connection.poll_timeout().map(|due| due.saturating_duration_since(configure::now()))
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        let mut datagram = Vec::new();
        let path = self.connection.poll_transmit_on(&mut datagram, configure::now())?;
        self.destination = usize::try_from(path.0).ok().and_then(|index| self.addresses.get(index)).copied();
        Some(datagram)
    }

    fn destination(&self) -> Option<SocketAddr> {
        self.destination
    }

    fn poll_happening(&mut self) -> Option<Happening> {
        loop {
            let event = self.connection.poll_event()?;
            if let ConnectionEvent::SessionReceived(session) = event {
                self.sessions.push(*session);
                continue;
            }
            if let ConnectionEvent::NewPath { path } = event {
                tell::follow(&mut self.connection, path);
                continue;
            }
            if let Some(happening) = tell::happening(event, &self.connection, self.name.as_deref()) {
                return Some(happening);
            }
        }
    }

    fn send(&mut self, data: &[u8]) -> Result<(), String> {
        self.connection.send(data).map_err(|error| error.to_string())
    }

    fn update_keys(&mut self, request_peer: bool) -> Result<bool, String> {
        tell::update_keys(&mut self.connection, request_peer)
    }

    fn export(&mut self, label: &str, context: Option<&[u8]>, length: usize) -> Result<Vec<u8>, String> {
        tell::export(&self.connection, label, context, length)
    }

    fn again(&mut self) -> Result<(), String> {
        let session = self.sessions.pop();
        self.addresses.clear();
        self.destination = None;
        self.connection = self.settings.begin(self.name.as_ref(), session, self.early, self.keylog.as_ref())?;
        Ok(())
    }

    fn send_early(&mut self, data: &[u8]) -> Result<(), String> {
        self.connection.send_early(data).map_err(|error| error.to_string())
    }

    fn request_authentication(&mut self) -> Result<(), String> {
        tell::request_authentication(&mut self.connection)
    }

    fn replace_connection_id(&mut self) -> Result<(), String> {
        tell::replace_connection_id(&mut self.connection)
    }

    fn epochs(&mut self) -> Option<(u64, u64)> {
        Some(tell::epochs(&self.connection))
    }

    fn close(&mut self) {
        self.connection.close(configure::now());
    }
}
