//! From the flags to wolfSSL's settings.

use std::ffi::{CStr, CString, c_char, c_int};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::ptr;
use std::sync::OnceLock;

use peer::stack::by_name;
use peer::{Flags, Role};
use wolfssl_sys as ffi;

use crate::credentials;

/// Registered names of groups, and their code points, which are also wolfSSL's.
pub const GROUPS: &[(&str, c_int)] =
    &[("secp256r1", 23), ("secp384r1", 24), ("x25519", 29), ("X25519MLKEM768", 0x11ec), ("SecP256r1MLKEM768", 0x11eb)];

/// Registered names of cipher suites, and wolfSSL's.
pub const SUITES: &[(&str, &str)] = &[
    ("TLS_AES_128_GCM_SHA256", "TLS13-AES128-GCM-SHA256"),
    ("TLS_AES_256_GCM_SHA384", "TLS13-AES256-GCM-SHA384"),
    ("TLS_CHACHA20_POLY1305_SHA256", "TLS13-CHACHA20-POLY1305-SHA256"),
    ("TLS_AES_128_CCM_SHA256", "TLS13-AES128-CCM-SHA256"),
    ("TLS_AES_128_CCM_8_SHA256", "TLS13-AES128-CCM-8-SHA256"),
];

/// Registered names of SRTP protection profiles, and wolfSSL's.
const PROFILES: &[(&str, &str)] = &[
    ("SRTP_AES128_CM_HMAC_SHA1_80", "SRTP_AES128_CM_SHA1_80"),
    ("SRTP_AES128_CM_HMAC_SHA1_32", "SRTP_AES128_CM_SHA1_32"),
    ("SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_128_GCM"),
    ("SRTP_AEAD_AES_256_GCM", "SRTP_AEAD_AES_256_GCM"),
];

/// What most of wolfSSL's functions answer when all is well.
pub const SUCCESS: c_int = 1;

/// How much early data a server takes.
const EARLY_DATA: u32 = 4_096;
/// What makes the first byte of every connection ID of ours, so that captures are easily read.
const CID_BYTE: u8 = 0xc1;

/// A connection with all settings but its input and output. It lives until the process ends.
///
/// # Safety
///
/// `ctx` is live.
pub unsafe fn connection(ctx: *mut ffi::WOLFSSL_CTX, flags: &Flags) -> Result<*mut ffi::WOLFSSL, String> {
    // SAFETY: the context is live, and wolfSSL keeps its own reference to it.
    let ssl = unsafe { ffi::wolfSSL_new(ctx) };
    if ssl.is_null() {
        return Err("wolfSSL gave no connection".to_owned());
    }
    // SAFETY: `ssl` is live in all of these calls, and every pointer beside it lives for the call.
    unsafe {
        ffi::wolfSSL_dtls_set_using_nonblock(ssl, 1);
        // Without its arrays wolfSSL exports nothing after the handshake.
        ffi::wolfSSL_KeepArrays(ssl);
        if let Some(mtu) = flags.mtu {
            let mtu = u16::try_from(mtu).map_err(|error| error.to_string())?;
            check(ffi::wolfSSL_dtls_set_mtu(ssl, mtu), "MTU")?;
        }
        set_groups(ssl, flags)?;
        if flags.role == Role::Server {
            ffi::wolfSSL_dtls13_allow_ch_frag(ssl, 1);
            if flags.no_cookie {
                check(ffi::wolfSSL_disable_hrr_cookie(ssl), "no cookie")?;
            }
        }
        if let Some(length) = flags.cid {
            let mut cid = vec![CID_BYTE; length];
            check(ffi::wolfSSL_dtls_cid_use(ssl), "connection IDs")?;
            check(ffi::wolfSSL_dtls_cid_set(ssl, cid.as_mut_ptr(), length as _), "connection ID")?;
        }
        if flags.post_handshake_auth {
            // This one answers 0 when all is well.
            check(ffi::wolfSSL_allow_post_handshake_auth(ssl) + 1, "authentication after the handshake")?;
        }
        if flags.request_ocsp {
            check(ffi::wolfSSL_UseOCSPStapling(ssl, ffi::WOLFSSL_CSR_OCSP as u8, 0), "OCSP request")?;
        }
        if let Some(name) = &flags.name {
            let length = u16::try_from(name.len()).map_err(|error| error.to_string())?;
            check(
                ffi::wolfSSL_UseSNI(ssl, ffi::WOLFSSL_SNI_HOST_NAME as u8, name.as_ptr().cast(), length),
                "server_name",
            )?;
            if flags.role == Role::Client && flags.ca.is_some() {
                check(ffi::wolfSSL_check_domain_name(ssl, c_string(name)?.as_ptr()), "name check")?;
            }
        }
        if !flags.alpn.is_empty() {
            let mut list = flags.alpn.join(",").into_bytes();
            let length = u32::try_from(list.len()).map_err(|error| error.to_string())?;
            let on_mismatch = ffi::WOLFSSL_ALPN_FAILED_ON_MISMATCH as u8;
            check(ffi::wolfSSL_UseALPN(ssl, list.as_mut_ptr().cast(), length, on_mismatch), "ALPN")?;
        }
    }
    Ok(ssl)
}

