use core::time::Duration;
use std::sync::Arc;

use super::*;
use crate::crypto::null;
use crate::crypto::resumption::{ResumptionState, TicketStore};
use crate::crypto::secret::SecretBytes;
use crate::crypto::{CryptoProvider, SecureRandom};
use crate::time::Instant;
use crate::wire::registry::CipherSuite;

const START: Instant = Instant::from_micros(1_800_000_000_000_000);
const HOUR: Duration = Duration::from_secs(3600);

fn state(issued_at: Instant) -> ResumptionState {
    ResumptionState {
        cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
        secret: SecretBytes::new(vec![7; 32]),
        issued_at,
        authenticated_at: issued_at,
        lifetime: 3600,
        age_add: 0x1234_5678,
        server_name: Some("example.org".to_owned()),
        alpn_protocol: None,
        peer_certificates: vec![vec![3; 500]],
        psk_identity: None,
        max_early_data: 1000,
    }
}

fn random(seed: u64) -> Arc<dyn SecureRandom> {
    null::provider(seed).random
}

fn provider() -> CryptoProvider {
    #[cfg(feature = "rustcrypto")]
    return crate::crypto::rustcrypto::provider();
    #[cfg(not(feature = "rustcrypto"))]
    return null::provider(1);
}

#[test]
fn a_sealed_ticket_opens_until_it_is_too_old() {
    let tickets = SealedTickets::new(&provider(), HOUR, START).unwrap();
    let random = random(1);
    let ticket = tickets.issue(&state(START), &*random).unwrap();
    let other = tickets.issue(&state(START), &*random).unwrap();
    assert_eq!(tickets.open(&ticket, START), Some(state(START)));
    // Nothing is kept, and nothing is used up.
    assert!(tickets.redeem(&ticket, START));
    assert_eq!(tickets.open(&ticket, START + HOUR), Some(state(START)));
    assert_eq!(tickets.open(&ticket, START + HOUR + Duration::from_millis(1)), None);
    assert_eq!(tickets.refused(), 1);
    // A clock that is behind the issuer's is no reason to refuse.
    assert_eq!(tickets.open(&ticket, Instant::ZERO), Some(state(START)));
    // Two tickets for one connection have nothing in common but the name of the key.
    assert_eq!(ticket[..17], other[..17]);
    assert!(ticket[17..].windows(16).all(|window| !other[17..].windows(16).any(|w| w == window)));
}

#[test]
fn a_damaged_or_invented_ticket_is_none() {
    let tickets = SealedTickets::new(&provider(), HOUR, START).unwrap();
    let random = random(2);
    let ticket = tickets.issue(&state(START), &*random).unwrap();
    for at in 0..ticket.len() {
        let mut damaged = ticket.clone();
        damaged[at] ^= 1 << (at % 8);
        assert_eq!(tickets.open(&damaged, START), None, "byte {at}");
        assert_eq!(tickets.open(&ticket[..at], START), None, "{at} bytes");
    }
    let mut tried = 2 * u64::try_from(ticket.len()).unwrap();
    for len in (0..4096).step_by(7) {
        let mut invented = vec![0; len];
        random.fill(&mut invented).unwrap();
        assert_eq!(tickets.open(&invented, START), None);
        // With a header of ours before it.
        for (to, from) in invented.iter_mut().zip(&ticket[..49]) {
            *to = *from;
        }
        assert_eq!(tickets.open(&invented, START), None);
        tried += 2;
    }
    assert_eq!(tickets.refused(), tried);
}

#[test]
fn keys_change_and_the_previous_one_still_opens() {
    let tickets = SealedTickets::new(&provider(), HOUR, START).unwrap();
    let random = random(3);
    let late = START + Duration::from_secs(3599);
    let first = tickets.issue(&state(late), &*random).unwrap();
    let later = START + HOUR;
    let second = tickets.issue(&state(later), &*random).unwrap();
    assert_ne!(first[1..17], second[1..17], "a new key has a new name");
    assert!(tickets.open(&first, later).is_some());
    assert!(tickets.open(&second, later).is_some());
    // At the next change the first key goes, as old as its tickets are by then.
    assert!(tickets.open(&second, START + 2 * HOUR).is_some());
    assert!(tickets.open(&first, late).is_none());
    // Who slept for longer than a key lives has forgotten all of them.
    assert!(tickets.open(&second, START + 5 * HOUR).is_none());
    assert!(tickets.open(&second, later).is_none());
}

