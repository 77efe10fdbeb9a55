//! Handshake messages and their fragments (RFC 9147 §5.2).

use crate::inspect::cursor::{Cursor, Ending, Prefix};
use crate::inspect::extension::{self, Place};
use crate::inspect::{certificate, hello, value};
use crate::wire::registry::HandshakeType;

/// Where a message was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// In a record that was not encrypted: of 1.3 only the hellos can be there, other messages are of 1.2.
    Plaintext,
    /// In a record of DTLS 1.3 that was encrypted.
    Protected,
}

/// Passes all fragments in a record.
pub(super) fn fragments(cursor: &mut Cursor<'_>, stage: Stage) {
    while !cursor.is_empty() {
        if fragment(cursor, stage).is_none() {
            return;
        }
    }
}

/// Passes the whole body of a message of DTLS 1.3.
pub(super) fn body(cursor: &mut Cursor<'_>, msg_type: HandshakeType) {
    match msg_type {
        HandshakeType::CLIENT_HELLO => hello::client_hello(cursor),
        HandshakeType::SERVER_HELLO => hello::server_hello(cursor),
        HandshakeType::HELLO_VERIFY_REQUEST => hello::hello_verify_request(cursor),
        HandshakeType::NEW_SESSION_TICKET => new_session_ticket(cursor),
        HandshakeType::ENCRYPTED_EXTENSIONS => extension::block(cursor, Place::EncryptedExtensions),
        HandshakeType::REQUEST_CONNECTION_ID => request_connection_id(cursor),
        HandshakeType::NEW_CONNECTION_ID => new_connection_id(cursor),
        HandshakeType::CERTIFICATE => certificate::certificate(cursor),
        HandshakeType::CERTIFICATE_REQUEST => certificate::certificate_request(cursor),
        HandshakeType::CERTIFICATE_VERIFY => certificate::certificate_verify(cursor),
        HandshakeType::COMPRESSED_CERTIFICATE => certificate::compressed_certificate(cursor),
        HandshakeType::FINISHED => {
            let note = "An HMAC over the whole handshake so far, with a key that only the two ends have: nothing was \
                changed on the way (RFC 9846 §4.5.3).";
            cursor.all("verify_data", note, value::hex);
            Some(())
        }
        HandshakeType::KEY_UPDATE => key_update(cursor),
        HandshakeType::EXTENDED_KEY_UPDATE => extended_key_update(cursor),
        HandshakeType::MESSAGE_HASH => {
            let note = "The hash that stands for the first ClientHello in the transcript after a HelloRetryRequest; \
                never sent (RFC 9846 §4.1).";
            cursor.all("hash", note, value::hex);
            Some(())
        }
        HandshakeType::END_OF_EARLY_DATA | HandshakeType::HELLO_REQUEST | HandshakeType::SERVER_HELLO_DONE => Some(()),
        _ => {
            cursor.all("body", "A message that is not part of DTLS 1.3.", value::hex);
            Some(())
        }
    };
}

/// The name of a message's structure.
pub(super) const fn struct_name(msg_type: HandshakeType) -> &'static str {
    match msg_type {
        HandshakeType::HELLO_REQUEST => "HelloRequest",
        HandshakeType::CLIENT_HELLO => "ClientHello",
        HandshakeType::SERVER_HELLO => "ServerHello",
        HandshakeType::HELLO_VERIFY_REQUEST => "HelloVerifyRequest",
        HandshakeType::NEW_SESSION_TICKET => "NewSessionTicket",
        HandshakeType::END_OF_EARLY_DATA => "EndOfEarlyData",
        HandshakeType::ENCRYPTED_EXTENSIONS => "EncryptedExtensions",
        HandshakeType::REQUEST_CONNECTION_ID => "RequestConnectionId",
        HandshakeType::NEW_CONNECTION_ID => "NewConnectionId",
        HandshakeType::CERTIFICATE => "Certificate",
        HandshakeType::SERVER_KEY_EXCHANGE => "ServerKeyExchange",
        HandshakeType::CERTIFICATE_REQUEST => "CertificateRequest",
        HandshakeType::SERVER_HELLO_DONE => "ServerHelloDone",
        HandshakeType::CERTIFICATE_VERIFY => "CertificateVerify",
        HandshakeType::CLIENT_KEY_EXCHANGE => "ClientKeyExchange",
        HandshakeType::FINISHED => "Finished",
        HandshakeType::KEY_UPDATE => "KeyUpdate",
        HandshakeType::EXTENDED_KEY_UPDATE => "ExtendedKeyUpdate",
        HandshakeType::COMPRESSED_CERTIFICATE => "CompressedCertificate",
        HandshakeType::MESSAGE_HASH => "message_hash",
        _ => "Handshake",
    }
}

