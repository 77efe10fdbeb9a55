//! What is left of a handshake once it is complete, and the messages that may follow it.

use crate::codec::{Decode as _, Encode as _};
use crate::crypto::psk::Psk;
use crate::crypto::resumption::{ResumptionState, Session};
use crate::crypto::task::PresentedIdentity;
use crate::error::{Error, Exhausted, PeerMisbehaved};
use crate::flight::ReceivedMessage;
use crate::schedule::exporter::ExporterSecret;
use crate::schedule::v13::TrafficSecret;
use crate::transcript::Transcript;
use crate::wire::client_hello::Random;
use crate::wire::connection_id::{NewConnectionId, RequestConnectionId};
use crate::wire::post_handshake::{KeyUpdate, KeyUpdateRequest};
use crate::wire::registry::{CertificateType, CipherSuite, HandshakeType, NamedGroup, SrtpProfile};

use super::Context;
use super::connection_ids::ConnectionIdSelection;
use super::custom::PeerExtension;
use super::exchange::key_update::ExtendedKeyUpdates;
use super::exchange::{ExchangeId, Exchanges, Outcome};
use super::ticket::Resumption;

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The cipher suite.
    pub cipher_suite: CipherSuite,
    /// The group in which keys were agreed; `None`: a pre-shared key was used alone.
    pub group: Option<NamedGroup>,
    /// The application protocol (RFC 7301), if one was agreed on.
    pub alpn_protocol: Option<Vec<u8>>,
    /// SRTP (RFC 5764), if it was agreed on.
    pub srtp: Option<SrtpSelection>,
    /// The name that the client asked for (RFC 6066 §3), if it did.
    pub server_name: Option<String>,
    /// Whether an earlier connection was resumed: then the peer's certificates are those of that connection.
    pub resumed: bool,
    /// The identity of the external or imported pre-shared key that proved who the peer is, if one did: in this
    /// connection, or in the first of those that were resumed.
    pub psk_identity: Option<Vec<u8>>,
    /// Whether the server took early data (0-RTT).
    pub early_data: bool,
    /// Connection IDs (RFC 9146), if both sides know them.
    pub connection_ids: Option<ConnectionIdSelection>,
    /// The type of certificate that the client shows, if it is asked for one (RFC 7250).
    pub client_certificate_type: CertificateType,
    /// The type of certificate that the server shows, if it shows one (RFC 7250).
    pub server_certificate_type: CertificateType,
    /// Whether keys are updated by Extended Key Update (experimental), and by nothing else.
    pub extended_key_update: bool,
    /// The custom extensions that the peer sent, in the handshake.
    pub peer_extensions: Vec<PeerExtension>,
}

/// What [`Negotiated::psk_identity`] says of `psk`; a ticket itself identifies nobody.
pub(super) fn psk_identity(psk: &Psk, resumed: Option<&ResumptionState>) -> Option<Vec<u8>> {
    match resumed {
        Some(state) => state.psk_identity.clone(),
        None => Some(psk.identity().to_vec()),
    }
}

/// What both sides agreed on about SRTP (RFC 5764 §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrtpSelection {
    /// The profile.
    pub profile: SrtpProfile,
    /// The master key identifier; mostly empty.
    pub mki: Vec<u8>,
}

/// The steady state of a connection.
#[derive(Debug)]
pub struct Established {
    /// What was agreed on.
    pub negotiated: Negotiated,
    /// Who the peer is, if it proved that by a certificate: of several times, the last.
    pub peer: Option<Box<PresentedIdentity>>,
    /// Where exported keys come from.
    pub exporter: ExporterSecret,
    /// What the keys of `read_epoch` were derived from.
    pub read_secret: TrafficSecret,
    /// What the keys of `write_epoch` were derived from.
    pub write_secret: TrafficSecret,
    /// The epoch in which the peer sends.
    pub read_epoch: u16,
    /// The epoch in which we send.
    pub write_epoch: u16,
    /// The message_seq of our KeyUpdate that was not acknowledged yet.
    pub pending_key_update: Option<u16>,
    /// A KeyUpdate that is to be sent once everything before it was acknowledged.
    pub queued_key_update: Option<KeyUpdateRequest>,
    /// Whether we are the server.
    pub is_server: bool,
    /// The random of the ClientHello, which names the connection in key logs.
    pub client_random: Random,
    /// What the connection can be resumed by.
    pub resumption: Option<Box<Resumption>>,
    /// The messages of the handshake, if the client answers requests for a certificate after it.
    pub post_handshake_auth: Option<Transcript>,
    /// What Extended Key Update needs, if it was negotiated.
    pub key_updates: Option<Box<ExtendedKeyUpdates>>,
    /// What goes on beside application data.
    pub exchanges: Exchanges,
}

