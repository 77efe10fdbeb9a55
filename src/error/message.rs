//! Why a message could not be decoded.

use core::fmt;

use super::Error;
use crate::wire::registry::{AlertDescription, ExtensionType};

/// A message that could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidMessage {
    /// An extension stands twice in one message.
    DuplicateExtension(ExtensionType),
    /// A vector is empty that must not be.
    EmptyVector,
    /// A vector's length is not a multiple of its elements', or not within its bounds.
    InvalidVectorLength,
    /// A value that must be one of a few is none of them.
    InvalidValue,
    /// The message ends before its structure does.
    TooShort,
    /// The message goes on after its structure has ended.
    TrailingData,
    /// A name is not valid text.
    InvalidName,
    /// There are not as many binders as pre-shared keys (RFC 9846 §4.3.11).
    BinderCount,
    /// pre_shared_key is not the last extension (RFC 9846 §4.3.11).
    PreSharedKeyNotLast,
}

impl InvalidMessage {
    pub(super) fn alert(self) -> AlertDescription {
        match self {
            Self::InvalidValue | Self::BinderCount | Self::PreSharedKeyNotLast => AlertDescription::ILLEGAL_PARAMETER,
            // RFC 9846 §4.3: "There MUST NOT be more than one extension of the same type in a given extension block." Such
            // a block can be parsed, each length in it is right, and §6 demands illegal_parameter of what is "syntactically
            // correct but semantically invalid", decode_error only of what "cannot be parsed according to the syntax".
            // OpenSSL answers the same; BoringSSL answers decode_error.
            Self::DuplicateExtension(_) => AlertDescription::ILLEGAL_PARAMETER,
            Self::EmptyVector | Self::InvalidVectorLength | Self::TooShort | Self::TrailingData | Self::InvalidName => {
                AlertDescription::DECODE_ERROR
            }
        }
    }
}

impl fmt::Display for InvalidMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateExtension(extension) => write!(f, "the extension {extension} stands twice"),
            Self::EmptyVector => f.write_str("a vector is empty"),
            Self::InvalidVectorLength => f.write_str("a vector has an invalid length"),
            Self::InvalidValue => f.write_str("a value is out of range"),
            Self::TooShort => f.write_str("it ends too early"),
            Self::TrailingData => f.write_str("it goes on past its end"),
            Self::InvalidName => f.write_str("a name is not valid text"),
            Self::BinderCount => f.write_str("there are not as many binders as pre-shared keys"),
            Self::PreSharedKeyNotLast => f.write_str("pre_shared_key is not the last extension"),
        }
    }
}

impl From<InvalidMessage> for Error {
    fn from(error: InvalidMessage) -> Self {
        Self::InvalidMessage(error)
    }
}
