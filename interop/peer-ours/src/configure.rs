//! From the flags to the library's configuration.

use std::fs::{self, File, OpenOptions};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use dtls_wasm::codec::Decode as _;
use dtls_wasm::config::{
    CertificateConfig, ClientAuth, ClientConfig, CommonConfig, CookiePolicy, Padding, ServerConfig, default_key_shares,
};
use dtls_wasm::crypto::CryptoProvider;
use dtls_wasm::crypto::psk::{ExternalKey, HashAlgorithm, Psk, PskMode};
use dtls_wasm::crypto::rustcrypto::{LocalBackend, OsRandom, credentials, provider, raw_public_key};
use dtls_wasm::crypto::task::{Credentials, PeerVerifier};
use dtls_wasm::identity::{
    AcceptAnyVerifier, Fingerprint, FingerprintVerifier, PublicKeyVerifier, WebPkiVerifier, pem,
};
use dtls_wasm::ticket::{LocalStrikeRegister, SealedTickets};
use dtls_wasm::time::Instant;
use dtls_wasm::wire::delegated_credential::DelegatedCredential;
use dtls_wasm::wire::registry::{
    CertificateCompressionAlgorithm, CertificateType, CipherSuite, NamedGroup, SignatureScheme, SrtpProfile,
};
use peer::stack::by_name;
use peer::{Flags, Role};

pub const SUITES: &[(&str, CipherSuite)] = &[
    ("TLS_AES_128_GCM_SHA256", CipherSuite::TLS_AES_128_GCM_SHA256),
    ("TLS_AES_256_GCM_SHA384", CipherSuite::TLS_AES_256_GCM_SHA384),
    ("TLS_CHACHA20_POLY1305_SHA256", CipherSuite::TLS_CHACHA20_POLY1305_SHA256),
    ("TLS_AES_128_CCM_SHA256", CipherSuite::TLS_AES_128_CCM_SHA256),
    ("TLS_AES_128_CCM_8_SHA256", CipherSuite::TLS_AES_128_CCM_8_SHA256),
];

const COMPRESSIONS: &[(&str, CertificateCompressionAlgorithm)] =
    &[("zlib", CertificateCompressionAlgorithm::ZLIB), ("brotli", CertificateCompressionAlgorithm::BROTLI)];

const MODES: &[(&str, PskMode)] = &[("psk_ke", PskMode::PskOnly), ("psk_dhe_ke", PskMode::PskWithKeyShare)];

pub const GROUPS: &[(&str, NamedGroup)] = &[
    ("secp256r1", NamedGroup::SECP256R1),
    ("x25519", NamedGroup::X25519),
    ("X25519MLKEM768", NamedGroup::X25519MLKEM768),
];

pub const PROFILES: &[(&str, SrtpProfile)] = &[
    ("SRTP_AES128_CM_HMAC_SHA1_80", SrtpProfile::SRTP_AES128_CM_HMAC_SHA1_80),
    ("SRTP_AES128_CM_HMAC_SHA1_32", SrtpProfile::SRTP_AES128_CM_HMAC_SHA1_32),
    ("SRTP_AEAD_AES_128_GCM", SrtpProfile::SRTP_AEAD_AES_128_GCM),
    ("SRTP_AEAD_AES_256_GCM", SrtpProfile::SRTP_AEAD_AES_256_GCM),
];

/// How much early data a server takes.
const EARLY_DATA: u32 = 4_096;

pub fn client(flags: &Flags) -> Result<Arc<ClientConfig>, String> {
    let common = common(flags)?;
    let mut config = ClientConfig::new(Arc::clone(&common.provider), Arc::clone(&common.backend));
    config.key_shares = match &flags.key_shares {
        Some(names) => all_by_name(GROUPS, names)?,
        None => default_key_shares(&common.groups),
    };
    config.psks = psks(flags, &common.provider)?;
    config.psk_only = !config.psks.is_empty();
    config.psk_modes = psk_modes(flags)?;
    config.resumption = flags.tickets;
    config.post_handshake_auth = flags.post_handshake_auth;
    config.common = common;
    Ok(Arc::new(config))
}

pub fn server(flags: &Flags) -> Result<Arc<ServerConfig>, String> {
    let common = common(flags)?;
    let mut config = ServerConfig::new(Arc::clone(&common.provider), Arc::clone(&common.backend));
    config.client_auth = if flags.client_auth { ClientAuth::Required } else { ClientAuth::None };
    config.cookie = if flags.no_cookie { CookiePolicy::Never } else { CookiePolicy::Always };
    config.look_up_psks = !flags.psks.is_empty();
    config.psk_only = config.look_up_psks && flags.cert.is_none();
    config.psk_modes = psk_modes(flags)?;
    if flags.tickets {
        let tickets = SealedTickets::new(&common.provider, config.ticket_lifetime, now());
        if flags.early > 0 {
            config.max_early_data = EARLY_DATA;
            config.strike_register = Some(Arc::new(LocalStrikeRegister::new(now())));
        }
        config.tickets = Some(Arc::new(tickets.map_err(|_| "there are no random bytes")?));
    }
    config.common = common;
    Ok(Arc::new(config))
}

fn psk_modes(flags: &Flags) -> Result<Vec<PskMode>, String> {
    if flags.psk_modes.is_empty() {
        return Ok(vec![PskMode::PskWithKeyShare]);
    }
    all_by_name(MODES, &flags.psk_modes)
}

