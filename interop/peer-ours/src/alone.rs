//! Connections that stand alone: a client, and a server whose peer address is taken for proven, as in WebRTC.

use std::net::SocketAddr;
use std::time::Duration;

use dtls_wasm::connection::Connection;
use dtls_wasm::trace::keylog::KeyLog;
use peer::{Flags, Happening, Role, Stack};

use crate::{configure, tell};

pub struct Alone {
    connection: Connection,
    /// The name that a client asked for.
    name: Option<String>,
}

impl Alone {
    pub fn new(flags: &Flags) -> Result<Self, String> {
        let now = configure::now();
        let (connection, name) = match flags.role {
            Role::Client => {
                (Connection::client(configure::client(flags)?, flags.name.as_deref(), now), flags.name.clone())
            }
            Role::Server => (Connection::server(configure::server(flags)?, now), None),
        };
        let mut connection = connection.map_err(|error| error.to_string())?;
        if let Some(file) = configure::key_log_file(flags)? {
            // No secret is agreed before the first datagram arrives, so nothing is missed.
            connection.set_trace(Box::new(KeyLog::new(file)));
        }
        Ok(Self { connection, name })
    }
}

impl Stack for Alone {
    fn handle_datagram(&mut self, _from: SocketAddr, datagram: &[u8]) {
        self.connection.handle_datagram(&mut datagram.to_vec(), configure::now());
    }

    fn handle_timeout(&mut self) {
        self.connection.handle_timeout(configure::now());
    }

    fn timeout(&mut self) -> Option<Duration> {
        self.connection.poll_timeout().map(|due| due.saturating_duration_since(configure::now()))
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        let mut datagram = Vec::new();
        self.connection.poll_transmit(&mut datagram, configure::now()).then_some(datagram)
    }

    fn poll_happening(&mut self) -> Option<Happening> {
        loop {
            let event = self.connection.poll_event()?;
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

    fn epochs(&mut self) -> Option<(u64, u64)> {
        Some(tell::epochs(&self.connection))
    }

    fn close(&mut self) {
        self.connection.close(configure::now());
    }
}
