//! The handshake of DTLS 1.3 (RFC 9147 §5, RFC 9846 §4) as a machine of typed states.
//!
//! Each state owns exactly the data that exists in it, and waits for exactly one thing: the next message, or the result
//! of one task. Transitions are moves. Nothing here sees a datagram, a record number or a clock.
//!
//! ```text
//! client                                             server
//!
//! MakeShares (task)                                  ExpectClientHello
//! ExpectServerHello  <- HelloRetryRequest            LookUpPsk (task)           if pre-shared keys were offered
//! AgreeKey (task)            unless psk_ke           SelectCredentials (task)   unless one was accepted
//! ExpectEncryptedExtensions                          RespondKeyShare (task)     unless psk_ke
//!                                                    Sign (task)                unless one was accepted
//! ExpectCertificateOrRequest                         VerifyClient               if a certificate was asked for
//! VerifyServer                                       ExpectFinished
//! ExpectFinished                                     Complete
//! SignClient
//! Complete
//! ```
//!
//! With a pre-shared key nothing stands between EncryptedExtensions and Finished.
//!
//! `VerifyServer` and `VerifyClient` are the same machine in the machine (`authentication/peer.rs`): expect Certificate,
//! expect CertificateVerify, then the tasks VerifySignature and VerifyPeer; so are `SignClient` and the server's `Sign`
//! (`authentication/own.rs`). Exchanges that begin after the handshake (`exchange.rs`) use both.

use crate::crypto::task::{Task, TaskError, TaskOutput};
use crate::error::{Error, PeerMisbehaved};
use crate::flight::ReceivedMessage;

pub mod authentication;
pub mod client;
pub mod connected;
pub mod connection_ids;
pub mod context;
pub mod custom;
pub mod early;
pub mod exchange;
pub mod server;
pub mod ticket;
pub mod wait;

use connected::psk_identity;
pub use connected::{Established, Negotiated, SrtpSelection};
pub use connection_ids::ConnectionIdSelection;
pub use context::{Context, EPOCH_APPLICATION, EPOCH_HANDSHAKE, EPOCH_PLAINTEXT};
pub use custom::PeerExtension;
use wait::Wait;

/// Where a handshake stands.
pub enum State {
    /// Client: key shares are being made.
    MakeShares(Wait<client::hello::MakeShares>),
    /// Client: a ClientHello was sent.
    ExpectServerHello(Box<client::hello::ExpectServerHello>),
    /// Client: the shared secret is being derived.
    AgreeKey(Wait<Box<client::hello::AwaitSharedSecret>>),
    /// Client: ServerHello arrived.
    ExpectEncryptedExtensions(Box<client::v13::ExpectEncryptedExtensions>),
    /// Client: EncryptedExtensions arrived.
    ExpectCertificateOrRequest(Box<client::v13::ExpectCertificateOrRequest>),
    /// Client: the server proves who it is.
    VerifyServer(Box<client::v13::VerifyServer>),
    /// Client: the server proved who it is.
    ExpectServerFinished(Box<client::v13::ExpectFinished>),
    /// Client: we prove who we are.
    SignClient(Box<client::v13::SignClient>),
    /// Server: nothing arrived yet, or a HelloRetryRequest was sent.
    ExpectClientHello(Box<server::hello::ExpectClientHello>),
    /// Server: a pre-shared key that the client offered is being looked for.
    LookUpPsk(Wait<Box<server::psk::AwaitPsk>>),
    /// Server: our certificate is being chosen.
    SelectServerCredentials(Wait<Box<server::hello::AwaitCredentials>>),
    /// Server: our key share is being made.
    RespondKeyShare(Wait<Box<server::v13::AwaitKeyShare>>),
    /// Server: our CertificateVerify is being signed.
    SignServer(Box<server::v13::SignServer>),
    /// Server: our flight was sent, with a CertificateRequest, and the client proves who it is.
    VerifyClient(Box<server::v13::VerifyClient>),
    /// Server: only the client's Finished is missing.
    ExpectClientFinished(Box<server::v13::ExpectFinished>),
    /// Both: application data flows.
    Complete(Box<Established>),
}