#[test]
fn servers_that_share_keys_open_each_others_tickets() {
    let key = |byte| TicketKey::new(&[byte; TicketKey::LEN]);
    let server = |keys| SealedTickets::with_keys(&provider(), keys).unwrap();
    let (a, b) = (server(vec![key(1)]), server(vec![key(2), key(1)]));
    let random = random(4);
    let of_a = a.issue(&state(START), &*random).unwrap();
    assert!(b.open(&of_a, START).is_some());
    let of_b = b.issue(&state(START), &*random).unwrap();
    assert!(a.open(&of_b, START).is_none());
    a.set_keys(vec![key(2), key(1)]);
    assert!(a.open(&of_b, START).is_some());
    b.set_keys(vec![key(3), key(2)]);
    assert!(b.open(&of_a, START).is_none());
    // Keys that were handed in do not change by themselves.
    let much_later = START + 200 * HOUR;
    assert!(b.open(&a.issue(&state(much_later), &*random).unwrap(), much_later).is_some());
    // The secret part is what counts, not the name.
    let impostor = [&[1; 16][..], &[9; 32]].concat();
    let c = server(vec![TicketKey::new(&impostor.try_into().unwrap())]);
    assert!(c.open(&of_a, START).is_none());
    // No keys, no tickets.
    assert!(server(Vec::new()).issue(&state(START), &*random).is_none());
    assert!(server(Vec::new()).open(&of_a, START).is_none());
    assert_eq!(format!("{:?}", key(0xab)), format!("TicketKey({})", "ab".repeat(16)));
}

#[test]
fn a_ticket_that_no_hello_could_carry_is_not_issued() {
    let tickets = SealedTickets::new(&provider(), HOUR, START).unwrap();
    let mut large = state(START);
    large.peer_certificates = vec![vec![1; 1800]];
    assert!(tickets.issue(&large, &*random(5)).is_some());
    large.peer_certificates = vec![vec![1; 2000]];
    assert!(tickets.issue(&large, &*random(5)).is_none());
}

#[test]
fn a_cached_ticket_can_be_used_once() {
    let tickets = CachedTickets::new(10);
    let random = random(6);
    let ticket = tickets.issue(&state(START), &*random).unwrap();
    assert_eq!(ticket.len(), 32);
    // Looking does not use it up: it may be an attacker who offers it.
    assert_eq!(tickets.open(&ticket, START), Some(state(START)));
    assert_eq!(tickets.open(&ticket, START), Some(state(START)));
    assert!(tickets.redeem(&ticket, START));
    assert!(!tickets.redeem(&ticket, START));
    assert_eq!(tickets.open(&ticket, START), None);
    for other in [&[][..], &[0; 31], &[0; 32], &[0; 33]] {
        assert_eq!(tickets.open(other, START), None);
        assert!(!tickets.redeem(other, START));
    }
    assert_eq!(tickets.refused(), 5);
    let old = tickets.issue(&state(START), &*random).unwrap();
    assert_eq!(tickets.open(&old, START + 2 * HOUR), None);
    assert!(tickets.is_empty(), "what is too old is not kept");
}

#[test]
fn the_oldest_cached_ticket_makes_room() {
    let tickets = CachedTickets::new(3);
    let random = random(7);
    let issue = || tickets.issue(&state(START), &*random).unwrap();
    let [a, b, c] = [issue(), issue(), issue()];
    assert!(tickets.redeem(&b, START));
    let [d, e] = [issue(), issue()];
    let kept = [&a, &b, &c, &d, &e].map(|ticket| tickets.open(ticket, START).is_some());
    assert_eq!(kept, [false, false, true, true, true]);
    for _ in 0..100 {
        issue();
    }
    assert_eq!(tickets.len(), 3);
    assert!(CachedTickets::new(0).issue(&state(START), &*random).is_none());
}

