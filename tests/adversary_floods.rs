//! Floods: of hellos, ACKs, fragments, KeyUpdates, data and alerts. What is held and what is done stay bounded, and nothing
//! that stands is lost.
//!
//! The bounds are of bytes that the allocator has given out, all of them.
#![cfg(all(feature = "sim", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unsafe_code)]

#[path = "support/counting.rs"]
mod counting;
#[path = "support/null.rs"]
mod null;
#[path = "support/rogue.rs"]
mod rogue;

use std::sync::Arc;
use std::time::Duration;

use counting::cost;
use dtls_wasm::codec::Encode as _;
use dtls_wasm::config::Limits;
use dtls_wasm::connection::{Connection, ConnectionEvent, ConnectionState};
use dtls_wasm::endpoint::limits::EndpointLimits;
use dtls_wasm::endpoint::{Endpoint, PeerAddress};
use dtls_wasm::error::PeerMisbehaved;
use dtls_wasm::wire::ack::Ack;
use dtls_wasm::wire::alert::Alert;
use dtls_wasm::wire::connection_id::{ConnectionIdUsage, NewConnectionId};
use dtls_wasm::wire::post_handshake::{KeyUpdate, KeyUpdateRequest};
use dtls_wasm::wire::record::RecordNumber;
use dtls_wasm::wire::registry::{AlertDescription, ContentType, HandshakeType};
use null::START;
use rogue::{Rogue, fragment, plaintext};

/// What a few queues, sets and the like may hold beside what the limits speak of, in bytes.
const SMALL: i64 = 16 * 1024;

fn acks_of(numbers: impl IntoIterator<Item = (u64, u64)>) -> Vec<u8> {
    let number = |(epoch, sequence_number)| RecordNumber { epoch, sequence_number };
    Ack { record_numbers: numbers.into_iter().map(number).collect() }.encoded()
}

#[test]
fn a_flood_of_hellos_from_everywhere_costs_a_listener_next_to_nothing() {
    let mut endpoint = Endpoint::new(Some(Arc::new(null::server(1))), START).unwrap();
    let honest = PeerAddress::new(b"honest").unwrap();
    let mut client = Connection::client(Arc::new(null::client(2)), Some("example.org"), START).unwrap();
    let speak = |endpoint: &mut Endpoint, client: &mut Connection| {
        let mut datagram = Vec::new();
        for _ in 0..8 {
            while client.poll_transmit(&mut datagram, START) {
                endpoint.handle_datagram(honest, &mut datagram, START);
            }
            while endpoint.poll_transmit(&mut datagram, START).is_some() {
                client.handle_datagram(&mut datagram, START);
            }
            while endpoint.poll_event().is_some() {}
        }
    };
    speak(&mut endpoint, &mut client);
    assert_eq!((client.state(), endpoint.connections()), (ConnectionState::Connected, 1));

    let mut flood = Vec::new();
    let mut other = Connection::client(Arc::new(null::client(3)), Some("example.org"), START).unwrap();
    let mut datagram = Vec::new();
    while other.poll_transmit(&mut datagram, START) {
        flood.push(datagram.clone());
    }
    let mut replies = 0u64;
    let cost = cost(|| {
        for number in 0..50_000u32 {
            let from = PeerAddress::new(&number.to_be_bytes()).unwrap();
            for datagram in &flood {
                endpoint.handle_datagram(from, &mut datagram.clone(), START);
            }
            while endpoint.poll_transmit(&mut datagram, START).is_some() {
                replies += 1;
            }
        }
    });
    assert_eq!(replies, 50_000);
    assert!(cost.most_held < SMALL, "{cost:?}");
    // A hello of two fragments, put together, understood and answered; the two clones are the test's own.
    assert!(cost.allocations < 50_000 * 100, "{cost:?}");
    assert_eq!(endpoint.connections(), 1);
    client.send(b"still there?").unwrap();
    speak(&mut endpoint, &mut client);
    assert_eq!(endpoint.connections(), 1);
    assert_eq!(client.state(), ConnectionState::Connected);
}