/// What a message after the handshake led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostHandshake {
    /// Nothing that the application would see.
    Nothing,
    /// The peer sends under new keys.
    ReadKeysUpdated,
    /// Connection IDs came.
    NewConnectionIds(NewConnectionId),
    /// The peer wants connection IDs.
    ConnectionIdsRequested(RequestConnectionId),
    /// A ticket came.
    SessionReceived(Box<Session>),
    /// An exchange is over.
    ExchangeDone(ExchangeId, Outcome),
}

impl From<Option<(ExchangeId, Outcome)>> for PostHandshake {
    fn from(done: Option<(ExchangeId, Outcome)>) -> Self {
        done.map_or(Self::Nothing, |(id, outcome)| Self::ExchangeDone(id, outcome))
    }
}

/// The highest epoch: record numbers carry it as 64 bits, but message_seq, which every KeyUpdate uses up, has 16
/// (RFC 9147 §8, erratum 8050).
//= https://www.rfc-editor.org/rfc/rfc9147#section-8
//# In order to provide an extra margin of security, sending implementations MUST NOT allow the epoch to exceed
//# 2^48-1.
pub const MAX_EPOCH: u16 = u16::MAX;

impl Established {
    /// The peer's chain of X.509 certificates, its own first; empty if it showed none.
    pub fn peer_certificates(&self) -> Vec<Vec<u8>> {
        let peer = self.peer.as_ref().filter(|peer| peer.certificate_type == CertificateType::X509);
        peer.map(|peer| peer.chain.clone()).unwrap_or_default()
    }

    /// Takes a message that came after the handshake.
    pub fn handle(&mut self, message: &ReceivedMessage, cx: &mut Context<'_>) -> Result<PostHandshake, Error> {
        // Each message of an epoch precedes the KeyUpdate that ends it, so that none of an older epoch can follow.
        //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-8
        //# If a peer violates this rule, the receiving peer MUST treat it as a protocol violation, send an
        //# "unexpected_message" alert, and terminate the connection.
        if !self.may_receive(message.epoch) {
            return Err(PeerMisbehaved::MessageInWrongEpoch(message.msg_type).into());
        }
        self.note_epoch(message.epoch);
        self.acknowledge_finish(message.epoch, cx);
        if self.is_being_answered() {
            return self.take_answer(message, cx).map(PostHandshake::from);
        }
        match message.msg_type {
            HandshakeType::CERTIFICATE_REQUEST => {
                self.take_certificate_request(message, cx).map(|()| PostHandshake::Nothing)
            }
            HandshakeType::CERTIFICATE | HandshakeType::COMPRESSED_CERTIFICATE => {
                self.take_answer(message, cx).map(PostHandshake::from)
            }
            HandshakeType::EXTENDED_KEY_UPDATE => self.take_update(message, cx),
            // The draft, §4: with it, the standard key update is not used.
            HandshakeType::KEY_UPDATE if self.key_updates.is_none() => {
                let update = KeyUpdate::decode_all(&message.body)?;
                self.next_read_epoch(cx)?;
                if update.request == KeyUpdateRequest::Requested
                    && self.pending_key_update.is_none()
                    && self.write_epoch < MAX_EPOCH
                {
                    //= https://www.rfc-editor.org/rfc/rfc9147#section-8
                    //# If a sending implementation receives a KeyUpdate with request_update set to
                    //# "update_requested", it MUST NOT send its own KeyUpdate if that would cause it to exceed
                    //# these limits and SHOULD instead ignore the "update_requested" flag.
                    // A KeyUpdate of ours that is still unacknowledged answers as well: no record was sent under its
                    // keys yet. So requests cannot make us send more than one (RFC 9846 §4.7.3). At the last epoch
                    // the request is ignored (RFC 9147 §8).
                    self.send_key_update(KeyUpdateRequest::NotRequested, cx)?;
                }
                Ok(PostHandshake::ReadKeysUpdated)
            }
            HandshakeType::NEW_CONNECTION_ID => {
                Ok(PostHandshake::NewConnectionIds(NewConnectionId::decode_all(&message.body)?))
            }
            HandshakeType::REQUEST_CONNECTION_ID => {
                Ok(PostHandshake::ConnectionIdsRequested(RequestConnectionId::decode_all(&message.body)?))
            }
            HandshakeType::NEW_SESSION_TICKET if !self.is_server => self.take_ticket(&message.body, cx),
            _ => Err(PeerMisbehaved::UnexpectedMessage(message.msg_type).into()),
        }
    }

