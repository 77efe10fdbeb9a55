//! From the flags to BoringSSL's settings.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::{Arc, Mutex};

use boring::ssl::{
    AlpnError, Ssl, SslContext, SslContextBuilder, SslFiletype, SslMethod, SslSession, SslSessionCacheMode,
    SslSignatureAlgorithm, SslVerifyMode, SslVersion, select_next_proto,
};
use boring_sys as ffi;
use foreign_types::ForeignType;
use peer::stack::{by_name, name_of};
use peer::{Flags, Role};

use crate::credentials;

/// Registered names of groups, and their code points, which are also BoringSSL's.
pub const GROUPS: &[(&str, u16)] = &[("secp256r1", 23), ("secp384r1", 24), ("x25519", 29), ("X25519MLKEM768", 0x11ec)];

/// Registered names of SRTP protection profiles, and BoringSSL's.
const PROFILES: &[(&str, &str)] = &[
    ("SRTP_AES128_CM_HMAC_SHA1_80", "SRTP_AES128_CM_SHA1_80"),
    ("SRTP_AES128_CM_HMAC_SHA1_32", "SRTP_AES128_CM_SHA1_32"),
    ("SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_128_GCM"),
    ("SRTP_AEAD_AES_256_GCM", "SRTP_AEAD_AES_256_GCM"),
];

/// What BoringSSL may verify; its own default leaves Ed25519 out.
const VERIFIABLE: &[SslSignatureAlgorithm] = &[
    SslSignatureAlgorithm::ECDSA_SECP256R1_SHA256,
    SslSignatureAlgorithm::ED25519,
    SslSignatureAlgorithm::RSA_PSS_RSAE_SHA256,
];

/// Where the context leaves the newest session that a client can resume.
pub type Kept = Arc<Mutex<Option<SslSession>>>;

/// A connection's `Ssl`, ready for its first flight.
pub fn ssl(context: &SslContext, flags: &Flags) -> Result<Ssl, String> {
    let mut ssl = Ssl::new(context).map_err(text)?;
    if let Some(mtu) = flags.mtu {
        ssl.set_mtu(u32::try_from(mtu).map_err(text)?).map_err(text)?;
    }
    set_groups(&mut ssl, flags)?;
    if flags.role == Role::Client
        && let Some(name) = &flags.name
    {
        ssl.set_hostname(name).map_err(text)?;
        if flags.ca.is_some() {
            ssl.param_mut().set_host(name).map_err(text)?;
        }
    }
    if let Some(file) = &flags.ocsp {
        ssl.set_ocsp_status(&fs::read(file).map_err(text)?).map_err(text)?;
    }
    Ok(ssl)
}

/// The registered name of the profile that BoringSSL calls `name`.
pub fn registered_profile(name: &str) -> String {
    PROFILES
        .iter()
        .find_map(|(registered, own)| (*own == name).then(|| (*registered).to_owned()))
        .unwrap_or_else(|| name_of(&[], &name))
}

/// What BoringSSL cannot be asked for, in a sentence.
fn missing(flags: &Flags) -> Option<&'static str> {
    let wanted = [
        (!flags.suites.is_empty(), "a choice of TLS 1.3 cipher suites: choose them on the other side"),
        (!flags.psks.is_empty() && !flags.import, "external pre-shared keys that are not imported"),
        (!flags.psk_modes.is_empty(), "a choice of the modes of pre-shared keys"),
        (flags.early > 0, "early data in DTLS"),
        (flags.request_auth.is_some() || flags.post_handshake_auth, "authentication after the handshake"),
        (flags.cid.is_some(), "connection IDs"),
        (flags.pad.is_some(), "padding"),
        (!flags.mki.is_empty(), "SRTP master key identifiers"),
        (flags.role == Role::Client && flags.delegated.is_some(), "delegated credentials in clients"),
    ];
    wanted.into_iter().find_map(|(wanted, what)| wanted.then_some(what))
}

