//! Keying material for other protocols (RFC 9846 §7.5).

use core::fmt;

use crate::crypto::hkdf::{self, ExpandError, MAX_LABEL_LEN};
use crate::crypto::{CipherSuiteImpl, Secret};

/// The secret that exported keying material comes from.
pub struct ExporterSecret {
    suite: &'static CipherSuiteImpl,
    secret: Secret,
}

impl ExporterSecret {
    /// A secret that is known already, from a key log for example.
    pub fn new(suite: &'static CipherSuiteImpl, secret: &[u8]) -> Self {
        Self { suite, secret: Secret::new(secret) }
    }

    pub(super) const fn from_secret(suite: &'static CipherSuiteImpl, secret: Secret) -> Self {
        Self { suite, secret }
    }

    /// Fills `out` with keying material for `label` and `context`.
    ///
    /// ```text
    /// TLS-Exporter(label, context_value, key_length) =
    ///     HKDF-Expand-Label(Derive-Secret(Secret, label, ""), "exporter", Hash(context_value), key_length)
    /// ```
    ///
    /// No context and an empty one are the same (RFC 9846 §7.5). An empty label, below what `label<7..255>` may be with the
    /// prefix of DTLS 1.3 (RFC 9147 §5.9), is taken as BoringSSL takes it: the length stands before the label, and none of
    /// the protocol's own is empty, so that nothing else is derived alike. Fails if `out` is longer than HKDF can fill (255
    /// times the length of the hash), or `label` has more than 249 bytes; `out` is then as it was.
    pub fn export(&self, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), ExportError> {
        let hash = self.suite.hash;
        if label.len() > MAX_LABEL_LEN {
            return Err(ExportError::InvalidLabel { len: label.len() });
        }
        let no_context = hash.hash(&[]);
        let derived =
            hkdf::expand_label(hash, self.secret.expose(), label.as_bytes(), no_context.as_slice(), hash.output_len());
        let context = hash.hash(context);
        hkdf::expand_label_into(hash, derived.expose(), b"exporter", context.as_slice(), out).map_err(|error| {
            match error {
                ExpandError::OutputTooLong { limit } => ExportError::OutputTooLong { limit },
                ExpandError::InvalidLabel => ExportError::InvalidLabel { len: label.len() },
            }
        })
    }

    /// The secret itself. Whoever asks for it is responsible for the copy.
    pub fn expose(&self) -> &[u8] {
        self.secret.expose()
    }
}

impl fmt::Debug for ExporterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExporterSecret({:?})", self.secret)
    }
}

/// Why no keying material was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportError {
    /// The handshake is not complete.
    NotConnected,
    /// There is no secret of this epoch (Extended Key Update).
    NoSuchEpoch {
        /// The epoch.
        epoch: u16,
    },
    /// More bytes were asked for than one export gives.
    OutputTooLong {
        /// How many it gives.
        limit: usize,
    },
    /// The label has more than 249 bytes.
    InvalidLabel {
        /// How many it has.
        len: usize,
    },
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("there is no keying material before the handshake is complete"),
            Self::NoSuchEpoch { epoch } => {
                write!(f, "there is no keying material of epoch {epoch}, only of the current one and the one before it")
            }
            Self::OutputTooLong { limit } => {
                write!(f, "more keying material was asked for than one export gives; at most {limit} bytes")
            }
            Self::InvalidLabel { len } => {
                write!(f, "the label has {len} bytes; it may have {MAX_LABEL_LEN}")
            }
        }
    }
}

impl core::error::Error for ExportError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::rustcrypto::TLS_AES_128_GCM_SHA256;

    #[test]
    fn an_empty_label_gives_what_no_other_gives() {
        let exporter = ExporterSecret::new(&TLS_AES_128_GCM_SHA256, &[7; 32]);
        let export = |label: &str, context: &[u8]| {
            let mut out = [0; 32];
            exporter.export(label, context, &mut out).map(|()| out)
        };
        let empty = export("", b"").unwrap();
        assert_eq!(export("", b""), Ok(empty));
        for (label, context) in [("exporter", &b""[..]), ("\0", b""), ("", b"\0"), ("dtls13", b"")] {
            assert_ne!(export(label, context), Ok(empty), "{label:?} {context:?}");
        }
        let too_long = "x".repeat(MAX_LABEL_LEN + 1);
        assert_eq!(export(&too_long, b""), Err(ExportError::InvalidLabel { len: MAX_LABEL_LEN + 1 }));
    }
}