/// The registered name of what wolfSSL calls `name`, in any of the tables here.
pub fn registered(name: &str) -> String {
    let tables = SUITES.iter().chain(PROFILES);
    let groups = GROUPS.iter().map(|(name, _)| *name);
    tables
        .filter_map(|(registered, own)| (*own == name).then_some(*registered))
        .chain(groups.filter(|group| group.eq_ignore_ascii_case(name)))
        .next()
        .unwrap_or(name)
        .to_owned()
}

/// What wolfSSL cannot be asked for, in a sentence.
fn missing(flags: &Flags) -> Option<&'static str> {
    let wanted = [
        (flags.import, "imported pre-shared keys"),
        (flags.psks.len() > 1 && flags.role == Role::Client, "offers of several external pre-shared keys"),
        (flags.pad.is_some(), "padding"),
        (!flags.mki.is_empty(), "SRTP master key identifiers"),
        (!flags.compress.is_empty(), "certificate compression"),
        (flags.delegated.is_some(), "delegated credentials"),
        (flags.grease || flags.permute, "unknown values and random orders in its hellos"),
    ];
    wanted.into_iter().find_map(|(wanted, what)| wanted.then_some(what))
}

/// The settings of all connections of this process. They live until it ends.
pub fn context(flags: &Flags) -> Result<*mut ffi::WOLFSSL_CTX, String> {
    if let Some(what) = missing(flags) {
        return Err(format!("wolfSSL does not have {what}"));
    }
    // SAFETY: `ctx` is live in all of these calls, and wolfSSL copies what the other pointers show.
    unsafe {
        ffi::wolfSSL_Init();
        let ctx = ffi::wolfSSL_CTX_new(match flags.role {
            Role::Client => ffi::wolfDTLSv1_3_client_method(),
            Role::Server => ffi::wolfDTLSv1_3_server_method(),
        });
        if ctx.is_null() {
            return Err("wolfSSL gave no context".to_owned());
        }
        set_certificates(ctx, flags)?;
        credentials::set_raw_keys(ctx, flags)?;
        credentials::set_psks(ctx, flags)?;
        credentials::set_stapling(ctx, flags)?;
        if flags.role == Role::Server && flags.early > 0 {
            check(ffi::wolfSSL_CTX_set_max_early_data(ctx, EARLY_DATA), "early data")?;
        }
        if !flags.suites.is_empty() {
            let suites = flags.suites.iter().map(|name| by_name(SUITES, name)).collect::<Result<Vec<_>, _>>()?;
            check(ffi::wolfSSL_CTX_set_cipher_list(ctx, c_string(&suites.join(":"))?.as_ptr()), "cipher suites")?;
        }
        if !flags.srtp.is_empty() {
            let profiles = flags.srtp.iter().map(|name| by_name(PROFILES, name)).collect::<Result<Vec<_>, _>>()?;
            // This function alone answers 0 when all is well, as OpenSSL's does.
            if ffi::wolfSSL_CTX_set_tlsext_use_srtp(ctx, c_string(&profiles.join(":"))?.as_ptr()) != 0 {
                return Err("wolfSSL refused the SRTP profiles".to_owned());
            }
        }
        if let Some(path) = &flags.keylog {
            let file =
                OpenOptions::new().create(true).append(true).open(path).map_err(|error| format!("{path}: {error}"))?;
            KEYLOG.get_or_init(|| file);
            ffi::wolfSSL_CTX_set_keylog_callback(ctx, Some(log_key));
        }
        Ok(ctx)
    }
}

