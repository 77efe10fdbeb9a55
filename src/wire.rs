//! Structures on the wire, as the RFCs present them. Nothing here knows what they mean.

pub mod ack;
pub mod alert;
pub mod certificate;
pub mod client_hello;
pub mod connection_id;
pub mod delegated_credential;
pub mod encrypted_extensions;
pub mod extended_key_update;
pub mod extension;
pub mod extensions;
pub mod fragment;
pub mod grease;
pub mod post_handshake;
pub mod record;
pub mod registry;
pub mod return_routability;
pub mod server_hello;
