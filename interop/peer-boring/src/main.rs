//! Interoperability peer: BoringSSL, through the crate `boring`.

mod configure;
mod connection;
mod credentials;

use std::process::ExitCode;

fn main() -> ExitCode {
    peer::main(|flags| Ok(Box::new(connection::Boring::new(flags)?)))
}
