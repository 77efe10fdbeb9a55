//! A server: an endpoint that answers strangers without remembering them, and keeps the one connection it accepts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::connection::Connection;
use dtls_wasm::endpoint::{ConnectionHandle, Endpoint, EndpointEvent, PeerAddress};
use dtls_wasm::trace::keylog::KeyLog;
use peer::{Flags, Happening, Stack};

use crate::{configure, tell};

pub struct Listening {
    endpoint: Endpoint,
    /// The connection that was accepted last; the exchange has one at a time.
    accepted: Option<ConnectionHandle>,
    /// Where the last datagram goes.
    destination: Option<SocketAddr>,
}

impl Listening {
    pub fn new(flags: &Flags) -> Result<Self, String> {
        let config = configure::server(flags)?;
        let mut endpoint = Endpoint::new(Some(config), configure::now()).map_err(|error| error.to_string())?;
        if let Some(file) = configure::key_log_file(flags)? {
            endpoint.trace_connections(Box::new(move |_, _| Some(Box::new(KeyLog::new(Arc::clone(&file))))));
        }
        Ok(Self { endpoint, accepted: None, destination: None })
    }

    fn connection(&mut self) -> Result<&mut Connection, String> {
        let handle = self.accepted.ok_or("there is no connection yet")?;
        self.endpoint.connection_mut(handle).ok_or_else(|| "the connection is gone".to_owned())
    }
}

impl Stack for Listening {
    fn handle_datagram(&mut self, from: SocketAddr, datagram: &[u8]) {
        self.endpoint.handle_datagram(PeerAddress::from(from), &mut datagram.to_vec(), configure::now());
    }

    fn handle_timeout(&mut self) {
        self.endpoint.handle_timeout(configure::now());
    }

    fn timeout(&mut self) -> Option<Duration> {
        self.endpoint.poll_timeout().map(|due| due.saturating_duration_since(configure::now()))
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        let mut datagram = Vec::new();
        let address = self.endpoint.poll_transmit(&mut datagram, configure::now())?;
        self.destination = address.to_socket_addr();
        Some(datagram)
    }

    fn destination(&self) -> Option<SocketAddr> {
        self.destination
    }

    fn poll_happening(&mut self) -> Option<Happening> {
        loop {
            let (handle, event) = self.endpoint.poll_event()?;
            let connection = self.endpoint.connection(handle);
            match (event, connection) {
                (EndpointEvent::Accepted { .. }, _) => self.accepted = Some(handle),
                // Of a connection before, nothing matters any more.
                (EndpointEvent::Connection(event), Some(connection)) if self.accepted == Some(handle) => {
                    if let Some(happening) = tell::happening(event, connection, None) {
                        return Some(happening);
                    }
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, data: &[u8]) -> Result<(), String> {
        self.connection()?.send(data).map_err(|error| error.to_string())
    }

    fn update_keys(&mut self, request_peer: bool) -> Result<bool, String> {
        tell::update_keys(self.connection()?, request_peer)
    }

    fn export(&mut self, label: &str, context: Option<&[u8]>, length: usize) -> Result<Vec<u8>, String> {
        tell::export(self.connection()?, label, context, length)
    }

    fn again(&mut self) -> Result<(), String> {
        self.accepted = None;
        Ok(())
    }

    fn request_authentication(&mut self) -> Result<(), String> {
        tell::request_authentication(self.connection()?)
    }

    fn replace_connection_id(&mut self) -> Result<(), String> {
        tell::replace_connection_id(self.connection()?)
    }

    fn epochs(&mut self) -> Option<(u64, u64)> {
        self.connection().ok().map(|connection| tell::epochs(connection))
    }

    fn close(&mut self) {
        if let Ok(connection) = self.connection() {
            connection.close(configure::now());
        }
    }
}
