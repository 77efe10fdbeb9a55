//! Pre-shared keys (RFC 9846 §2.2, RFC 9257), and the importer that makes them from keys of other origin (RFC 9258).
//!
//! What RFC 9257 asks for, and who does it:
//! - An external key is refused if it is shorter than [`MIN_SECRET_LEN`]; whether it has as much entropy as that, and is
//!   no password, only its maker knows (§4.2, §6).
//! - A key belongs to one hash, which stands in [`Psk`]; one that is to serve several goes through [`Psk::import`] (§6).
//! - A key that DTLS 1.2 or another protocol uses too is to be imported, never given to [`Psk::external`] (RFC 9258 §7).
//! - A key is known to one client and one server: with more, each can pretend to be any other (§4.1). Where both ends
//!   can be either role, the importer's context says which is which (RFC 9258 appendix A).
//! - Identities are bytes, compared as bytes (§6.1.1). They are sent in the clear, and one that is always the same makes
//!   its client traceable (§7).

use core::fmt;

use super::hkdf::{expand_label_into, extract};
use super::secret::SecretBytes;
use super::{CipherSuiteImpl, CryptoProvider, Hash};
use crate::codec::{put_u16, put_vector16};
use crate::wire::registry::{CipherSuite, ProtocolVersion};

/// The shortest external key, in bytes.
//= https://www.rfc-editor.org/rfc/rfc9257#section-6
//# Each PSK SHOULD be derived from at least 128 bits of entropy,
//# MUST be at least 128 bits long, and SHOULD be combined with an
//# ephemeral key exchange, e.g., by using the "psk_dhe_ke" Pre-
//# Shared Key Exchange Mode in TLS 1.3 for forward secrecy.
pub const MIN_SECRET_LEN: usize = 16;

/// `opaque identity<1..2^16-1>`, in `PskIdentity identities<7..2^16-1>`, which has six bytes beside it, in an extension
/// `<0..2^16-1>` with two lengths and a binder of at most 49 bytes: longer identities cannot be sent.
pub const MAX_IDENTITY_LEN: usize = 0xffff - 6 - 2 - 2 - 49;

/// A hash that a pre-shared key can belong to: that of a cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
}

impl HashAlgorithm {
    /// The hash of `suite`, if it is a suite of 1.3 that we know.
    pub const fn of_suite(suite: CipherSuite) -> Option<Self> {
        match suite {
            CipherSuite::TLS_AES_256_GCM_SHA384 => Some(Self::Sha384),
            CipherSuite::TLS_AES_128_GCM_SHA256
            | CipherSuite::TLS_CHACHA20_POLY1305_SHA256
            | CipherSuite::TLS_AES_128_CCM_SHA256
            | CipherSuite::TLS_AES_128_CCM_8_SHA256 => Some(Self::Sha256),
            _ => None,
        }
    }

    /// Length of its output in bytes.
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
        }
    }

    /// The number of HKDF with it, in IANA's registry "TLS KDF Identifiers" (RFC 9258 §10).
    pub const fn kdf(self) -> u16 {
        match self {
            Self::Sha256 => 1,
            Self::Sha384 => 2,
        }
    }

    /// The first suite of `provider` that has this hash.
    pub fn suite(self, provider: &CryptoProvider) -> Option<&'static CipherSuiteImpl> {
        provider.suites.iter().copied().find(|suite| Self::of_suite(suite.id) == Some(self))
    }
}

/// How a pre-shared key may be used (RFC 9846 §4.3.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PskMode {
    /// `psk_ke`: the key alone. Whoever learns it reads all that was ever recorded.
    PskOnly,
    /// `psk_dhe_ke`: with a fresh key agreement.
    PskWithKeyShare,
}

impl PskMode {
    /// Its number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::PskOnly => 0,
            Self::PskWithKeyShare => 1,
        }
    }
}

/// Where a pre-shared key comes from. Each kind has a binder of its own, so that none passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PskKind {
    /// Both ends were given it.
    External,
    /// It was made by the importer (RFC 9258).
    Imported,
    /// It comes from an earlier connection.
    Resumption,
}

impl PskKind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Imported => "imported",
            Self::Resumption => "resumption",
        }
    }
}

/// A pre-shared key.
#[derive(Clone, PartialEq, Eq)]
pub struct Psk {
    identity: Vec<u8>,
    secret: SecretBytes,
    hash: HashAlgorithm,
    kind: PskKind,
}

impl Psk {
    /// A key that both ends were given for DTLS 1.3 alone, and its identity, which is sent in the clear. `hash` decides
    /// with which cipher suites it can be used; SHA-256 if nothing was agreed on (RFC 9846 §4.3.11).
    ///
    /// # Errors
    /// If the identity is empty or too long to be sent, or the key shorter than [`MIN_SECRET_LEN`].
    pub fn external(identity: &[u8], secret: &[u8], hash: HashAlgorithm) -> Result<Self, PskError> {
        check_secret(secret)?;
        check_identity(identity)?;
        let secret = SecretBytes::new(secret.to_vec());
        Ok(Self { identity: identity.to_vec(), secret, hash, kind: PskKind::External })
    }

