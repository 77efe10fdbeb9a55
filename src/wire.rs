//! Structures on the wire, as the RFCs present them. Nothing here knows what they mean.

pub mod record;
pub mod registry;
