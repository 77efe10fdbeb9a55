//! Interoperability peer: this project, as its users use it.

mod alone;
mod configure;
mod tell;

use std::process::ExitCode;

fn main() -> ExitCode {
    peer::main(|flags| Ok(Box::new(alone::Alone::new(flags)?)))
}
