//! The hellos (RFC 9147 §5.3, RFC 9846 §4.2, RFC 6347 §4.2.1).

use crate::inspect::cursor::{Cursor, Prefix};
use crate::inspect::extension::{self, Place};
use crate::inspect::value;
use crate::wire::registry::{CipherSuite, ProtocolVersion};
use crate::wire::server_hello::HELLO_RETRY_REQUEST_RANDOM;

/// The ends of a random by which a server of 1.3 says that it was made to negotiate less (RFC 9846 §4.2.3).
const DOWNGRADE_TO_1_2: [u8; 8] = *b"DOWNGRD\x01";
const DOWNGRADE_BELOW_1_2: [u8; 8] = *b"DOWNGRD\x00";

/// Passes a ClientHello.
pub(super) fn client_hello(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.registered::<ProtocolVersion>(
        2,
        "legacy_version",
        "Always DTLS 1.2 in 1.3, because servers used to choke on new numbers; what counts is in supported_versions \
            (RFC 9147 §5.3).",
    )?;
    cursor.leaf(
        32,
        "random",
        "Random bytes that make this handshake unlike any other (RFC 9846 §4.2.2).",
        value::hex,
    )?;
    cursor.opaque(
        Prefix::One,
        "legacy_session_id",
        "Names a connection of DTLS 1.2 to resume; empty in DTLS 1.3 (RFC 9147 §5.3).",
    )?;
    cursor.opaque(
        Prefix::One,
        "legacy_cookie",
        "The cookie of a HelloVerifyRequest of DTLS 1.2; empty in DTLS 1.3, where an extension carries it (RFC 9147 \
            §5.3).",
    )?;
    let note = "How the client can encrypt and hash, best first; those of 1.2 are for older servers (RFC 9846 §4.2.2).";
    cursor.list(Prefix::Two, "cipher_suites", note, "suite", |cursor| {
        let note =
            "An AEAD cipher and a hash; in 1.3 a suite says nothing about keys and signatures (RFC 9846 appendix B.4).";
        cursor.registered::<CipherSuite>(2, "CipherSuite", note).map(drop)
    })?;
    let note = "Compression is gone since 1.3: the null method alone, which is 0 (RFC 9846 §4.2.2).";
    cursor.list(Prefix::One, "legacy_compression_methods", note, "method", |cursor| {
        compression(cursor, "CompressionMethod")
    })?;
    optional_block(cursor, Place::ClientHello)
}

/// Passes a ServerHello or a HelloRetryRequest.
pub(super) fn server_hello(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.registered::<ProtocolVersion>(
        2,
        "legacy_version",
        "Always DTLS 1.2 in 1.3; the version that was chosen is in supported_versions (RFC 9147 §5.4).",
    )?;
    let random = cursor.leaf(
        32,
        "random",
        "Random bytes of the server; a certain value makes this a HelloRetryRequest, certain last bytes tell of a \
            forced downgrade (RFC 9846 §4.2.3).",
        server_random,
    )?;
    let is_retry = random == HELLO_RETRY_REQUEST_RANDOM;
    cursor.opaque(
        Prefix::One,
        "legacy_session_id_echo",
        "Empty in DTLS 1.3, whose servers do not echo the client's; a client that finds an echo gives up (RFC 9147 §5).",
    )?;
    cursor.registered::<CipherSuite>(
        2,
        "cipher_suite",
        "The one of the client's suites that the server chose (RFC 9846 §4.2.3).",
    )?;
    compression(cursor, "legacy_compression_method")?;
    optional_block(cursor, if is_retry { Place::HelloRetryRequest } else { Place::ServerHello })
}

/// Passes a HelloVerifyRequest.
pub(super) fn hello_verify_request(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.registered::<ProtocolVersion>(
        2,
        "server_version",
        "DTLS 1.0 whatever will be negotiated (RFC 6347 §4.2.1).",
    )?;
    cursor.opaque(
        Prefix::One,
        "cookie",
        "The client is to send it back, which shows that it can be reached at its address (RFC 6347 §4.2.1).",
    )
}

/// The extensions of a hello, which one of an older version may leave out.
fn optional_block(cursor: &mut Cursor<'_>, place: Place) -> Option<()> {
    if cursor.is_empty() && !cursor.is_continued() { Some(()) } else { extension::block(cursor, place) }
}

fn compression(cursor: &mut Cursor<'_>, name: &'static str) -> Option<()> {
    let note = "0 is null: no compression, which has leaked secrets too often (RFC 9846 §4.2.2).";
    cursor.number_as(1, name, note, |method| value::named(method, (method == 0).then_some("null"))).map(drop)
}

fn server_random(bytes: &[u8]) -> String {
    let text = value::hex(bytes);
    if bytes == HELLO_RETRY_REQUEST_RANDOM {
        format!("{text}: a HelloRetryRequest")
    } else if bytes.ends_with(&DOWNGRADE_TO_1_2) {
        format!("{text}: a server of 1.3 that negotiated 1.2")
    } else if bytes.ends_with(&DOWNGRADE_BELOW_1_2) {
        format!("{text}: a server that could do better than this version")
    } else {
        text
    }
}
