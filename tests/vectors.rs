//! The structures of `wire` against bytes that real peers sent.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/flights.rs"]
mod flights;
#[path = "support/pcap.rs"]
mod pcap;

use dtls_wasm::codec::{Decode, Encode, Reader};
use dtls_wasm::wire::ack::Ack;
use dtls_wasm::wire::client_hello::ClientHello;
use dtls_wasm::wire::fragment::FragmentHeader;
use dtls_wasm::wire::record::{PlaintextHeader, RecordNumber, UnifiedHeader};
use dtls_wasm::wire::registry::{
    CipherSuite, ContentType, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion, SignatureScheme, SrtpProfile,
};
use dtls_wasm::wire::server_hello::ServerHello;

/// Every datagram of every vector, with the name of its file.
fn all_datagrams() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for name in flights::NAMES {
        all.extend(flights::read(name).datagrams.into_iter().map(|datagram| (name.to_owned(), datagram.payload)));
    }
    for set in ["browser-clienthello-captures", "illustrated-dtls13", "wolfssl-5.9.2-traces"] {
        for (name, datagrams) in captures(set) {
            all.extend(datagrams.into_iter().map(|datagram| (name.clone(), datagram.payload)));
        }
    }
    all
}

fn captures(set: &str) -> Vec<(String, Vec<pcap::Datagram>)> {
    let mut paths: Vec<_> =
        std::fs::read_dir(flights::vectors(set)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pcap"));
    let name = |path: &std::path::Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|path| (name(path), pcap::read_file(path))).collect()
}

/// The plaintext records at the front of `datagram`, and how many bytes they take.
fn plaintext_records(datagram: &[u8]) -> (Vec<(PlaintextHeader, Vec<u8>)>, usize) {
    let mut records = Vec::new();
    let mut reader = Reader::new(datagram);
    let mut taken = 0;
    while let Some(first) = datagram.get(taken) {
        if UnifiedHeader::is_announced_by(*first) || *first > 63 {
            break;
        }
        let before = reader.len();
        let header = PlaintextHeader::decode(&mut reader).unwrap();
        let content = reader.take(usize::from(header.length)).unwrap();
        taken += before - reader.len();
        records.push((header, content.to_vec()));
    }
    (records, taken)
}

/// The messages in the plaintext records of epoch 0, put together: type, message_seq, body.
fn plaintext_messages<'a>(datagrams: impl IntoIterator<Item = &'a [u8]>) -> Vec<(HandshakeType, u16, Vec<u8>)> {
    let mut messages: Vec<(HandshakeType, u16, Vec<Option<u8>>)> = Vec::new();
    for datagram in datagrams {
        for (header, content) in plaintext_records(datagram).0 {
            if header.content_type != ContentType::HANDSHAKE || header.epoch != 0 {
                continue;
            }
            let mut reader = Reader::new(&content);
            while !reader.is_empty() {
                let fragment = FragmentHeader::decode(&mut reader).unwrap();
                let body = reader.take(fragment.fragment_length as usize).unwrap();
                let known = messages.iter().position(|(msg_type, message_seq, _)| {
                    (*msg_type, *message_seq) == (fragment.msg_type, fragment.message_seq)
                });
                let at = known.unwrap_or_else(|| {
                    messages.push((fragment.msg_type, fragment.message_seq, vec![None; fragment.length as usize]));
                    messages.len() - 1
                });
                for (offset, byte) in body.iter().enumerate() {
                    messages[at].2[fragment.fragment_offset as usize + offset] = Some(*byte);
                }
            }
        }
    }
    let whole = |bytes: Vec<Option<u8>>| bytes.into_iter().collect::<Option<Vec<u8>>>();
    messages.into_iter().filter_map(|(msg_type, seq, body)| whole(body).map(|body| (msg_type, seq, body))).collect()
}

/// Every message of epoch 0 in the vectors, with the name of its file.
fn all_messages() -> Vec<(String, HandshakeType, u16, Vec<u8>)> {
    let mut all = Vec::new();
    for name in flights::NAMES {
        let datagrams = flights::read(name).datagrams;
        for from_client in [true, false] {
            let side = datagrams.iter().filter(|datagram| datagram.from_client == from_client);
            for (msg_type, seq, body) in plaintext_messages(side.map(|datagram| datagram.payload.as_slice())) {
                all.push((name.to_owned(), msg_type, seq, body));
            }
        }
    }
    for set in ["browser-clienthello-captures", "illustrated-dtls13", "wolfssl-5.9.2-traces"] {
        for (name, datagrams) in captures(set) {
            // One capture holds two connections.
            let mut ways: Vec<_> = datagrams.iter().map(|datagram| (datagram.source, datagram.destination)).collect();
            ways.sort();
            ways.dedup();
            for way in ways {
                let one_way = datagrams.iter().filter(|datagram| (datagram.source, datagram.destination) == way);
                for (msg_type, seq, body) in plaintext_messages(one_way.map(|datagram| datagram.payload.as_slice())) {
                    all.push((name.clone(), msg_type, seq, body));
                }
            }
        }
    }
    all
}

