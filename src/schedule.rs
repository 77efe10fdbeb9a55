//! The key schedule: which secret comes from which, and which keys from which secret. It knows no message.

pub mod exporter;
pub mod v13;

pub use exporter::{ExportError, ExporterSecret};
pub use v13::{EarlySecret, HandshakeSecret, MasterSecret, ResumptionSecret, TrafficKeys, TrafficSecret};
