use super::*;
use crate::wire::registry::SrtpProfile;

fn full() -> ClientHello {
    ClientHello {
        random: [7; 32],
        legacy_session_id: vec![1; 32],
        legacy_cookie: vec![2; 255],
        cipher_suites: vec![CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite(0xc02b)],
        legacy_compression_methods: vec![0, 1],
        extensions: ClientExtensions {
            cookie: Some(vec![3; 400]),
            supported_versions: Some(vec![ProtocolVersion::DTLS_1_3, ProtocolVersion::DTLS_1_2]),
            server_name: Some("example.org".to_owned()),
            supported_groups: Some(vec![NamedGroup::X25519MLKEM768, NamedGroup::X25519]),
            signature_algorithms: Some(vec![SignatureScheme::ED25519]),
            signature_algorithms_cert: Some(vec![SignatureScheme::RSA_PKCS1_SHA256]),
            certificate_authorities: vec![vec![0x30, 0]],
            status_request: true,
            signed_certificate_timestamp: true,
            client_certificate_types: Some(vec![CertificateType::RAW_PUBLIC_KEY]),
            server_certificate_types: Some(vec![CertificateType::RAW_PUBLIC_KEY, CertificateType::X509]),
            compress_certificate: Some(vec![CertificateCompressionAlgorithm::ZLIB]),
            delegated_credential: Some(vec![SignatureScheme::ED25519]),
            alpn: Some(vec![b"webrtc".to_vec(), b"c-webrtc".to_vec()]),
            use_srtp: Some(UseSrtp { profiles: vec![SrtpProfile::SRTP_AEAD_AES_128_GCM], mki: vec![4] }),
            connection_id: Some(vec![9; 4]),
            return_routability: true,
            ticket_request: Some(TicketRequest { new_session_count: 3, resumption_count: 1 }),
            flags: Some(Flags::of(8)),
            record_size_limit: Some(64),
            psk_key_exchange_modes: Some(vec![1]),
            post_handshake_auth: true,
            extended_master_secret: true,
            renegotiation_info: Some(Vec::new()),
            key_share: Some(vec![
                KeyShareEntry { group: NamedGroup::X25519MLKEM768, key_exchange: vec![5; 1216] },
                KeyShareEntry { group: NamedGroup::X25519, key_exchange: vec![6; 32] },
            ]),
            early_data: true,
            pre_shared_key: Some(OfferedPsks {
                identities: vec![PskIdentity { identity: b"ticket".to_vec(), obfuscated_ticket_age: 9 }],
                binders: vec![vec![8; 32]],
            }),
            others: vec![OtherExtension { extension_type: ExtensionType(0x0a0a), data: vec![8] }],
            present: [
                44u16, 43, 0x0a0a, 0, 10, 13, 50, 47, 5, 18, 19, 20, 27, 34, 16, 14, 54, 61, 58, 62, 28, 45, 49, 23,
                0xff01, 51, 42, 41,
            ]
            .map(ExtensionType)
            .to_vec(),
        },
        ..Default::default()
    }
}

/// A hello with the extension block `block`.
fn with_block(block: &[u8]) -> Result<ClientExtensions, InvalidMessage> {
    let hello = ClientHello { cipher_suites: vec![CipherSuite::TLS_AES_128_GCM_SHA256], ..Default::default() };
    let mut out = hello.encoded();
    out.truncate(out.len() - 2);
    put_vector16(&mut out, |out| out.extend_from_slice(block));
    ClientHello::decode_all(&out).map(|hello| hello.extensions)
}

/// The only extension, with `data`.
fn with(extension_type: ExtensionType, data: &[u8]) -> Result<ClientExtensions, InvalidMessage> {
    let mut block = Vec::new();
    extension::put(&mut block, extension_type, |out| out.extend_from_slice(data));
    with_block(&block)
}

