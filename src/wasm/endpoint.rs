//! Many connections on one way to send datagrams.

use core::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use wasm_bindgen::prelude::wasm_bindgen;

use crate::endpoint::{ConnectError, ConnectionHandle, Endpoint as Core, EndpointEvent, PeerAddress, RemovalReason};
use crate::time::Instant;

use super::config::Config;
use super::connection::{Connection, give_event};
use super::failure;
use super::recording::{Recording, What};
use super::scratch::{put_address, put_numbers, with_input, with_output};

/// An endpoint.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Endpoint {
    core: Rc<RefCell<Core>>,
    recordings: Recordings,
    event_handle: f64,
}

/// What is recorded of the connections that JavaScript has not asked for yet.
type Recordings = Arc<Mutex<Vec<(ConnectionHandle, Recording)>>>;

#[wasm_bindgen]
impl Endpoint {
    /// An endpoint that only connects.
    pub fn client(now: f64) -> Result<Endpoint, String> {
        Self::make(Core::new(None, Instant::from_millis_f64(now)))
    }

    /// An endpoint that accepts connections too.
    pub fn server(config: &Config, now: f64) -> Result<Endpoint, String> {
        Self::make(Core::new(Some(config.server()?), Instant::from_millis_f64(now)))
    }

    /// Connects to the address in the first `length` bytes of the input; gives the connection's handle.
    pub fn connect(
        &mut self,
        config: &Config,
        servername: Option<String>,
        length: usize,
        now: f64,
    ) -> Result<f64, String> {
        let to = with_input(length, |bytes| PeerAddress::new(bytes)).ok_or_else(too_long)?;
        let made =
            self.core.borrow_mut().connect(config.client()?, servername.as_deref(), to, Instant::from_millis_f64(now));
        made.map(number).map_err(|error| match error {
            ConnectError::Config(error) => failure::config(&error),
            other => failure::thrown("ERR_DTLS_TRANSPORT", other),
        })
    }

    /// A datagram arrived: in the first `length` bytes of the input, behind an address of `address_length` bytes.
    #[wasm_bindgen(js_name = handleDatagram)]
    pub fn handle_datagram(&mut self, address_length: usize, length: usize, now: f64) {
        with_input(length, |input| {
            let Some((address, datagram)) = input.split_at_mut_checked(address_length) else { return };
            let Some(from) = PeerAddress::new(address) else { return };
            self.core.borrow_mut().handle_datagram(from, datagram, Instant::from_millis_f64(now));
        });
    }

    /// The time has come that `pollTimeout` named.
    #[wasm_bindgen(js_name = handleTimeout)]
    pub fn handle_timeout(&mut self, now: f64) {
        self.core.borrow_mut().handle_timeout(Instant::from_millis_f64(now));
    }

    /// The connection of a handle.
    pub fn connection(&self, handle: f64) -> Option<Connection> {
        let handle = handle_of(handle);
        self.core.borrow().connection(handle)?;
        let recording = lock(&self.recordings, |recordings| {
            let place = recordings.iter().position(|(of, _)| *of == handle)?;
            Some(recordings.swap_remove(place).1)
        });
        Some(Connection::member(Rc::clone(&self.core), handle, recording.unwrap_or_default()))
    }

    /// Puts the address of a connection's peer in the address buffer; says whether there is one.
    pub fn address(&self, handle: f64) -> bool {
        self.core.borrow().address(handle_of(handle)).is_some_and(|address| {
            put_address(address.as_bytes());
            true
        })
    }

    /// Forgets a connection.
    pub fn remove(&mut self, handle: f64) {
        self.core.borrow_mut().remove(handle_of(handle));
    }

    /// Records what happens in every connection that is made from now on.
    pub fn record(&mut self, what: u8) {
        let what = What::from_bits(what);
        if !what.any() {
            return;
        }
        let recordings = Arc::clone(&self.recordings);
        self.core.borrow_mut().trace_connections(Box::new(move |handle, _| {
            let recording = Recording::default();
            let listener = recording.listener(what);
            lock(&recordings, |recordings| {
                // What nobody asked for before its connection was gone is recorded by nobody else any more.
                recordings.retain(|(_, recording)| recording.is_shared());
                recordings.push((handle, recording));
            });
            Some(listener)
        }));
    }

    /// Puts the next datagram to send in the output and its address in the address buffer; says whether there is one.
    #[wasm_bindgen(js_name = pollTransmit)]
    pub fn poll_transmit(&mut self, now: f64) -> bool {
        let to = with_output(|datagram| self.core.borrow_mut().poll_transmit(datagram, Instant::from_millis_f64(now)));
        to.is_some_and(|to| {
            put_address(to.as_bytes());
            true
        })
    }

    /// The next event: what it is, with its parts in the scratch.
    #[wasm_bindgen(js_name = pollEvent)]
    pub fn poll_event(&mut self) -> u32 {
        let Some((handle, event)) = self.core.borrow_mut().poll_event() else { return 0 };
        self.event_handle = number(handle);
        match event {
            EndpointEvent::Connection(event) => give_event(event),
            EndpointEvent::Accepted { from } => {
                put_address(from.as_bytes());
                7
            }
            EndpointEvent::Removed { reason } => {
                put_numbers(u32::from(matches!(reason, RemovalReason::Replaced { .. })), 0);
                8
            }
        }
    }

    /// The handle of the connection that the last event is about.
    #[wasm_bindgen(js_name = eventHandle)]
    pub fn event_handle(&self) -> f64 {
        self.event_handle
    }

    /// When `handleTimeout` is to be called.
    #[wasm_bindgen(js_name = pollTimeout)]
    pub fn poll_timeout(&self) -> Option<f64> {
        self.core.borrow().poll_timeout().map(Instant::as_millis_f64)
    }
}

impl Endpoint {
    fn make(core: Result<Core, crate::config::ConfigError>) -> Result<Self, String> {
        let core = core.map_err(|error| failure::config(&error))?;
        Ok(Self { core: Rc::new(RefCell::new(core)), recordings: Recordings::default(), event_handle: 0.0 })
    }
}

fn too_long() -> String {
    failure::thrown("ERR_DTLS_INVALID_ADDRESS", "the address of a peer is longer than 32 bytes")
}

/// A handle as a number, which has at most 53 bits and so is exact.
fn number(handle: ConnectionHandle) -> f64 {
    handle.to_u64() as f64
}

/// What is no handle saturates to one that names no connection.
fn handle_of(number: f64) -> ConnectionHandle {
    ConnectionHandle::from_u64(number as u64)
}

fn lock<T>(recordings: &Recordings, use_it: impl FnOnce(&mut Vec<(ConnectionHandle, Recording)>) -> T) -> T {
    use_it(&mut recordings.lock().unwrap_or_else(PoisonError::into_inner))
}
