use core::time::Duration;

use super::super::cookie::{Baker, Binding, Cookie, InvalidCookie};
use super::{START, address, after};
use crate::crypto::{CryptoProvider, HashOutput, null};
use crate::time::Instant;
use crate::wire::registry::{CipherSuite, NamedGroup};

const KEY_AGE: u64 = 600;
const COOKIE_AGE: u64 = 60;

fn baker(seed: u64) -> Baker {
    baker_of(&null::provider(seed))
}

fn baker_of(provider: &CryptoProvider) -> Baker {
    Baker::new(provider, Duration::from_secs(KEY_AGE), Duration::from_secs(COOKIE_AGE), START).unwrap()
}

fn cookie(hash_len: usize, group: Option<NamedGroup>) -> Cookie {
    Cookie {
        suite: CipherSuite::TLS_AES_256_GCM_SHA384,
        group,
        client_hello1_hash: HashOutput::new(&vec![7; hash_len]),
    }
}

fn issue(baker: &mut Baker, now: Instant) -> Vec<u8> {
    let (from, invariants) = (address(1), HashOutput::new(&[1; 32]));
    baker.issue(&cookie(32, None), Binding { from: &from, invariants: &invariants }, now)
}

fn open(baker: &mut Baker, bytes: &[u8], now: Instant) -> Result<Cookie, InvalidCookie> {
    let (from, invariants) = (address(1), HashOutput::new(&[1; 32]));
    baker.open(bytes, Binding { from: &from, invariants: &invariants }, now)
}

#[test]
fn a_cookie_tells_what_it_was_made_of() {
    let mut baker = baker(1);
    let (from, invariants) = (address(1), HashOutput::new(&[1; 32]));
    let binding = Binding { from: &from, invariants: &invariants };
    for cookie in [cookie(32, None), cookie(48, Some(NamedGroup::X25519)), cookie(64, Some(NamedGroup::SECP256R1))] {
        let bytes = baker.issue(&cookie, binding, START);
        assert_eq!(bytes.len(), 1 + 4 + 2 + 2 + 1 + cookie.client_hello1_hash.as_slice().len() + 16);
        assert_eq!(baker.open(&bytes, binding, START), Ok(cookie));
    }
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-11
//# The cookie MUST depend on the client's address.
#[test]
fn it_is_good_for_one_address_and_one_hello() {
    let mut baker = baker(1);
    let bytes = issue(&mut baker, START);
    let same = HashOutput::new(&[1; 32]);
    let other = HashOutput::new(&[2; 32]);
    let elsewhere = address(2);
    let here = address(1);
    assert!(baker.open(&bytes, Binding { from: &here, invariants: &same }, START).is_ok());
    let stolen = Binding { from: &elsewhere, invariants: &same };
    assert_eq!(baker.open(&bytes, stolen, START), Err(InvalidCookie::Forged));
    let changed = Binding { from: &here, invariants: &other };
    assert_eq!(baker.open(&bytes, changed, START), Err(InvalidCookie::Forged));
}

#[test]
fn it_lives_through_one_change_of_keys_and_no_longer_than_its_age() {
    // Issued at the very end of a period, it is still good in the next.
    let mut one = baker(1);
    let bytes = issue(&mut one, after(KEY_AGE - 1));
    assert!(open(&mut one, &bytes, after(KEY_AGE + COOKIE_AGE - 1)).is_ok());
    assert_eq!(open(&mut one, &bytes, after(KEY_AGE + COOKIE_AGE)), Err(InvalidCookie::Expired));

    // After two changes nothing of it is known any more.
    issue(&mut one, after(2 * KEY_AGE + 1));
    issue(&mut one, after(3 * KEY_AGE + 2));
    assert_eq!(open(&mut one, &bytes, after(3 * KEY_AGE + 2)), Err(InvalidCookie::Forged));

    // A listener that slept for two periods has forgotten its last key as well.
    let mut sleepy = baker(1);
    let bytes = issue(&mut sleepy, START);
    assert_eq!(open(&mut sleepy, &bytes, after(2 * KEY_AGE)), Err(InvalidCookie::Forged));
}

#[test]
fn a_clock_that_goes_back_does_not_end_it() {
    let mut baker = baker(1);
    let bytes = issue(&mut baker, after(30));
    assert!(open(&mut baker, &bytes, START).is_ok());
}

#[test]
fn keys_of_two_bakers_differ_and_so_do_old_and_new() {
    let (mut one, mut other) = (baker(1), baker(2));
    let bytes = issue(&mut one, START);
    assert_eq!(open(&mut other, &bytes, START), Err(InvalidCookie::Forged));
    let mut later = issue(&mut one, after(KEY_AGE));
    assert_ne!(bytes[0] & 1, later[0] & 1, "the key is named");
    later[0] ^= 1;
    assert_eq!(open(&mut one, &later, after(KEY_AGE)), Err(InvalidCookie::Forged));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-11
//# It MUST NOT be possible for anyone other than the issuing entity to generate cookies that are accepted as valid
//# by that entity.
#[test]
fn every_changed_bit_and_every_other_length_is_noticed() {
    let mut baker = baker(1);
    let bytes = issue(&mut baker, START);
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&mut baker, &changed, START).is_err(), "bit {bit}");
    }
    for len in 0..bytes.len() {
        assert!(open(&mut baker, &bytes[..len], START).is_err());
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(open(&mut baker, &longer, START).is_err());
}

#[test]
fn without_random_bytes_there_is_no_baker_but_a_running_one_goes_on() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use crate::crypto::{NoRandomBytes, SecureRandom};

    struct Dry(Arc<AtomicBool>);
    impl SecureRandom for Dry {
        fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomBytes> {
            out.fill(3);
            if self.0.load(Ordering::Relaxed) { Err(NoRandomBytes) } else { Ok(()) }
        }
    }

    let dry = Arc::new(AtomicBool::new(false));
    let mut provider = null::provider(1);
    provider.random = Arc::new(Dry(Arc::clone(&dry)));
    let mut baker = baker_of(&provider);
    dry.store(true, Ordering::Relaxed);
    let bytes = issue(&mut baker, after(KEY_AGE + 1));
    assert!(open(&mut baker, &bytes, after(KEY_AGE + 2)).is_ok());
    let age = Duration::from_secs(60);
    assert!(Baker::new(&provider, age, age, START).is_err());
}
