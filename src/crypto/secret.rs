//! Containers of fixed size for hash values and secrets.

use core::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::MAX_HASH_LEN;

/// A hash value, or a public MAC: up to [`MAX_HASH_LEN`] bytes, held inline.
#[derive(Clone, Copy)]
pub struct HashOutput {
    bytes: [u8; MAX_HASH_LEN],
    len: u8,
}

impl HashOutput {
    /// A copy of the first [`MAX_HASH_LEN`] bytes of `value`.
    pub fn new(value: &[u8]) -> Self {
        let mut bytes = [0; MAX_HASH_LEN];
        let mut len = 0;
        for (to, from) in bytes.iter_mut().zip(value) {
            *to = *from;
            len += 1;
        }
        Self { bytes, len }
    }

    /// The value.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// Whether `other` is the same value, in time that does not depend on where they differ.
    pub fn ct_eq(&self, other: &[u8]) -> bool {
        self.as_slice().ct_eq(other).into()
    }
}

impl Zeroize for HashOutput {
    /// Wipes the value, where it was on the way to becoming a secret.
    fn zeroize(&mut self) {
        self.bytes.zeroize();
        self.len.zeroize();
    }
}

impl AsRef<[u8]> for HashOutput {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for HashOutput {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other.as_slice())
    }
}

impl Eq for HashOutput {}

impl fmt::Debug for HashOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.as_slice() {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// Secret bytes as long as a hash: wiped when dropped, never printed, compared in constant time, not copied by accident.
#[derive(ZeroizeOnDrop)]
pub struct Secret {
    bytes: [u8; MAX_HASH_LEN],
    len: u8,
}

impl Secret {
    /// Takes the value of `output`, which is wiped.
    pub fn from_output(mut output: HashOutput) -> Self {
        let secret = Self { bytes: output.bytes, len: output.len };
        output.bytes.zeroize();
        secret
    }

    /// A copy of the first [`MAX_HASH_LEN`] bytes of `value`.
    pub fn new(value: &[u8]) -> Self {
        Self::from_output(HashOutput::new(value))
    }

    /// The secret itself. Whoever asks for it is responsible for the copy.
    pub fn expose(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.len)
    }
}

/// Secret bytes of any length, such as a shared secret: wiped when dropped, never printed.
#[derive(Clone, ZeroizeOnDrop, PartialEq, Eq)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes `bytes`.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The secret itself. Whoever asks for it is responsible for the copy.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}
