//! What every interoperability peer shares.
//!
//! A peer program brings one implementation of [`Stack`], a DTLS implementation seen from outside: datagrams go in, datagrams
//! and events come out. This crate brings the rest, so that all peers have the same flags ([`Flags`]), print the same
//! lines ([`report`]) and do the same exchange over UDP ([`exchange`]).
//!
//! The process ends with 0 when the exchange was completed, with 1 when it failed (the last line says why), with 2 when
//! the flags cannot be obeyed, and with 3 when time ran out.

pub mod credentials;
pub mod exchange;
pub mod flags;
pub mod report;
pub mod stack;

use std::process::ExitCode;

pub use flags::{Flags, Role};
pub use stack::{Happening, Negotiated, Stack};

/// The whole of a peer program's `main`: reads the flags, makes the stack with `make`, and runs the exchange.
pub fn main(make: impl FnOnce(&Flags) -> Result<Box<dyn Stack>, String>) -> ExitCode {
    let flags = match Flags::read(std::env::args().skip(1)) {
        Ok(flags) => flags,
        Err(sentence) => {
            eprintln!("{sentence}\n\n{}", flags::USAGE);
            return ExitCode::from(2);
        }
    };
    let stack = match make(&flags) {
        Ok(stack) => stack,
        Err(sentence) => {
            report::line("UNSUPPORTED", &sentence);
            return ExitCode::from(2);
        }
    };
    exchange::run(flags, stack)
}