    /// The keys for DTLS 1.3 that RFC 9258 §5.1 makes of `imported`: one for each of `targets`, in that order.
    ///
    /// # Errors
    /// As [`external`](Self::external), or if `provider` does not have the hash of the imported key.
    pub fn import(
        provider: &CryptoProvider,
        imported: &ExternalKey<'_>,
        targets: &[HashAlgorithm],
    ) -> Result<Vec<Self>, PskError> {
        check_secret(imported.secret)?;
        if imported.identity.is_empty() {
            return Err(PskError::EmptyIdentity);
        }
        let hash = imported.hash.suite(provider).ok_or(PskError::UnsupportedHash(imported.hash))?.hash;
        targets.iter().map(|target| imported.derive(hash, *target)).collect()
    }

    /// The key of a ticket (RFC 9846 §4.7.1).
    pub const fn resumption(ticket: Vec<u8>, secret: SecretBytes, hash: HashAlgorithm) -> Self {
        Self { identity: ticket, secret, hash, kind: PskKind::Resumption }
    }

    /// A key that nobody has, to compute with as with any other; `len` is the length of a hash.
    pub(crate) fn placeholder(len: usize) -> Self {
        let secret = SecretBytes::new(vec![0; len]);
        Self { identity: Vec::new(), secret, hash: HashAlgorithm::Sha256, kind: PskKind::External }
    }

    /// Its name on the wire: what was given, an `ImportedIdentity`, or a ticket.
    pub fn identity(&self) -> &[u8] {
        &self.identity
    }

    /// The key itself. Whoever asks for it is responsible for the copy.
    pub fn expose(&self) -> &[u8] {
        self.secret.expose()
    }

    /// The hash that it belongs to.
    pub const fn hash(&self) -> HashAlgorithm {
        self.hash
    }

    /// Where it comes from.
    pub const fn kind(&self) -> PskKind {
        self.kind
    }
}

impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Psk")
            .field("identity", &String::from_utf8_lossy(&self.identity))
            .field("hash", &self.hash)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// A key that is to be imported (RFC 9258 §3), and used for nothing else (§4).
#[derive(Clone, Copy)]
pub struct ExternalKey<'a> {
    /// `external_identity`, not empty.
    pub identity: &'a [u8],
    /// `context`: the circumstances in which the key was agreed on, if there are any. Sent in the clear.
    pub context: &'a [u8],
    /// `epsk`.
    pub secret: &'a [u8],
    /// The hash that the key is associated with; SHA-256 if nothing was agreed on.
    pub hash: HashAlgorithm,
}

impl fmt::Debug for ExternalKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalKey").field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl ExternalKey<'_> {
    fn derive(&self, hash: &dyn Hash, target: HashAlgorithm) -> Result<Psk, PskError> {
        let identity = self.imported_identity(target);
        check_identity(&identity)?;
        // The salt 0 is a string of zeros as long as the hash, which HMAC takes for an empty one.
        let extracted = extract(hash, &[], self.secret);
        let mut secret = vec![0; target.output_len()];
        let context = hash.hash(&identity);
        expand_label_into(hash, extracted.expose(), LABEL, context.as_slice(), &mut secret)
            .map_err(|_| PskError::UnsupportedHash(target))?;
        Ok(Psk { identity, secret: SecretBytes::new(secret), hash: target, kind: PskKind::Imported })
    }

    /// ```text
    /// struct {
    ///    opaque external_identity<1...2^16-1>;
    ///    opaque context<0..2^16-1>;
    ///    uint16 target_protocol;
    ///    uint16 target_kdf;
    /// } ImportedIdentity;
    /// ```
    fn imported_identity(&self, target: HashAlgorithm) -> Vec<u8> {
        let mut identity = Vec::new();
        put_vector16(&mut identity, |out| out.extend_from_slice(self.identity));
        put_vector16(&mut identity, |out| out.extend_from_slice(self.context));
        put_u16(&mut identity, ProtocolVersion::DTLS_1_3.0);
        put_u16(&mut identity, target.kdf());
        identity
    }
}

/// The label of RFC 9258 §5.1.
const LABEL: &[u8] = b"derived psk";

/// Why a pre-shared key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PskError {
    /// The identity is empty.
    EmptyIdentity,
    /// The identity, or the `ImportedIdentity` around it, is too long to be sent.
    IdentityTooLong {
        /// Its length.
        len: usize,
    },
    /// The key is too short to be kept secret.
    SecretTooShort {
        /// Its length.
        len: usize,
    },
    /// The provider has no cipher suite with this hash.
    UnsupportedHash(HashAlgorithm),
}

impl fmt::Display for PskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyIdentity => f.write_str("a pre-shared key has an empty identity; give at least one byte"),
            Self::IdentityTooLong { len } => {
                write!(f, "the identity of a pre-shared key has {len} bytes; at most {MAX_IDENTITY_LEN} can be sent")
            }
            Self::SecretTooShort { len } => {
                write!(f, "a pre-shared key has {len} bytes; it must have at least {MIN_SECRET_LEN}")
            }
            Self::UnsupportedHash(hash) => write!(f, "no cipher suite of the provider has the hash {}", hash.name()),
        }
    }
}

impl core::error::Error for PskError {}

const fn check_secret(secret: &[u8]) -> Result<(), PskError> {
    if secret.len() < MIN_SECRET_LEN { Err(PskError::SecretTooShort { len: secret.len() }) } else { Ok(()) }
}

const fn check_identity(identity: &[u8]) -> Result<(), PskError> {
    match identity.len() {
        0 => Err(PskError::EmptyIdentity),
        len if len > MAX_IDENTITY_LEN => Err(PskError::IdentityTooLong { len }),
        _ => Ok(()),
    }
}

#[cfg(all(test, feature = "rustcrypto"))]
mod tests;
