//! What a connection tells the application, and what it answers to commands.

use core::fmt;

use zeroize::ZeroizeOnDrop;

use super::PathId;
use crate::crypto::resumption::Session;
use crate::crypto::task::PresentedIdentity;
use crate::error::Error;
use crate::handshake::SrtpSelection;
use crate::handshake::exchange::ExchangeId;
use crate::schedule::exporter::ExporterSecret;
use crate::trace::{Direction, DiscardReason};
use crate::wire::registry::SrtpProfile;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// The handshake is under way.
    Connecting,
    /// Application data flows.
    Connected,
    /// What is queued is being sent, then close_notify.
    Closing,
    /// The connection ended by agreement.
    Closed,
    /// The connection ended by an error.
    Failed,
}

/// Something that the application should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// The handshake is complete.
    Connected,
    /// Application data: the content of one record.
    Datagram(Vec<u8>),
    /// Server: early data (0-RTT), the content of one record. It may be a copy of what an earlier connection brought, and
    /// its sender may be somebody who only recorded it, until [`Connected`](Self::Connected) follows.
    EarlyData(Vec<u8>),
    /// Client: the server has taken the early data, as far as it arrived. Comes just before [`Connected`](Self::Connected).
    EarlyDataAccepted,
    /// Client: the server has not taken any of the early data. Comes just before [`Connected`](Self::Connected).
    EarlyDataRejected,
    /// New keys are in use.
    KeysUpdated {
        /// For which way.
        direction: Direction,
        /// The epoch that began.
        epoch: u16,
    },
    /// **Experimental.** An Extended Key Update is over: both sides send and receive in `epoch`. Keys for other uses are to be
    /// derived anew ([`export_keying_material_of_epoch`](super::Connection::export_keying_material_of_epoch)).
    ExtendedKeyUpdated {
        /// The epoch that began.
        epoch: u16,
    },
    /// A ticket came, with which this connection can be resumed later: give it to
    /// [`connect`](super::Connection::connect). Only with
    /// [`ClientConfig::resumption`](crate::config::ClientConfig::resumption).
    SessionReceived(Box<Session>),
    /// The client proved who it is, after the handshake: the answer to
    /// [`request_client_authentication`](super::Connection::request_client_authentication).
    PeerAuthenticated {
        /// The request that it answered.
        request: ExchangeId,
        /// Who it is.
        peer: Box<PresentedIdentity>,
    },
    /// The client has no certificate for us, after the handshake, and needed none.
    PeerDeclined {
        /// The request that it answered.
        request: ExchangeId,
    },
    /// The peer's newest record came on another path than those before. With return routability negotiated the path is
    /// being checked; without, it is for the application to find out whether the peer is there, and to say so by
    /// [`use_path`](super::Connection::use_path).
    NewPath {
        /// The path.
        path: PathId,
    },
    /// From now on datagrams go to this path.
    PathChanged {
        /// The path.
        path: PathId,
    },
    /// The peer was not found on a new path, or has not left the old one: datagrams go where they went before.
    PathRejected {
        /// The new path.
        path: PathId,
    },
    /// The peer has given connection IDs.
    ConnectionIdsReceived {
        /// How many wait to be used.
        spare: usize,
    },
    /// The peer will send no more (close_notify). The connection closes by itself.
    PeerClosed,
    /// The connection ended by agreement; nothing follows.
    Closed,
    /// The connection failed; nothing follows.
    Failed(Error),
}

/// What application data counts for as long as nobody has taken it: its bytes, and its place in the queue, so that data
/// without any byte is bounded too.
pub(super) const fn held_by(data: &[u8]) -> usize {
    data.len().saturating_add(size_of::<ConnectionEvent>())
}

/// Why data was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The handshake is not complete.
    NotConnected,
    /// The connection is over, or was told to close.
    Closed,
    /// More than one datagram carries.
    TooLarge {
        /// What was given, in bytes.
        len: usize,
        /// What is allowed, in bytes.
        limit: usize,
    },
    /// The queue is full: poll and send what is in it first.
    Full {
        /// How many bytes the queue holds.
        limit: usize,
    },
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("the handshake is not complete; wait for it before sending"),
            Self::Closed => f.write_str("the connection is closed"),
            Self::TooLarge { len, limit } => {
                write!(f, "{len} bytes do not fit one datagram; at most {limit} do")
            }
            Self::Full { limit } => write!(f, "the send queue is full; it holds {limit} bytes"),
        }
    }
}

