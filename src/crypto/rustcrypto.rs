//! The provider and the back end that are made of RustCrypto's crates and dalek's.

mod hash;

pub use hash::{SHA256, SHA384};