/// The settings of all connections of this process.
pub fn context(flags: &Flags, kept: &Kept) -> Result<SslContext, String> {
    if let Some(what) = missing(flags) {
        return Err(format!("BoringSSL does not have {what}"));
    }
    let mut builder = SslContextBuilder::new(SslMethod::dtls()).map_err(text)?;
    builder.set_min_proto_version(Some(SslVersion::DTLS1_3)).map_err(text)?;
    builder.set_max_proto_version(Some(SslVersion::DTLS1_3)).map_err(text)?;
    builder.set_verify_algorithm_prefs(VERIFIABLE).map_err(text)?;
    if flags.raw_key.is_some() || flags.delegated.is_some() || !flags.psks.is_empty() {
        credentials::set(&mut builder, flags)?;
    } else {
        set_certificate(&mut builder, flags)?;
    }
    set_verification(&mut builder, flags)?;
    credentials::set_compression(&mut builder, flags)?;
    if flags.request_ocsp {
        builder.enable_ocsp_stapling();
    }
    builder.set_grease_enabled(flags.grease);
    builder.set_permute_extensions(flags.permute);
    set_sessions(&mut builder, flags, kept)?;
    if !flags.srtp.is_empty() {
        let profiles = flags.srtp.iter().map(|name| by_name(PROFILES, name)).collect::<Result<Vec<_>, _>>()?;
        builder.set_tlsext_use_srtp(&profiles.join(":")).map_err(text)?;
    }
    set_alpn(&mut builder, flags)?;
    if let Some(file) = &flags.keylog {
        let file = OpenOptions::new().create(true).append(true).open(file).map_err(text)?;
        builder.set_keylog_callback(move |_, line| {
            let _ = (&file).write_all(format!("{line}\n").as_bytes());
        });
    }
    Ok(builder.build())
}

fn set_sessions(builder: &mut SslContextBuilder, flags: &Flags, kept: &Kept) -> Result<(), String> {
    // A server that authenticates clients resumes nothing without such a name.
    builder.set_session_id_context(b"interop").map_err(text)?;
    if flags.role == Role::Client && flags.tickets {
        builder.set_session_cache_mode(SslSessionCacheMode::CLIENT);
        let kept = Arc::clone(kept);
        builder.set_new_session_callback(move |_, session| {
            if let Ok(mut kept) = kept.lock() {
                *kept = Some(session);
            }
        });
    }
    Ok(())
}

fn set_certificate(builder: &mut SslContextBuilder, flags: &Flags) -> Result<(), String> {
    if let (Some(cert), Some(key)) = (&flags.cert, &flags.key) {
        builder.set_certificate_chain_file(cert).map_err(text)?;
        builder.set_private_key_file(key, SslFiletype::PEM).map_err(text)?;
    }
    Ok(())
}

fn set_verification(builder: &mut SslContextBuilder, flags: &Flags) -> Result<(), String> {
    // With a pre-shared key and no verification, a client takes nothing but that key.
    if (flags.role == Role::Server && !flags.client_auth) || !flags.psks.is_empty() {
        return Ok(());
    }
    let mode = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
    if let Some(file) = &flags.peer_key {
        return credentials::set_peer_key(builder, mode, file);
    }
    match &flags.ca {
        Some(ca) => {
            builder.set_ca_file(ca).map_err(text)?;
            builder.set_verify(mode);
        }
        None => builder.set_custom_verify_callback(mode, |_| Ok(())),
    }
    Ok(())
}

fn set_alpn(builder: &mut SslContextBuilder, flags: &Flags) -> Result<(), String> {
    if flags.alpn.is_empty() {
        return Ok(());
    }
    let mut list = Vec::new();
    for protocol in &flags.alpn {
        list.push(u8::try_from(protocol.len()).map_err(text)?);
        list.extend_from_slice(protocol.as_bytes());
    }
    match flags.role {
        Role::Client => builder.set_alpn_protos(&list).map_err(text)?,
        Role::Server => builder.set_alpn_select_callback(move |_, offered| {
            // The callback's result must borrow from the offer, so the choice is looked up there.
            let chosen = select_next_proto(&list, offered).ok_or(AlpnError::ALERT_FATAL)?;
            let start = offered.windows(chosen.len()).position(|part| part == chosen).ok_or(AlpnError::ALERT_FATAL)?;
            Ok(&offered[start..start + chosen.len()])
        }),
    }
    Ok(())
}

fn set_groups(ssl: &mut Ssl, flags: &Flags) -> Result<(), String> {
    let codes = |names: &[String]| names.iter().map(|name| by_name(GROUPS, name)).collect::<Result<Vec<u16>, _>>();
    if !flags.groups.is_empty() {
        let codes = codes(&flags.groups)?;
        // SAFETY: the pointer and the count describe `codes`, which BoringSSL copies.
        if unsafe { ffi::SSL_set1_group_ids(ssl.as_ptr(), codes.as_ptr(), codes.len()) } != 1 {
            return Err("the groups were refused".to_owned());
        }
    }
    if let Some(names) = &flags.key_shares {
        let codes = codes(names)?;
        // SAFETY: as above.
        if unsafe { ffi::SSL_set1_client_key_shares(ssl.as_ptr(), codes.as_ptr(), codes.len()) } != 1 {
            return Err("the key shares were refused".to_owned());
        }
    }
    Ok(())
}

pub fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
