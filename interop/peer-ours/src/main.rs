//! Interoperability peer: this project, as its users use it.

mod alone;
mod configure;
mod listening;
mod tell;

use std::process::ExitCode;

use peer::{Role, Stack};

fn main() -> ExitCode {
    peer::main(|flags| {
        Ok(match flags.role {
            Role::Server if !flags.no_cookie => Box::new(listening::Listening::new(flags)?) as Box<dyn Stack>,
            _ => Box::new(alone::Alone::new(flags)?),
        })
    })
}