/// What a message does.
const fn purpose(msg_type: HandshakeType) -> &'static str {
    match msg_type {
        HandshakeType::CLIENT_HELLO => {
            "Begins the handshake: what the client can do, and its half of the key agreement (RFC 9147 §5.3)."
        }
        HandshakeType::SERVER_HELLO => {
            "What the server chose, and its half of the key agreement; with one special random it is a \
                HelloRetryRequest (RFC 9846 §4.2.3, §4.2.4)."
        }
        HandshakeType::HELLO_VERIFY_REQUEST => {
            "The cookie exchange of DTLS 1.2; in DTLS 1.3 the HelloRetryRequest does that (RFC 6347 §4.2.1, RFC 9147 \
                §5.1)."
        }
        HandshakeType::NEW_SESSION_TICKET => "A ticket with which the client can resume later (RFC 9846 §4.7.1).",
        HandshakeType::END_OF_EARLY_DATA => "Ends early data in TLS; DTLS 1.3 does without it (RFC 9147 §5.6).",
        HandshakeType::ENCRYPTED_EXTENSIONS => {
            "The server's answers that nobody else needs to see: the first message under encryption (RFC 9846 §4.4.1)."
        }
        HandshakeType::REQUEST_CONNECTION_ID => "Asks the peer for more connection IDs to send with (RFC 9147 §9).",
        HandshakeType::NEW_CONNECTION_ID => "Gives the peer connection IDs to send with (RFC 9147 §9).",
        HandshakeType::CERTIFICATE => "The sender's chain of certificates (RFC 9846 §4.5.1).",
        HandshakeType::CERTIFICATE_REQUEST => "The server wants a certificate of the client too (RFC 9846 §4.4.2).",
        HandshakeType::CERTIFICATE_VERIFY => {
            "A signature over the whole handshake so far: the sender has the key of its certificate (RFC 9846 §4.5.2)."
        }
        HandshakeType::COMPRESSED_CERTIFICATE => "The sender's chain of certificates, compressed (RFC 8879 §4).",
        HandshakeType::FINISHED => "Proves that both ends saw the same handshake (RFC 9846 §4.5.3).",
        HandshakeType::KEY_UPDATE => {
            "The sender goes on to its next keys once this is acknowledged (RFC 9846 §4.7.3, RFC 9147 §8)."
        }
        HandshakeType::EXTENDED_KEY_UPDATE => {
            "A step of a fresh key agreement in a running connection; a draft, with a number of our own \
                (draft-ietf-tls-extended-key-update)."
        }
        _ => "A message that is not part of DTLS 1.3.",
    }
}

fn fragment(cursor: &mut Cursor<'_>, stage: Stage) -> Option<()> {
    let note = "A handshake message, or a part of one: long messages are cut so that each part fits a datagram (RFC \
        9147 §5.2, §5.5).";
    cursor.group("DTLSHandshake", note, |cursor| {
        let msg_type: HandshakeType = cursor.registered(1, "msg_type", "Which message this is (RFC 9147 §5.2).")?;
        cursor.describe(value::registered(msg_type));
        let length = cursor.number(
            3,
            "length",
            "How many bytes the whole message has, without this header (RFC 9147 \
            §5.2).",
        )?;
        let message_seq = cursor.number(
            2,
            "message_seq",
            "Numbers the messages of each side, so that they can be put in order and repetitions show; a message \
                that is sent again keeps its number (RFC 9147 §5.2).",
        )?;
        let offset = cursor.number(
            3,
            "fragment_offset",
            "How many bytes of the message lie before this part; 0 if it was not cut (RFC 9147 §5.5).",
        )?;
        let here = cursor.number(
            3,
            "fragment_length",
            "How many bytes of the message are in this part; all of them if it was not cut (RFC 9147 §5.5).",
        )?;
        let len = usize::try_from(here).ok()?;
        let is_whole = offset == 0 && here == length;
        let ending = if is_whole { Ending::Whole } else { Ending::Continued };
        cursor.group(struct_name(msg_type), purpose(msg_type), |cursor| {
            cursor.content_ending(len, ending, |cursor| {
                if offset == 0 {
                    body_seen_in(cursor, msg_type, stage);
                } else {
                    let note = "A later part of the message: it means something once the parts before it are there \
                        (RFC 9147 §5.5).";
                    cursor.all("fragment", note, value::hex);
                }
                Some(value::bytes(len))
            })
        })?;
        Some(if is_whole {
            format!("{}, message {message_seq}", value::registered(msg_type))
        } else {
            let end = offset.saturating_add(here);
            format!("{}, message {message_seq}, bytes {offset} to {end} of {length}", value::registered(msg_type))
        })
    })
}

