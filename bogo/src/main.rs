//! dtls-wasm under BoringSSL's conformance runner: the program that the runner starts once for each test.
//!
//! - [`flags`]: what the command line asks for
//! - [`configure`]: from that to the library's configuration
//! - [`credentials`]: the certificates and keys among them
//! - [`transport`]: datagrams and time, as the runner sends them
//! - [`exchange`]: one connection from its first datagram to its last
//! - [`checks`]: what must be so once the handshake is complete
//! - [`errors`]: the library's errors under BoringSSL's names

mod checks;
mod configure;
mod credentials;
mod errors;
mod exchange;
mod flags;
mod transport;

use std::process::ExitCode;

use exchange::Failure;
use flags::Flags;
use transport::Transport;

/// The test wants what we have not.
const UNIMPLEMENTED: u8 = 89;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "-is-handshaker-supported") {
        println!("No");
        return ExitCode::SUCCESS;
    }
    let (first, resumption) = match (Flags::parse(&args, false), Flags::parse(&args, true)) {
        (Ok(first), Ok(resumption)) => (first, resumption),
        (Err(missing), _) | (_, Err(missing)) => return unimplemented(&missing),
    };
    match run(&first, &resumption) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Unimplemented(what)) => unimplemented(&what),
        Err(Failure::Failed(why)) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn unimplemented(what: &str) -> ExitCode {
    eprintln!("{what}");
    ExitCode::from(UNIMPLEMENTED)
}

fn run(first: &Flags, resumption: &Flags) -> Result<(), Failure> {
    let mut memory = exchange::Memory::default();
    for number in 0..=first.resume_count {
        let flags = if number == 0 { first } else { resumption };
        // What is not implemented must be found out before the runner is called.
        let connection = configure::connection(flags, &mut memory)?;
        let transport = Transport::connect(flags).map_err(Failure::io)?;
        exchange::run(connection, transport, flags, number > 0, &mut memory)?;
    }
    Ok(())
}
