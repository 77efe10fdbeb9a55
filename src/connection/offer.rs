//! What a client begins one connection with, beside its configuration.

use core::fmt;
use std::sync::Arc;

use super::{Connection, Role, ServerName};
use crate::config::{ClientConfig, ConfigError};
use crate::crypto::resumption::Session;
use crate::handshake::client::early::EarlyOffer;
use crate::handshake::client::hello as client_hello;
use crate::handshake::client::psk::OfferedPsk;
use crate::time::Instant;
use crate::trace::{Trace, Tracer};

/// What a client begins one connection with, beside its configuration.
#[derive(Default)]
pub struct ClientOffer {
    /// The DNS name or IP address that the server's certificate must be for; a DNS name is sent to the server as well (RFC
    /// 6066 §3).
    pub server_name: Option<String>,
    /// An earlier connection to resume. It is left out if its ticket is too old, if it was issued for another name, or if no
    /// suite of ours has its hash. Whether the server resumed it is told by [`resumed`](crate::Negotiated::resumed).
    pub session: Option<Session>,
    /// Whether to offer early data (0-RTT), if the session allows it: then
    /// [`send_early`](Connection::send_early) can be called at once. Early data can be replayed by whoever records it.
    pub early_data: bool,
    /// Who hears everything from the ClientHello on.
    pub trace: Option<Box<dyn Trace>>,
}

impl fmt::Debug for ClientOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOffer")
            .field("server_name", &self.server_name)
            .field("session", &self.session)
            .field("early_data", &self.early_data)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// A client that begins with `offer`.
    ///
    /// # Errors
    /// If `config` cannot work, if the server's name is neither a DNS name nor an IP address, if there must be a
    /// pre-shared key and none can be offered, or without random bytes.
    pub fn connect(config: Arc<ClientConfig>, offer: ClientOffer, now: Instant) -> Result<Self, ConfigError> {
        config.validate()?;
        if config.common.extended_key_update && offer.session.is_some() {
            return Err(ConfigError::ExtendedKeyUpdateWithResumption);
        }
        let name = offer.server_name.as_deref().map(ServerName::parse).transpose()?;
        let mut random = [0; 32];
        config.common.provider.random.fill(&mut random).map_err(|_| ConfigError::NoRandomBytes)?;
        let peer_name = name.as_ref().map(|name| name.as_str().to_owned());
        let server_name = name.as_ref().and_then(ServerName::dns).map(str::to_owned);
        let psks = OfferedPsk::all(&config, offer.session, peer_name.as_deref(), now);
        let early = offer.early_data.then(|| EarlyOffer::new(&config, &psks)).flatten();
        if config.psk_only && psks.is_empty() {
            return Err(ConfigError::NoPsk);
        }
        let mut this = Self::new(Role::Client(Arc::clone(&config)), 0, 0, now);
        this.records.set_compatible_hello(config.common.transport.compatible_hello);
        this.tracer = Tracer::from(offer.trace);
        this.step(now, |cx| client_hello::start(config, peer_name, server_name, psks, early, random, cx));
        this.drive(now);
        Ok(this)
    }
}
