//! What is said, asked and accepted about certificates.

use super::ConfigError;
use crate::wire::registry::{CertificateCompressionAlgorithm, CertificateType, SignatureScheme};

/// What is said, asked and accepted about certificates. By default nothing but X.509 certificates as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateConfig {
    /// The types of certificate that we may show (RFC 7250), best first. Default: X.509. With raw public keys among them a
    /// client says so in its hello, and its back end must have such credentials.
    pub own_types: Vec<CertificateType>,
    /// The types of certificate that the peer may show (RFC 7250), best first. Default: X.509. A raw public key says nothing
    /// about who has it: the verifier must know the key
    /// ([`PublicKeyVerifier`](https://docs.rs/dtls-wasm/latest/dtls_wasm/identity/struct.PublicKeyVerifier.html)).
    pub peer_types: Vec<CertificateType>,
    /// The algorithms by which certificates may come compressed, and ours are compressed if the peer can undo that, best
    /// first (RFC 8879). Default: none. Needs the Cargo feature `certificate-compression`.
    pub compression: Vec<CertificateCompressionAlgorithm>,
    /// The schemes that the key of a delegated credential of the peer may sign with (RFC 9345), best first. Default: none, so
    /// that no delegated credential is accepted.
    pub delegated_schemes: Vec<SignatureScheme>,
    /// Whether to ask the peer for an OCSP response (RFC 6066 §8). Default: false. It is given to the verifier and to the
    /// application as it comes: nothing here judges it.
    pub request_ocsp: bool,
    /// Whether to ask the peer for signed certificate timestamps (RFC 6962). Default: false. They are given to the verifier
    /// and to the application as they come: nothing here judges them.
    pub request_timestamps: bool,
    /// The schemes that the certificates of the peer's chain may be signed with (signature_algorithms_cert, RFC 9846 §4.3.3),
    /// best first. Default: none, which means those of CertificateVerify.
    pub chain_schemes: Vec<SignatureScheme>,
    /// The distinguished names, DER, of the authorities that we trust (certificate_authorities, RFC 9846 §4.3.4), so that the
    /// peer can choose a certificate. Default: none.
    pub authorities: Vec<Vec<u8>>,
}

impl Default for CertificateConfig {
    fn default() -> Self {
        Self {
            own_types: vec![CertificateType::X509],
            peer_types: vec![CertificateType::X509],
            compression: Vec::new(),
            delegated_schemes: Vec::new(),
            request_ocsp: false,
            request_timestamps: false,
            chain_schemes: Vec::new(),
            authorities: Vec::new(),
        }
    }
}

/// The bytes that a list of distinguished names may have: it is a vector `<3..2^16-1>` in an extension.
const MAX_AUTHORITIES_LEN: usize = 0xffff - 2;

impl CertificateConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.own_types.is_empty() || self.peer_types.is_empty() {
            return Err(ConfigError::NoCertificateTypes);
        }
        let known = |number: &CertificateType| number.name().is_some();
        if let Some(number) = self.own_types.iter().chain(&self.peer_types).find(|number| !known(number)) {
            return Err(ConfigError::UnsupportedCertificateType(*number));
        }
        if let Some(algorithm) = self.compression.iter().find(|algorithm| !is_available(**algorithm)) {
            return Err(ConfigError::UnsupportedCompression(*algorithm));
        }
        // RFC 9345 §4: a key under the OID rsaEncryption cannot be delegated.
        if let Some(scheme) = self.delegated_schemes.iter().find(|scheme| !may_be_delegated(**scheme)) {
            return Err(ConfigError::UnsupportedSignatureScheme(*scheme));
        }
        let len = self.authorities.iter().map(|name| name.len().saturating_add(2)).sum::<usize>();
        if len > MAX_AUTHORITIES_LEN || self.authorities.iter().any(Vec::is_empty) {
            return Err(ConfigError::InvalidAuthorities);
        }
        Ok(())
    }
}

/// Whether a delegated key may sign with `scheme`.
//= https://www.rfc-editor.org/rfc/rfc9345#section-4
//# When using RSA, the public key MUST NOT use the rsaEncryption OID.
pub const fn may_be_delegated(scheme: SignatureScheme) -> bool {
    !matches!(
        scheme,
        SignatureScheme::RSA_PSS_RSAE_SHA256
            | SignatureScheme::RSA_PSS_RSAE_SHA384
            | SignatureScheme::RSA_PSS_RSAE_SHA512
    )
}

const fn is_available(algorithm: CertificateCompressionAlgorithm) -> bool {
    cfg!(feature = "certificate-compression")
        && matches!(algorithm, CertificateCompressionAlgorithm::ZLIB | CertificateCompressionAlgorithm::BROTLI)
}
