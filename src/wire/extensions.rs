//! The data of single extensions, where several messages share it.

pub mod alpn;
pub mod flags;
pub mod key_share;
pub mod lists;
pub mod pre_shared_key;
pub mod server_name;
pub mod status_request;
pub mod ticket_request;
pub mod use_srtp;
