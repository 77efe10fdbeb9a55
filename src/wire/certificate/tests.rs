use super::*;

use InvalidMessage as E;

#[test]
fn a_chain_comes_back() {
    let chain = Certificate {
        request_context: vec![9],
        entries: vec![
            CertificateEntry { der: vec![1; 300], extensions: Vec::new() },
            CertificateEntry { der: vec![2], extensions: Vec::new() },
        ],
    };
    let bytes = chain.encoded();
    assert_eq!(Certificate::decode_all(&bytes), Ok(chain));
    for len in 0..bytes.len() {
        assert_eq!(Certificate::decode_all(&bytes[..len]), Err(E::TooShort), "{len} bytes");
    }
    assert_eq!(Certificate::default().encoded(), [0, 0, 0, 0]);
    assert_eq!(Certificate::decode_all(&[0, 0, 0, 0]), Ok(Certificate::default()));
}

#[test]
fn malformed_chains_are_refused() {
    assert_eq!(Certificate::decode_all(&[0, 0, 0, 0, 0]), Err(E::TrailingData));
    assert_eq!(Certificate::decode_all(&[0, 0, 0, 5, 0, 0, 0, 0, 0]), Err(E::EmptyVector));
    assert_eq!(Certificate::decode_all(&[0, 0, 0, 4, 0, 0, 1, 7]), Err(E::TooShort));
    let twice = [0, 0, 0, 14, 0, 0, 1, 7, 0, 8, 0, 5, 0, 0, 0, 5, 0, 0];
    assert_eq!(Certificate::decode_all(&twice), Err(E::DuplicateExtension(ExtensionType::STATUS_REQUEST)));
    let once = Certificate::decode_all(&[0, 0, 0, 10, 0, 0, 1, 7, 0, 4, 0, 5, 0, 0]).unwrap();
    assert_eq!(once.entries[0].extensions, [OtherExtension::of(ExtensionType::STATUS_REQUEST, &[])]);
    assert_eq!(once.entries[0].ocsp_response(), Err(E::TooShort));
}

#[test]
fn a_request_comes_back() {
    let request = CertificateRequest {
        request_context: vec![1, 2],
        signature_algorithms: vec![SignatureScheme::ED25519, SignatureScheme(0x0a0a)],
        signature_algorithms_cert: Some(vec![SignatureScheme::RSA_PKCS1_SHA256]),
        certificate_authorities: vec![vec![0x30, 0], vec![7; 200]],
        status_request: true,
        signed_certificate_timestamp: true,
        compress_certificate: Some(vec![CertificateCompressionAlgorithm::BROTLI]),
        delegated_credential: Some(vec![SignatureScheme::ED25519]),
        others: vec![OtherExtension { extension_type: ExtensionType(0x1a1a), data: vec![1] }],
        present: [0x1a1au16, 13, 50, 47, 5, 18, 27, 34].map(ExtensionType).to_vec(),
    };
    let bytes = request.encoded();
    assert_eq!(CertificateRequest::decode_all(&bytes), Ok(request));
    for len in 0..bytes.len() {
        assert_eq!(CertificateRequest::decode_all(&bytes[..len]), Err(E::TooShort), "{len} bytes");
    }
    // A request without signature_algorithms can be read; that it may not be sent is for the handshake to say.
    assert_eq!(CertificateRequest::decode_all(&[0, 0, 0]), Ok(CertificateRequest::default()));
    assert_eq!(CertificateRequest::default().encoded(), [0, 0, 0]);
}

#[test]
fn malformed_requests_are_refused() {
    let decode = |block: &[u8]| {
        let mut bytes = vec![0];
        put_vector16(&mut bytes, |out| out.extend_from_slice(block));
        CertificateRequest::decode_all(&bytes).map(|_| ())
    };
    assert_eq!(decode(&[0, 13, 0, 2, 0, 0]), Err(E::EmptyVector));
    assert_eq!(decode(&[0, 13, 0, 3, 0, 1, 4]), Err(E::InvalidVectorLength));
    assert_eq!(decode(&[0, 50, 0, 2, 0, 0]), Err(E::EmptyVector));
    assert_eq!(decode(&[0, 47, 0, 2, 0, 0]), Err(E::EmptyVector));
    assert_eq!(decode(&[0, 47, 0, 4, 0, 2, 0, 0]), Err(E::EmptyVector));
    assert_eq!(decode(&[0, 47, 0, 5, 0, 2, 0, 1, 7]), Err(E::TrailingData));
    assert_eq!(decode(&[0, 48, 0, 0, 0, 48, 0, 0]), Err(E::DuplicateExtension(ExtensionType::OID_FILTERS)));
    assert_eq!(CertificateRequest::decode_all(&[0, 0, 0, 0]), Err(E::TrailingData));
}

#[test]
fn a_signature_comes_back() {
    let verify = CertificateVerify { scheme: SignatureScheme::ED25519, signature: vec![3; 64] };
    let bytes = verify.encoded();
    assert_eq!(bytes[..5], [8, 7, 0, 64, 3]);
    assert_eq!(CertificateVerify::decode_all(&bytes), Ok(verify));
    for len in 0..bytes.len() {
        assert_eq!(CertificateVerify::decode_all(&bytes[..len]), Err(E::TooShort), "{len} bytes");
    }
    assert_eq!(CertificateVerify::decode_all(&[8, 7, 0, 0, 0]), Err(E::TrailingData));
}

#[test]
fn a_compressed_chain_comes_back() {
    let compressed = CompressedCertificate {
        algorithm: CertificateCompressionAlgorithm::ZLIB,
        uncompressed_length: 0x01_0203,
        compressed: vec![7; 2],
    };
    let bytes = compressed.encoded();
    assert_eq!(bytes, [0, 1, 1, 2, 3, 0, 0, 2, 7, 7]);
    assert_eq!(CompressedCertificate::decode_all(&bytes), Ok(compressed));
    for len in 0..bytes.len() {
        assert_eq!(CompressedCertificate::decode_all(&bytes[..len]), Err(E::TooShort), "{len} bytes");
    }
    assert_eq!(CompressedCertificate::decode_all(&[0, 1, 0, 0, 1, 0, 0, 0]), Err(E::EmptyVector));
}