#[test]
fn everything_comes_back() {
    assert_eq!(ClientHello::decode_all(&full().encoded()), Ok(full()));
}

#[test]
fn the_cookie_comes_first_and_the_key_shares_come_late() {
    let present = ClientHello::decode_all(&full().encoded()).unwrap().extensions.present;
    assert_eq!(present.first(), Some(&ExtensionType::COOKIE));
    assert!(present.ends_with(&[ExtensionType::KEY_SHARE, ExtensionType::EARLY_DATA, ExtensionType::PRE_SHARED_KEY]));
}

#[test]
fn a_hello_of_an_older_version_may_have_no_extensions() {
    let hello = ClientHello { cipher_suites: vec![CipherSuite(0xc02b)], ..Default::default() };
    let mut bytes = hello.encoded();
    bytes.truncate(bytes.len() - 2);
    assert_eq!(ClientHello::decode_all(&bytes), Ok(hello));
    bytes[1] = 0xff;
    assert_eq!(ClientHello::decode_all(&bytes).unwrap().legacy_version, ProtocolVersion::DTLS_1_0);
}

#[test]
fn every_truncation_is_refused() {
    let bytes = full().encoded();
    let without_block = 2 + 32 + 33 + 256 + 6 + 3;
    for len in (0..bytes.len()).filter(|len| *len != without_block) {
        assert_eq!(ClientHello::decode_all(&bytes[..len]), Err(InvalidMessage::TooShort), "{len} bytes");
    }
}

#[test]
fn malformed_hellos_are_refused() {
    use InvalidMessage as E;
    let decode = |middle: &[u8]| {
        let bytes = [&[0xfe, 0xfd][..], &[7; 32], middle].concat();
        ClientHello::decode_all(&bytes).map(|_| ())
    };
    assert_eq!(decode(&[0, 0, 0, 2, 0x13, 1, 1, 0, 0, 0]), Ok(()));
    assert_eq!(decode(&[0, 0, 0, 2, 0x13, 1, 1, 0, 0, 0, 0]), Err(E::TrailingData));
    assert_eq!(decode(&[&[33][..], &[0; 33], &[0, 0, 2, 0x13, 1, 1, 0]].concat()), Err(E::InvalidVectorLength));
    assert_eq!(decode(&[0, 0, 0, 0, 1, 0]), Err(E::EmptyVector));
    assert_eq!(decode(&[0, 0, 0, 3, 0x13, 1, 0x13, 1, 0]), Err(E::InvalidVectorLength));
    assert_eq!(decode(&[0, 0, 0, 2, 0x13, 1, 0]), Err(E::EmptyVector));
}

#[test]
fn empty_lists_are_refused() {
    use ExtensionType as T;
    for (extension_type, data) in [
        (T::COOKIE, &[0, 0][..]),
        (T::SUPPORTED_VERSIONS, &[0]),
        (T::SERVER_NAME, &[0, 0]),
        (T::SUPPORTED_GROUPS, &[0, 0]),
        (T::SIGNATURE_ALGORITHMS, &[0, 0]),
        (T::SIGNATURE_ALGORITHMS_CERT, &[0, 0]),
        (T::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, &[0, 0]),
        (T::USE_SRTP, &[0, 0, 0]),
        (T::PSK_KEY_EXCHANGE_MODES, &[0]),
        (T::KEY_SHARE, &[0, 4, 0, 0x1d, 0, 0]),
    ] {
        assert_eq!(with(extension_type, data), Err(InvalidMessage::EmptyVector), "{extension_type}");
    }
    assert_eq!(with(T::KEY_SHARE, &[0, 0]).unwrap().key_share, Some(Vec::new()));
}

