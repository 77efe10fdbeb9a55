//! Interoperability peer: BoringSSL, through the crate `boring`.

mod configure;
mod connection;

use std::process::ExitCode;

fn main() -> ExitCode {
    peer::main(|flags| Ok(Box::new(connection::Boring::new(flags)?)))
}
