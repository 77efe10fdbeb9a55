//! What is wrong with a certificate, key or fingerprint that the caller gave, and what would be right.

use core::fmt;

/// A certificate, key, name or fingerprint that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// The PEM text has no block of the kind that was looked for.
    MissingPemBlock {
        /// The label of the block that was looked for.
        wanted: &'static str,
        /// The labels of the blocks that are there.
        found: Vec<String>,
    },
    /// A PEM block is damaged.
    MalformedPem(String),
    /// The private key is encrypted.
    EncryptedPrivateKey,
    /// The certificate chain is empty.
    EmptyChain,
    /// A certificate cannot be read.
    InvalidCertificate {
        /// Its place in the list that was given, the first being 0.
        index: usize,
        /// Why.
        reason: String,
    },
    /// The private key is none of PKCS#8, SEC1 and PKCS#1, or its content is damaged.
    InvalidPrivateKey,
    /// The private key is of an algorithm that cannot sign here.
    UnsupportedPrivateKey {
        /// The algorithm.
        algorithm: String,
    },
    /// The private key is of an algorithm that this build lacks.
    MissingFeature {
        /// The algorithm.
        algorithm: &'static str,
        /// The Cargo feature that brings it.
        feature: &'static str,
    },
    /// The private key is not the one of the certificate.
    KeyMismatch,
    /// No root certificate was given.
    NoRoots,
    /// A name cannot stand in a certificate.
    InvalidName(String),
    /// The time of validity cannot be written into a certificate.
    InvalidValidity,
    /// A fingerprint is not in the form `sha-256 AB:CD:…`.
    InvalidFingerprint {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The platform gave no random bytes.
    NoRandomBytes,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingPemBlock { wanted, found } if found.is_empty() => {
                write!(f, "no PEM block was found; expected text that holds -----BEGIN {wanted}-----")
            }
            Self::MissingPemBlock { wanted, found } => {
                write!(f, "expected a PEM block {wanted}, but found only {}", found.join(", "))
            }
            Self::MalformedPem(reason) => write!(f, "the PEM text is damaged: {reason}"),
            Self::EncryptedPrivateKey => {
                f.write_str("the private key is encrypted; decrypt it first, for example with `openssl pkey`")
            }
            Self::EmptyChain => f.write_str("the certificate chain is empty; give at least the own certificate"),
            Self::InvalidCertificate { index, reason } => {
                write!(f, "certificate {} of the list cannot be read: {reason}", index.saturating_add(1))
            }
            Self::InvalidPrivateKey => {
                f.write_str("the private key cannot be read; give PKCS#8, SEC1 or PKCS#1, as DER or PEM")
            }
            Self::UnsupportedPrivateKey { algorithm } => {
                write!(f, "a private key of type {algorithm} cannot sign here; use an ECDSA, Ed25519 or RSA key")
            }
            Self::MissingFeature { algorithm, feature } => {
                write!(f, "a private key of type {algorithm} needs a build with the Cargo feature \"{feature}\"")
            }
            Self::KeyMismatch => {
                f.write_str("the private key does not belong to the certificate; the chain must begin with its own")
            }
            Self::NoRoots => f.write_str("no root certificate was given; without one no chain can be trusted"),
            Self::InvalidName(name) => {
                write!(f, "{name:?} is neither a DNS name nor an IP address, and cannot stand in a certificate")
            }
            Self::InvalidValidity => {
                f.write_str("the time of validity must lie between the years 1970 and 9999 and end after it begins")
            }
            Self::InvalidFingerprint { text, reason } => write!(
                f,
                "{text:?} is not a certificate fingerprint: {reason}; expected, for example, \"sha-256 4A:AD:B9:…\""
            ),
            Self::NoRandomBytes => f.write_str("the platform gave no random bytes"),
        }
    }
}

impl core::error::Error for IdentityError {}
