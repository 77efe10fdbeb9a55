//! What BoringSSL shows besides certificates: raw public keys, delegated credentials, imported pre-shared keys; and compressed
//! certificates.

use std::fs;
use std::io::{self, Read, Write};
use std::ptr;

use boring::pkey::{PKey, PKeyRef, Private, Public};
use boring::ssl::{
    CertificateCompressionAlgorithm, CertificateCompressor, SslAlert, SslContextBuilder, SslRef, SslVerifyError,
    SslVerifyMode,
};
use boring::x509::X509;
use boring_sys as ffi;
use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};
use foreign_types::{ForeignType, ForeignTypeRef};
use peer::Flags;

use crate::configure::text;

/// Certificate types (RFC 7250, Section 3).
const RAW_PUBLIC_KEY: u8 = 2;

/// Adds the credentials that the flags ask for in place of a certificate.
pub fn set(builder: &mut SslContextBuilder, flags: &Flags) -> Result<(), String> {
    for psk in &flags.psks {
        // SAFETY: each pointer is followed by the length of what it points to, which BoringSSL copies; digests are static.
        let credential = unsafe {
            ffi::SSL_CREDENTIAL_new_pre_shared_key(
                psk.secret.as_ptr(),
                psk.secret.len(),
                psk.identity.as_ptr(),
                psk.identity.len(),
                if psk.sha384 { ffi::EVP_sha384() } else { ffi::EVP_sha256() },
                Flags::IMPORT_CONTEXT.as_ptr(),
                Flags::IMPORT_CONTEXT.len(),
            )
        };
        add(builder, credential)?;
    }
    if flags.raw_key.is_some() {
        let key = private_key(flags.key.as_deref().ok_or("--key is missing")?)?;
        // SAFETY: the key is live, and BoringSSL keeps its own reference to it.
        add(builder, unsafe { ffi::SSL_CREDENTIAL_new_raw_public_key(key.as_ptr()) })?;
    }
    if let Some(file) = &flags.delegated {
        let chain = flags.cert.as_deref().ok_or("--cert is missing")?;
        let chain = X509::stack_from_pem(&fs::read(chain).map_err(text)?).map_err(text)?;
        let key = private_key(&format!("{file}.key"))?;
        let chain =
            chain.iter().map(|one| Ok(buffer(&one.to_der().map_err(text)?))).collect::<Result<Vec<_>, String>>()?;
        let delegated = buffer(&fs::read(file).map_err(text)?);
        // SAFETY: all pointers are live; BoringSSL keeps its own references to what they point to.
        let credential = unsafe {
            let credential = ffi::SSL_CREDENTIAL_new_delegated();
            let set = !credential.is_null()
                && ffi::SSL_CREDENTIAL_set1_cert_chain(credential, chain.as_ptr(), chain.len()) == 1
                && ffi::SSL_CREDENTIAL_set1_delegated_credential(credential, delegated) == 1
                && ffi::SSL_CREDENTIAL_set1_private_key(credential, key.as_ptr()) == 1;
            if set { credential } else { ptr::null_mut() }
        };
        add(builder, credential)?;
    }
    Ok(())
}

/// The other side must show this raw public key, and no certificate.
pub fn set_peer_key(builder: &mut SslContextBuilder, mode: SslVerifyMode, file: &str) -> Result<(), String> {
    let wanted = fs::read(file).map_err(text)?;
    let types = [RAW_PUBLIC_KEY];
    // SAFETY: pointer and count describe `types`, which BoringSSL copies.
    if unsafe { ffi::SSL_CTX_set1_accepted_peer_cert_types(builder.as_ptr(), types.as_ptr(), types.len()) } != 1 {
        return Err("BoringSSL refused the certificate types".to_owned());
    }
    builder.set_custom_verify_callback(mode, move |ssl| {
        let shown = peer_key(ssl);
        if shown.as_ref() == Some(&wanted) { Ok(()) } else { Err(SslVerifyError::Invalid(SslAlert::BAD_CERTIFICATE)) }
    });
    Ok(())
}

