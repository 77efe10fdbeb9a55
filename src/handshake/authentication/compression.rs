//! Certificates in fewer bytes (RFC 8879).

use crate::codec::{Decode as _, Encode as _};
use crate::config::CommonConfig;
use crate::error::{Error, PeerMisbehaved};
use crate::flight::ReceivedMessage;
use crate::wire::certificate::CompressedCertificate;
use crate::wire::registry::{CertificateCompressionAlgorithm, HandshakeType};

use super::Message;

/// The body of the Certificate that a CompressedCertificate stands for.
pub(super) fn decompress(message: &ReceivedMessage, config: &CommonConfig) -> Result<Vec<u8>, Error> {
    let offered = &config.certificates.compression;
    if offered.is_empty() {
        return Err(PeerMisbehaved::UnexpectedMessage(message.msg_type).into());
    }
    let CompressedCertificate { algorithm, uncompressed_length, compressed } =
        CompressedCertificate::decode_all(&message.body)?;
    //= https://www.rfc-editor.org/rfc/rfc8879#section-4
    //# The
    //# algorithm MUST be one of the algorithms listed in the peer's
    //# "compress_certificate" extension.
    if !offered.contains(&algorithm) {
        return Err(PeerMisbehaved::UnofferedCompression.into());
    }
    //= https://www.rfc-editor.org/rfc/rfc8879#section-5
    //# Implementations MUST limit the size of the resulting decompressed
    //# chain to the specified uncompressed length, and they MUST abort the
    //# connection if the size of the output of the decompression function
    //# exceeds that limit.
    // And that length by what a Certificate may have that is not compressed, before anything is unpacked.
    let len = usize::try_from(uncompressed_length)
        .ok()
        .filter(|len| *len <= config.limits.handshake_message)
        .ok_or(PeerMisbehaved::CompressedCertificateTooLong)?;
    Ok(expand(algorithm, &compressed, len).ok_or(PeerMisbehaved::InvalidCompressedCertificate)?)
}

/// `certificate` in the first of our algorithms that the peer can undo, if it is shorter so.
pub(super) fn compress(
    certificate: Message,
    theirs: &[CertificateCompressionAlgorithm],
    ours: &[CertificateCompressionAlgorithm],
) -> Message {
    let (_, body) = &certificate;
    let common = ours.iter().copied().find(|algorithm| theirs.contains(algorithm));
    let compressed = common.zip(u32::try_from(body.len()).ok()).and_then(|(algorithm, uncompressed_length)| {
        let compressed = squeeze(algorithm, body)?;
        Some(CompressedCertificate { algorithm, uncompressed_length, compressed }.encoded())
    });
    match compressed {
        Some(compressed) if compressed.len() < body.len() => (HandshakeType::COMPRESSED_CERTIFICATE, compressed),
        _ => certificate,
    }
}

/// Exactly `len` bytes, or nothing.
#[cfg(feature = "certificate-compression")]
fn expand(algorithm: CertificateCompressionAlgorithm, compressed: &[u8], len: usize) -> Option<Vec<u8>> {
    use std::io::Read as _;

    match algorithm {
        CertificateCompressionAlgorithm::ZLIB => {
            use miniz_oxide::inflate::TINFLStatus;
            use miniz_oxide::inflate::core::inflate_flags::{
                TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
            };
            use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

            let mut out = vec![0; len];
            let flags = TINFL_FLAG_PARSE_ZLIB_HEADER | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
            let mut machine = Box::<DecompressorOxide>::default();
            let (status, read, written) = decompress(&mut machine, compressed, &mut out, 0, flags);
            (status == TINFLStatus::Done && read == compressed.len() && written == len).then_some(out)
        }
        CertificateCompressionAlgorithm::BROTLI => {
            let mut out = Vec::new();
            // One byte more shows whether there is more; what is behind it is not unpacked.
            let limit = u64::try_from(len).ok()?.checked_add(1)?;
            let buffer = compressed.len().clamp(1, BROTLI_BUFFER);
            brotli::Decompressor::new(compressed, buffer).take(limit).read_to_end(&mut out).ok()?;
            (out.len() == len).then_some(out)
        }
        _ => None,
    }
}

