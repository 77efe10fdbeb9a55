//! Whoever can send to both sides, and has no keys: nothing that is forged stalls or kills a handshake that has keys, nor a
//! connection.
#![cfg(all(feature = "sim", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/backends.rs"]
mod backends;
#[path = "support/modes.rs"]
mod modes;
#[path = "support/null.rs"]
mod null;
#[path = "support/rogue.rs"]
mod rogue;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backends::{Kind, Worker};
use dtls_wasm::codec::Encode as _;
use dtls_wasm::connection::ConnectionState;
use dtls_wasm::sim::{Node as _, SplitMix64};
use dtls_wasm::time::Instant;
use dtls_wasm::trace::{Direction, Event, Trace};
use dtls_wasm::wire::ack::Ack;
use dtls_wasm::wire::alert::Alert;
use dtls_wasm::wire::record::RecordNumber;
use dtls_wasm::wire::registry::{AlertDescription, ContentType, HandshakeType};
use modes::{Handshake, MODES, as_it_is, is_connected, perfect};
use null::START;
use rogue::{fragment, plaintext};

/// What anybody can write.
fn forgeries(number: u64) -> Vec<Vec<u8>> {
    let ack = |epoch| {
        let record_numbers = (0..4).map(|sequence_number| RecordNumber { epoch, sequence_number }).collect();
        Ack { record_numbers }.encoded()
    };
    let hello = |msg_type, message_seq| fragment(msg_type, message_seq, 60, 0, &[3; 60]);
    let mut forgeries = vec![
        plaintext(number, ContentType::ALERT, &Alert::fatal(AlertDescription::HANDSHAKE_FAILURE).encoded()),
        plaintext(number + 1, ContentType::ALERT, &Alert::warning(AlertDescription::CLOSE_NOTIFY).encoded()),
        plaintext(number + 2, ContentType::ACK, &ack(0)),
        plaintext(number + 3, ContentType::ACK, &ack(2)),
        plaintext(number + 4, ContentType::ACK, &ack(9)),
        plaintext(number + 5, ContentType::ACK, &ack(3)[..7]),
        plaintext(number + 6, ContentType::HANDSHAKE, &[]),
        // A number so high that a window would be moved past everything.
        plaintext((1 << 48) - 100 + number % 50, ContentType::ALERT, &[2, 40]),
        vec![0x2e; 60],
        vec![0x2f; 60],
        vec![0x3f; 60],
        vec![0; 20],
        vec![255; 20],
        Vec::new(),
    ];
    for message_seq in 0..9 {
        for msg_type in [HandshakeType::CLIENT_HELLO, HandshakeType::SERVER_HELLO, HandshakeType::FINISHED] {
            let number = number + 10 + u64::from(message_seq);
            forgeries.push(plaintext(number, ContentType::HANDSHAKE, &hello(msg_type, message_seq)));
        }
    }
    // The header of a protected record that says too much, and one cut short.
    forgeries.push(vec![0x2e, 0, 0, 0xff, 0xff, 1, 2, 3]);
    forgeries.push(vec![0x2e, 0]);
    forgeries
}

fn inject(worker: &mut Worker, number: u64, now: Instant) {
    for mut forged in forgeries(number) {
        worker.handle_datagram(&mut forged, now);
    }
}

/// Hears whether something was deprotected: what comes before that anyone may have said (RFC 9147bis §4.5.2).
#[derive(Clone, Default)]
struct SawProtected(Arc<AtomicBool>);

impl Trace for SawProtected {
    fn event(&mut self, _: Instant, event: &Event<'_>) {
        if let Event::Record { direction: Direction::Received, number, .. } = event {
            // A client that sends early data still has only plaintext to say that something is wrong.
            self.0.fetch_or(number.epoch > 1, Ordering::Relaxed);
        }
    }
}

/// Runs a handshake; after each step everything is forged to whoever has read a protected record of the other.
fn disturbed(pair: &mut Handshake, mode: &str) -> u32 {
    let saw = [SawProtected::default(), SawProtected::default()];
    pair.a.connection.set_trace(Box::new(saw[0].clone()));
    pair.b.connection.set_trace(Box::new(saw[1].clone()));
    let mut forged = 0;
    for step in 0..2000u64 {
        let done = is_connected(&pair.a) && is_connected(&pair.b);
        if done || !pair.step(START + Duration::from_secs(30)) {
            break;
        }
        let now = pair.now();
        for (worker, saw) in [&mut pair.a, &mut pair.b].into_iter().zip(&saw) {
            if saw.0.load(Ordering::Relaxed) {
                inject(worker, 1000 + step * 50, now);
                forged += 1;
            }
        }
    }
    assert!(is_connected(&pair.a) && is_connected(&pair.b), "{mode}: {:?}", pair.now());
    forged
}

#[test]
fn a_handshake_with_keys_goes_on_whatever_is_forged() {
    for mode in MODES {
        for kind in [Kind::Synchronous, Kind::Deferred(Duration::from_millis(3))] {
            let mut honest = mode.begin(kind, 1, perfect(), as_it_is);
            honest.run(START + Duration::from_secs(30), |a, b| is_connected(a) && is_connected(b));
            let mut pair = mode.begin(kind, 1, perfect(), as_it_is);
            assert!(disturbed(&mut pair, mode.name) > 0);
            assert_eq!(pair.a.connection.negotiated(), honest.a.connection.negotiated());
            // Nothing was slowed down by more than a moment either.
            assert!(pair.now() - START < (honest.now() - START) + Duration::from_millis(300), "{mode:?} {kind:?}");
        }
    }
}

#[test]
fn a_connection_goes_on_whatever_is_forged() {
    for mode in MODES {
        let mut pair = mode.begin(Kind::Synchronous, 1, perfect(), as_it_is);
        pair.run(START + Duration::from_secs(30), |a, b| is_connected(a) && is_connected(b));
        pair.run(START + Duration::from_secs(31), |_, _| false);
        let now = pair.now();
        let mut random = SplitMix64::named(7, 7);
        for round in 0..200 {
            for worker in [&mut pair.a, &mut pair.b] {
                inject(worker, round * 100, now);
                let noise: Vec<u8> = (0..random.below(100)).map(|_| random.below(256) as u8).collect();
                worker.handle_datagram(&mut noise.clone(), now);
                let mut out = Vec::new();
                assert!(!worker.poll_transmit(&mut out, now), "{mode:?}: an answer to what nobody sent: {out:?}");
            }
        }
        pair.a.connection.send(b"still there?").unwrap();
        pair.run(now + Duration::from_secs(1), |_, _| false);
        assert!(format!("{:?}", pair.b.events).contains("Datagram"), "{mode:?}");
        assert_eq!(pair.a.connection.state(), ConnectionState::Connected);
    }
}