impl State {
    /// The task that this state waits for; `None`: it waits for a message.
    pub fn task(&self) -> Option<&Task> {
        Some(match self {
            Self::MakeShares(wait) => wait.task(),
            Self::AgreeKey(wait) => wait.task(),
            Self::VerifyServer(state) => return state.task(),
            Self::SignClient(state) => state.task(),
            Self::LookUpPsk(wait) => wait.task(),
            Self::SelectServerCredentials(wait) => wait.task(),
            Self::RespondKeyShare(wait) => wait.task(),
            Self::SignServer(state) => state.task(),
            Self::VerifyClient(state) => return state.task(),
            _ => return None,
        })
    }

    /// Goes on with the result of the task that this state waits for.
    pub fn finish(self, result: Result<TaskOutput, TaskError>, cx: &mut Context<'_>) -> Result<Self, Error> {
        match self {
            Self::MakeShares(wait) => wait.finish(result, cx),
            Self::AgreeKey(wait) => wait.finish(result, cx),
            Self::VerifyServer(state) => state.finish(result),
            Self::SignClient(state) => state.finish(result, cx),
            Self::LookUpPsk(wait) => wait.finish(result, cx),
            Self::SelectServerCredentials(wait) => wait.finish(result, cx),
            Self::RespondKeyShare(wait) => wait.finish(result, cx),
            Self::SignServer(state) => state.finish(result, cx),
            Self::VerifyClient(state) => state.finish(result),
            // A state that waits for no task was given no result: `drive` asks `task` first.
            other => Ok(other),
        }
    }

    /// Goes on with the next message.
    pub fn handle(self, message: &ReceivedMessage, cx: &mut Context<'_>) -> Result<Self, Error> {
        // Epochs change between messages, never within the part of a flight that one epoch carries: a message of
        // another epoch stands where it may not (RFC 9147 §6.1).
        if message.epoch != self.epoch() {
            return Err(PeerMisbehaved::MessageInWrongEpoch(message.msg_type).into());
        }
        match self {
            Self::ExpectServerHello(state) => state.handle(message, cx),
            Self::ExpectEncryptedExtensions(state) => state.handle(message, cx),
            Self::ExpectCertificateOrRequest(state) => state.handle(message, cx),
            Self::VerifyServer(state) => state.handle(message, cx),
            Self::ExpectServerFinished(state) => state.handle(message, cx),
            Self::ExpectClientHello(state) => state.handle(message, cx),
            Self::VerifyClient(state) => state.handle(message, cx),
            Self::ExpectClientFinished(state) => state.handle(message, cx),
            _ => Err(PeerMisbehaved::UnexpectedMessage(message.msg_type).into()),
        }
    }

    /// The epoch of the next message.
    pub const fn epoch(&self) -> u16 {
        match self {
            Self::MakeShares(_) | Self::ExpectServerHello(_) | Self::ExpectClientHello(_) | Self::LookUpPsk(_) => {
                EPOCH_PLAINTEXT
            }
            Self::Complete(_) => EPOCH_APPLICATION,
            _ => EPOCH_HANDSHAKE,
        }
    }

    /// The name of the state, as the trace tells it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MakeShares(_) => "make_shares",
            Self::ExpectServerHello(_) => "expect_server_hello",
            Self::AgreeKey(_) => "agree_key",
            Self::ExpectEncryptedExtensions(_) => "expect_encrypted_extensions",
            Self::ExpectCertificateOrRequest(_) => "expect_certificate_or_request",
            Self::VerifyServer(state) => state.name(),
            Self::VerifyClient(state) => state.name(),
            Self::ExpectServerFinished(_) | Self::ExpectClientFinished(_) => "expect_finished",
            Self::SelectServerCredentials(_) => "select_credentials",
            Self::SignClient(state) => state.name(),
            Self::SignServer(_) => "sign",
            Self::ExpectClientHello(_) => "expect_client_hello",
            Self::LookUpPsk(_) => "look_up_psk",
            Self::RespondKeyShare(_) => "respond_key_share",
            Self::Complete(_) => "complete",
        }
    }
}

/// The body of `message`, which must be of type `expected`.
fn body_of(message: &ReceivedMessage, expected: crate::wire::registry::HandshakeType) -> Result<&[u8], Error> {
    if message.msg_type == expected {
        Ok(&message.body)
    } else {
        Err(PeerMisbehaved::UnexpectedMessage(message.msg_type).into())
    }
}
