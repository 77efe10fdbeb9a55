mod cookie;
mod hello;
mod listener;
mod partial;

use core::time::Duration;

use super::PeerAddress;
use crate::time::Instant;

/// Some time in the life of a clock that is anchored at the Unix epoch.
const START: Instant = Instant::from_micros(1_800_000_000_000_000);

fn after(seconds: u64) -> Instant {
    START + Duration::from_secs(seconds)
}

fn address(number: u32) -> PeerAddress {
    PeerAddress::new(&number.to_be_bytes()).unwrap()
}