fn hellos(name: &str) -> Vec<ClientHello> {
    all_messages()
        .into_iter()
        .filter(|(file, msg_type, ..)| file == name && *msg_type == HandshakeType::CLIENT_HELLO)
        .map(|(_, _, _, body)| ClientHello::decode_all(&body).unwrap())
        .collect()
}

/// A hello without what is lost when it is read: the order of extensions, and those that we do not know.
fn comparable(mut hello: ClientHello) -> ClientHello {
    hello.extensions.present.clear();
    hello
}

#[test]
fn every_record_is_read_and_written_again() {
    let (mut plaintext, mut protected) = (0, 0);
    for (name, datagram) in all_datagrams() {
        let (records, mut at) = plaintext_records(&datagram);
        let mut again = Vec::new();
        for (header, content) in &records {
            header.encode(&mut again);
            again.extend_from_slice(content);
        }
        assert_eq!(again, datagram[..at], "{name}");
        plaintext += records.len();
        // Connection IDs of one trace: 6 bytes from the client, 8 from the server, told apart by where the length fits.
        while at < datagram.len() {
            let fits = |cid_len: usize| {
                let header = UnifiedHeader::parse(&datagram[at..], cid_len)?;
                let end = at + header.header_len + usize::from(header.length?);
                (end <= datagram.len()).then_some(end)
            };
            at = [0, 6, 8].into_iter().find_map(fits).unwrap_or_else(|| panic!("{name}: {:02x?}", &datagram[at..]));
            protected += 1;
        }
    }
    assert_eq!((plaintext, protected), (220, 379));
}

#[test]
fn every_client_hello_is_read_and_written_again() {
    let mut count = 0;
    for (name, _, seq, body) in
        all_messages().into_iter().filter(|(_, msg_type, ..)| *msg_type == HandshakeType::CLIENT_HELLO)
    {
        let hello = ClientHello::decode_all(&body).unwrap_or_else(|error| panic!("{name} {seq}: {error}"));
        let again = ClientHello::decode_all(&hello.encoded()).unwrap();
        assert_eq!(comparable(again), comparable(hello.clone()), "{name} {seq}");
        count += 1;
    }
    assert!(count >= 30, "{count} hellos");
}

#[test]
fn every_server_hello_is_read_and_written_again() {
    let (mut hellos, mut retries, mut lossless) = (0, 0, 0);
    for (name, _, seq, body) in
        all_messages().into_iter().filter(|(_, msg_type, ..)| *msg_type == HandshakeType::SERVER_HELLO)
    {
        let hello = ServerHello::decode_all(&body).unwrap_or_else(|error| panic!("{name} {seq}: {error}"));
        if hello.is_hello_retry_request() {
            retries += 1
        } else {
            hellos += 1
        }
        let known = [ExtensionType::SUPPORTED_VERSIONS, ExtensionType::KEY_SHARE, ExtensionType::COOKIE];
        let place = |extension| known.iter().position(|one| one == extension);
        let order: Vec<_> = hello.extensions.present.iter().map(place).collect();
        if order.iter().all(Option::is_some) && order.is_sorted() {
            assert_eq!(hello.encoded(), body, "{name} {seq}");
            lossless += 1;
        } else {
            let mut again = ServerHello::decode_all(&hello.encoded()).unwrap();
            again.extensions.present.clone_from(&hello.extensions.present);
            assert_eq!(again, hello, "{name} {seq}");
        }
    }
    assert!(hellos >= 20 && retries >= 5 && lossless >= 10, "{hellos} hellos, {retries} retries, {lossless} lossless");
}