fn body_seen_in(cursor: &mut Cursor<'_>, msg_type: HandshakeType, stage: Stage) {
    let is_hello = matches!(
        msg_type,
        HandshakeType::CLIENT_HELLO | HandshakeType::SERVER_HELLO | HandshakeType::HELLO_VERIFY_REQUEST
    );
    if is_hello || stage == Stage::Protected {
        body(cursor, msg_type);
    } else {
        cursor.all(
            "body",
            "A message of DTLS 1.2: in DTLS 1.3 only the hellos are not encrypted (RFC 9147 §5).",
            value::hex,
        );
    }
}

fn new_session_ticket(cursor: &mut Cursor<'_>) -> Option<()> {
    let note = "For how many seconds the ticket can be used, at most seven days (RFC 9846 §4.7.1).";
    cursor.number_as(4, "ticket_lifetime", note, value::seconds)?;
    cursor.number(
        4,
        "ticket_age_add",
        "Added to the age that the client will state, so that nobody can link its connections (RFC 9846 §4.7.1).",
    )?;
    cursor.opaque(
        Prefix::One,
        "ticket_nonce",
        "Makes the key of this ticket differ from those of others (RFC 9846 §4.7.1).",
    )?;
    cursor.opaque(
        Prefix::Two,
        "ticket",
        "What the client will show; only the server can read it (RFC 9846 §4.7.1).",
    )?;
    extension::block(cursor, Place::NewSessionTicket)
}

fn extended_key_update(cursor: &mut Cursor<'_>) -> Option<()> {
    let note = "Who asks, who answers, and that the keys are there (draft-ietf-tls-extended-key-update).";
    let step = cursor.number_as(1, "eku_type", note, |step| {
        let name = match step {
            0 => Some("key_update_request"),
            1 => Some("key_update_response"),
            2 => Some("key_update_finish"),
            _ => None,
        };
        value::named(step, name)
    })?;
    match step {
        0 | 1 => extension::key_share_entry(cursor, "key_share"),
        _ => Some(()),
    }
}

fn key_update(cursor: &mut Cursor<'_>) -> Option<()> {
    let note = "Whether the peer is to change its keys as well (RFC 9846 §4.7.3).";
    cursor.number_as(1, "request_update", note, |request| {
        let name = match request {
            0 => Some("update_not_requested"),
            1 => Some("update_requested"),
            _ => None,
        };
        value::named(request, name)
    })?;
    Some(())
}

fn request_connection_id(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.number(1, "num_cids", "How many are wanted (RFC 9147 §9).").map(drop)
}

fn new_connection_id(cursor: &mut Cursor<'_>) -> Option<()> {
    let note = "The new connection IDs (RFC 9147 §9).";
    cursor.list(Prefix::Two, "cids", note, "connection ID", |cursor| {
        cursor.opaque(
            Prefix::One,
            "ConnectionId",
            "One connection ID that the peer may put into its records (RFC 9147 §9).",
        )
    })?;
    let note = "Whether the peer is to change over at once or to keep them for later (RFC 9147 §9).";
    cursor.number_as(1, "usage", note, |usage| {
        let name = match usage {
            0 => Some("cid_immediate"),
            1 => Some("cid_spare"),
            _ => None,
        };
        value::named(usage, name)
    })?;
    Some(())
}
