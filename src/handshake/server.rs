//! The server's states.

pub mod hello;
pub mod negotiate;
pub mod v13;