#[test]
fn a_flood_of_first_fragments_is_held_within_the_limits() {
    let limits = EndpointLimits::default().listener;
    let mut endpoint = Endpoint::new(Some(Arc::new(null::server(1))), START).unwrap();
    let mut other = Connection::client(Arc::new(null::client(3)), Some("example.org"), START).unwrap();
    let mut first = Vec::new();
    assert!(other.poll_transmit(&mut first, START));
    let cost = cost(|| {
        for number in 0..20_000u32 {
            let from = PeerAddress::new(&number.to_be_bytes()).unwrap();
            endpoint.handle_datagram(from, &mut first.clone(), START);
            assert!(endpoint.poll_transmit(&mut Vec::new(), START).is_none());
        }
    });
    // The bytes themselves, and for each hello its place in two maps and a list of pieces.
    let overhead = i64::try_from(limits.partial_hellos).unwrap() * 512;
    assert!(cost.most_held < i64::try_from(limits.partial_bytes).unwrap() + overhead, "{cost:?}");
    assert!(cost.most_held > 1000 * 1000, "the flood was held: {cost:?}");
}

#[test]
fn acks_without_end_change_nothing() {
    for victim_is_client in [true, false] {
        let mut rogue = Rogue::new(victim_is_client);
        let before = rogue.victim.stats().acks_received;
        let update = rogue.victim.update_keys(false, rogue.now);
        assert_eq!(update, Ok(()));
        let mut sent = rogue.send(ContentType::ACK, &acks_of([])).len();
        let lies: Vec<_> = (0..60).map(|number| (3, 1 << 40 | number)).collect();
        let cost = cost(|| {
            for round in 0..20_000 {
                let content = if round % 2 == 0 { acks_of([]) } else { acks_of(lies.iter().copied()) };
                sent += rogue.send(ContentType::ACK, &content).len();
            }
        });
        assert_eq!(rogue.victim.stats().acks_received, before + 20_001);
        // An ACK that names nothing asks for the flight, but not again at the same time.
        assert!(sent <= 3, "{sent} datagrams were sent");
        assert!(cost.still_held < SMALL && cost.most_held < SMALL, "{cost:?}");
        assert_eq!(rogue.victim.epochs().1, 3, "records that were never sent acknowledge nothing");
        assert!(rogue.is_understood());
    }
}

#[test]
fn the_longest_ack_that_fits_is_read() {
    let mut rogue = Rogue::new(true);
    let before = rogue.victim.stats().acks_received;
    // 2 + 16 * 1023 bytes, of at most 2^14.
    let longest = acks_of((0..1023).map(|number| (2, number)));
    let cost = cost(|| {
        for _ in 0..100 {
            rogue.send(ContentType::ACK, &longest);
        }
    });
    assert_eq!((rogue.victim.stats().acks_received - before, rogue.victim.error()), (100, None));
    assert!(cost.most_held < 64 * 1024 && cost.still_held < SMALL, "{cost:?}");
}

#[test]
fn fragments_without_end_are_held_within_the_limits() {
    let limits = Limits::default();
    for victim_is_client in [true, false] {
        let mut rogue = Rogue::new(victim_is_client);
        let next = rogue.message_seq;
        let cost = cost(|| {
            let mut random = 1u64;
            for round in 0..40_000usize {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // Never the first byte, so that no message is ever whole.
                let offset = 1 + (random >> 33) as usize % (limits.handshake_message - 100);
                let ahead = (round % 9) as u16;
                let bytes = vec![7; 1 + (random >> 20) as usize % 90];
                let content =
                    fragment(HandshakeType::CERTIFICATE, next + ahead, limits.handshake_message, offset, &bytes);
                rogue.send(ContentType::HANDSHAKE, &content);
            }
        });
        assert_eq!(rogue.victim.error(), None);
        // Vectors grow by doubling, and are copied while they do.
        let bound = 3 * i64::try_from(limits.reassembly).unwrap() + SMALL;
        assert!(cost.most_held < bound, "{cost:?}");
        assert!(rogue.is_understood());
    }
}

#[test]
fn announcing_the_longest_message_and_sending_a_byte_of_it_costs_a_byte() {
    let limits = Limits::default();
    let mut rogue = Rogue::new(true);
    let next = rogue.message_seq;
    let cost = cost(|| {
        for ahead in 0..=limits.messages_ahead {
            let content = fragment(HandshakeType::CERTIFICATE, next + ahead, limits.handshake_message, 5, &[1]);
            rogue.send(ContentType::HANDSHAKE, &content);
        }
        // Fragments without any byte are no reason to hold anything, nor to go on for ever.
        for _ in 0..1000 {
            let content = fragment(HandshakeType::CERTIFICATE, next, limits.handshake_message, 9, &[]);
            rogue.send(ContentType::HANDSHAKE, &content);
        }
    });
    assert!(cost.still_held < SMALL, "{cost:?}");
    assert_eq!(rogue.victim.error(), None);
    // The longest that the format can announce is refused.
    rogue.send(ContentType::HANDSHAKE, &fragment(HandshakeType::CERTIFICATE, next + 1, 0xff_ffff, 0, &[1]));
    assert!(rogue.victim.error().is_some());
}

