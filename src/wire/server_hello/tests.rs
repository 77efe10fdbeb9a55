use super::*;

fn hello() -> ServerHello {
    ServerHello {
        legacy_version: ProtocolVersion::DTLS_1_2,
        random: [7; 32],
        legacy_session_id_echo: Vec::new(),
        cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
        extensions: ServerHelloExtensions {
            supported_version: Some(ProtocolVersion::DTLS_1_3),
            key_share: Some(KeyShareEntry { group: NamedGroup::X25519, key_exchange: vec![1; 32] }),
            present: vec![ExtensionType::SUPPORTED_VERSIONS, ExtensionType::KEY_SHARE],
            ..Default::default()
        },
    }
}

fn retry() -> ServerHello {
    ServerHello {
        random: HELLO_RETRY_REQUEST_RANDOM,
        extensions: ServerHelloExtensions {
            supported_version: Some(ProtocolVersion::DTLS_1_3),
            selected_group: Some(NamedGroup::SECP256R1),
            cookie: Some(vec![5; 300]),
            present: vec![ExtensionType::SUPPORTED_VERSIONS, ExtensionType::KEY_SHARE, ExtensionType::COOKIE],
            ..Default::default()
        },
        ..hello()
    }
}

/// A hello with the extension block `block`.
fn with_block(random: Random, block: &[u8]) -> Vec<u8> {
    let mut out = ServerHello { random, extensions: ServerHelloExtensions::default(), ..hello() }.encoded();
    out.truncate(out.len() - 2);
    put_vector16(&mut out, |out| out.extend_from_slice(block));
    out
}

#[test]
fn both_forms_come_back() {
    for hello in [hello(), retry()] {
        assert_eq!(ServerHello::decode_all(&hello.encoded()), Ok(hello));
    }
    assert!(!hello().is_hello_retry_request());
    assert!(retry().is_hello_retry_request());
}

#[test]
fn the_older_versions_are_read() {
    let bytes = ServerHello { extensions: ServerHelloExtensions::default(), ..hello() }.encoded();
    let mut without_block = bytes[..bytes.len() - 2].to_vec();
    without_block[1] = 0xff;
    let read = ServerHello::decode_all(&without_block).unwrap();
    assert_eq!(read.legacy_version, ProtocolVersion::DTLS_1_0);
    assert_eq!(read.extensions, ServerHelloExtensions::default());
}

#[test]
fn every_truncation_is_refused() {
    for hello in [hello(), retry()] {
        let bytes = hello.encoded();
        let without_block = 2 + 32 + 1 + 2 + 1;
        for len in (0..bytes.len()).filter(|len| *len != without_block) {
            assert_eq!(ServerHello::decode_all(&bytes[..len]), Err(InvalidMessage::TooShort), "{len} bytes");
        }
    }
}

#[test]
fn malformed_hellos_are_refused() {
    use InvalidMessage as E;
    let bytes = hello().encoded();
    let mut compressed = bytes.clone();
    compressed[37] = 1;
    assert_eq!(ServerHello::decode_all(&compressed), Err(E::InvalidValue));
    let mut long_id = bytes[..34].to_vec();
    long_id.push(33);
    long_id.extend_from_slice(&[0; 33]);
    assert_eq!(ServerHello::decode_all(&long_id), Err(E::InvalidVectorLength));
    let mut trailing = bytes;
    trailing.push(0);
    assert_eq!(ServerHello::decode_all(&trailing), Err(E::TrailingData));
}

#[test]
fn malformed_extensions_are_refused() {
    use InvalidMessage as E;
    let plain = |block: &[u8]| ServerHello::decode_all(&with_block([7; 32], block)).map(|_| ());
    let retry = |block: &[u8]| ServerHello::decode_all(&with_block(HELLO_RETRY_REQUEST_RANDOM, block)).map(|_| ());
    assert_eq!(plain(&[0, 43, 0, 1, 0xfe]), Err(E::TooShort));
    assert_eq!(plain(&[0, 43, 0, 3, 0xfe, 0xfc, 0]), Err(E::TrailingData));
    // The form of key_share depends on the message.
    assert_eq!(plain(&[0, 51, 0, 2, 0, 0x1d]), Err(E::TooShort));
    assert_eq!(retry(&[0, 51, 0, 2, 0, 0x1d]), Ok(()));
    assert_eq!(plain(&[0, 51, 0, 5, 0, 0x1d, 0, 1, 7]), Ok(()));
    assert_eq!(retry(&[0, 51, 0, 5, 0, 0x1d, 0, 1, 7]), Err(E::TrailingData));
    assert_eq!(plain(&[0, 51, 0, 4, 0, 0x1d, 0, 0]), Err(E::EmptyVector));
    assert_eq!(retry(&[0, 44, 0, 2, 0, 0]), Err(E::EmptyVector));
    let twice = [0, 43, 0, 2, 0xfe, 0xfc, 0, 43, 0, 2, 0xfe, 0xfc];
    assert_eq!(plain(&twice), Err(E::DuplicateExtension(ExtensionType::SUPPORTED_VERSIONS)));
    // What we do not know is only named.
    let unknown = ServerHello::decode_all(&with_block([7; 32], &[0xaa, 0xaa, 0, 1, 7])).unwrap();
    assert_eq!(unknown.extensions.present, [ExtensionType(0xaaaa)]);
}
