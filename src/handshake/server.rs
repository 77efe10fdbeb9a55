//! The server's states.

pub mod hello;
pub mod negotiate;
pub mod psk;
pub mod v13;
