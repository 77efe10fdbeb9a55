//! The server's states.

mod early;
pub mod hello;
pub mod negotiate;
pub mod psk;
pub mod v13;
