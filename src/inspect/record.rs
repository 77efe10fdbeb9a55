//! Datagrams and records (RFC 9147 §4).

use crate::inspect::cursor::{Cursor, Prefix};
use crate::inspect::{MALFORMED, handshake, return_routability, value};
use crate::wire::alert::Alert;
use crate::wire::record::UnifiedHeader;
use crate::wire::registry::{AlertDescription, ContentType, ProtocolVersion};

/// Passes all records of a datagram.
pub(super) fn datagram(cursor: &mut Cursor<'_>, cid_len: usize) {
    while let Some(first) = cursor.rest().first() {
        let passed = match *first {
            // The record types of figure 5 of RFC 9147 whose header has the form of DTLSPlaintext. tls12_cid (25) has a
            // connection ID in the middle of it, whose length is not known.
            20..=24 | 26 | 27 => plaintext(cursor),
            first if UnifiedHeader::is_announced_by(first) => protected(cursor, first, cid_len),
            first => {
                let note = "No record of DTLS 1.3: the first byte tells DTLS from its neighbours on one port (RFC \
                    9147 §4.1, RFC 7983 §7).";
                cursor.all("unknown", note, |_| neighbour(first).to_owned());
                return;
            }
        };
        if passed.is_none() {
            return;
        }
    }
}

/// Passes the content of a record, decrypted or never encrypted.
pub(super) fn content(cursor: &mut Cursor<'_>, content_type: ContentType) {
    match content_type {
        ContentType::HANDSHAKE => handshake::fragments(cursor, handshake::Stage::Protected),
        ContentType::ALERT => {
            alert(cursor);
        }
        ContentType::ACK => {
            ack(cursor);
        }
        ContentType::RETURN_ROUTABILITY_CHECK => {
            return_routability::check(cursor);
        }
        ContentType::APPLICATION_DATA => {
            let note = "What the application sends; its boundaries are kept, and it may be lost (RFC 9147 §10).";
            cursor.all("application_data", note, value::text);
        }
        _ => {
            cursor.all("content", "The content of a record whose type means nothing here (RFC 9147 §4.1).", value::hex)
        }
    }
}

fn plaintext(cursor: &mut Cursor<'_>) -> Option<()> {
    let note = "A record that is not encrypted: the first messages of a handshake, and alerts before there are keys \
        (RFC 9147 §4).";
    cursor.group("DTLSPlaintext", note, |cursor| {
        let content_type: ContentType = cursor.registered(1, "type", "What the record carries (RFC 9147 §4.1).")?;
        cursor.describe(value::registered(content_type));
        cursor.registered::<ProtocolVersion>(
            2,
            "legacy_record_version",
            "Kept for old implementations: DTLS 1.0 may stand in a first ClientHello, else DTLS 1.2; a receiver \
                ignores it (RFC 9147 §4).",
        )?;
        let epoch = cursor.number(
            2,
            "epoch",
            "Counts the changes of keys; 0 means that there are none yet, and in DTLS 1.3 no other plaintext record \
                exists (RFC 9147 §4.2).",
        )?;
        let number = cursor.number(
            6,
            "sequence_number",
            "Numbers the records of an epoch, so that losses, repetitions and changes of order show (RFC 9147 §4.2).",
        )?;
        let len = cursor.number(2, "length", "How many bytes of content follow (RFC 9147 §4).")?;
        let len = usize::try_from(len).ok()?;
        cursor.group("fragment", "The content of the record (RFC 9147 §4).", |cursor| {
            cursor.content(len, |cursor| {
                plaintext_content(cursor, content_type, epoch);
                Some(value::bytes(len))
            })
        })?;
        Some(format!("{}, epoch {epoch}, number {number}", value::registered(content_type)))
    })
}

fn plaintext_content(cursor: &mut Cursor<'_>, content_type: ContentType, epoch: u64) {
    match (content_type, epoch) {
        (ContentType::HANDSHAKE, 0) => handshake::fragments(cursor, handshake::Stage::Plaintext),
        (ContentType::CHANGE_CIPHER_SPEC, 0) => {
            let note =
                "Says in DTLS 1.2 that the next record is encrypted (RFC 5246 §7.1); DTLS 1.3 has no such message.";
            cursor.all("change_cipher_spec", note, value::hex);
        }
        (_, 0) => content(cursor, content_type),
        _ => cursor.all("encrypted_record", "Encrypted as in DTLS 1.2 (RFC 6347 §4.1.2).", value::hex),
    }
}

fn protected(cursor: &mut Cursor<'_>, first: u8, cid_len: usize) -> Option<()> {
    let Some(header) = UnifiedHeader::parse(cursor.rest(), cid_len) else {
        let has_connection_id = first & UnifiedHeader::CONNECTION_ID_BIT != 0;
        let note = if has_connection_id && cid_len == 0 {
            "A protected record with a connection ID, whose length the wire does not say (RFC 9147 §4, RFC 9146 §3)."
        } else {
            "A protected record whose header ends too early; a receiver discards it (RFC 9147 §4.5.2)."
        };
        cursor.all(MALFORMED, note, value::hex);
        return None;
    };
    let note = "An encrypted record of DTLS 1.3; its true type is inside (RFC 9147 §4).";
    cursor.group("DTLSCiphertext", note, |cursor| {
        unified_header(cursor, &header)?;
        let len = header.length.map_or(cursor.rest().len(), usize::from);
        cursor.leaf(
            len,
            "encrypted_record",
            "Content, type and padding, encrypted and authenticated together with the header (RFC 9147 §4, RFC 9846 \
                §5.2).",
            |bytes| format!("{}: {}", value::bytes(bytes.len()), value::hex(bytes)),
        )?;
        Some(format!("epoch …{:02b}, {}", header.epoch_bits, value::bytes(len)))
    })
}

