//! A peer that has the keys and says what comes into its head: `messages` of the fuzz targets, from seeds.
#![cfg(all(feature = "inspect", feature = "sim", not(target_arch = "wasm32")))]

#[path = "support/fuzz_targets.rs"]
mod fuzz_targets;

use std::collections::BTreeMap;

use dtls_wasm::sim::SplitMix64;

fn noise(seed: u64) -> Vec<u8> {
    let mut random = SplitMix64::named(seed, 99);
    let len = 4 + random.below(200);
    // Most records stay as they are, so that some changes come late in a handshake.
    let calm = random.below(4) * 80;
    let byte = |random: &mut SplitMix64| if random.below(256) < calm { 255 } else { random.below(256) as u8 };
    (0..len).map(|_| byte(&mut random)).collect()
}

#[test]
fn changed_messages_under_real_keys_end_connections_in_order() {
    let (mut found, mut survived) = (BTreeMap::new(), 0);
    for seed in 0..20_000 {
        let errors = fuzz_targets::messages::play(&noise(seed));
        survived += u32::from(errors == [None, None]);
        for error in errors.into_iter().flatten() {
            // What was found wrong, without the number of the message or extension; not what one was told.
            let text = format!("{error:?}");
            if !text.starts_with("AlertReceived") {
                let kind: String = text.split_inclusive('(').take(2).collect();
                *found.entry(kind).or_insert(0) += 1;
            }
        }
    }
    println!("{survived} survived; {found:#?}");
    // It changes enough to be worth while, and not everything.
    assert!(survived > 1000 && found.len() > 25, "{survived} survived, {} kinds of error", found.len());
}

#[test]
fn a_seed_is_what_it_was() {
    assert_eq!(noise(7), noise(7));
    assert!(noise(7) != noise(8));
}
