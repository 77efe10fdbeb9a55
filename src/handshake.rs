//! The handshake of DTLS 1.3 (RFC 9147 §5, RFC 9846 §4) as a machine of typed states.
//!
//! Each state owns exactly the data that exists in it, and waits for exactly one thing: the next message, or the result
//! of one task. Transitions are moves. Nothing here sees a datagram, a record number or a clock.
//!
//! ```text
//! client                                             server
//!
//! MakeShares (task)                                  ExpectClientHello
//! ExpectServerHello  <- HelloRetryRequest            SelectCredentials (task)
//! AgreeKey (task)                                    RespondKeyShare (task)
//! ExpectEncryptedExtensions                          Sign (task)
//! ExpectCertificateOrRequest                         ExpectCertificate          if it was asked for
//! ExpectCertificateVerify                            ExpectCertificateVerify    if there is one
//! VerifySignature, VerifyPeer (tasks)                VerifySignature, VerifyPeer (tasks)
//! ExpectFinished                                     ExpectFinished
//! SelectCredentials, Sign (tasks)                    Complete
//! Complete
//! ```

use crate::crypto::task::{Task, TaskError, TaskOutput};
use crate::error::{Error, PeerMisbehaved};
use crate::flight::ReceivedMessage;

pub mod authentication;
pub mod client;
pub mod connected;
pub mod context;
pub mod custom;
pub mod server;
pub mod ticket;
pub mod wait;

pub use connected::{Established, Negotiated, SrtpSelection};
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
    /// Client: the server's chain arrived.
    ExpectServerCertificateVerify(Box<client::v13::ExpectCertificateVerify>),
    /// Client: the server's signature is being checked.
    VerifyServerSignature(Wait<Box<client::v13::AwaitSignatureVerified>>),
    /// Client: the server's chain is being judged.
    VerifyServer(Wait<Box<client::v13::AwaitPeerVerified>>),
    /// Client: the server proved who it is.
    ExpectServerFinished(Box<client::v13::ExpectFinished>),
    /// Client: our certificate is being chosen.
    SelectClientCredentials(Wait<Box<client::v13::AwaitCredentials>>),
    /// Client: our CertificateVerify is being signed.
    SignClient(Wait<Box<client::v13::AwaitSignature>>),
    /// Server: nothing arrived yet, or a HelloRetryRequest was sent.
    ExpectClientHello(Box<server::hello::ExpectClientHello>),
    /// Server: our certificate is being chosen.
    SelectServerCredentials(Wait<Box<server::hello::AwaitCredentials>>),
    /// Server: our key share is being made.
    RespondKeyShare(Wait<Box<server::v13::AwaitKeyShare>>),
    /// Server: our CertificateVerify is being signed.
    SignServer(Wait<Box<server::v13::AwaitSignature>>),
    /// Server: our flight was sent, with a CertificateRequest.
    ExpectClientCertificate(Box<server::v13::ExpectCertificate>),
    /// Server: the client's chain arrived.
    ExpectClientCertificateVerify(Box<server::v13::ExpectCertificateVerify>),
    /// Server: the client's signature is being checked.
    VerifyClientSignature(Wait<Box<server::v13::AwaitSignatureVerified>>),
    /// Server: the client's chain is being judged.
    VerifyClient(Wait<Box<server::v13::AwaitPeerVerified>>),
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
            Self::VerifyServerSignature(wait) => wait.task(),
            Self::VerifyServer(wait) => wait.task(),
            Self::SelectClientCredentials(wait) => wait.task(),
            Self::SignClient(wait) => wait.task(),
            Self::SelectServerCredentials(wait) => wait.task(),
            Self::RespondKeyShare(wait) => wait.task(),
            Self::SignServer(wait) => wait.task(),
            Self::VerifyClientSignature(wait) => wait.task(),
            Self::VerifyClient(wait) => wait.task(),
            _ => return None,
        })
    }

    /// Goes on with the result of the task that this state waits for.
    pub fn finish(self, result: Result<TaskOutput, TaskError>, cx: &mut Context<'_>) -> Result<Self, Error> {
        match self {
            Self::MakeShares(wait) => wait.finish(result, cx),
            Self::AgreeKey(wait) => wait.finish(result, cx),
            Self::VerifyServerSignature(wait) => wait.finish(result, cx),
            Self::VerifyServer(wait) => wait.finish(result, cx),
            Self::SelectClientCredentials(wait) => wait.finish(result, cx),
            Self::SignClient(wait) => wait.finish(result, cx),
            Self::SelectServerCredentials(wait) => wait.finish(result, cx),
            Self::RespondKeyShare(wait) => wait.finish(result, cx),
            Self::SignServer(wait) => wait.finish(result, cx),
            Self::VerifyClientSignature(wait) => wait.finish(result, cx),
            Self::VerifyClient(wait) => wait.finish(result, cx),
            // A state that waits for no task was given no result: `drive` asks `task` first.
            other => Ok(other),
        }
    }

    /// Goes on with the next message.
    pub fn handle(self, message: &ReceivedMessage, cx: &mut Context<'_>) -> Result<Self, Error> {
        // Epochs change between messages, never within the part of a flight that one epoch carries: a message of
        // another epoch stands where it may not (RFC 9147 §6.1).
        if message.epoch != self.epoch() {
            return Err(PeerMisbehaved::UnexpectedMessage(message.msg_type).into());
        }
        match self {
            Self::ExpectServerHello(state) => state.handle(message, cx),
            Self::ExpectEncryptedExtensions(state) => state.handle(message),
            Self::ExpectCertificateOrRequest(state) => state.handle(message),
            Self::ExpectServerCertificateVerify(state) => state.handle(message, cx),
            Self::ExpectServerFinished(state) => state.handle(message, cx),
            Self::ExpectClientHello(state) => state.handle(message, cx),
            Self::ExpectClientCertificate(state) => state.handle(message),
            Self::ExpectClientCertificateVerify(state) => state.handle(message, cx),
            Self::ExpectClientFinished(state) => state.handle(message, cx),
            _ => Err(PeerMisbehaved::UnexpectedMessage(message.msg_type).into()),
        }
    }

    /// The epoch of the next message.
    pub const fn epoch(&self) -> u16 {
        match self {
            Self::MakeShares(_) | Self::ExpectServerHello(_) | Self::ExpectClientHello(_) => EPOCH_PLAINTEXT,
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
            Self::ExpectServerCertificateVerify(_) | Self::ExpectClientCertificateVerify(_) => {
                "expect_certificate_verify"
            }
            Self::VerifyServerSignature(_) | Self::VerifyClientSignature(_) => "verify_signature",
            Self::VerifyServer(_) | Self::VerifyClient(_) => "verify_peer",
            Self::ExpectServerFinished(_) | Self::ExpectClientFinished(_) => "expect_finished",
            Self::SelectClientCredentials(_) | Self::SelectServerCredentials(_) => "select_credentials",
            Self::SignClient(_) | Self::SignServer(_) => "sign",
            Self::ExpectClientHello(_) => "expect_client_hello",
            Self::RespondKeyShare(_) => "respond_key_share",
            Self::ExpectClientCertificate(_) => "expect_certificate",
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