fn psks(flags: &Flags, provider: &CryptoProvider) -> Result<Vec<Arc<Psk>>, String> {
    let mut psks = Vec::new();
    for psk in &flags.psks {
        let hash = if psk.sha384 { HashAlgorithm::Sha384 } else { HashAlgorithm::Sha256 };
        let (identity, secret) = (psk.identity.as_bytes(), psk.secret.as_slice());
        if flags.import {
            let key = ExternalKey { identity, context: Flags::IMPORT_CONTEXT, secret, hash };
            let both = [HashAlgorithm::Sha256, HashAlgorithm::Sha384];
            psks.extend(Psk::import(provider, &key, &both).map_err(|error| error.to_string())?);
        } else {
            psks.push(Psk::external(identity, secret, hash).map_err(|error| error.to_string())?);
        }
    }
    Ok(psks.into_iter().map(Arc::new).collect())
}

/// The file of the key log, if one is asked for.
pub fn key_log_file(flags: &Flags) -> Result<Option<Arc<File>>, String> {
    flags.keylog.as_ref().map_or(Ok(None), |path| {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.map(|file| Some(Arc::new(file))).map_err(|error| format!("{path}: {error}"))
    })
}

/// The time of the system's clock.
pub fn now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

fn common(flags: &Flags) -> Result<CommonConfig, String> {
    let mut backend = LocalBackend::new(Arc::new(OsRandom)).with_verifier(verifier(flags)?);
    if let Some(credentials) = own_credentials(flags)? {
        backend = backend.with_credentials(credentials);
    }
    let provider = provider();
    if flags.role == Role::Server {
        for psk in psks(flags, &provider)? {
            backend = backend.with_psk(psk);
        }
    }
    let mut common = CommonConfig::new(Arc::new(provider), Arc::new(backend));
    common.certificates = certificates(flags)?;
    common.padding = flags.pad.map_or(Padding::None, Padding::Block);
    common.srtp_mki.clone_from(&flags.mki);
    if let Some(length) = flags.cid {
        common.connection_ids.length = u8::try_from(length).map_err(|error| error.to_string())?;
    }
    common.grease = flags.grease;
    common.permute_extensions = flags.permute;
    if !flags.suites.is_empty() {
        common.cipher_suites = all_by_name(SUITES, &flags.suites)?;
    }
    if !flags.groups.is_empty() {
        common.groups = all_by_name(GROUPS, &flags.groups)?;
    }
    common.srtp_profiles = all_by_name(PROFILES, &flags.srtp)?;
    common.alpn_protocols = flags.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    if let Some(mtu) = flags.mtu {
        common.transport.max_datagram_size = mtu;
    }
    common.validate().map_err(|error| error.to_string())?;
    Ok(common)
}

fn own_credentials(flags: &Flags) -> Result<Option<Credentials>, String> {
    let Some(key_file) = &flags.key else { return Ok(None) };
    let said = |error: &dyn std::fmt::Display| format!("{key_file}: {error}");
    let key = pem::private_key(&text(key_file)?).map_err(|error| said(&error))?;
    if flags.raw_key.is_some() {
        return raw_public_key(&key).map(Some).map_err(|error| said(&error));
    }
    let Some(cert) = &flags.cert else { return Ok(None) };
    let chain = pem::certificates(&text(cert)?).map_err(|error| format!("{cert}: {error}"))?;
    let mut own = credentials(chain, &key).map_err(|error| said(&error))?;
    if let Some(file) = &flags.ocsp {
        own = own.with_ocsp_response(bytes(file)?);
    }
    if let (Some(file), Role::Server) = (&flags.delegated, flags.role) {
        let delegated = DelegatedCredential::decode_all(&bytes(file)?).map_err(|error| format!("{file}: {error}"))?;
        let key = pem::private_key(&text(&format!("{file}.key"))?).map_err(|error| format!("{file}.key: {error}"))?;
        let key = raw_public_key(&key).map_err(|error| format!("{file}.key: {error}"))?.key;
        own = own.with_delegated_credential(delegated, key);
    }
    Ok(Some(own))
}

fn certificates(flags: &Flags) -> Result<CertificateConfig, String> {
    let mut config = CertificateConfig::default();
    if flags.raw_key.is_some() {
        config.own_types = vec![CertificateType::RAW_PUBLIC_KEY];
    }
    if flags.peer_key.is_some() {
        config.peer_types = vec![CertificateType::RAW_PUBLIC_KEY];
    }
    config.compression = all_by_name(COMPRESSIONS, &flags.compress)?;
    if flags.role == Role::Client && flags.delegated.is_some() {
        config.delegated_schemes = vec![SignatureScheme::ECDSA_SECP256R1_SHA256];
    }
    config.request_ocsp = flags.request_ocsp;
    Ok(config)
}

fn verifier(flags: &Flags) -> Result<Arc<dyn PeerVerifier>, String> {
    if let Some(value) = &flags.fingerprint {
        let fingerprint: Fingerprint =
            format!("sha-256 {value}").parse().map_err(|error| format!("--fingerprint: {error}"))?;
        return Ok(Arc::new(FingerprintVerifier::new(vec![fingerprint])));
    }
    if let Some(file) = &flags.peer_key {
        return Ok(Arc::new(PublicKeyVerifier::new(vec![bytes(file)?])));
    }
    match &flags.ca {
        Some(ca) => {
            let roots = pem::certificates(&text(ca)?).map_err(|error| format!("{ca}: {error}"))?;
            Ok(Arc::new(WebPkiVerifier::new(&roots).map_err(|error| format!("{ca}: {error}"))?))
        }
        // The test compares the certificate itself.
        None => Ok(Arc::new(AcceptAnyVerifier)),
    }
}

fn all_by_name<T: Copy>(table: &[(&str, T)], names: &[String]) -> Result<Vec<T>, String> {
    names.iter().map(|name| by_name(table, name)).collect()
}

fn bytes(path: &str) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{path}: {error}"))
}

fn text(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}
