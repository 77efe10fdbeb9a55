//! The negotiation of connection IDs and of return routability checks (RFC 9146 §3, RFC 9853 §3).

use crate::config::{CommonConfig, PathCheck};
use crate::error::{Error, PeerMisbehaved, TaskFailure};
use crate::wire::client_hello::ClientExtensions;
use crate::wire::registry::ExtensionType;
use crate::wire::server_hello::ServerHelloExtensions;

use super::Context;

/// What both sides agreed on about connection IDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionIdSelection {
    /// How many bytes ours have, which the peer's records carry; 0: they carry none.
    pub own_len: usize,
    /// How many bytes the first of the peer's has, which our records carry; 0: they carry none.
    pub peer_len: usize,
    /// Whether return routability checks may be used (RFC 9853).
    pub return_routability: bool,
}

/// What a client offers.
#[derive(Clone, Debug, Default)]
pub struct OfferedId {
    /// Its own connection ID, which may be empty.
    own: Option<Vec<u8>>,
    return_routability: bool,
}

impl OfferedId {
    /// Makes our connection ID, which both ClientHellos carry.
    pub fn new(common: &CommonConfig, cx: &mut Context<'_>) -> Result<Self, Error> {
        if !common.connection_ids.enabled {
            return Ok(Self::default());
        }
        let own = common.connection_ids.generate(&*common.provider.random).ok_or(TaskFailure::NoRandomBytes)?;
        cx.records.offer_read_connection_id(&own);
        Ok(Self { own: Some(own), return_routability: common.connection_ids.path_check != PathCheck::None })
    }

    /// What a ClientHello offers.
    pub fn read(extensions: &ClientExtensions) -> Self {
        Self { own: extensions.connection_id.clone(), return_routability: extensions.return_routability }
    }

    /// Writes it into a ClientHello.
    //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-dtls-rrc#section-3
    //# A client offering the "rrc" extension MUST also offer the "connection_id" extension
    pub fn write(&self, extensions: &mut ClientExtensions) {
        extensions.connection_id.clone_from(&self.own);
        extensions.return_routability = self.return_routability;
    }

    /// Whether our ClientHello carries `extension`.
    pub fn offers(&self, extension: ExtensionType) -> bool {
        match extension {
            ExtensionType::CONNECTION_ID => self.own.is_some(),
            ExtensionType::RRC => self.return_routability,
            _ => false,
        }
    }

    /// Takes what the ServerHello says.
    pub fn finish(
        &self,
        answer: &ServerHelloExtensions,
        cx: &mut Context<'_>,
    ) -> Result<Option<ConnectionIdSelection>, Error> {
        let (Some(own), Some(peer)) = (&self.own, &answer.connection_id) else {
            cx.records.set_read_connection_id(&[]);
            // Nothing could be checked: who has no connection ID is not known at another address.
            return match answer.return_routability {
                true => Err(PeerMisbehaved::MissingExtension(ExtensionType::CONNECTION_ID).into()),
                false => Ok(None),
            };
        };
        Ok(Some(agree(own, peer, answer.return_routability, cx)))
    }
}

/// What a server answers.
#[derive(Clone, Debug)]
pub struct AnsweredId {
    own: Vec<u8>,
    /// What was agreed on.
    pub selection: ConnectionIdSelection,
}

impl AnsweredId {
    /// Decides about what the client has offered; `None` if connection IDs are not negotiated.
    pub fn new(common: &CommonConfig, offered: &OfferedId, cx: &mut Context<'_>) -> Result<Option<Self>, Error> {
        let Some(peer) = &offered.own else { return Ok(None) };
        // With none either way the answer would say nothing, and push the ServerHello of a hybrid group, which fills a
        // datagram of 1200 bytes to the last one, into a second.
        if peer.is_empty() && common.connection_ids.length == 0 {
            return Ok(None);
        }
        if !common.connection_ids.enabled || peer.len() > common.longest_peer_connection_id() {
            return Ok(None);
        }
        let own = common.connection_ids.generate(&*common.provider.random).ok_or(TaskFailure::NoRandomBytes)?;
        //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-dtls-rrc#section-3
        //# If the client includes the "rrc" extension in its ClientHello but omits the "connection_id" extension,
        //# the server MUST NOT include the "rrc" extension in its ServerHello.
        let checks = offered.return_routability && common.connection_ids.path_check != PathCheck::None;
        let selection = agree(&own, peer, checks, cx);
        Ok(Some(Self { own, selection }))
    }

    /// Writes it into a ServerHello.
    pub fn write(self, extensions: &mut ServerHelloExtensions) {
        extensions.connection_id = Some(self.own);
        extensions.return_routability = self.selection.return_routability;
    }
}

/// Each side sends what it wants to receive; an empty one asks for the form without (RFC 9146 §3).
fn agree(own: &[u8], peer: &[u8], return_routability: bool, cx: &mut Context<'_>) -> ConnectionIdSelection {
    cx.records.set_read_connection_id(own);
    cx.records.set_write_connection_id(peer.into());
    ConnectionIdSelection { own_len: own.len(), peer_len: peer.len(), return_routability }
}
