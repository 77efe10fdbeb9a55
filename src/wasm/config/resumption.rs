//! Tickets and early data.

use core::time::Duration;
use std::sync::Arc;

use wasm_bindgen::prelude::wasm_bindgen;

use super::Config;
use crate::config::{ClientConfig, ServerConfig};
use crate::crypto::rustcrypto::provider;
use crate::ticket::{LocalStrikeRegister, SealedTickets, TicketKey};
use crate::time::Instant;
use crate::wasm::failure;
use crate::wire::client_hello::TicketRequest;

/// What was said about tickets and early data.
#[derive(Debug, Default)]
pub(super) struct Resumption {
    tickets: Option<Arc<SealedTickets>>,
    ticket_count: Option<u8>,
    ticket_lifetime: Option<Duration>,
    early_data: Option<(u32, Arc<LocalStrikeRegister>)>,
    wanted: bool,
    ticket_request: Option<TicketRequest>,
}

impl Resumption {
    pub(super) fn apply_to_server(&self, config: &mut ServerConfig) {
        config.tickets = self.tickets.clone().map(|tickets| tickets as _);
        super::set(&mut config.ticket_count, self.ticket_count);
        super::set(&mut config.ticket_lifetime, self.ticket_lifetime);
        if let Some((limit, register)) = &self.early_data {
            config.max_early_data = *limit;
            config.strike_register = Some(Arc::clone(register) as _);
        }
    }

    pub(super) fn apply_to_client(&self, config: &mut ClientConfig) {
        config.resumption = self.wanted;
        config.ticket_request = self.ticket_request;
    }
}

#[wasm_bindgen]
impl Config {
    /// Servers: issues and takes tickets that are sealed with keys of our own making.
    #[wasm_bindgen(js_name = useTickets)]
    pub fn use_tickets(&mut self, now: f64) -> Result<(), String> {
        let key_age = self.resumption.ticket_lifetime.unwrap_or(DEFAULT_LIFETIME);
        let tickets =
            SealedTickets::new(&provider(), key_age, Instant::from_millis_f64(now)).map_err(no_random_bytes)?;
        self.resumption.tickets = Some(Arc::new(tickets));
        Ok(())
    }

    /// Servers: seals tickets with the first of these keys of 48 bytes, and opens them with all; also while connections run.
    #[wasm_bindgen(js_name = setTicketKeys)]
    pub fn set_ticket_keys(&mut self, keys: &[u8]) -> Result<(), String> {
        let (keys, rest) = keys.as_chunks::<{ TicketKey::LEN }>();
        if keys.is_empty() || !rest.is_empty() {
            return Err(failure::thrown(
                "ERR_DTLS_INVALID_OPTION",
                format!("a ticket key has {} bytes, and at least one is needed", TicketKey::LEN),
            ));
        }
        let keys = keys.iter().map(TicketKey::new).collect();
        match &self.resumption.tickets {
            Some(tickets) => tickets.set_keys(keys),
            None if self.is_checked() => {
                return Err(failure::thrown(
                    "ERR_DTLS_INVALID_OPTION",
                    "this server issues no tickets; make it with tickets: true or ticketKeys",
                ));
            }
            None => {
                let tickets = SealedTickets::with_keys(&provider(), keys).map_err(no_random_bytes)?;
                self.resumption.tickets = Some(Arc::new(tickets));
            }
        }
        Ok(())
    }

    /// Servers: how many tickets to issue after a handshake, and for how many seconds they can be used.
    #[wasm_bindgen(js_name = setTickets)]
    pub fn set_tickets(&mut self, count: Option<u8>, lifetime: Option<f64>) {
        self.resumption.ticket_count = count;
        self.resumption.ticket_lifetime = lifetime.map(|seconds| super::duration(seconds * 1000.0));
    }

    /// Servers: takes early data, at most `limit` bytes of a connection.
    #[wasm_bindgen(js_name = takeEarlyData)]
    pub fn take_early_data(&mut self, limit: u32, now: f64) {
        let register = LocalStrikeRegister::new(Instant::from_millis_f64(now));
        self.resumption.early_data = Some((limit, Arc::new(register)));
    }

    /// Clients: wants tickets.
    #[wasm_bindgen(js_name = wantTickets)]
    pub fn want_tickets(&mut self) {
        self.resumption.wanted = true;
    }

    /// Clients: says how many tickets are wanted after a full and after a resumed handshake.
    #[wasm_bindgen(js_name = requestTickets)]
    pub fn request_tickets(&mut self, new_session_count: u8, resumption_count: u8) {
        self.resumption.ticket_request = Some(TicketRequest { new_session_count, resumption_count });
    }
}

/// As in [`ServerConfig::ticket_lifetime`].
const DEFAULT_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

fn no_random_bytes(_: crate::crypto::NoRandomBytes) -> String {
    failure::thrown("ERR_DTLS_INTERNAL", "the platform gave no random bytes")
}
