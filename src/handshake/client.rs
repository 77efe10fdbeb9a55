//! The client's states.

pub mod hello;
pub mod v13;
