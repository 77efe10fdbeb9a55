//! Reads the recorded handshakes of `vectors/browser-flights`.
//!
//! Include it with `#[path = "support/flights.rs"] mod flights;`. A recording that cannot be read is a panic.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use std::path::{Path, PathBuf};

/// The recordings, by the names of their files.
pub const NAMES: [&str; 12] = [
    "cc",
    "cf",
    "dimpl_c_server",
    "dimpl_f_server",
    "fc",
    "ff",
    "hrr_c_hrr-cookie",
    "hrr_c_hrr-p256",
    "hrr_c_hvr",
    "hrr_f_hrr-cookie",
    "hrr_f_hvr",
    "rsa_c",
];

/// One recorded handshake.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What it shows.
    pub description: String,
    /// Lines of SSLKEYLOGFILE; empty if the browser gave none.
    pub keylog: Vec<String>,
    /// What went to and fro, in order.
    pub datagrams: Vec<Datagram>,
}

/// One datagram of it.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// Whether the client sent it.
    pub from_client: bool,
    /// What UDP carried.
    pub payload: Vec<u8>,
}

/// The folder of a set of vectors.
pub fn vectors(set: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(set)
}

/// The recording `name`.
pub fn read(name: &str) -> Recording {
    let path = vectors("browser-flights").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let datagram = |json: &serde_json::Value| Datagram {
        from_client: match json["dir"].as_str().unwrap() {
            "c2s" => true,
            "s2c" => false,
            other => panic!("direction {other}"),
        },
        payload: hex(json["hex"].as_str().unwrap()),
    };
    Recording {
        description: json["desc"].as_str().unwrap().to_owned(),
        keylog: json["keylog"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect(),
        datagrams: json["datagrams"].as_array().unwrap().iter().map(datagram).collect(),
    }
}

/// The bytes of `text`, two hexadecimal digits each.
pub fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2));
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