#[test]
fn key_updates_without_end_are_followed_and_answered_with_one() {
    for victim_is_client in [true, false] {
        let mut rogue = Rogue::new(victim_is_client);
        let update = KeyUpdate { request: KeyUpdateRequest::Requested }.encoded();
        let mut datagrams = 0;
        let cost = cost(|| {
            for _ in 0..10_000 {
                datagrams += rogue.send_message(HandshakeType::KEY_UPDATE, &update).len();
                rogue.next_epoch();
                rogue.events();
            }
        });
        assert_eq!((rogue.victim.error(), rogue.victim.epochs()), (None, (10_003, 3)));
        // One ACK for each, and with the first of them a KeyUpdate, which is never acknowledged.
        assert_eq!(datagrams, 10_000);
        assert!(cost.still_held < SMALL && cost.most_held < SMALL, "{cost:?}");
        assert!(rogue.is_understood());
    }
}

#[test]
fn tickets_without_end_do_not_pile_up() {
    let mut rogue = Rogue::new(true);
    // 100 seconds, an age to add, a nonce, a ticket of 200 bytes, no extensions.
    let ticket = [&[0, 0, 0, 100, 0, 0, 0, 7, 1, 1, 0, 200][..], &[9; 200], &[0, 0]].concat();
    let cost = cost(|| {
        for _ in 0..20_000 {
            rogue.send_message(HandshakeType::NEW_SESSION_TICKET, &ticket);
            rogue.events();
        }
    });
    assert_eq!(rogue.victim.error(), None);
    assert!(cost.still_held < SMALL, "{cost:?}");
    assert!(rogue.is_understood());
}

#[test]
fn requests_for_certificates_without_end_are_refused_or_answered_within_bounds() {
    let mut rogue = Rogue::with(true, |client, _| client.post_handshake_auth = true);
    let mut asked = 0u32;
    let cost = cost(|| {
        while asked < 20_000 && rogue.victim.error().is_none() {
            // A context of four bytes, and signature_algorithms with two schemes.
            let context = asked.to_be_bytes();
            let request = [&[4][..], &context, &[0, 10, 0, 13, 0, 6, 0, 4, 4, 3, 8, 7]].concat();
            // Nothing that comes back is acknowledged.
            rogue.send_message(HandshakeType::CERTIFICATE_REQUEST, &request);
            rogue.events();
            asked += 1;
        }
    });
    println!("{asked} requests: {cost:?}, {:?}", rogue.victim.error());
    assert!(asked > 1, "one request is answered");
    assert!(cost.most_held < 256 * 1024, "{asked} requests: {cost:?}");
}

#[test]
fn connection_ids_without_end_are_kept_within_the_limit() {
    let limits = Limits::default();
    for usage in [ConnectionIdUsage::Spare, ConnectionIdUsage::Immediate] {
        let mut rogue = Rogue::with(true, |client, server| {
            client.common.connection_ids.length = 8;
            server.common.connection_ids.length = 8;
        });
        let cost = cost(|| {
            for number in 0..5000u32 {
                let cids = (0..20u8).map(|low| [&[low; 4], &number.to_be_bytes()[..]].concat()).collect();
                rogue.send_message(HandshakeType::NEW_CONNECTION_ID, &NewConnectionId { cids, usage }.encoded());
                rogue.events();
            }
        });
        assert_eq!(rogue.victim.error(), None);
        assert!(rogue.victim.spare_connection_ids() <= limits.spare_connection_ids);
        assert!(cost.still_held < SMALL, "{usage:?}: {cost:?}");
        assert!(rogue.is_understood());
    }
}

