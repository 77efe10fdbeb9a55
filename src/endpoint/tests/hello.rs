use super::super::hello::{hello_fragments, invariants, random_of};
use crate::codec::{Decode as _, Encode as _};
use crate::crypto::null;
use crate::wire::client_hello::{ClientHello, KeyShareEntry};
use crate::wire::registry::{CipherSuite, NamedGroup, ProtocolVersion};

#[path = "../../../tests/support/flights.rs"]
mod flights;
#[path = "../../../tests/support/pcap.rs"]
mod pcap;

/// The bodies of the hellos in `datagrams`, first and second, whatever their fragments.
fn hellos(datagrams: &[Vec<u8>]) -> [Vec<u8>; 2] {
    let mut bodies = [Vec::new(), Vec::new()];
    for datagram in datagrams {
        for fragment in hello_fragments(datagram) {
            let body = &mut bodies[usize::from(fragment.header.message_seq)];
            body.resize(fragment.header.length as usize, 0);
            let at = fragment.header.fragment_offset as usize;
            body[at..at + fragment.body.len()].copy_from_slice(fragment.body);
        }
    }
    bodies
}

#[test]
fn second_hellos_of_real_clients_keep_what_they_must() {
    let hash = null::provider(0).suites[0].hash;
    let mut pairs = Vec::new();
    for name in ["hrr_c_hrr-cookie", "hrr_c_hrr-p256", "hrr_f_hrr-cookie"] {
        let datagrams = flights::read(name).datagrams.into_iter().filter(|d| d.from_client).map(|d| d.payload);
        pairs.push((name, hellos(&datagrams.collect::<Vec<_>>())));
    }
    for name in ["dtls13-hrr-group", "dtls13-x25519-aes128gcm-cookie", "dtls13-x25519-chacha20-cookie"] {
        let path = flights::vectors("wolfssl-5.9.2-traces").join(format!("{name}.pcap"));
        let datagrams: Vec<_> = pcap::read_file(path).into_iter().map(|datagram| datagram.payload).collect();
        pairs.push((name, hellos(&datagrams)));
    }
    for (name, [first, second]) in pairs {
        assert!(ClientHello::decode_all(&first).is_ok() && ClientHello::decode_all(&second).is_ok(), "{name}");
        assert_ne!(first, second, "{name}");
        assert_eq!(random_of(&first), random_of(&second), "{name}");
        assert_eq!(invariants(&first, hash).unwrap(), invariants(&second, hash).unwrap(), "{name}");
    }
}

#[test]
fn what_a_second_hello_may_change_and_what_not() {
    let hash = null::provider(0).suites[0].hash;
    let of = |hello: &ClientHello| invariants(&hello.encoded(), hash).unwrap();
    let mut hello = ClientHello { random: [1; 32], ..ClientHello::default() };
    hello.cipher_suites = vec![CipherSuite::TLS_AES_128_GCM_SHA256];
    hello.extensions.supported_versions = Some(vec![ProtocolVersion::DTLS_1_3]);
    hello.extensions.key_share = Some(vec![KeyShareEntry { group: NamedGroup::X25519, key_exchange: vec![1; 32] }]);
    let before = of(&hello);

    let mut allowed = hello.clone();
    allowed.extensions.cookie = Some(vec![1, 2, 3]);
    allowed.extensions.key_share =
        Some(vec![KeyShareEntry { group: NamedGroup::SECP256R1, key_exchange: vec![1; 65] }]);
    assert_eq!(of(&allowed), before);

    let forbidden: [fn(&mut ClientHello); 6] = [
        |hello| hello.random[31] ^= 1,
        |hello| hello.legacy_session_id.push(0),
        |hello| hello.cipher_suites.push(CipherSuite::TLS_CHACHA20_POLY1305_SHA256),
        |hello| hello.extensions.supported_versions = None,
        |hello| hello.extensions.alpn = Some(vec![b"h3".to_vec()]),
        |hello| hello.extensions.supported_versions = Some(vec![ProtocolVersion::DTLS_1_2]),
    ];
    for (index, change) in forbidden.iter().enumerate() {
        let mut changed = hello.clone();
        change(&mut changed);
        assert_ne!(of(&changed), before, "change {index}");
    }
}

#[test]
fn fragments_are_found_in_every_record_of_a_datagram() {
    let first_flights = flights::read("ff").datagrams;
    let both: Vec<u8> = first_flights[..2].iter().flat_map(|datagram| datagram.payload.clone()).collect();
    let found: Vec<_> = hello_fragments(&both).map(|f| (f.header.fragment_offset, f.sequence_number)).collect();
    assert_eq!(found, [(0, 0), (1383, 1)]);

    // An ACK before it is passed over; a protected record ends the search.
    let mut with_ack = vec![26, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 0, 0];
    with_ack.extend_from_slice(&both);
    assert_eq!(hello_fragments(&with_ack).count(), 2);
    let mut protected = vec![0x2e, 0, 0, 0, 2, 1, 2];
    protected.extend_from_slice(&both);
    assert_eq!(hello_fragments(&protected).count(), 0);
}

#[test]
fn no_datagram_is_too_odd() {
    let datagram = flights::read("cc").datagrams[0].payload.clone();
    for len in 0..datagram.len() {
        assert_eq!(hello_fragments(&datagram[..len]).count(), 0);
    }
    for at in 0..25 {
        for bit in 0..8 {
            let mut odd = datagram.clone();
            odd[at] ^= 1 << bit;
            assert!(hello_fragments(&odd).count() <= 1);
        }
    }
}
