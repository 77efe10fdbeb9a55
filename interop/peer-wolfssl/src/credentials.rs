//! What wolfSSL uses besides certificates: external pre-shared keys, raw public keys, and stapled OCSP responses.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fs;
use std::ptr;
use std::sync::OnceLock;

use peer::stack::by_name;
use peer::{Flags, Role};
use wolfssl_sys as ffi;

use crate::configure::{SUITES, check};

/// The suite of a key when no suite is asked for.
const DEFAULT_SUITES: [&str; 2] = ["TLS13-AES128-GCM-SHA256", "TLS13-AES256-GCM-SHA384"];
/// Certificate types (RFC 7250, Section 3).
const RAW_PUBLIC_KEY: c_char = 2;

/// The callbacks below are given nothing of ours, so what they need is the process's.
static PSKS: OnceLock<Vec<Psk>> = OnceLock::new();
static STAPLE: OnceLock<Vec<u8>> = OnceLock::new();

struct Psk {
    identity: CString,
    secret: Vec<u8>,
    /// wolfSSL's name of the suite that the key is used with.
    suite: CString,
}

/// # Safety
///
/// `ctx` is live.
pub unsafe fn set_psks(ctx: *mut ffi::WOLFSSL_CTX, flags: &Flags) -> Result<(), String> {
    // SAFETY: `ctx` is live.
    unsafe {
        match flags.psk_modes.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            // These two answer 0 when all is well.
            ["psk_ke"] => check(ffi::wolfSSL_CTX_no_dhe_psk(ctx) + 1, "psk_ke alone")?,
            ["psk_dhe_ke"] => check(ffi::wolfSSL_CTX_only_dhe_psk(ctx) + 1, "psk_dhe_ke alone")?,
            _ => {}
        }
        if flags.psks.is_empty() {
            return Ok(());
        }
        let psks = flags.psks.iter().map(|psk| known(psk, flags)).collect::<Result<Vec<_>, _>>()?;
        let _ = PSKS.set(psks);
        match flags.role {
            Role::Client => ffi::wolfSSL_CTX_set_psk_client_tls13_callback(ctx, Some(offer_psk)),
            Role::Server => ffi::wolfSSL_CTX_set_psk_server_tls13_callback(ctx, Some(find_psk)),
        }
    }
    Ok(())
}

/// Shows or wants raw public keys, as the flags say.
///
/// # Safety
///
/// `ctx` is live.
pub unsafe fn set_raw_keys(ctx: *mut ffi::WOLFSSL_CTX, flags: &Flags) -> Result<(), String> {
    let raw = [RAW_PUBLIC_KEY];
    // SAFETY: `ctx` is live, and wolfSSL copies what the other pointers show.
    unsafe {
        let (own, other): (SetType, SetType) = match flags.role {
            Role::Client => (ffi::wolfSSL_CTX_set_client_cert_type, ffi::wolfSSL_CTX_set_server_cert_type),
            Role::Server => (ffi::wolfSSL_CTX_set_server_cert_type, ffi::wolfSSL_CTX_set_client_cert_type),
        };
        if let (Some(file), Some(key)) = (&flags.raw_key, &flags.key) {
            let public = read(file)?;
            let length = public.len() as _;
            let asn1 = ffi::WOLFSSL_FILETYPE_ASN1 as c_int;
            check(ffi::wolfSSL_CTX_use_certificate_buffer(ctx, public.as_ptr(), length, asn1), file)?;
            let pem = ffi::WOLFSSL_FILETYPE_PEM as c_int;
            check(ffi::wolfSSL_CTX_use_PrivateKey_file(ctx, c_string(key)?.as_ptr(), pem), key)?;
            check(own(ctx, raw.as_ptr(), 1), "raw public key as own certificate")?;
        }
        if let Some(file) = &flags.peer_key {
            let wanted = read(file)?;
            check(ffi::wolfSSL_CTX_set_expected_rpk(ctx, wanted.as_ptr(), wanted.len() as _), file)?;
            check(other(ctx, raw.as_ptr(), 1), "raw public key of the other side")?;
            let mode = (ffi::WOLFSSL_VERIFY_PEER | ffi::WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT) as c_int;
            ffi::wolfSSL_CTX_set_verify(ctx, mode, None);
        }
    }
    Ok(())
}

