//! Configurations, built option by option.

use core::time::Duration;
use std::sync::Arc;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::config::{
    CertificateConfig, ClientAuth, ClientConfig, CommonConfig, ConnectionIdConfig, CookiePolicy, ServerConfig,
    default_key_shares,
};
use crate::crypto::rustcrypto::{LocalBackend, OsRandom, credentials, provider};
use crate::crypto::task::{Credentials, PeerVerifier};
use crate::identity::{AcceptAnyVerifier, Fingerprint, FingerprintVerifier, PublicKeyVerifier, WebPkiVerifier};
use crate::wire::registry::{CipherSuite, NamedGroup, SignatureScheme, SrtpProfile};

use super::failure;
use super::identity::{private_key_der, read_certificates};

mod certificates;
mod connection_ids;
mod extensions;
mod psk;
mod records;
mod resumption;

pub(super) use extensions::message_name;

use extensions::Extensions;
use psk::PreSharedKeys;
use records::Records;
use resumption::Resumption;

const INVALID_CERT: &str = "ERR_DTLS_INVALID_CERT";
const INVALID_KEY: &str = "ERR_DTLS_INVALID_KEY";
const INVALID_FINGERPRINT: &str = "ERR_DTLS_INVALID_FINGERPRINT";

/// The SRTP profiles whose keys can be derived.
const SRTP_PROFILES: [SrtpProfile; 4] = [
    SrtpProfile::SRTP_AEAD_AES_128_GCM,
    SrtpProfile::SRTP_AEAD_AES_256_GCM,
    SrtpProfile::SRTP_AES128_CM_HMAC_SHA1_80,
    SrtpProfile::SRTP_AES128_CM_HMAC_SHA1_32,
];

/// A configuration: what was said first, and once it was checked what connections are made with.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Config {
    is_server: bool,
    chain: Vec<Vec<u8>>,
    credentials: Vec<Credentials>,
    trust: Trust,
    certificates: CertificateConfig,
    verify_on_resumption: bool,
    connection_ids: Option<ConnectionIdConfig>,
    client_auth: ClientAuth,
    alpn_protocols: Vec<Vec<u8>>,
    srtp_profiles: Vec<SrtpProfile>,
    srtp_mki: Vec<u8>,
    accept_srtp_mki: bool,
    post_handshake_auth: bool,
    cipher_suites: Option<Vec<CipherSuite>>,
    groups: Option<Vec<NamedGroup>>,
    signature_schemes: Option<Vec<SignatureScheme>>,
    key_shares: Option<Vec<NamedGroup>>,
    max_datagram_size: Option<usize>,
    initial_timeout: Option<Duration>,
    max_timeout: Option<Duration>,
    max_retransmissions: Option<u32>,
    handshake_timeout: Option<Duration>,
    cookie: CookiePolicy,
    extensions: Extensions,
    psks: PreSharedKeys,
    records: Records,
    resumption: Resumption,
    checked: Checked,
}

/// Whom to trust.
#[derive(Clone, Debug)]
enum Trust {
    Nobody,
    Anybody,
    Fingerprints(Vec<Fingerprint>),
    Roots(Roots),
    PublicKeys(Vec<Vec<u8>>),
}

#[derive(Debug)]
enum Checked {
    NotYet,
    Client(Arc<ClientConfig>),
    Server(Arc<ServerConfig>),
}

#[wasm_bindgen]
impl Config {
    /// The defaults.
    #[wasm_bindgen(constructor)]
    pub fn new(is_server: bool) -> Self {
        Self {
            is_server,
            chain: Vec::new(),
            credentials: Vec::new(),
            trust: Trust::Nobody,
            certificates: CertificateConfig::default(),
            verify_on_resumption: false,
            connection_ids: None,
            client_auth: ClientAuth::None,
            alpn_protocols: Vec::new(),
            srtp_profiles: Vec::new(),
            cipher_suites: None,
            groups: None,
            signature_schemes: None,
            key_shares: None,
            max_datagram_size: None,
            initial_timeout: None,
            max_timeout: None,
            max_retransmissions: None,
            handshake_timeout: None,
            cookie: CookiePolicy::Always,
            extensions: Extensions::default(),
            psks: PreSharedKeys::default(),
            records: Records::default(),
            srtp_mki: Vec::new(),
            accept_srtp_mki: false,
            post_handshake_auth: false,
            resumption: Resumption::default(),
            checked: Checked::NotYet,
        }
    }