#[test]
fn requests_for_connection_ids_without_end_end_the_connection_and_cost_little() {
    let mut rogue = Rogue::with(false, |client, server| {
        client.common.connection_ids.length = 8;
        server.common.connection_ids.length = 8;
    });
    let mut asked = 0u32;
    let cost = cost(|| {
        while asked < 10_000 && rogue.victim.error().is_none() {
            // Nothing that comes back is acknowledged.
            rogue.send_message(HandshakeType::REQUEST_CONNECTION_ID, &[255]);
            asked += 1;
        }
    });
    assert_eq!(rogue.victim.error(), Some(&PeerMisbehaved::TooManyConnectionIdsRequested.into()));
    assert!(asked > 1 && cost.most_held < SMALL, "{asked} requests: {cost:?}");
    assert!(rogue.victim.own_connection_ids().len() <= Limits::default().own_connection_ids);
}

#[test]
fn data_that_nobody_takes_is_bounded_and_so_is_data_without_any_byte() {
    let limits = Limits::default();
    for len in [0, 1, 1000] {
        let mut rogue = Rogue::new(false);
        let data = vec![5; len];
        let cost = cost(|| {
            for _ in 0..100_000 {
                rogue.send(ContentType::APPLICATION_DATA, &data);
            }
        });
        // A queue grows by doubling, and is copied while it does.
        let bound = 4 * i64::try_from(limits.receive_queue).unwrap();
        assert!(cost.most_held < bound, "{len} bytes each: {cost:?}");
        assert!(rogue.victim.stats().records_discarded > 0);
        // As soon as it is taken there is room again.
        assert!(rogue.events().iter().all(|event| matches!(event, ConnectionEvent::Datagram(_))));
        assert!(rogue.is_understood());
    }
}

#[test]
fn forged_and_repeated_records_leave_nothing_behind() {
    let mut rogue = Rogue::new(true);
    let cost = cost(|| {
        for number in 0..50_000u32 {
            let mut forged = vec![0x2f, 0, 0, 0, 40];
            forged.extend(number.to_be_bytes());
            forged.resize(45, 9);
            rogue.victim.handle_datagram(&mut forged, rogue.now);
            let fatal = Alert::fatal(AlertDescription::HANDSHAKE_FAILURE).encoded();
            assert!(rogue.send_plaintext(number.into(), ContentType::ALERT, &fatal).is_empty());
        }
    });
    assert!(cost.still_held == 0, "{cost:?}");
    assert_eq!(rogue.victim.stats().records_discarded, 100_000);
    assert!(rogue.is_understood());
}

#[test]
fn records_of_unknown_epochs_are_held_only_as_far_as_the_limit() {
    let limits = Limits::default();
    let mut client = Connection::client(Arc::new(null::client(2)), Some("example.org"), START).unwrap();
    let cost = cost(|| {
        for number in 0..10_000u16 {
            let [high, low] = number.to_be_bytes();
            let mut record = vec![0x2e, high, low, 4, 0];
            record.resize(5 + 1024, 3);
            client.handle_datagram(&mut record, START);
        }
    });
    let bound = i64::try_from(limits.held_records).unwrap() * 2048;
    assert!(cost.most_held < bound + SMALL, "{cost:?}");
    assert_eq!(client.stats().records_discarded, 10_000 - limits.held_records as u64);
}

#[test]
fn plaintext_without_end_at_a_handshake_is_held_within_the_limits() {
    let limits = Limits::default();
    let mut server = Connection::server(Arc::new(null::server(1)), START).unwrap();
    let mut sent = 0;
    let cost = cost(|| {
        let mut datagram = Vec::new();
        for number in 0..20_000u64 {
            let offset = 1 + number as usize * 31 % 8000;
            let part = fragment(HandshakeType::CLIENT_HELLO, 0, 8100, offset, &[0; 20]);
            server.handle_datagram(&mut plaintext(number, ContentType::HANDSHAKE, &part), START);
            server.handle_datagram(&mut plaintext(number, ContentType::ACK, &acks_of([(0, number)])), START);
            while server.poll_transmit(&mut datagram, START) {
                sent += 1;
            }
        }
    });
    assert_eq!((sent, server.state()), (0, ConnectionState::Connecting));
    assert!(cost.most_held < 2 * i64::try_from(limits.handshake_message).unwrap() + SMALL, "{cost:?}");
    // It was somebody else's fault: but the one message that it waits for is spoilt, and it gives up in time.
    server.handle_timeout(START + Duration::from_secs(60));
    assert_eq!(server.state(), ConnectionState::Failed);
}
