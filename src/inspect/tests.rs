use super::*;
use crate::codec::{put_u16, put_vector16};

/// The value of the first field called `name`.
fn value(tree: &Field, name: &str) -> String {
    tree.find(name).unwrap_or_else(|| panic!("no {name} in {tree:#?}")).value.clone()
}

fn names(fields: &[Field]) -> Vec<&str> {
    fields.iter().map(|field| field.name.as_ref()).collect()
}

/// A message of nothing but one extension.
fn encrypted_extension(extension_type: u16, data: &[u8]) -> Field {
    let mut body = Vec::new();
    put_vector16(&mut body, |out| {
        put_u16(out, extension_type);
        put_vector16(out, |out| out.extend_from_slice(data));
    });
    message(HandshakeType::ENCRYPTED_EXTENSIONS, &body)
}

/// A ClientHello with one extension.
fn hello_extension(extension_type: u16, data: &[u8]) -> Field {
    let mut body = [&[0xfe, 0xfd][..], &[7; 32], &[0, 0, 0, 2, 0x13, 1, 1, 0]].concat();
    put_vector16(&mut body, |out| {
        put_u16(out, extension_type);
        put_vector16(out, |out| out.extend_from_slice(data));
    });
    message(HandshakeType::CLIENT_HELLO, &body)
}

#[test]
fn an_empty_datagram_has_nothing_in_it() {
    let tree = datagram(&[]);
    assert_eq!((tree.range, tree.children.len()), (0..0, 0));
}

#[test]
fn each_bit_of_the_unified_header_is_explained() {
    let tree = datagram(&[0x2e, 0xaa, 0xbb, 0, 3, 1, 2, 3]);
    assert_eq!(names(&tree.children), ["DTLSCiphertext"]);
    assert_eq!(
        value(&tree, "001CSLEE"),
        "001 DTLS 1.3 record; C=0 no connection ID; S=1 sequence number of 16 bits; L=1 length follows; E=10 low \
            bits of the epoch"
    );
    assert_eq!(value(&tree, "sequence_number"), "aabb (encrypted)");
    assert_eq!(value(&tree, "encrypted_record"), "3 bytes: 010203");

    let minimal = datagram(&[0x21, 0xaa, 1, 2, 3]);
    assert_eq!(
        value(&minimal, "001CSLEE"),
        "001 DTLS 1.3 record; C=0 no connection ID; S=0 sequence number of 8 bits; L=0 goes to the end of the \
            datagram; E=01 low bits of the epoch"
    );
    assert_eq!(value(&minimal, "encrypted_record"), "3 bytes: 010203");
}

#[test]
fn a_connection_id_needs_its_length() {
    let bytes = [0x3f, 9, 8, 0xaa, 0xbb, 0, 1, 7];
    assert_eq!(names(&datagram(&bytes).children), [MALFORMED]);
    let tree = datagram_with_connection_id(&bytes, 2);
    assert_eq!(value(&tree, "connection_id"), "0908");
    assert_eq!(value(&tree, "encrypted_record"), "1 byte: 07");
}

#[test]
fn neighbours_of_dtls_are_recognized() {
    assert_eq!(value(&datagram(&[0, 1, 0, 0]), "unknown"), "STUN");
    assert_eq!(value(&datagram(&[0x80, 0x60]), "unknown"), "RTP or RTCP");
    assert_eq!(value(&datagram(&[25, 0xfe, 0xfd]), "unknown"), "DTLS 1.2 record with a connection ID");
}

#[test]
fn what_ends_too_early_is_said_to() {
    let tree = message(HandshakeType::CERTIFICATE_VERIFY, &[8, 7, 0, 64, 1, 2]);
    assert_eq!(value(&tree, "algorithm"), "ed25519 (0x0807)");
    let last = tree.leaves().last().copied().cloned().unwrap();
    assert_eq!((last.name.as_ref(), last.range), (MALFORMED, 6..6));

    // What is known of a structure is said even if the rest of it is missing.
    let tree = message(HandshakeType::ENCRYPTED_EXTENSIONS, &[0, 9, 0, 10, 0, 5, 0, 3]);
    assert_eq!(value(&tree, "Extension"), "supported_groups (10)");

    let tree = message(HandshakeType::KEY_UPDATE, &[]);
    assert_eq!(names(&tree.children), [MALFORMED]);
}

