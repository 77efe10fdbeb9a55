//! A network that exists only in memory: seeded, lossy, with its own clock.
//!
//! Tests, fuzzing and the page drive the same one. Nothing here knows what the datagrams mean. What happens to a
//! datagram follows from the seed, from who sent it and from how many that side has sent before, and from nothing else:
//! a run can be repeated, and a change of one side's timing does not change the fate of the other side's datagrams.

mod network;
mod pair;
mod random;
#[cfg(test)]
mod tests;

pub use network::{Arrival, Conditions, Fate, Network, NetworkStats, Side};
pub use pair::{Node, Outcome, Pair};
pub use random::SplitMix64;
