//! PEM text (RFC 7468): certificates and private keys.

use rustls_pki_types::pem::{Error, PemObject, SectionKind};

use crate::error::IdentityError;

/// The certificates in `pem`, DER, in the order of the text; at least one. Other blocks are passed over.
pub fn certificates(pem: &str) -> Result<Vec<Vec<u8>>, IdentityError> {
    let mut certificates = Vec::new();
    for block in blocks(pem) {
        if let (SectionKind::Certificate, der) = block? {
            certificates.push(der);
        }
    }
    if certificates.is_empty() { Err(missing(pem, "CERTIFICATE")) } else { Ok(certificates) }
}

/// The first private key in `pem`, PKCS#8, SEC1 or PKCS#1 as it stands there, DER. Other blocks are passed over.
pub fn private_key(pem: &str) -> Result<Vec<u8>, IdentityError> {
    for block in blocks(pem) {
        let (kind, der) = block?;
        if matches!(kind, SectionKind::PrivateKey | SectionKind::EcPrivateKey | SectionKind::RsaPrivateKey) {
            return Ok(der);
        }
    }
    if labels(pem).any(|label| label == "ENCRYPTED PRIVATE KEY") {
        return Err(IdentityError::EncryptedPrivateKey);
    }
    Err(missing(pem, "PRIVATE KEY"))
}

fn blocks(pem: &str) -> impl Iterator<Item = Result<(SectionKind, Vec<u8>), IdentityError>> {
    <(SectionKind, Vec<u8>)>::pem_slice_iter(pem.as_bytes()).map(|block| block.map_err(damaged))
}

fn damaged(error: Error) -> IdentityError {
    IdentityError::MalformedPem(match error {
        Error::MissingSectionEnd { .. } => "a block has no -----END line of its own".into(),
        Error::IllegalSectionStart { .. } => "a -----BEGIN line does not end with five hyphens".into(),
        Error::Base64Decode(reason) => format!("a block is not base64 ({reason})"),
        other => other.to_string(),
    })
}

fn missing(pem: &str, wanted: &'static str) -> IdentityError {
    IdentityError::MissingPemBlock { wanted, found: labels(pem).map(str::to_owned).collect() }
}

/// The labels of all blocks, those that are passed over too.
fn labels(pem: &str) -> impl Iterator<Item = &str> {
    pem.lines().filter_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
}