/// # Safety
///
/// `ctx` is live.
pub unsafe fn set_stapling(ctx: *mut ffi::WOLFSSL_CTX, flags: &Flags) -> Result<(), String> {
    if flags.ocsp.is_none() && !flags.request_ocsp {
        return Ok(());
    }
    // SAFETY: `ctx` is live.
    unsafe {
        check(ffi::wolfSSL_CTX_EnableOCSPStapling(ctx), "OCSP stapling")?;
        if let Some(file) = &flags.ocsp {
            let _ = STAPLE.set(read(file)?);
            ffi::wolfSSL_CTX_set_tlsext_status_cb(ctx, Some(staple));
        }
    }
    Ok(())
}

type SetType = unsafe extern "C" fn(*mut ffi::WOLFSSL_CTX, *const c_char, c_int) -> c_int;

fn known(psk: &peer::flags::Psk, flags: &Flags) -> Result<Psk, String> {
    let suite = match flags.suites.first() {
        Some(name) => by_name(SUITES, name)?,
        None => DEFAULT_SUITES[usize::from(psk.sha384)],
    };
    Ok(Psk { identity: c_string(&psk.identity)?, secret: psk.secret.clone(), suite: c_string(suite)? })
}

fn read(file: &str) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{file}: {error}"))
}

fn c_string(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|error| error.to_string())
}

/// wolfSSL offers one external key.
unsafe extern "C" fn offer_psk(
    _ssl: *mut ffi::WOLFSSL,
    _hint: *const c_char,
    identity: *mut c_char,
    identity_room: u32,
    key: *mut u8,
    key_room: u32,
    suite: *mut *const c_char,
) -> u32 {
    let Some(psk) = PSKS.get().and_then(|psks| psks.first()) else { return 0 };
    let name = psk.identity.as_bytes_with_nul();
    if name.len() > identity_room as usize || psk.secret.len() > key_room as usize {
        return 0;
    }
    // SAFETY: there is room for both, as was just compared; the suite's name lives as long as the process.
    unsafe {
        ptr::copy_nonoverlapping(name.as_ptr().cast(), identity, name.len());
        give(psk, key, suite)
    }
}

unsafe extern "C" fn find_psk(
    _ssl: *mut ffi::WOLFSSL,
    identity: *const c_char,
    key: *mut u8,
    key_room: u32,
    suite: *mut *const c_char,
) -> u32 {
    // SAFETY: wolfSSL passes a terminated string that lives for the call.
    let identity = unsafe { CStr::from_ptr(identity) };
    let psks = PSKS.get().map_or(&[][..], Vec::as_slice);
    match psks.iter().find(|psk| *psk.identity == *identity) {
        // SAFETY: there is room for the key; the suite's name lives as long as the process.
        Some(psk) if psk.secret.len() <= key_room as usize => unsafe { give(psk, key, suite) },
        _ => 0,
    }
}

/// # Safety
///
/// `key` has room for the key, and `suite` for a pointer.
unsafe fn give(psk: &Psk, key: *mut u8, suite: *mut *const c_char) -> u32 {
    // SAFETY: as the caller promises.
    unsafe {
        ptr::copy_nonoverlapping(psk.secret.as_ptr(), key, psk.secret.len());
        *suite = psk.suite.as_ptr();
    }
    psk.secret.len() as u32
}

/// Hands wolfSSL a copy of the response that it may free.
unsafe extern "C" fn staple(ssl: *mut ffi::WOLFSSL, _argument: *mut c_void) -> c_int {
    let Some(response) = STAPLE.get() else { return -1 };
    // SAFETY: `ssl` is live; the copy is as long as the response, and wolfSSL's own from here on.
    unsafe {
        let copy = ffi::wolfSSL_Malloc(response.len()).cast::<u8>();
        if copy.is_null() {
            return -1;
        }
        ptr::copy_nonoverlapping(response.as_ptr(), copy, response.len());
        ffi::wolfSSL_set_tlsext_status_ocsp_resp(ssl, copy, response.len() as c_int);
    }
    0
}
