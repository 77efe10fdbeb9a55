//! Certificates, keys and fingerprints, given as PEM or DER.

use core::time::Duration;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::crypto::rustcrypto::OsRandom;
use crate::error::IdentityError;
use crate::identity::{self, Fingerprint, KeyAlgorithm, pem};
use crate::time::Instant;

use super::failure;

/// How long before now a new certificate becomes valid: peers' clocks differ.
const CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);

/// A day.
const DAY: f64 = 24.0 * 60.0 * 60.0;

/// A certificate that signs itself: its PEM, a zero, its key's PEM. `names` are separated by line feeds.
#[wasm_bindgen(js_name = selfSigned)]
pub fn self_signed(algorithm: &str, names: &str, days: f64, now: f64) -> Result<String, String> {
    let algorithm = match algorithm {
        "P-256" => KeyAlgorithm::P256,
        "Ed25519" => KeyAlgorithm::Ed25519,
        other => return Err(failure::unknown("algorithm", other, &["P-256", "Ed25519"])),
    };
    let names: Vec<&str> = names.split('\n').collect();
    let not_before =
        Instant::from_micros(Instant::from_millis_f64(now).as_micros().saturating_sub(CLOCK_SKEW.as_micros() as u64));
    let valid_for = Duration::try_from_secs_f64(days * DAY).unwrap_or(Duration::MAX).saturating_add(CLOCK_SKEW);
    identity::self_signed(algorithm, &names, not_before, valid_for, &OsRandom)
        .map(|made| format!("{}\0{}", made.certificate_pem(), &*made.private_key_pem()))
        .map_err(|error| failure::identity(&error, "ERR_DTLS_INVALID_OPTION"))
}

/// The SHA-256 fingerprint of a certificate, `AB:CD:…`.
#[wasm_bindgen]
pub fn fingerprint(certificate: &[u8]) -> Result<String, String> {
    let certificates =
        read_certificates(certificate).map_err(|error| failure::identity(&error, "ERR_DTLS_INVALID_CERT"))?;
    let text = Fingerprint::sha256(certificates.first().map(Vec::as_slice).unwrap_or_default()).to_string();
    Ok(text.split_once(' ').map(|(_, value)| value.to_owned()).unwrap_or(text))
}

/// The certificates of PEM text, or the one of DER bytes.
pub(super) fn read_certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, IdentityError> {
    if is_der(bytes) { Ok(vec![bytes.to_vec()]) } else { pem::certificates(&String::from_utf8_lossy(bytes)) }
}

/// The DER of a private key given as PEM or DER.
pub(super) fn private_key_der(bytes: &[u8]) -> Result<Vec<u8>, IdentityError> {
    if is_der(bytes) { Ok(bytes.to_vec()) } else { pem::private_key(&String::from_utf8_lossy(bytes)) }
}

/// Certificates and keys are a SEQUENCE in DER; no PEM text begins with that byte, the digit zero.
fn is_der(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x30)
}
