//! Connection IDs (RFC 9146, RFC 9147 §9) and return routability (RFC 9853).

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use super::ConfigError;
use crate::crypto::SecureRandom;

/// Connection IDs: by them a connection is known though the address of its peer changes.
#[derive(Clone, Debug)]
pub struct ConnectionIdConfig {
    /// Whether a client offers to negotiate connection IDs, and a server agrees to. Default: true.
    ///
    /// With the default `length` our peers' records stay without, while ours carry what the peer wants:
    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
    //# DTLS clients which do not want to receive a Connection ID SHOULD still offer the "connection_id" extension
    //# [RFC9146] unless there is an application profile to the contrary.
    pub enabled: bool,
    /// How many bytes our own connection IDs have, which the peer's records carry. Default: 0, they carry none.
    ///
    /// An endpoint needs at least 8, so that nobody can guess one and no two are alike; all of the same length are found
    /// without trying.
    pub length: u8,
    /// Makes our own connection IDs. Default: none, they are random.
    pub generator: Option<Arc<dyn ConnectionIdGenerator>>,
    /// How a new address of the peer is checked (RFC 9853). Default: [`PathCheck::Enhanced`].
    pub path_check: PathCheck,
    /// How long the answer of a path is waited for: T. Default: 1 s; where the round-trip time is known, three times that
    /// (RFC 9853 §5.5).
    pub path_timeout: Duration,
}

impl Default for ConnectionIdConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            length: 0,
            generator: None,
            path_check: PathCheck::Enhanced,
            path_timeout: Duration::from_secs(1),
        }
    }
}

impl ConnectionIdConfig {
    /// A new connection ID of ours; `None` without random bytes.
    pub(crate) fn generate(&self, random: &dyn SecureRandom) -> Option<Vec<u8>> {
        let mut id = vec![0; self.length.into()];
        if id.is_empty() {
            return Some(id);
        }
        random.fill(&mut id).ok()?;
        if let Some(generator) = &self.generator {
            generator.generate(&mut id);
        }
        Some(id)
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.path_timeout.is_zero() { Err(ConfigError::InvalidTimeouts) } else { Ok(()) }
    }
}

/// Makes connection IDs, so that they can carry what a load balancer looks for.
pub trait ConnectionIdGenerator: fmt::Debug + Send + Sync {
    /// Changes `connection_id`, which is random and of the configured length, into one of its own making. What it leaves
    /// random keeps others from guessing it.
    fn generate(&self, connection_id: &mut [u8]);
}

/// How a new address of the peer is checked before anything but checks is sent there (RFC 9853 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathCheck {
    /// Return routability is not negotiated: where the peer is, is for the application to find out. Until it says so by
    /// [`Connection::use_path`](crate::Connection::use_path), the address does not change.
    None,
    /// The new path is asked whether the peer is there: quick, but who forwards the peer's datagrams faster than the
    /// network does can put himself into the path (RFC 9853 §8.1.2).
    Basic,
    /// The old path is asked first, and the new one only if the old one is dead or given up. After a change of a NAT's
    /// mapping this costs one `path_timeout` more.
    Enhanced,
}
