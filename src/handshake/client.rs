//! The client's states.

pub mod arrangement;
pub mod early;
pub mod hello;
pub mod psk;
pub mod v13;
