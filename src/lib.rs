//! DTLS 1.3 (RFC 9147) as a sans-IO core.
#![forbid(unsafe_code)]