/// The other side's raw public key in DER.
pub fn peer_key(ssl: &SslRef) -> Option<Vec<u8>> {
    // SAFETY: the connection is live, and owns the key for as long.
    unsafe {
        let key = ffi::SSL_get0_peer_rpk(ssl.as_ptr());
        (!key.is_null()).then(|| PKeyRef::<Public>::from_ptr(key).public_key_to_der().ok()).flatten()
    }
}

pub fn set_compression(builder: &mut SslContextBuilder, flags: &Flags) -> Result<(), String> {
    for name in &flags.compress {
        match name.as_str() {
            "zlib" => builder.add_certificate_compression_algorithm(Zlib).map_err(text)?,
            "brotli" => builder.add_certificate_compression_algorithm(Brotli).map_err(text)?,
            _ => return Err(format!("'{name}' is not known to this stack")),
        }
    }
    Ok(())
}

fn add(builder: &mut SslContextBuilder, credential: *mut ffi::SSL_CREDENTIAL) -> Result<(), String> {
    if credential.is_null() {
        return Err("BoringSSL refused the credential".to_owned());
    }
    // SAFETY: both pointers are live. The credential is freed once, here; the context keeps its own reference.
    let added = unsafe {
        let added = ffi::SSL_CTX_add1_credential(builder.as_ptr(), credential);
        ffi::SSL_CREDENTIAL_free(credential);
        added
    };
    if added == 1 { Ok(()) } else { Err("BoringSSL refused to add the credential".to_owned()) }
}

fn private_key(file: &str) -> Result<PKey<Private>, String> {
    PKey::private_key_from_pem(&fs::read(file).map_err(text)?).map_err(text)
}

/// A copy for BoringSSL, which lives until the process ends.
fn buffer(bytes: &[u8]) -> *mut ffi::CRYPTO_BUFFER {
    // SAFETY: pointer and length describe `bytes`, which BoringSSL copies.
    unsafe { ffi::CRYPTO_BUFFER_new(bytes.as_ptr(), bytes.len(), ptr::null_mut()) }
}

struct Zlib;

impl CertificateCompressor for Zlib {
    const ALGORITHM: CertificateCompressionAlgorithm = CertificateCompressionAlgorithm::ZLIB;
    const CAN_COMPRESS: bool = true;
    const CAN_DECOMPRESS: bool = true;

    fn compress<W: Write>(&self, input: &[u8], output: &mut W) -> io::Result<()> {
        io::copy(&mut ZlibEncoder::new(input, Compression::default()), output).map(drop)
    }

    fn decompress<W: Write>(&self, input: &[u8], output: &mut W) -> io::Result<()> {
        io::copy(&mut ZlibDecoder::new(input), output).map(drop)
    }
}

struct Brotli;

impl CertificateCompressor for Brotli {
    const ALGORITHM: CertificateCompressionAlgorithm = CertificateCompressionAlgorithm::BROTLI;
    const CAN_COMPRESS: bool = true;
    const CAN_DECOMPRESS: bool = true;

    fn compress<W: Write>(&self, input: &[u8], output: &mut W) -> io::Result<()> {
        let mut compressed = Vec::new();
        brotli::CompressorReader::new(input, BUFFER, QUALITY, WINDOW_BITS).read_to_end(&mut compressed)?;
        output.write_all(&compressed)
    }

    fn decompress<W: Write>(&self, input: &[u8], output: &mut W) -> io::Result<()> {
        let mut decompressed = Vec::new();
        brotli::Decompressor::new(input, BUFFER).read_to_end(&mut decompressed)?;
        output.write_all(&decompressed)
    }
}

/// What the brotli crate reads at a time, and its usual quality and window.
const BUFFER: usize = 4_096;
const QUALITY: u32 = 5;
const WINDOW_BITS: u32 = 22;