    /// Adds PEM text, or a DER certificate, to the chain that `useKey` completes.
    #[wasm_bindgen(js_name = addCertificate)]
    pub fn add_certificate(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.chain.extend(read_certificates(bytes).map_err(|error| failure::identity(&error, INVALID_CERT))?);
        Ok(())
    }

    /// Says that this is the private key of the chain.
    #[wasm_bindgen(js_name = useKey)]
    pub fn use_key(&mut self, bytes: &[u8]) -> Result<(), String> {
        use crate::error::IdentityError as E;
        let key = private_key_der(bytes).map_err(|error| failure::identity(&error, INVALID_KEY))?;
        let chain = core::mem::take(&mut self.chain);
        let credentials = credentials(chain, &key).map_err(|error| {
            let code =
                if matches!(error, E::InvalidCertificate { .. } | E::EmptyChain) { INVALID_CERT } else { INVALID_KEY };
            failure::identity(&error, code)
        })?;
        self.credentials.push(credentials);
        Ok(())
    }

    /// Trusts peers whose certificate leads to one of these roots.
    #[wasm_bindgen(js_name = setRoots)]
    pub fn set_roots(&mut self, roots: &Roots) {
        self.trust = Trust::Roots(roots.clone());
    }

    /// Trusts peers whose certificate has this fingerprint, or one that was added before.
    #[wasm_bindgen(js_name = addFingerprint)]
    pub fn add_fingerprint(&mut self, text: &str) -> Result<(), String> {
        let fingerprint = text.parse().map_err(|error| failure::identity(&error, INVALID_FINGERPRINT))?;
        match &mut self.trust {
            Trust::Fingerprints(fingerprints) => fingerprints.push(fingerprint),
            trust => *trust = Trust::Fingerprints(vec![fingerprint]),
        }
        Ok(())
    }

    /// Trusts everybody.
    #[wasm_bindgen(js_name = acceptAnyPeer)]
    pub fn accept_any_peer(&mut self) {
        self.trust = Trust::Anybody;
    }

    /// Servers: asks for a client certificate, and insists on one if it is `required`.
    #[wasm_bindgen(js_name = requestCertificate)]
    pub fn request_certificate(&mut self, required: bool) {
        self.client_auth = if required { ClientAuth::Required } else { ClientAuth::Optional };
    }

    /// Adds an application protocol.
    #[wasm_bindgen(js_name = addAlpnProtocol)]
    pub fn add_alpn_protocol(&mut self, name: &str) {
        self.alpn_protocols.push(name.as_bytes().to_vec());
    }

    /// Adds an SRTP profile.
    #[wasm_bindgen(js_name = addSrtpProfile)]
    pub fn add_srtp_profile(&mut self, name: &str) -> Result<(), String> {
        self.srtp_profiles.push(named("srtpProfiles", name, &SRTP_PROFILES, |profile| profile.name())?);
        Ok(())
    }

    /// Clients: sets the master key identifier to offer for SRTP.
    #[wasm_bindgen(js_name = setSrtpMki)]
    pub fn set_srtp_mki(&mut self, mki: Vec<u8>) {
        self.srtp_mki = mki;
    }

    /// Servers: agrees to the master key identifier that a client offers for SRTP.
    #[wasm_bindgen(js_name = acceptSrtpMki)]
    pub fn accept_srtp_mki(&mut self) {
        self.accept_srtp_mki = true;
    }

    /// Clients: judges the certificate of a resumed connection once more.
    #[wasm_bindgen(js_name = verifyOnResumption)]
    pub fn verify_on_resumption(&mut self) {
        self.verify_on_resumption = true;
    }

    /// Sets the schemes that the peer may sign with: names with colons between them.
    #[wasm_bindgen(js_name = setSignatureSchemes)]
    pub fn set_signature_schemes(&mut self, names: &str) -> Result<(), String> {
        self.signature_schemes = Some(certificates::schemes("signatureSchemes", names)?);
        Ok(())
    }

