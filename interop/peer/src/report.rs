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

/// `CONNECTED version=… cipher=… group=… alpn=… name=… resumed=… early=…`, then `PEERCERT`, `PEERKEY` and `OCSP` for what
/// the other side showed of these.
pub fn connected(negotiated: &Negotiated) {
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let told = |value: Option<bool>| value.map_or("untold", |value| if value { "yes" } else { "no" });
    println!(
        "CONNECTED version={} cipher={} group={} alpn={} name={} resumed={} early={}",
        negotiated.version,
        negotiated.cipher,
        or_none(&negotiated.group),
        or_none(&negotiated.alpn),
        or_none(&negotiated.name),
        told(negotiated.resumed),
        told(negotiated.early),
    );
    chain("PEERCERT", &negotiated.peer_chain);
    if let Some(key) = &negotiated.peer_key {
        line("PEERKEY", &format!("sha256={}", digest(key)));
    }
    if let Some(response) = &negotiated.ocsp {
        line("OCSP", &format!("sha256={}", digest(response)));
    }
}

/// `WORD chain=… sha256=…`: how many certificates, and the digest of the leaf; nothing when there is none.
pub fn chain(word: &str, chain: &[Vec<u8>]) {
    if let Some(leaf) = chain.first() {
        line(word, &format!("chain={} sha256={}", chain.len(), digest(leaf)));
    }
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
