//! The bindings behind the npm package.
//!
//! They exchange integers, text and bytes, nothing else: Rust holds no JavaScript object and calls no JavaScript
//! function, so that nothing can leak through a reference and no call can come back while another runs. What happens
//! often (datagrams in and out) goes through the buffers of [`Scratch`]; what happens once per connection is passed as
//! wasm-bindgen passes it.
//!
//! What is wrong with an argument is thrown as text, `CODE: sentence`; `js/errors.ts` makes a `DtlsError` of it.
//!
//! The macro's `unsafe` code stays within what it generates: this crate forbids its own, here as elsewhere.

mod config;
mod connection;
mod endpoint;
mod failure;
mod identity;
#[cfg(feature = "inspect")]
mod inspect;
mod recording;
mod scratch;
#[cfg(feature = "sim")]
mod simulation;

pub use config::{Config, Roots};
pub use connection::Connection;
pub use endpoint::Endpoint;
pub use identity::{fingerprint, self_signed};
#[cfg(feature = "inspect")]
pub use inspect::{dissect_content, dissect_datagram, dissect_message};
pub use scratch::Scratch;
#[cfg(feature = "sim")]
pub use simulation::Simulation;
