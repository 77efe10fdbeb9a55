//! One binary that is wasm-pack, wasm-bindgen or wasm-bindgen-test-runner, after the name it is called by.
//!
//! Each of the three is a library as well as a program. Building them here, from one lockfile, pins the whole
//! tool chain and compiles what they share once. `scripts/setup.mjs` puts copies of this binary into `.tools/bin`
//! under the three names, where wasm-pack looks for the other two.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use clap::Parser as _;

fn main() -> ExitCode {
    match run(std::env::args_os().collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<OsString>) -> anyhow::Result<()> {
    let called = arguments.first().map(Path::new).and_then(Path::file_stem).and_then(|name| name.to_str());
    match called {
        Some("wasm-pack") => {
            let options = wasm_pack::Cli::parse_from(arguments);
            wasm_pack::PBAR.set_log_level(options.log_level);
            if options.quiet {
                wasm_pack::PBAR.set_quiet(true);
            }
            wasm_pack::command::run_wasm_pack(options.cmd)
        }
        Some("wasm-bindgen") => wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(arguments),
        Some("wasm-bindgen-test-runner") => wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(arguments),
        _ => bail!("call this program as wasm-pack, wasm-bindgen or wasm-bindgen-test-runner"),
    }
}