/// # Safety
///
/// `ctx` is live.
unsafe fn set_certificates(ctx: *mut ffi::WOLFSSL_CTX, flags: &Flags) -> Result<(), String> {
    // SAFETY: `ctx` is live, and the file names are strings that live for the calls.
    unsafe {
        if let (Some(cert), Some(key), None) = (&flags.cert, &flags.key, &flags.raw_key) {
            check(ffi::wolfSSL_CTX_use_certificate_chain_file(ctx, c_string(cert)?.as_ptr()), cert)?;
            check(
                ffi::wolfSSL_CTX_use_PrivateKey_file(ctx, c_string(key)?.as_ptr(), ffi::WOLFSSL_FILETYPE_PEM as c_int),
                key,
            )?;
        }
        if flags.role == Role::Server && !flags.client_auth && flags.request_auth.is_none() {
            ffi::wolfSSL_CTX_set_verify(ctx, ffi::WOLFSSL_VERIFY_NONE as c_int, None);
            return Ok(());
        }
        let mode = (ffi::WOLFSSL_VERIFY_PEER | ffi::WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT) as c_int;
        match &flags.ca {
            Some(ca) => {
                check(ffi::wolfSSL_CTX_load_verify_locations(ctx, c_string(ca)?.as_ptr(), ptr::null()), ca)?;
                ffi::wolfSSL_CTX_set_verify(ctx, mode, None);
            }
            None => ffi::wolfSSL_CTX_set_verify(ctx, mode, Some(accept_any)),
        }
    }
    Ok(())
}

/// # Safety
///
/// `ssl` is live.
unsafe fn set_groups(ssl: *mut ffi::WOLFSSL, flags: &Flags) -> Result<(), String> {
    let codes = |names: &[String]| names.iter().map(|name| by_name(GROUPS, name)).collect::<Result<Vec<c_int>, _>>();
    // SAFETY: `ssl` is live; pointer and count describe `groups`, which wolfSSL copies.
    unsafe {
        if !flags.groups.is_empty() {
            let mut groups = codes(&flags.groups)?;
            let count = c_int::try_from(groups.len()).map_err(|error| error.to_string())?;
            check(ffi::wolfSSL_set_groups(ssl, groups.as_mut_ptr(), count), "groups")?;
        }
        let Some(names) = &flags.key_shares else { return Ok(()) };
        if names.is_empty() {
            return check(ffi::wolfSSL_NoKeyShares(ssl), "no key shares");
        }
        for code in codes(names)? {
            check(ffi::wolfSSL_UseKeyShare(ssl, u16::try_from(code).map_err(|error| error.to_string())?), "key share")?;
        }
    }
    Ok(())
}

pub fn check(answer: c_int, what: &str) -> Result<(), String> {
    if answer == SUCCESS { Ok(()) } else { Err(format!("wolfSSL refused ({answer}): {what}")) }
}

fn c_string(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|error| error.to_string())
}

/// Without a root every chain is good: the test compares the certificate itself.
unsafe extern "C" fn accept_any(_verified: c_int, _store: *mut ffi::WOLFSSL_X509_STORE_CTX) -> c_int {
    1
}

/// wolfSSL hands nothing of ours to the callback below, so the file is the process's.
static KEYLOG: OnceLock<File> = OnceLock::new();

unsafe extern "C" fn log_key(_ssl: *const ffi::WOLFSSL, line: *const c_char) {
    if let Some(mut file) = KEYLOG.get() {
        // SAFETY: wolfSSL passes a terminated string that lives for the call.
        let line = unsafe { CStr::from_ptr(line) }.to_string_lossy();
        let _ = file.write_all(format!("{line}\n").as_bytes());
    }
}
