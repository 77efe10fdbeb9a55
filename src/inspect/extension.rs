//! Extensions, in every message that has them (RFC 9846 §4.3).

pub(super) use data::{compression_algorithm, key_share_entry};

mod data;
mod note;

use crate::inspect::cursor::{Cursor, Prefix};
use crate::inspect::value;
use crate::wire::registry::ExtensionType;

/// The message that an extension stands in: several look different in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    ClientHello,
    ServerHello,
    HelloRetryRequest,
    EncryptedExtensions,
    CertificateRequest,
    CertificateEntry,
    NewSessionTicket,
}

/// Passes a block of extensions.
pub(super) fn block(cursor: &mut Cursor<'_>, place: Place) -> Option<()> {
    let note = "What goes beyond the fixed fields: each extension has a type, so that what is new can be skipped \
        (RFC 9846 §4.3).";
    cursor.list(Prefix::Two, "extensions", note, "extension", |cursor| extension(cursor, place))
}

fn extension(cursor: &mut Cursor<'_>, place: Place) -> Option<()> {
    // The type decides what to say of the extension, so it is looked at before it is passed.
    let ahead = cursor.rest().first_chunk::<2>().map(|bytes| ExtensionType(u16::from_be_bytes(*bytes)));
    let note = ahead.map_or(note::UNKNOWN, |extension_type| note::purpose(extension_type, place));
    cursor.group("Extension", note, |cursor| {
        let extension_type: ExtensionType =
            cursor.registered(2, "extension_type", "Which extension this is (RFC 9846 §4.3).")?;
        cursor.describe(value::registered(extension_type));
        cursor.vector(Prefix::Two, "extension_data", "What the extension says (RFC 9846 §4.3).", |cursor| {
            let len = cursor.rest().len();
            data::pass(cursor, extension_type, place)?;
            Some(value::bytes(len))
        })?;
        Some(value::registered(extension_type))
    })
}
