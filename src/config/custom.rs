//! Extensions that the application brings along.

use core::fmt;

use super::ConfigError;
use crate::wire::grease;
use crate::wire::registry::{AlertDescription, ExtensionType};

/// The messages in which a custom extension may stand (RFC 9846 §4.3).
///
/// ServerHello and HelloRetryRequest are not among them: what they carry decides about keys. Nor is Certificate, whose
/// extensions speak of single certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtensionMessage {
    /// The client asks. Readable for everybody.
    ClientHello,
    /// The server answers what stood in ClientHello.
    EncryptedExtensions,
    /// The server asks for a certificate, in the handshake or after it, and says something about that.
    CertificateRequest,
    /// The server says something about a ticket.
    NewSessionTicket,
}

/// An extension that the library does not know: what it says, and what it makes of what the peer says.
///
/// Its methods are called while a message is written or read, so they should return soon.
pub trait CustomExtension: fmt::Debug + Send + Sync {
    /// Its number, which must be none that the library knows itself or that GREASE reserves.
    fn extension_type(&self) -> ExtensionType;

    /// The `extension_data` to send in `message`, at most [`MAX_CUSTOM_EXTENSION_LEN`] bytes; `None`: it is not sent there.
    ///
    /// `asked` is what the peer sent, if `message` answers: nobody answers what was not asked (RFC 9846 §4.3). In messages
    /// that ask it is `None`. A ClientHello after a HelloRetryRequest repeats the first one's.
    fn send(&self, message: ExtensionMessage, asked: Option<&[u8]>) -> Option<Vec<u8>>;

    /// Takes the `extension_data` of the peer's `message`; `None`: the message came without. Fails with the alert that
    /// shall end the connection.
    ///
    /// What is accepted in the handshake is found in [`Negotiated::peer_extensions`](crate::Negotiated) later.
    fn receive(&self, message: ExtensionMessage, data: Option<&[u8]>) -> Result<(), AlertDescription> {
        let _ = (message, data);
        Ok(())
    }
}

/// The longest data of a custom extension, in bytes: half of the longest message that is accepted by default
/// ([`Limits::handshake_message`](super::Limits)), so that what else a message carries fits beside it.
pub const MAX_CUSTOM_EXTENSION_LEN: usize = 16 * 1024;

/// A custom extension that says the same each time, and accepts whatever the peer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedExtension {
    /// Its number.
    pub extension_type: ExtensionType,
    /// What it says in each message; nothing in those that are not named.
    pub data: Vec<(ExtensionMessage, Vec<u8>)>,
}

impl CustomExtension for FixedExtension {
    fn extension_type(&self) -> ExtensionType {
        self.extension_type
    }

    fn send(&self, message: ExtensionMessage, _: Option<&[u8]>) -> Option<Vec<u8>> {
        self.data.iter().find(|(place, _)| *place == message).map(|(_, data)| data.clone())
    }
}

/// Checks the numbers of custom extensions.
pub(super) fn validate(types: &[ExtensionType]) -> Result<(), ConfigError> {
    for (index, extension_type) in types.iter().enumerate() {
        if extension_type.name().is_some() || grease::is_extension(*extension_type) {
            return Err(ConfigError::ReservedExtension(*extension_type));
        }
        if types.iter().take(index).any(|earlier| earlier == extension_type) {
            return Err(ConfigError::DuplicateExtension(*extension_type));
        }
    }
    Ok(())
}
