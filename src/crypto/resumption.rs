//! What is left of a connection for those that resume it (RFC 9846 §2.2, §4.7.1).

mod bytes;

use core::fmt;

use super::SecureRandom;
use super::psk::{HashAlgorithm, Psk};
use super::secret::SecretBytes;
use super::task::PresentedIdentity;
use crate::time::Instant;
use crate::wire::registry::CipherSuite;

pub use bytes::SessionError;

/// The longest lifetime of a ticket, in seconds: seven days.
//= https://www.rfc-editor.org/rfc/rfc9846#section-4.7.1
//# Servers MUST NOT use any value greater than 604800 seconds (7 days).
pub const MAX_TICKET_LIFETIME: u32 = 604_800;

/// What a ticket stands for: a key, and what was agreed on when it was made.
///
/// A server seals it into the ticket or keeps it under the ticket's name; a client keeps it beside the ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumptionState {
    /// The suite of the connection. A suite with another hash cannot resume it.
    pub cipher_suite: CipherSuite,
    /// The pre-shared key, as long as that hash.
    pub secret: SecretBytes,
    /// When the server issued the ticket, or the client received it.
    pub issued_at: Instant,
    /// When the peers last authenticated each other by anything but a ticket.
    pub authenticated_at: Instant,
    /// `ticket_lifetime`: for how many seconds from then on the ticket can be used.
    pub lifetime: u32,
    /// `ticket_age_add`: hides the age of the ticket.
    pub age_add: u32,
    /// With a client, the name for which the server's certificate was verified; with a server, the name that the
    /// client asked for.
    pub server_name: Option<String>,
    /// The application protocol.
    pub alpn_protocol: Option<Vec<u8>>,
    /// The peer's chain of X.509 certificates, DER, its own first; empty if it had none. Connections in which a peer showed
    /// a raw public key are not resumed.
    pub peer_certificates: Vec<Vec<u8>>,
    /// The identity of the external pre-shared key that proved who the peer is, if one did.
    pub psk_identity: Option<Vec<u8>>,
    /// `max_early_data_size`: how many bytes of early data the server takes with this ticket; 0: none.
    pub max_early_data: u32,
}

impl ResumptionState {
    /// How old the ticket is at `now`, in milliseconds.
    pub fn age(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.issued_at).as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether the ticket can still be used at `now`.
    //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.11.1
    //# Clients MUST NOT attempt to use
    //# tickets which have ages greater than the "ticket_lifetime" value which
    //# was provided with the ticket.
    pub fn is_fresh(&self, now: Instant) -> bool {
        let lifetime = u64::from(self.lifetime.min(MAX_TICKET_LIFETIME)).saturating_mul(1000);
        lifetime > 0 && self.age(now) <= lifetime
    }

    /// `obfuscated_ticket_age` at `now` (RFC 9846 §4.3.11.1).
    pub fn obfuscated_age(&self, now: Instant) -> u32 {
        // Tickets live for a week at most, which fits 32 bits of milliseconds.
        u32::try_from(self.age(now)).unwrap_or(u32::MAX).wrapping_add(self.age_add)
    }

    /// Who the peer proved to be; `None`: it had no certificate.
    pub fn into_peer(self, is_server: bool) -> Option<PresentedIdentity> {
        let server_name = self.server_name.filter(|_| is_server);
        let (chain, now) = (self.peer_certificates, self.authenticated_at);
        (!chain.is_empty()).then(|| PresentedIdentity::new(chain, server_name, is_server, now))
    }

    /// The key as it is offered and looked up by the name `ticket`; `None` if the suite is not known.
    pub fn psk(&self, ticket: &[u8]) -> Option<Psk> {
        let hash = HashAlgorithm::of_suite(self.cipher_suite)?;
        Some(Psk::resumption(ticket.to_vec(), self.secret.clone(), hash))
    }
}

/// What a client keeps to resume a connection. Use each only once: whoever sees a ticket again can tell that two
/// connections are of one client (RFC 9846 appendix C.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The ticket, not empty.
    pub ticket: Vec<u8>,
    /// What it stands for.
    pub state: ResumptionState,
}

/// Makes tickets and knows what they stand for.
pub trait TicketStore: Send + Sync + fmt::Debug {
    /// A new ticket for `state`, not empty; `None`: there is none to give.
    fn issue(&self, state: &ResumptionState, random: &dyn SecureRandom) -> Option<Vec<u8>>;

    /// What `ticket` stands for, if it is one of ours that can be used at `now`. Nothing has been proved yet: a ticket
    /// that can be used only once is not used up by this.
    fn open(&self, ticket: &[u8], now: Instant) -> Option<ResumptionState>;

    /// The client has proved that it has the key of `ticket`; `false`: it is used up, and cannot be used again.
    fn redeem(&self, ticket: &[u8], now: Instant) -> bool;
}