#[test]
fn chromium_offers_what_it_offers() {
    for name in ["cc", "fc", "rsa_c", "hrr_c_hrr-cookie"] {
        let hello = &hellos(name)[0];
        let offers = &hello.extensions;
        assert_eq!(hello.legacy_version, ProtocolVersion::DTLS_1_2);
        assert!(hello.legacy_session_id.is_empty() && hello.legacy_cookie.is_empty());
        assert_eq!(hello.cipher_suites.len(), 14);
        assert_eq!(hello.cipher_suites[..3], [0x1301, 0x1302, 0x1303].map(CipherSuite));
        assert_eq!(offers.supported_versions, Some(vec![ProtocolVersion::DTLS_1_3, ProtocolVersion::DTLS_1_2]));
        assert_eq!(offers.supported_groups, Some([0x11ec, 0x001d, 0x0017, 0x0018].map(NamedGroup).to_vec()));
        let shares = offers.key_share.as_ref().unwrap();
        let lengths: Vec<_> = shares.iter().map(|share| (share.group, share.key_exchange.len())).collect();
        assert_eq!(lengths, [(NamedGroup::X25519MLKEM768, 1216), (NamedGroup::X25519, 32)]);
        let use_srtp = offers.use_srtp.as_ref().unwrap();
        assert_eq!((&use_srtp.profiles[..], &use_srtp.mki[..]), (&[1, 8, 7].map(SrtpProfile)[..], &[][..]));
        assert_eq!(offers.psk_key_exchange_modes, Some(vec![1]));
        let schemes = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201].map(SignatureScheme);
        assert_eq!(offers.signature_algorithms, Some(schemes.to_vec()));
        assert!(offers.extended_master_secret);
        assert_eq!(offers.renegotiation_info, Some(Vec::new()));
        assert_eq!((&offers.alpn, &offers.server_name, &offers.cookie), (&None, &None, &None));
        assert_eq!(offers.present.len(), 9);
    }
}

#[test]
fn firefox_offers_what_it_offers() {
    for name in ["cf", "ff", "hrr_f_hrr-cookie"] {
        let hello = &hellos(name)[0];
        let offers = &hello.extensions;
        assert_eq!(hello.cipher_suites.len(), 10);
        assert_eq!(hello.cipher_suites[..2], [0x1301, 0x1303].map(CipherSuite));
        assert_eq!(offers.supported_versions, Some([0xfefc, 0xfefd, 0x0303].map(ProtocolVersion).to_vec()));
        let groups = [0x11ec, 0x001d, 0x0017, 0x0018, 0x0100, 0x0101].map(NamedGroup);
        assert_eq!(offers.supported_groups, Some(groups.to_vec()));
        assert_eq!(offers.alpn, Some(vec![b"webrtc".to_vec(), b"c-webrtc".to_vec()]));
        let lengths: Vec<_> = offers.key_share.iter().flatten().map(|share| share.key_exchange.len()).collect();
        assert_eq!(lengths, [1216, 32]);
        assert_eq!(offers.use_srtp.as_ref().unwrap().profiles, [7, 8, 1, 2].map(SrtpProfile));
        assert_eq!(offers.signature_algorithms.as_ref().unwrap().len(), 15);
        let order = [23, 65281, 10, 11, 16, 34, 51, 43, 13, 28, 14].map(ExtensionType);
        assert_eq!(offers.present, order);
    }
}

#[test]
fn the_second_hello_carries_the_cookie_or_the_group() {
    for name in ["hrr_c_hrr-cookie", "hrr_f_hrr-cookie"] {
        let [first, second] = &hellos(name)[..] else { panic!("{name}") };
        assert_eq!(first.random, second.random);
        assert_eq!(second.extensions.cookie.as_ref().unwrap().len(), 32);
        assert_eq!(first.extensions.key_share, second.extensions.key_share);
    }
    let [_, second] = &hellos("hrr_c_hrr-p256")[..] else { panic!() };
    let shares = second.extensions.key_share.as_ref().unwrap();
    assert_eq!((shares.len(), shares[0].group, shares[0].key_exchange.len()), (1, NamedGroup::SECP256R1, 65));
    for name in ["hrr_c_hvr", "hrr_f_hvr"] {
        let verified: Vec<_> = hellos(name).into_iter().filter(|hello| !hello.legacy_cookie.is_empty()).collect();
        assert_eq!(verified.len(), 1, "{name}");
        assert!(verified[0].extensions.supported_versions.is_some());
    }
}

#[test]
fn firefox_acknowledges_a_retry_in_the_clear() {
    let records: Vec<_> = flights::read("hrr_f_hrr-cookie")
        .datagrams
        .iter()
        .flat_map(|datagram| plaintext_records(&datagram.payload).0)
        .filter(|(header, _)| header.content_type == ContentType::ACK)
        .collect();
    let [(header, content)] = &records[..] else { panic!("{} ACKs", records.len()) };
    assert_eq!((header.version, header.epoch), (ProtocolVersion::DTLS_1_2, 0));
    let ack = Ack::decode_all(content).unwrap();
    assert_eq!(ack.record_numbers, [RecordNumber { epoch: 0, sequence_number: 0 }]);
    assert_eq!(ack.encoded(), *content);
}
