//! What fuzzing does with its input. `fuzz/` feeds these functions with new inputs, `tests/corpus.rs` with those that are
//! kept in `tests/corpus`. A panic is a finding.
//!
//! Include it with `#[path = "support/fuzz_targets.rs"] mod fuzz_targets;`.
#![allow(dead_code)]

#[path = "fuzz_targets/connection.rs"]
pub mod connection;
#[path = "fuzz_targets/decode.rs"]
pub mod decode;
#[path = "fuzz_targets/input.rs"]
mod input;
#[path = "fuzz_targets/listener.rs"]
pub mod listener;
#[path = "fuzz_targets/messages.rs"]
pub mod messages;
#[path = "null.rs"]
mod null;
#[path = "fuzz_targets/reassembly.rs"]
pub mod reassembly;

/// A target.
pub type Target = fn(&[u8]);

/// The targets, by name.
pub const ALL: [(&str, Target); 5] = [
    ("connection", connection::run),
    ("decode", decode::run),
    ("listener", listener::run),
    ("messages", messages::run),
    ("reassembly", reassembly::run),
];
