//! Interoperability peer: wolfSSL, through the bindings of the crate `wolfssl-sys`.

mod configure;
mod connection;
mod credentials;

use std::process::ExitCode;

fn main() -> ExitCode {
    peer::main(|flags| Ok(Box::new(connection::Wolf::new(flags)?)))
}