#[test]
fn what_is_too_much_is_said_to_be() {
    let tree = message(HandshakeType::KEY_UPDATE, &[1, 7, 7]);
    assert_eq!(value(&tree, "request_update"), "update_requested (1)");
    assert_eq!(value(&tree, UNEXPECTED), "0707");
    // The end of an extension that is wrong inside does not hide the next one.
    let tree = message(HandshakeType::ENCRYPTED_EXTENSIONS, &[0, 11, 0, 10, 0, 1, 0, 0, 0, 0, 2, 9, 9]);
    assert_eq!(names(&tree.find("extensions").unwrap().children), ["length", "Extension", "Extension"]);
    assert!(tree.find(MALFORMED).is_some() && tree.find(UNEXPECTED).is_some());
}

#[test]
fn extensions_that_no_recording_has_are_dissected() {
    assert_eq!(value(&hello_extension(0, &[0, 4, 0, 0, 1, b'a']), "HostName"), "\"a\"");
    for (code, expected) in [(1, "512 bytes (1)"), (2, "1024 bytes (2)"), (3, "2048 bytes (3)"), (4, "4096 bytes (4)")]
    {
        assert_eq!(value(&hello_extension(1, &[code]), "MaxFragmentLength"), expected);
    }
    assert_eq!(value(&hello_extension(45, &[2, 0, 1]), "ke_modes"), "2 modes");
    assert_eq!(value(&hello_extension(45, &[1, 0]), "PskKeyExchangeMode"), "psk_ke (0)");
    assert_eq!(value(&hello_extension(47, &[0, 4, 0, 2, 0x30, 0]), "authorities"), "1 authority");
    assert_eq!(value(&hello_extension(5, &[1, 0, 0, 0, 0]), "status_type"), "ocsp (1)");
    assert_eq!(value(&hello_extension(15, &[2]), "HeartbeatMode"), "2");
    assert_eq!(value(&hello_extension(19, &[2, 0, 2]), "certificate_types"), "2 types");
    assert_eq!(value(&encrypted_extension(20, &[2]), "CertificateType"), "RawPublicKey (2)");
    assert_eq!(value(&hello_extension(21, &[0; 9]), "padding"), "9 bytes");
    assert_eq!(value(&hello_extension(27, &[4, 0, 1, 0, 2]), "algorithms"), "2 algorithms");
    assert_eq!(value(&hello_extension(41, &[0, 7, 0, 1, b'k', 0, 0, 0, 0, 0, 3, 2, 1, 2]), "identity"), "\"k\"");
    assert_eq!(value(&hello_extension(48, &[0, 5, 1, 6, 0, 1, 9]), "filters"), "1 filter");
    assert_eq!(value(&hello_extension(54, &[2, 1, 2]), "cid"), "0102");
    assert_eq!(value(&hello_extension(58, &[1, 2]), "resumption_count"), "2");
    assert_eq!(value(&encrypted_extension(58, &[3]), "expected_count"), "3");
    for tree in [hello_extension(49, &[]), hello_extension(61, &[]), hello_extension(22, &[]), hello_extension(23, &[])]
    {
        assert!(tree.find(UNEXPECTED).is_none() && tree.find(MALFORMED).is_none());
    }
    assert_eq!(value(&hello_extension(0x2a2a, &[7]), "extension_type"), "GREASE (10794)");
    assert_eq!(value(&hello_extension(0x1234, &[7]), "extension_type"), "unknown (4660)");
}

#[test]
fn other_messages_are_dissected() {
    assert_eq!(value(&message(HandshakeType::REQUEST_CONNECTION_ID, &[3]), "num_cids"), "3");
    let tree = message(HandshakeType::NEW_CONNECTION_ID, &[0, 4, 1, 7, 1, 8, 1]);
    assert_eq!(value(&tree, "cids"), "2 connection IDs");
    assert_eq!(value(&tree, "usage"), "cid_spare (1)");
    let tree = message(HandshakeType::COMPRESSED_CERTIFICATE, &[0, 2, 0, 1, 0, 0, 0, 1, 9]);
    assert_eq!(value(&tree, "CertificateCompressionAlgorithm"), "brotli (2)");
    let tree = message(HandshakeType::HELLO_VERIFY_REQUEST, &[0xfe, 0xff, 1, 7]);
    assert_eq!(value(&tree, "server_version"), "DTLS 1.0 (0xfeff)");
    let entry_with_status = [0, 0, 0, 16, 0, 0, 1, 7, 0, 10, 0, 5, 0, 6, 1, 0, 0, 2, 9, 9];
    assert_eq!(value(&message(HandshakeType::CERTIFICATE, &entry_with_status), "OCSPResponse"), "0909");
}