impl core::error::Error for SendError {}

/// Why keys were not updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateKeysError {
    /// The handshake is not complete, or the connection is over.
    NotConnected,
    /// An earlier update was not acknowledged yet.
    InProgress,
    /// Extended Key Update was negotiated, and takes the place of this one.
    Replaced,
    /// The epochs or message numbers of this connection are used up.
    Exhausted,
}

impl fmt::Display for UpdateKeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "keys can be updated only while connected",
            Self::InProgress => "the last update of keys was not acknowledged yet; wait for it",
            Self::Replaced => "extended key update was negotiated; use that",
            Self::Exhausted => "the epochs of this connection are used up; make a new one",
        })
    }
}

impl core::error::Error for UpdateKeysError {}

/// SRTP master keys and salts (RFC 5764 §4.2), as SRTP libraries want them.
#[derive(PartialEq, Eq, ZeroizeOnDrop)]
pub struct SrtpKeys {
    /// The profile.
    #[zeroize(skip)]
    pub profile: SrtpProfile,
    /// The master key identifier; mostly empty.
    #[zeroize(skip)]
    pub mki: Vec<u8>,
    /// The master key of what the client sends.
    pub client_key: Vec<u8>,
    /// The master key of what the server sends.
    pub server_key: Vec<u8>,
    /// The master salt of what the client sends.
    pub client_salt: Vec<u8>,
    /// The master salt of what the server sends.
    pub server_salt: Vec<u8>,
}

impl SrtpKeys {
    pub(super) fn derive(srtp: &SrtpSelection, exporter: &ExporterSecret) -> Option<Self> {
        let (key_len, salt_len) = srtp.profile.key_and_salt_len()?;
        let total = key_len.checked_add(salt_len)?.checked_mul(2)?;
        let mut material = zeroize::Zeroizing::new(vec![0; total]);
        // The length is part of the derivation in 1.3: a longer export does not begin with a shorter one.
        exporter.export("EXTRACTOR-dtls_srtp", &[], &mut material).ok()?;
        let (client_key, rest) = material.split_at_checked(key_len)?;
        let (server_key, rest) = rest.split_at_checked(key_len)?;
        let (client_salt, server_salt) = rest.split_at_checked(salt_len)?;
        Some(Self {
            profile: srtp.profile,
            mki: srtp.mki.clone(),
            client_key: client_key.to_vec(),
            server_key: server_key.to_vec(),
            client_salt: client_salt.to_vec(),
            server_salt: server_salt.to_vec(),
        })
    }
}

impl fmt::Debug for SrtpKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpKeys").field("profile", &self.profile).field("mki", &self.mki).finish_non_exhaustive()
    }
}

/// Counters of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Datagrams handed out.
    pub datagrams_sent: u64,
    /// Datagrams handed in.
    pub datagrams_received: u64,
    /// Bytes of those handed out.
    pub bytes_sent: u64,
    /// Bytes of those handed in.
    pub bytes_received: u64,
    /// Records that were understood.
    pub records_received: u64,
    /// Records that were ignored, for whatever reason.
    pub records_discarded: u64,
    /// Those of them that did not authenticate.
    pub records_forged: u64,
    /// Those of them that had been received before.
    pub records_replayed: u64,
    /// Flights that were sent again because a timer ran out.
    pub flights_retransmitted: u64,
    /// Return routability checks begun.
    pub path_checks: u64,
    /// Those of them after which the path did not change: who looks for attacks counts them (RFC 9853 §7.1).
    pub path_checks_failed: u64,
    /// Changes of the path to the peer.
    pub path_changes: u64,
    /// ACKs sent.
    pub acks_sent: u64,
    /// ACKs received.
    pub acks_received: u64,
}

impl Stats {
    pub(super) fn count_discarded(&mut self, reason: DiscardReason) {
        self.records_discarded = self.records_discarded.saturating_add(1);
        match reason {
            DiscardReason::Forged => self.records_forged = self.records_forged.saturating_add(1),
            DiscardReason::Replayed => self.records_replayed = self.records_replayed.saturating_add(1),
            _ => {}
        }
    }
}
