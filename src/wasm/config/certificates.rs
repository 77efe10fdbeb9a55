//! Raw public keys, and what comes along with certificates.

use wasm_bindgen::prelude::wasm_bindgen;

use super::{Config, INVALID_KEY, Trust, named};
use crate::codec::Decode as _;
use crate::config::CertificateConfig;
use crate::crypto::rustcrypto::{provider, raw_public_key, signing_key};
use crate::crypto::task::SigningKeyRef;
use crate::wasm::failure;
use crate::wasm::identity::private_key_der;
use crate::wire::delegated_credential::DelegatedCredential;
use crate::wire::registry::{CertificateCompressionAlgorithm, CertificateType, SignatureScheme};

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
        self.certificates.request_ocsp = true;
    }

    /// Asks for certificate timestamps.
    #[wasm_bindgen(js_name = requestTimestamps)]
    pub fn request_timestamps(&mut self) {
        self.certificates.request_timestamps = true;
    }

    /// Names an authority that we trust, DER.
    #[wasm_bindgen(js_name = addAuthority)]
    pub fn add_authority(&mut self, name: Vec<u8>) {
        self.certificates.authorities.push(name);
    }

    /// Sets the schemes that certificates of the peer's chain may be signed with: names with colons between them.
    #[wasm_bindgen(js_name = setChainSchemes)]
    pub fn set_chain_schemes(&mut self, names: &str) -> Result<(), String> {
        self.certificates.chain_schemes = schemes("certificateSignatureSchemes", names)?;
        Ok(())
    }

    /// Sets the schemes that the key of a delegated credential of the peer may sign with.
    #[wasm_bindgen(js_name = setDelegatedSchemes)]
    pub fn set_delegated_schemes(&mut self, names: &str) -> Result<(), String> {
        self.certificates.delegated_schemes = schemes("delegatedCredentials", names)?;
        Ok(())
    }

    /// Sets the algorithms by which certificates may be compressed.
    #[wasm_bindgen(js_name = setCertificateCompression)]
    pub fn set_certificate_compression(&mut self, names: &str) -> Result<(), String> {
        use CertificateCompressionAlgorithm as A;
        let known = [A::ZLIB, A::BROTLI];
        let algorithms =
            names.split(':').map(|name| named("certificateCompression", name, &known, |algorithm| algorithm.name()));
        self.certificates.compression = algorithms.collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Staples a `SignedCertificateTimestampList` to the certificate that was added last.
    #[wasm_bindgen(js_name = stapleTimestamps)]
    pub fn staple_timestamps(&mut self, list: Vec<u8>) {
        if let Some(credentials) = self.credentials.pop() {
            self.credentials.push(credentials.with_signed_certificate_timestamps(list));
        }
    }

    /// Shows a delegated credential with the certificate that was added last, to peers that accept one; `key` is its key.
    #[wasm_bindgen(js_name = delegateTo)]
    pub fn delegate_to(&mut self, credential: &[u8], key: &[u8]) -> Result<(), String> {
        let key = private_key_der(key).map_err(|error| failure::identity(&error, INVALID_KEY))?;
        let key = signing_key(&key).map_err(|error| failure::identity(&error, INVALID_KEY))?;
        let credential = DelegatedCredential::decode_all(credential).map_err(|error| {
            failure::thrown("ERR_DTLS_INVALID_CERT", format!("the delegated credential cannot be read: {error}"))
        })?;
        if let Some(own) = self.credentials.last().cloned() {
            // Peers that accept no delegated credential get the certificate as it is.
            let delegated = own.with_delegated_credential(credential, SigningKeyRef::Local(key));
            let place = self.credentials.len().saturating_sub(1);
            self.credentials.insert(place, delegated);
        }
        Ok(())
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
        config.clone_from(&self.certificates);
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

/// The signature schemes of names with colons between them.
pub(super) fn schemes(option: &str, names: &str) -> Result<Vec<SignatureScheme>, String> {
    let known = provider().schemes;
    names.split(':').map(|name| named(option, name, &known, |scheme| scheme.name())).collect()
}