    /// Sends a KeyUpdate, or notes it until everything that was sent before is acknowledged: the new keys could not be
    /// used earlier. Those that are noted meanwhile become one.
    pub fn send_key_update(&mut self, request: KeyUpdateRequest, cx: &mut Context<'_>) -> Result<(), Error> {
        //= https://www.rfc-editor.org/rfc/rfc9147#section-4.2.1
        //# Implementations MUST NOT allow the epoch to wrap, but instead MUST establish a new association,
        //# terminating the old association.
        if self.write_epoch == MAX_EPOCH {
            return Err(Exhausted::Epoch.into());
        }
        if !cx.outgoing.is_empty() {
            let asks =
                request == KeyUpdateRequest::Requested || self.queued_key_update == Some(KeyUpdateRequest::Requested);
            self.queued_key_update =
                Some(if asks { KeyUpdateRequest::Requested } else { KeyUpdateRequest::NotRequested });
            return Ok(());
        }
        let message_seq = cx.send(self.write_epoch, HandshakeType::KEY_UPDATE, KeyUpdate { request }.encoded())?;
        //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-8
        //# After sending KeyUpdate in an epoch, implementations MUST NOT send any new post-handshake messages in
        //# that epoch.
        self.pending_key_update = Some(message_seq);
        Ok(())
    }

    /// Our KeyUpdate was acknowledged: from now on we send under the next keys.
    ///
    /// To be called only when every earlier message was acknowledged too (RFC 9147 §8 with erratum 8047).
    //= https://www.rfc-editor.org/rfc/rfc9147#section-8
    //# In order to facilitate epoch reconstruction (Section 4.2.2), implementations MUST NOT send records with the
    //# new keys or send a new KeyUpdate until the previous KeyUpdate has been acknowledged (this avoids having too
    //# many epochs in active use).
    //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-8
    //# Implementations MUST NOT send records with the new keys until the KeyUpdate and all preceding messages have
    //# been acknowledged.
    pub fn next_write_epoch(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let next = self.write_secret.next();
        self.advance_write(next, cx)
    }

    /// Begins to write the next epoch under the keys of `next`.
    pub(super) fn advance_write(&mut self, next: TrafficSecret, cx: &mut Context<'_>) -> Result<(), Error> {
        let epoch = self.write_epoch.checked_add(1).ok_or(Exhausted::Epoch)?;
        cx.install_write(epoch, &next);
        if !cx.outgoing.needs_epoch(self.write_epoch) {
            cx.discard_write(self.write_epoch);
        }
        self.log(!self.is_server, epoch, &next, cx);
        self.write_secret = next;
        self.write_epoch = epoch;
        self.pending_key_update = None;
        Ok(())
    }

    fn next_read_epoch(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        self.advance_read(self.read_secret.next(), cx)
    }

    /// Begins to read the next epoch under the keys of `next`.
    pub(super) fn advance_read(&mut self, next: TrafficSecret, cx: &mut Context<'_>) -> Result<(), Error> {
        //= https://www.rfc-editor.org/rfc/rfc9147#section-6.1
        //# If a DTLS implementation would need to wrap the epoch value, it MUST terminate the connection.
        //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-8
        //# In this case, the implementation MUST check for this limit, if reached, terminate the association.
        if self.read_epoch == MAX_EPOCH {
            return Err(PeerMisbehaved::TooManyKeyUpdates.into());
        }
        let epoch = self.read_epoch.saturating_add(1);
        //= https://www.rfc-editor.org/rfc/rfc9147#section-8
        //# receivers MUST retain the pre-update keying material until receipt and successful decryption of a message using the new keys.
        // So the keys of the current epoch stay; those of the epoch before it have done their service, because the
        // peer has not begun an update before its last one was acknowledged. That is not so of the first update: the
        // peer's last flight may be unacknowledged, and is read until the second one.
        if let Some(old) = self.read_epoch.checked_sub(1).filter(|old| *old >= super::EPOCH_APPLICATION) {
            cx.discard_read(super::EPOCH_HANDSHAKE);
            cx.discard_read(old);
        }
        cx.install_read(epoch, &next);
        self.log(self.is_server, epoch, &next, cx);
        self.read_secret = next;
        self.read_epoch = epoch;
        Ok(())
    }

    fn log(&self, clients: bool, epoch: u16, secret: &TrafficSecret, cx: &mut Context<'_>) {
        let side = if clients { "CLIENT" } else { "SERVER" };
        let label = format!("{side}_TRAFFIC_SECRET_{}", epoch.saturating_sub(super::EPOCH_APPLICATION));
        cx.log_secret(&label, &self.client_random, secret.expose());
    }
}