#[test]
fn an_alert_and_an_ack_are_read_in_one_line() {
    assert_eq!(value(&content(ContentType::ALERT, &[2, 40]), "Alert"), "handshake_failure (40)");
    let ack = [&[0, 32][..], &[0; 15], &[5], &[0; 7], &[2], &[0; 8]].concat();
    assert_eq!(value(&content(ContentType::ACK, &ack), "ACK"), "(0, 5) (2, 0)");
    assert_eq!(value(&content(ContentType::ACK, &[0, 0]), "ACK"), "nothing: something is missing");
    assert_eq!(value(&content(ContentType::APPLICATION_DATA, b"ping"), "application_data"), "\"ping\"");
}

#[test]
fn a_return_routability_check_is_read_and_an_unknown_one_is_read_over() {
    let check = |bytes: &[u8]| content(ContentType::RETURN_ROUTABILITY_CHECK, bytes);
    let tree = check(&[1, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(value(&tree, "return_routability_check"), "path_response (1)");
    assert_eq!(value(&tree, "Cookie"), "0102030405060708");
    assert_eq!(value(&check(&[9, 1]), "return_routability_check"), "unknown (9)");
}

#[test]
fn plaintext_of_dtls_1_2_is_told_apart() {
    let certificate =
        [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 13, 11, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1][..], &[9]].concat();
    assert_eq!(value(&datagram(&certificate), "body"), "09");
    let encrypted = [22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 9, 9];
    assert_eq!(value(&datagram(&encrypted), "encrypted_record"), "0909");
}

#[test]
fn json_escapes_what_it_must() {
    let field =
        Field { name: "a\"b\\c\n".into(), range: 0..1, value: "ä\u{1}".to_owned(), note: None, children: Vec::new() };
    assert_eq!(field.to_json(), r#"{"name":"a\"b\\c\u000a","start":0,"end":1,"value":"ä\u0001"}"#);
}

#[test]
fn what_a_certificate_brings_along_is_read() {
    use crate::codec::Encode as _;
    use crate::wire::certificate::{Certificate, CertificateEntry};
    use crate::wire::delegated_credential::DelegatedCredential;
    use crate::wire::extensions::status_request::timestamp_list;
    use crate::wire::registry::{ExtensionType, SignatureScheme};

    // The SubjectPublicKeyInfo of RFC 8410 §10.1.
    let public_key = [
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 0x19, 0xbf, 0x44, 0x09, 0x69, 0x84,
        0xcd, 0xfe, 0x85, 0x41, 0xba, 0xc1, 0x67, 0xdc, 0x3b, 0x96, 0xc8, 0x50, 0x86, 0xaa, 0x30, 0xb6, 0xb6, 0xcb,
        0x0c, 0x5c, 0x38, 0xad, 0x70, 0x31, 0x66, 0xe1,
    ];
    let credential = DelegatedCredential {
        valid_time: 3600,
        scheme: SignatureScheme::ED25519,
        public_key: public_key.to_vec(),
        algorithm: SignatureScheme::ECDSA_SECP256R1_SHA256,
        signature: vec![9; 8],
    };
    let mut entry = CertificateEntry { der: public_key.to_vec(), extensions: Vec::new() };
    entry.add_ocsp_response(b"response");
    entry.add(ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP, timestamp_list(&[b"one", b"two"]));
    entry.add(ExtensionType::DELEGATED_CREDENTIAL, credential.encoded());
    let body = Certificate { request_context: vec![1], entries: vec![entry] }.encoded();
    let tree = message(HandshakeType::CERTIFICATE, &body);
    assert_eq!(value(&tree, "cert_data"), "a bare public key, 1.3.101.112");
    assert_eq!(value(&tree, "valid_time"), "3600");
    assert_eq!(value(&tree, "dc_cert_verify_algorithm"), "ed25519 (0x0807)");
    assert!(value(&tree, "OCSPResponse").contains("726573706f6e7365"));
    assert!(value(&tree, "SerializedSCT").contains("6f6e65"));
    let mut at = 0;
    for leaf in tree.leaves() {
        assert_eq!(leaf.range.start, at, "{}", leaf.name);
        at = leaf.range.end;
    }
    assert_eq!(at, body.len());
}
