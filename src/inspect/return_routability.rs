//! Return routability checks (RFC 9853 §4).

use super::cursor::Cursor;
use super::value;

/// Passes the content of a record of type return_routability_check.
pub(super) fn check(cursor: &mut Cursor<'_>) -> Option<()> {
    let note = "Finds out whether the peer is at an address (RFC 9853 §4).";
    cursor.group("return_routability_check", note, |cursor| {
        let note = "Whether this asks, answers, or answers that the path is given up (RFC 9853 §4).";
        let msg_type = cursor.number_as(1, "msg_type", note, |msg_type| value::named(msg_type, name(msg_type)))?;
        let name = name(msg_type);
        if name.is_some() {
            let note = "Fresh and random: who answers with it has received it (RFC 9853 §4).";
            cursor.leaf(8, "Cookie", note, value::hex)?;
        } else {
            cursor.all("content", "Of a type that is to be ignored (RFC 9853 §4).", value::hex);
        }
        Some(value::named(msg_type, name))
    })
}

const fn name(msg_type: u64) -> Option<&'static str> {
    match msg_type {
        0 => Some("path_challenge"),
        1 => Some("path_response"),
        2 => Some("path_drop"),
        _ => None,
    }
}