    /// Clients: lets the server ask for a certificate after the handshake.
    #[wasm_bindgen(js_name = allowPostHandshakeAuth)]
    pub fn allow_post_handshake_auth(&mut self) {
        self.post_handshake_auth = true;
    }

    /// Sets the cipher suites: names with colons between them.
    #[wasm_bindgen(js_name = setCipherSuites)]
    pub fn set_cipher_suites(&mut self, names: &str) -> Result<(), String> {
        self.cipher_suites = Some(cipher_suites(names)?);
        Ok(())
    }

    /// Sets the groups: names with colons between them.
    #[wasm_bindgen(js_name = setGroups)]
    pub fn set_groups(&mut self, names: &str) -> Result<(), String> {
        self.groups = Some(groups("groups", names)?);
        Ok(())
    }

    /// Clients: sets the groups to send key shares for: names with colons between them, or nothing.
    #[wasm_bindgen(js_name = setKeyShares)]
    pub fn set_key_shares(&mut self, names: &str) -> Result<(), String> {
        self.key_shares = Some(if names.is_empty() { Vec::new() } else { groups("keyShares", names)? });
        Ok(())
    }

    /// Sets the largest datagram to send.
    #[wasm_bindgen(js_name = setMaxDatagramSize)]
    pub fn set_max_datagram_size(&mut self, bytes: f64) {
        // What is no size saturates to one that is out of range, which `check` refuses.
        self.max_datagram_size = Some(bytes as usize);
    }

    /// Sets times, in milliseconds, and how often a flight is sent again.
    #[wasm_bindgen(js_name = setTimeouts)]
    pub fn set_timeouts(
        &mut self,
        initial: Option<f64>,
        longest: Option<f64>,
        retransmissions: Option<u32>,
        handshake: Option<f64>,
    ) {
        self.initial_timeout = initial.map(duration);
        self.max_timeout = longest.map(duration);
        self.max_retransmissions = retransmissions;
        self.handshake_timeout = handshake.map(duration);
    }

    /// Servers: asks no client for a cookie.
    #[wasm_bindgen(js_name = withoutCookie)]
    pub fn without_cookie(&mut self) {
        self.cookie = CookiePolicy::Never;
    }

    /// Checks all of it, after which connections can be made.
    pub fn check(&mut self) -> Result<(), String> {
        let provider = Arc::new(provider());
        let mut certificates = CertificateConfig::default();
        self.apply_certificates(&mut certificates);
        let mut backend = LocalBackend::new(Arc::new(OsRandom));
        if let Some(verifier) = self.trust.verifier()? {
            backend = backend.with_verifier(verifier);
        }
        for credentials in self.credentials.drain(..) {
            backend = backend.with_credentials(credentials);
        }
        let backend = Arc::new(self.psks.apply_to_backend(backend));
        if self.is_server {
            let mut config = ServerConfig::new(provider, backend);
            self.apply(&mut config.common);
            config.common.certificates = certificates;
            config.client_auth = self.client_auth;
            config.cookie = self.cookie;
            config.accept_srtp_mki = self.accept_srtp_mki;
            self.psks.apply_to_server(&mut config);
            self.resumption.apply_to_server(&mut config);
            config.validate().map_err(|error| failure::config(&error))?;
            self.checked = Checked::Server(Arc::new(config));
        } else {
            let mut config = ClientConfig::new(provider, backend);
            self.apply(&mut config.common);
            config.common.certificates = certificates;
            config.key_shares = self.key_shares.take().unwrap_or_else(|| default_key_shares(&config.common.groups));
            config.post_handshake_auth = self.post_handshake_auth;
            config.verify_on_resumption = self.verify_on_resumption;
            self.psks.apply_to_client(&mut config);
            self.resumption.apply_to_client(&mut config);
            config.validate().map_err(|error| failure::config(&error))?;
            self.checked = Checked::Client(Arc::new(config));
        }
        Ok(())
    }
}

impl Config {
    /// The configuration of a client.
    pub(super) fn client(&self) -> Result<Arc<ClientConfig>, String> {
        match &self.checked {
            Checked::Client(config) => Ok(Arc::clone(config)),
            _ => {
                Err(failure::thrown("ERR_DTLS_INVALID_OPTION", "a client's connection needs a client's configuration"))
            }
        }
    }

