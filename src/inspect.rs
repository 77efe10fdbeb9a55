//! The dissector: any bytes to a tree of named spans, for whoever looks at them.
//!
//! Names are those of the RFCs. The leaves of a tree cover the bytes without gap or overlap, whatever the bytes are: what
//! cannot be read becomes a leaf [`MALFORMED`], what should not be there a leaf [`UNEXPECTED`]. Nothing here decides
//! anything: `wire` reads messages for the protocol, strictly, and the tests hold the two against each other.

mod certificate;
mod cursor;
mod extension;
mod handshake;
mod hello;
mod json;
mod record;
mod return_routability;
mod value;
mod x509;

use core::ops::Range;
use std::borrow::Cow;

use crate::inspect::cursor::{Cursor, Ending};
use crate::wire::registry::{ContentType, HandshakeType};

/// The name of a leaf at which a structure ends too early.
pub const MALFORMED: &str = "malformed";

/// The name of a leaf at which a fragment ends and its message does not.
pub const CONTINUED: &str = "continued";

/// The name of a leaf behind the end of a structure.
pub const UNEXPECTED: &str = "rest";

/// A span of bytes with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is called: the name in the RFC, or that of its type if it has none of its own.
    pub name: Cow<'static, str>,
    /// Where it lies in the bytes that were dissected.
    pub range: Range<usize>,
    /// Its value in words; empty for a mere container.
    pub value: String,
    /// What it is for, in one sentence, with the section of the RFC.
    pub note: Option<&'static str>,
    /// What it consists of. Together the children lie exactly where their parent does.
    pub children: Vec<Field>,
}

impl Field {
    /// The leaves, in order.
    pub fn leaves(&self) -> Vec<&Self> {
        let mut leaves = Vec::new();
        self.collect_leaves(&mut leaves);
        leaves
    }

    /// The first field called `name`, in order of appearance, this one included.
    pub fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name { Some(self) } else { self.children.iter().find_map(|child| child.find(name)) }
    }

    /// The field as JSON: `{"name", "start", "end", "value", "note"?, "children"?}`.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        json::write(self, &mut out);
        out
    }

    fn collect_leaves<'a>(&'a self, leaves: &mut Vec<&'a Self>) {
        if self.children.is_empty() {
            leaves.push(self);
        }
        self.children.iter().for_each(|child| child.collect_leaves(leaves));
    }
}

/// Dissects a datagram as it is on the wire: records, their headers, and what is not encrypted in them.
pub fn datagram(bytes: &[u8]) -> Field {
    datagram_with_connection_id(bytes, 0)
}

/// Dissects a datagram in whose protected records connection IDs have `cid_len` bytes (RFC 9146 §3): the wire does not
/// say their length.
pub fn datagram_with_connection_id(bytes: &[u8], cid_len: usize) -> Field {
    let mut cursor = Cursor::new(bytes, 0, Ending::Whole);
    record::datagram(&mut cursor, cid_len);
    root("datagram", bytes, value::bytes(bytes.len()), cursor)
}

/// Dissects the content of a record: what was in the clear, or what came out of deprotection, without type and padding.
pub fn content(content_type: ContentType, plaintext: &[u8]) -> Field {
    let mut cursor = Cursor::new(plaintext, 0, Ending::Whole);
    record::content(&mut cursor, content_type);
    root("content", plaintext, value::registered(content_type), cursor)
}

/// Dissects a whole handshake message of DTLS 1.3, without any header.
pub fn message(msg_type: HandshakeType, body: &[u8]) -> Field {
    let mut cursor = Cursor::new(body, 0, Ending::Whole);
    handshake::body(&mut cursor, msg_type);
    root(handshake::struct_name(msg_type), body, value::bytes(body.len()), cursor)
}

fn root(name: &'static str, bytes: &[u8], value: String, cursor: Cursor<'_>) -> Field {
    Field { name: Cow::Borrowed(name), range: 0..bytes.len(), value, note: None, children: cursor.finish() }
}

#[cfg(test)]
mod tests;