fn unified_header(cursor: &mut Cursor<'_>, header: &UnifiedHeader) -> Option<()> {
    let note = "A header of as few bytes as possible, authenticated with the record (RFC 9147 §4, figure 3).";
    cursor.group("unified_hdr", note, |cursor| {
        cursor.leaf(
            1,
            "001CSLEE",
            "Eight bits: 001 marks a DTLS 1.3 record, C says whether a connection ID follows, S whether the sequence \
                number has 16 bits or 8, L whether a length follows, EE are the two low bits of the epoch (RFC 9147 \
                §4).",
            |bytes| bytes.first().map_or_else(String::new, |first| header_bits(*first)),
        )?;
        if !header.connection_id.is_empty() {
            cursor.leaf(
                header.connection_id.len(),
                "connection_id",
                "Says whose record this is, whatever address it comes from; its length was agreed in the handshake \
                    (RFC 9146 §3, RFC 9147 §9).",
                value::hex,
            )?;
        }
        cursor.leaf(
            header.sequence_len,
            "sequence_number",
            "The low bits of the record's number, masked with a key stream taken from the ciphertext so that nobody \
                on the way can count (RFC 9147 §4.2.3).",
            |bytes| format!("{} (encrypted)", value::hex(bytes)),
        )?;
        if header.length.is_some() {
            cursor.number(
                2,
                "length",
                "How many bytes follow; only the last record of a datagram may do without it \
                (RFC 9147 §4).",
            )?;
        }
        Some(value::bytes(header.header_len))
    })
}

/// Each bit of the first byte of a unified header in words.
fn header_bits(first: u8) -> String {
    let bit = |mask: u8, set: &'static str, clear: &'static str| if first & mask != 0 { set } else { clear };
    format!(
        "001 DTLS 1.3 record; {}; {}; {}; E={:02b} low bits of the epoch",
        bit(UnifiedHeader::CONNECTION_ID_BIT, "C=1 connection ID follows", "C=0 no connection ID"),
        bit(UnifiedHeader::SEQUENCE_BIT, "S=1 sequence number of 16 bits", "S=0 sequence number of 8 bits"),
        bit(UnifiedHeader::LENGTH_BIT, "L=1 length follows", "L=0 goes to the end of the datagram"),
        first & UnifiedHeader::EPOCH_MASK,
    )
}

/// What a first byte means on a port that protocols share (RFC 7983 §7).
const fn neighbour(first: u8) -> &'static str {
    match first {
        0..=3 => "STUN",
        16..=19 => "ZRTP",
        25 => "DTLS 1.2 record with a connection ID",
        20..=63 => "DTLS record of an unknown type",
        64..=79 => "TURN channel",
        128..=191 => "RTP or RTCP",
        _ => "unknown",
    }
}

fn alert(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.group("Alert", "Ends the connection, by agreement or by an error (RFC 9846 §6).", |cursor| {
        cursor.number_as(
            1,
            "level",
            "Left over from older versions: in 1.3 the description alone says how grave it is (RFC 9846 §6).",
            |level| {
                let name = match u8::try_from(level) {
                    Ok(Alert::WARNING) => Some("warning"),
                    Ok(Alert::FATAL) => Some("fatal"),
                    _ => None,
                };
                value::named(level, name)
            },
        )?;
        let description: AlertDescription = cursor.registered(
            1,
            "description",
            "What happened: close_notify is the friendly end, nearly all others are errors (RFC 9846 §6.1, §6.2).",
        )?;
        Some(value::registered(description))
    })
}

fn ack(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.group(
        "ACK",
        "Says which records of a flight arrived, so that only the others are sent again (RFC 9147 §7).",
        |cursor| {
            let note = "The records that arrived and were processed or kept, in ascending order (RFC 9147 §7).";
            let mut numbers = Vec::new();
            cursor.list(Prefix::Two, "record_numbers", note, "record", |cursor| {
                cursor.group("RecordNumber", "One record that arrived (RFC 9147 §4).", |cursor| {
                    let epoch = cursor.number(8, "epoch", "The whole epoch of the record (RFC 9147 §4).")?;
                    let number = cursor.number(
                        8,
                        "sequence_number",
                        "The whole number of the record in its epoch (RFC 9147 §4).",
                    )?;
                    numbers.push(format!("({epoch}, {number})"));
                    Some(format!("epoch {epoch}, number {number}"))
                })
            })?;
            Some(if numbers.is_empty() { "nothing: something is missing".to_owned() } else { numbers.join(" ") })
        },
    )
}