    /// The configuration of a server.
    pub(super) fn server(&self) -> Result<Arc<ServerConfig>, String> {
        match &self.checked {
            Checked::Server(config) => Ok(Arc::clone(config)),
            _ => {
                Err(failure::thrown("ERR_DTLS_INVALID_OPTION", "a server's connection needs a server's configuration"))
            }
        }
    }

    const fn is_checked(&self) -> bool {
        !matches!(self.checked, Checked::NotYet)
    }

    fn apply(&mut self, common: &mut CommonConfig) {
        common.alpn_protocols = core::mem::take(&mut self.alpn_protocols);
        common.srtp_profiles = core::mem::take(&mut self.srtp_profiles);
        self.extensions.apply(common);
        self.records.apply(common);
        self.apply_connection_ids(&mut common.connection_ids);
        common.srtp_mki = core::mem::take(&mut self.srtp_mki);
        set(&mut common.cipher_suites, self.cipher_suites.take());
        set(&mut common.groups, self.groups.take());
        set(&mut common.signature_schemes, self.signature_schemes.take());
        set(&mut common.transport.max_datagram_size, self.max_datagram_size);
        set(&mut common.transport.initial_timeout, self.initial_timeout);
        set(&mut common.transport.max_retransmissions, self.max_retransmissions);
        set(&mut common.transport.handshake_timeout, self.handshake_timeout);
        // A first wait that is longer than the longest by default is the longest.
        let longest = common.transport.max_timeout.max(common.transport.initial_timeout);
        common.transport.max_timeout = self.max_timeout.unwrap_or(longest);
    }
}

impl Trust {
    fn verifier(&self) -> Result<Option<Arc<dyn PeerVerifier>>, String> {
        Ok(match self {
            Self::Nobody => None,
            Self::Anybody => Some(Arc::new(AcceptAnyVerifier)),
            Self::PublicKeys(keys) => Some(Arc::new(PublicKeyVerifier::new(keys.clone()))),
            Self::Fingerprints(fingerprints) => Some(Arc::new(FingerprintVerifier::new(fingerprints.clone()))),
            Self::Roots(roots) => {
                let verifier = WebPkiVerifier::new(&roots.certificates)
                    .map_err(|error| failure::identity(&error, INVALID_CERT))?;
                Some(Arc::new(verifier))
            }
        })
    }
}

/// Root certificates.
#[wasm_bindgen]
#[derive(Clone, Debug, Default)]
pub struct Roots {
    certificates: Arc<Vec<Vec<u8>>>,
}

#[wasm_bindgen]
impl Roots {
    /// None yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds PEM text, or a DER certificate.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), String> {
        let certificates = read_certificates(bytes).map_err(|error| failure::identity(&error, INVALID_CERT))?;
        Arc::make_mut(&mut self.certificates).extend(certificates);
        Ok(())
    }
}

/// The cipher suites of names with colons between them.
pub(super) fn cipher_suites(names: &str) -> Result<Vec<CipherSuite>, String> {
    let known: Vec<_> = provider().suites.iter().map(|suite| suite.id).collect();
    names.split(':').map(|name| named("ciphers", name, &known, |suite| suite.name())).collect()
}

/// The groups of names with colons between them.
pub(super) fn groups(option: &str, names: &str) -> Result<Vec<NamedGroup>, String> {
    let known = provider().groups;
    names.split(':').map(|name| named(option, name, &known, |group| group.name())).collect()
}

/// The one of `known` that is called `name`, whatever the case of its letters.
fn named<T: Copy>(
    option: &str,
    name: &str,
    known: &[T],
    name_of: impl Fn(T) -> Option<&'static str>,
) -> Result<T, String> {
    let name = name.trim();
    let found = known.iter().copied().find(|value| name_of(*value).is_some_and(|text| text.eq_ignore_ascii_case(name)));
    found.ok_or_else(|| {
        let names: Vec<_> = known.iter().filter_map(|value| name_of(*value)).collect();
        failure::unknown(option, name, &names)
    })
}

fn duration(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or(Duration::MAX)
}

fn set<T>(to: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *to = value;
    }
}
