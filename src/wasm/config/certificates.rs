//! Raw public keys, and what comes along with certificates.

use wasm_bindgen::prelude::wasm_bindgen;

use super::{Config, INVALID_KEY, Trust};
use crate::config::CertificateConfig;
use crate::crypto::rustcrypto::raw_public_key;
use crate::wasm::failure;
use crate::wasm::identity::private_key_der;
use crate::wire::registry::CertificateType;

#[wasm_bindgen]
impl Config {
    /// Says that this private key is ours, whose public key is shown to peers that accept one without a certificate.
    #[wasm_bindgen(js_name = useRawKey)]
    pub fn use_raw_key(&mut self, bytes: &[u8]) -> Result<(), String> {
        let key = private_key_der(bytes).map_err(|error| failure::identity(&error, INVALID_KEY))?;
        let credentials = raw_public_key(&key).map_err(|error| failure::identity(&error, INVALID_KEY))?;
        self.credentials.push(credentials);
        Ok(())
    }

    /// Trusts peers that have this public key, DER, or one that was added before, and no certificates.
    #[wasm_bindgen(js_name = addPublicKey)]
    pub fn add_public_key(&mut self, spki: Vec<u8>) {
        match &mut self.trust {
            Trust::PublicKeys(keys) => keys.push(spki),
            trust => *trust = Trust::PublicKeys(vec![spki]),
        }
    }

    /// Asks for an OCSP response.
    #[wasm_bindgen(js_name = requestOcsp)]
    pub fn request_ocsp(&mut self) {
        self.request_ocsp = true;
    }

    /// Staples an OCSP response to the certificate that was added last.
    #[wasm_bindgen(js_name = stapleOcspResponse)]
    pub fn staple_ocsp_response(&mut self, der: Vec<u8>) {
        if let Some(credentials) = self.credentials.pop() {
            self.credentials.push(credentials.with_ocsp_response(der));
        }
    }
}

impl Config {
    /// What is said and accepted about certificates.
    pub(super) fn apply_certificates(&self, config: &mut CertificateConfig) {
        config.request_ocsp = self.request_ocsp;
        if matches!(self.trust, Trust::PublicKeys(_)) {
            config.peer_types = vec![CertificateType::RAW_PUBLIC_KEY];
        }
        if self.credentials.is_empty() {
            return;
        }
        // A raw public key is smaller than a certificate: whoever accepts it gets it.
        let has = |certificate_type| self.credentials.iter().any(|own| own.certificate_type == certificate_type);
        config.own_types =
            [CertificateType::RAW_PUBLIC_KEY, CertificateType::X509].into_iter().filter(|own| has(*own)).collect();
    }
}