#[test]
fn data_after_an_extension_is_refused() {
    use ExtensionType as T;
    for (extension_type, data) in [
        (T::COOKIE, &[0, 1, 7][..]),
        (T::SUPPORTED_VERSIONS, &[2, 0xfe, 0xfc]),
        (T::SERVER_NAME, &[0, 4, 0, 0, 1, b'a']),
        (T::SUPPORTED_GROUPS, &[0, 2, 0, 0x1d]),
        (T::SIGNATURE_ALGORITHMS, &[0, 2, 8, 7]),
        (T::SIGNATURE_ALGORITHMS_CERT, &[0, 2, 8, 7]),
        (T::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, &[0, 2, 1, b'a']),
        (T::USE_SRTP, &[0, 2, 0, 7, 0]),
        (T::PSK_KEY_EXCHANGE_MODES, &[1, 1]),
        (T::EXTENDED_MASTER_SECRET, &[]),
        (T::RENEGOTIATION_INFO, &[0]),
        (T::KEY_SHARE, &[0, 5, 0, 0x1d, 0, 1, 7]),
        (T::EARLY_DATA, &[]),
    ] {
        let read = with(extension_type, data).unwrap();
        assert_eq!(read.present, [extension_type]);
        assert_ne!(read, ClientExtensions { present: read.present.clone(), ..Default::default() }, "{extension_type}");
        let longer = [data, &[0]].concat();
        assert_eq!(with(extension_type, &longer), Err(InvalidMessage::TrailingData), "{extension_type}");
        if let Some((_, shorter)) = data.split_last() {
            assert_eq!(with(extension_type, shorter), Err(InvalidMessage::TooShort), "{extension_type}");
        }
    }
}

#[test]
fn what_is_not_known_is_kept_as_it_is() {
    let read = with_block(&[0x0a, 0x0a, 0, 1, 9, 0, 15, 0, 1, 1]).unwrap();
    let present = vec![ExtensionType(0x0a0a), ExtensionType::HEARTBEAT];
    let others =
        vec![OtherExtension::of(ExtensionType(0x0a0a), &[9]), OtherExtension::of(ExtensionType::HEARTBEAT, &[1])];
    assert_eq!(read, ClientExtensions { others, present, ..Default::default() });
}

#[test]
fn extensions_are_written_in_the_order_that_is_asked_for() {
    let mut hello = full();
    hello.extensions.present.reverse();
    let read = ClientHello::decode_all(&hello.encoded()).unwrap();
    // But for pre_shared_key, which stays last.
    hello.extensions.present.rotate_left(1);
    assert_eq!(read.extensions.present, hello.extensions.present);
    hello.extensions.present.clear();
    let read = ClientHello::decode_all(&hello.encoded()).unwrap();
    let in_order_of_fields = [
        44u16, 43, 0, 10, 13, 50, 47, 5, 18, 19, 20, 27, 34, 16, 14, 54, 61, 58, 62, 28, 45, 49, 23, 0xff01, 51, 42,
        0x0a0a, 41,
    ]
    .map(ExtensionType);
    assert_eq!(read.extensions.present, in_order_of_fields);
}

#[test]
fn no_extension_stands_twice() {
    let twice = [0, 23, 0, 0, 0, 42, 0, 0, 0, 23, 0, 0];
    assert_eq!(with_block(&twice), Err(InvalidMessage::DuplicateExtension(ExtensionType::EXTENDED_MASTER_SECRET)));
}

#[test]
fn pre_shared_key_stands_last() {
    let psk = [&[0, 41, 0, 14, 0, 8, 0, 2, b'm', b'e', 0, 0, 0, 0, 0, 2, 1, 7][..]].concat();
    let early_data = [0, 42, 0, 0];
    let read = with_block(&[&early_data[..], &psk].concat()).unwrap();
    assert_eq!(read.pre_shared_key.unwrap().identities[0].identity, b"me");
    assert_eq!(with_block(&[&psk[..], &early_data].concat()), Err(InvalidMessage::PreSharedKeyNotLast));
    assert_eq!(with_block(&[0, 41, 0, 1, 7]), Err(InvalidMessage::TooShort));
}
