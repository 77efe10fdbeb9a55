//! What the protocol asks of cryptography: the synchronous traits (first tier) and the tasks (second tier).
//!
//! The first tier runs in place and at once: AEAD, record-number mask, hash, HMAC, random bytes. The second tier is
//! [`task`]: operations that may be slow or live elsewhere. No algorithm is implemented here; `rustcrypto` binds the
//! crates that implement them.

use core::fmt;
use std::sync::Arc;

use crate::wire::registry::{CipherSuite, NamedGroup, SignatureScheme};

pub mod credentials;
pub mod hkdf;
#[cfg(any(test, feature = "sim"))]
pub mod null;
pub mod psk;
pub mod resumption;
#[cfg(feature = "rustcrypto")]
pub mod rustcrypto;
pub mod secret;
pub mod task;

pub use secret::{HashOutput, Secret};

/// The longest hash of any suite: SHA-384 has 48 bytes, and 64 leaves room for SHA-512.
pub const MAX_HASH_LEN: usize = 64;

/// Length of the nonce of every AEAD in TLS 1.3 (RFC 9846 §5.3).
pub const NONCE_LEN: usize = 12;

/// The first tier of one platform, as a plain structure: replace what you like.
#[derive(Clone)]
pub struct CryptoProvider {
    /// The suites, best first *on this platform*.
    pub suites: Vec<&'static CipherSuiteImpl>,
    /// The groups, best first, that the back end of the second tier can agree keys in.
    pub groups: Vec<NamedGroup>,
    /// The schemes, best first, that the back end of the second tier can verify in a CertificateVerify.
    pub schemes: Vec<SignatureScheme>,
    /// The source of random bytes.
    pub random: Arc<dyn SecureRandom>,
}

impl CryptoProvider {
    /// The implementation of `id`, if there is one.
    pub fn suite(&self, id: CipherSuite) -> Option<&'static CipherSuiteImpl> {
        self.suites.iter().copied().find(|suite| suite.id == id)
    }
}

impl fmt::Debug for CryptoProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CryptoProvider")
            .field("suites", &self.suites.iter().map(|suite| suite.id).collect::<Vec<_>>())
            .field("groups", &self.groups)
            .field("schemes", &self.schemes)
            .finish_non_exhaustive()
    }
}

/// One cipher suite of TLS 1.3: an AEAD and a hash.
pub struct CipherSuiteImpl {
    /// Its number.
    pub id: CipherSuite,
    /// Its hash, which is also that of HKDF.
    pub hash: &'static dyn Hash,
    /// Its AEAD.
    pub aead: &'static dyn AeadAlgorithm,
}

impl fmt::Debug for CipherSuiteImpl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.id, f)
    }
}

/// A hash function and its HMAC.
pub trait Hash: Send + Sync {
    /// Length of the output in bytes, at most [`MAX_HASH_LEN`].
    fn output_len(&self) -> usize;
    /// The hash of `data`.
    fn hash(&self, data: &[u8]) -> HashOutput;
    /// Begins a hash over several pieces.
    fn start(&self) -> Box<dyn HashContext>;
    /// HMAC (RFC 2104) of the concatenation of `data` under `key`.
    fn hmac(&self, key: &[u8], data: &[&[u8]]) -> HashOutput;
}

/// A hash that was begun.
pub trait HashContext: Send + Sync {
    /// Adds `data`.
    fn update(&mut self, data: &[u8]);
    /// The hash of all that was added until now; more can be added.
    fn current(&self) -> HashOutput;
    /// A copy that goes its own way.
    fn fork(&self) -> Box<dyn HashContext>;
}

/// An AEAD of a cipher suite, and the cipher that masks record numbers (RFC 9147 §4.2.3).
pub trait AeadAlgorithm: Send + Sync {
    /// Length of the key in bytes; the record-number key has the same.
    fn key_len(&self) -> usize;
    /// Length of the tag in bytes.
    fn tag_len(&self) -> usize;
    /// How many records one key may protect, and how many forgeries it may see.
    fn limits(&self) -> AeadLimits;
    /// Makes the key that protects records; `key` has [`Self::key_len`] bytes, otherwise `None`.
    fn aead_key(&self, key: &[u8]) -> Option<Box<dyn AeadKey>>;
    /// Makes the key that masks record numbers; `key` has [`Self::key_len`] bytes, otherwise `None`.
    fn record_number_key(&self, key: &[u8]) -> Option<Box<dyn RecordNumberKey>>;
}

/// Bounds on the use of one key (RFC 9147 §4.5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AeadLimits {
    /// How many records may be protected.
    pub confidentiality: u64,
    /// How many records may fail to deprotect.
    pub integrity: u64,
}

/// A key that protects records, in place.
pub trait AeadKey: Send + Sync {
    /// Encrypts `in_out` in place and writes the tag to `tag`, which has the algorithm's `tag_len` bytes.
    ///
    /// Fails only when a length is impossible for the algorithm.
    fn seal(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], in_out: &mut [u8], tag: &mut [u8]) -> Result<(), AeadError>;

    /// Decrypts `in_out` (ciphertext, then tag) in place, and gives back the plaintext at its front.
    ///
    /// After a failure the content of `in_out` is unspecified.
    fn open<'a>(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], in_out: &'a mut [u8]) -> Result<&'a mut [u8], AeadError>;
}

/// A record did not authenticate, or its length is impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AeadError;

/// A key that masks record numbers (RFC 9147 §4.2.3).
pub trait RecordNumberKey: Send + Sync {
    /// The first bytes of the mask for the first 16 bytes of ciphertext.
    fn mask(&self, sample: &[u8; 16]) -> [u8; 2];
}

/// A source of random bytes that an adversary cannot foresee.
pub trait SecureRandom: Send + Sync {
    /// Fills `out`, or fails and leaves it unspecified.
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomBytes>;
}

/// The platform gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRandomBytes;
