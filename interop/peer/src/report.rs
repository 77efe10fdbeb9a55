//! The lines that a peer prints, one per event: a word in capitals, then what there is to say about it.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::stack::Negotiated;

/// Prints one event.
pub fn line(word: &str, rest: &str) {
    if rest.is_empty() {
        println!("{word}");
    } else {
        println!("{word} {rest}");
    }
}

/// `CONNECTED version=… cipher=… group=… alpn=… name=…`, and `PEERCERT` when the other side showed a certificate.
pub fn connected(negotiated: &Negotiated) {
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    println!(
        "CONNECTED version={} cipher={} group={} alpn={} name={}",
        negotiated.version,
        negotiated.cipher,
        or_none(&negotiated.group),
        or_none(&negotiated.alpn),
        or_none(&negotiated.name),
    );
    if let Some(leaf) = negotiated.peer_chain.first() {
        let chain = negotiated.peer_chain.len();
        println!("PEERCERT chain={chain} sha256={}", hex(&Sha256::digest(leaf)));
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
