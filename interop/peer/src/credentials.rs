//! Certificates and keys from the PEM files that the flags name.

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::flags::Flags;

/// The own chain in DER, leaf first; empty without `--cert`.
pub fn own_chain(flags: &Flags) -> Result<Vec<Vec<u8>>, String> {
    flags.cert.as_deref().map_or(Ok(Vec::new()), certificates)
}

/// The own private key in DER (PKCS #8).
pub fn own_key(flags: &Flags) -> Result<Vec<u8>, String> {
    let file = flags.key.as_deref().ok_or("--key is missing")?;
    let key = PrivateKeyDer::from_pem_file(file).map_err(|error| format!("{file}: {error}"))?;
    Ok(key.secret_der().to_vec())
}

/// The roots in DER; empty without `--ca`.
pub fn roots(flags: &Flags) -> Result<Vec<Vec<u8>>, String> {
    flags.ca.as_deref().map_or(Ok(Vec::new()), certificates)
}

fn certificates(file: &str) -> Result<Vec<Vec<u8>>, String> {
    CertificateDer::pem_file_iter(file)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map(|certificates| certificates.into_iter().map(|certificate| certificate.to_vec()).collect())
        .map_err(|error| format!("{file}: {error}"))
}