/// A hello that was sent `age` after its ticket was issued.
fn hello<'a>(binder: &'a [u8], issued_at: Instant, age: Duration) -> EarlyHello<'a> {
    let state = state(issued_at);
    let age = u32::try_from(age.as_millis()).unwrap().wrapping_add(state.age_add);
    EarlyHello::new(binder, &state, age)
}

const WINDOW: Duration = LocalStrikeRegister::DEFAULT_WINDOW;
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_hello_is_admitted_once() {
    use EarlyDataRefusal as R;
    let register = LocalStrikeRegister::new(START);
    let issued = START + SECOND;
    let now = issued + 100 * SECOND;
    let fresh = hello(b"binder", issued, 100 * SECOND);
    assert_eq!(register.admit(&fresh, now), Ok(()));
    assert_eq!(register.admit(&fresh, now), Err(R::Repeated));
    assert_eq!(register.admit(&hello(b"other", issued, 100 * SECOND), now), Ok(()));
    // As long as a copy counts as fresh it is known; after that it is not fresh.
    assert_eq!(register.admit(&fresh, now + WINDOW), Err(R::Repeated));
    assert_eq!(register.admit(&fresh, now + WINDOW + SECOND), Err(R::NotFresh));
}

#[test]
fn a_hello_from_the_future_is_known_for_as_long_as_it_is_fresh() {
    use EarlyDataRefusal as R;
    let register = LocalStrikeRegister::new(START);
    let issued = START + SECOND;
    let now = issued + 100 * SECOND;
    let ahead = hello(b"ahead", issued, 110 * SECOND);
    assert_eq!(register.admit(&ahead, now), Ok(()));
    assert_eq!(register.admit(&ahead, now + 2 * WINDOW), Err(R::Repeated));
    assert_eq!(register.admit(&ahead, now + 2 * WINDOW + SECOND), Err(R::NotFresh));
    let further = hello(b"further", issued, 111 * SECOND);
    assert_eq!(register.admit(&further, now), Err(R::NotFresh));
    // What cannot come again is forgotten.
    let last = hello(b"last", issued, 200 * SECOND);
    assert_eq!(register.admit(&last, issued + 200 * SECOND), Ok(()));
    assert_eq!(register.len(), 1);
}

#[test]
fn a_register_that_was_restarted_knows_that_it_has_forgotten() {
    use EarlyDataRefusal as R;
    let issued = START;
    let replayed = hello(b"binder", issued, 100 * SECOND);
    let before = LocalStrikeRegister::new(Instant::ZERO);
    assert_eq!(before.admit(&replayed, issued + 100 * SECOND), Ok(()));
    let restarted = issued + 101 * SECOND;
    let after = LocalStrikeRegister::new(restarted);
    assert_eq!(after.admit(&replayed, restarted), Err(R::RegisterStarted));
    // A hello of which no copy can have been fresh before the restart.
    let age = restarted - issued + WINDOW;
    assert_eq!(after.admit(&hello(b"at", issued, age), issued + age), Err(R::RegisterStarted));
    let age = age + SECOND;
    assert_eq!(after.admit(&hello(b"later", issued, age), issued + age), Ok(()));
    // With a ticket that is younger than the register nothing can have happened before.
    let young = restarted + SECOND;
    assert_eq!(after.admit(&hello(b"young", young, SECOND), young + SECOND), Ok(()));
}

#[test]
fn a_full_register_admits_nothing() {
    use EarlyDataRefusal as R;
    let register = LocalStrikeRegister::with_bounds(WINDOW, 2, START);
    let issued = START + SECOND;
    let admit = |binder: &[u8], at: Instant| register.admit(&hello(binder, issued, at - issued), at);
    let now = issued + SECOND;
    assert_eq!([admit(b"a", now), admit(b"b", now), admit(b"c", now)], [Ok(()), Ok(()), Err(R::RegisterFull)]);
    let later = now + 2 * WINDOW + SECOND;
    assert_eq!([admit(b"d", later), admit(b"e", later), admit(b"f", later)], [Ok(()), Ok(()), Err(R::RegisterFull)]);
}
