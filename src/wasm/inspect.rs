//! The dissector.

use core::fmt::Display;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::inspect;
use crate::wire::registry::{ContentType, HandshakeType};

use super::failure;

/// A datagram as it is on the wire: the JSON of a `Field`.
#[wasm_bindgen(js_name = dissectDatagram)]
pub fn dissect_datagram(bytes: &[u8]) -> String {
    inspect::datagram(bytes).to_json()
}

/// The content of a record: the JSON of a `Field`.
#[wasm_bindgen(js_name = dissectContent)]
pub fn dissect_content(content_type: &str, plaintext: &[u8]) -> Result<String, String> {
    Ok(inspect::content(named("contentType", content_type, ContentType)?, plaintext).to_json())
}

/// The body of a handshake message: the JSON of a `Field`.
#[wasm_bindgen(js_name = dissectMessage)]
pub fn dissect_message(msg_type: &str, body: &[u8]) -> Result<String, String> {
    Ok(inspect::message(named("msgType", msg_type, HandshakeType)?, body).to_json())
}

/// The value that is printed so: events name types by what they print.
fn named<T: Display>(what: &str, name: &str, value: impl Fn(u8) -> T) -> Result<T, String> {
    let found = (0..=u8::MAX).map(value).find(|value| value.to_string() == name);
    found.ok_or_else(|| failure::thrown("ERR_DTLS_INVALID_OPTION", format!("{name:?} is no {what}")))
}