/// What brotli reads at a time: a chain of two certificates, which is what most servers have.
#[cfg(feature = "certificate-compression")]
const BROTLI_BUFFER: usize = 4096;

/// The window of brotli, as a power of two: a chain of 32 KiB needs no larger one.
#[cfg(feature = "certificate-compression")]
const BROTLI_WINDOW: i32 = 15;

#[cfg(feature = "certificate-compression")]
fn squeeze(algorithm: CertificateCompressionAlgorithm, body: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        // The best level: certificates are short, and the same bytes are sent many times over.
        CertificateCompressionAlgorithm::ZLIB => Some(miniz_oxide::deflate::compress_to_vec_zlib(body, 9)),
        CertificateCompressionAlgorithm::BROTLI => {
            let mut out = Vec::new();
            let params = brotli::enc::BrotliEncoderParams { quality: 9, lgwin: BROTLI_WINDOW, ..Default::default() };
            let mut rest = body;
            brotli::BrotliCompress(&mut rest, &mut out, &params).ok()?;
            Some(out)
        }
        _ => None,
    }
}

#[cfg(not(feature = "certificate-compression"))]
const fn expand(_: CertificateCompressionAlgorithm, _: &[u8], _: usize) -> Option<Vec<u8>> {
    None
}

#[cfg(not(feature = "certificate-compression"))]
const fn squeeze(_: CertificateCompressionAlgorithm, _: &[u8]) -> Option<Vec<u8>> {
    None
}

#[cfg(all(test, feature = "certificate-compression"))]
mod tests {
    use super::*;

    /// By Python: `zlib.compress(b"certificate " * 40, 9)` and `brotli.compress(b"certificate " * 40, quality=11)`.
    #[test]
    fn what_others_have_compressed_is_read() {
        let text = b"certificate ".repeat(40);
        for (algorithm, compressed) in OTHERS {
            let compressed: Vec<u8> = (0..compressed.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&compressed[at..at + 2], 16).unwrap())
                .collect();
            assert_eq!(expand(*algorithm, &compressed, text.len()).as_deref(), Some(&text[..]), "{algorithm}");
        }
    }

    const OTHERS: &[(CertificateCompressionAlgorithm, &str)] = &[
        (CertificateCompressionAlgorithm::ZLIB, "78da4b4e2d2ac94ccb4c4e2c4955481e650f3b36008a62b979"),
        (CertificateCompressionAlgorithm::BROTLI, "1bdf01f825000a18c26a016f4c7504"),
    ];

    #[test]
    fn what_we_compress_comes_back_and_nothing_else_does() {
        for algorithm in [CertificateCompressionAlgorithm::ZLIB, CertificateCompressionAlgorithm::BROTLI] {
            let body = b"a certificate, and another certificate, and yet another certificate".repeat(20);
            let compressed = squeeze(algorithm, &body).unwrap();
            assert!(compressed.len() < body.len() / 4);
            assert_eq!(expand(algorithm, &compressed, body.len()).as_ref(), Some(&body));
            assert_eq!(expand(algorithm, &compressed, body.len() - 1), None, "{algorithm}: longer than it says");
            assert_eq!(expand(algorithm, &compressed, body.len() + 1), None, "{algorithm}: shorter than it says");
            assert_eq!(expand(algorithm, &compressed[..compressed.len() - 1], body.len()), None);
            assert_eq!(expand(algorithm, b"nonsense", 8), None);
        }
        // A bomb: a megabyte in a kilobyte. Its true length is refused before, and a false one is all that is unpacked.
        let bomb = squeeze(CertificateCompressionAlgorithm::ZLIB, &vec![0; 1 << 20]).unwrap();
        assert!(bomb.len() < 2048);
        assert_eq!(expand(CertificateCompressionAlgorithm::ZLIB, &bomb, 100), None);
    }
}
