//! Private keys of ECDSA.

use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey, EncodePublicKey};
use zeroize::Zeroizing;

use super::Signer;
use crate::crypto::SecureRandom;
use crate::crypto::rustcrypto::random::random_bytes;
use crate::crypto::task::{SigningKey, TaskError};
use crate::wire::registry::SignatureScheme;

/// How often a random number may fail to be a private key before the source counts as broken. The chance for an honest
/// source is 2^-32 each time with P-256, and much less with the longer curves.
const TRIES: usize = 4;

/// Declares the private key of one curve, whose hash is the one that TLS 1.3 knows with it.
macro_rules! ecdsa_key {
    ($(#[$meta:meta])* $key:ident, $curve:ident, $scheme:ident, $private:ident, $len:literal, $top_mask:literal) => {
        $(#[$meta])*
        /// A private key.
        pub(crate) struct $key(pub(super) $curve::ecdsa::SigningKey);

        $(#[$meta])*
        impl $key {
            /// Reads PKCS#8 or SEC1.
            pub(super) fn from_der(der: &[u8]) -> Option<Self> {
                let secret = $curve::SecretKey::from_pkcs8_der(der).ok();
                secret.or_else(|| $curve::SecretKey::from_sec1_der(der).ok()).map(|secret| Self(secret.into()))
            }
        }

        $(#[$meta])*
        impl SigningKey for $key {
            fn schemes(&self) -> &[SignatureScheme] {
                &[SignatureScheme::$scheme]
            }

            /// The nonce comes from key and content (RFC 6979), so that no weakness of a random source gives the key
            /// away.
            fn sign(
                &self,
                scheme: SignatureScheme,
                content: &[u8],
                _: &dyn SecureRandom,
            ) -> Result<Vec<u8>, TaskError> {
                if scheme != SignatureScheme::$scheme {
                    return Err(TaskError::Failed);
                }
                let signature: $curve::ecdsa::DerSignature =
                    self.0.try_sign(content).map_err(|_| TaskError::Failed)?;
                Ok(signature.as_bytes().to_vec())
            }

            fn public_key(&self) -> Vec<u8> {
                let document = self.0.verifying_key().to_public_key_der();
                document.map(|document| document.into_vec()).unwrap_or_default()
            }
        }

        $(#[$meta])*
        /// A random private key.
        pub(in crate::crypto::rustcrypto) fn $private(
            random: &dyn SecureRandom,
        ) -> Result<$curve::SecretKey, TaskError> {
            for _ in 0..TRIES {
                let mut candidate = random_bytes::<$len>(random)?;
                // The bits that the order of the curve does not have.
                if let Some(top) = candidate.first_mut() {
                    *top &= $top_mask;
                }
                if let Ok(private) = $curve::SecretKey::from_slice(&*candidate) {
                    return Ok(private);
                }
            }
            Err(TaskError::NoRandomBytes)
        }
    };
}

ecdsa_key!(P256Key, p256, ECDSA_SECP256R1_SHA256, p256_private, 32, 0xff);
ecdsa_key!(
    #[cfg(feature = "p384")]
    P384Key,
    p384,
    ECDSA_SECP384R1_SHA384,
    p384_private,
    48,
    0xff
);
ecdsa_key!(
    #[cfg(feature = "p521")]
    P521Key,
    p521,
    ECDSA_SECP521R1_SHA512,
    p521_private,
    66,
    0x01
);

impl P256Key {
    /// Makes a key.
    pub(crate) fn generate(random: &dyn SecureRandom) -> Result<Self, TaskError> {
        p256_private(random).map(|key| Self(key.into()))
    }

    /// The key as PKCS#8.
    pub(crate) fn to_pkcs8(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.0.to_pkcs8_der().ok().map(|document| document.to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::rustcrypto::OsRandom;

    fn hex(text: &str) -> Vec<u8> {
        text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    /// RFC 6979 appendix A.2.5, "sample" with SHA-256.
    #[test]
    fn p256_signatures_are_those_of_rfc_6979() {
        let key = hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
        let key = P256Key(p256::SecretKey::from_slice(&key).unwrap().into());
        let signature = key.sign(SignatureScheme::ECDSA_SECP256R1_SHA256, b"sample", &OsRandom).unwrap();
        let expected = "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
                        022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
        assert_eq!(signature, hex(expected));
        assert_eq!(key.sign(SignatureScheme::ED25519, b"sample", &OsRandom), Err(TaskError::Failed));
    }

    /// RFC 6979 appendix A.2.6, "sample" with SHA-384.
    #[cfg(feature = "p384")]
    #[test]
    fn p384_signatures_are_those_of_rfc_6979() {
        let key = hex("6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8\
                       96d5724e4c70a825f872c9ea60d2edf5");
        let key = P384Key(p384::SecretKey::from_slice(&key).unwrap().into());
        let signature = key.sign(SignatureScheme::ECDSA_SECP384R1_SHA384, b"sample", &OsRandom).unwrap();
        let r = "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46";
        let s = "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8";
        assert_eq!(signature, hex(&format!("3066023100{r}023100{s}")));
        assert_eq!(key.sign(SignatureScheme::ECDSA_SECP256R1_SHA256, b"", &OsRandom), Err(TaskError::Failed));
    }

    /// RFC 6979 appendix A.2.7, "sample" with SHA-512.
    #[cfg(feature = "p521")]
    #[test]
    fn p521_signatures_are_those_of_rfc_6979() {
        let key =
            hex("00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836a6d16fcc\
                       1466f6d8fbec67db89ec0c08b0e996b83538");
        let key = P521Key(p521::SecretKey::from_slice(&key).unwrap().into());
        let signature = key.sign(SignatureScheme::ECDSA_SECP521R1_SHA512, b"sample", &OsRandom).unwrap();
        let r = "c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b534931d7\
                 d4e8455cc91f9b15bf05ec36e377fa";
        let s = "617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20\
                 f8ccb1dccc43997f1ee0e44da4a67a";
        assert_eq!(signature, hex(&format!("308187024200{r}0241{s}")));
        assert_eq!(key.sign(SignatureScheme::ECDSA_SECP384R1_SHA384, b"", &OsRandom), Err(TaskError::Failed));
    }
}
