//! The data of each extension.

use crate::codec::Decode;
use crate::inspect::certificate;
use crate::inspect::cursor::{Cursor, Prefix};
use crate::inspect::extension::Place;
use crate::inspect::value::{self, Registered};
use crate::inspect::x509;
use crate::wire::registry::{ExtensionType, NamedGroup, ProtocolVersion, SignatureScheme, SrtpProfile};

/// Passes the data of one extension in the message at `place`.
pub(super) fn pass(cursor: &mut Cursor<'_>, extension_type: ExtensionType, place: Place) -> Option<()> {
    use ExtensionType as T;
    let in_client_hello = place == Place::ClientHello;
    match extension_type {
        T::SERVER_NAME if in_client_hello => server_name(cursor),
        T::MAX_FRAGMENT_LENGTH => {
            let note = "The longest content of a record: 2^9 to 2^12 bytes (RFC 6066 §4).";
            let describe = |code| {
                let name = match code {
                    1 => Some("512 bytes"),
                    2 => Some("1024 bytes"),
                    3 => Some("2048 bytes"),
                    4 => Some("4096 bytes"),
                    _ => None,
                };
                value::named(code, name)
            };
            cursor.number_as(1, "MaxFragmentLength", note, describe).map(drop)
        }
        T::STATUS_REQUEST if in_client_hello => status_request(cursor),
        T::STATUS_REQUEST if place == Place::CertificateEntry => status(cursor),
        T::SUPPORTED_GROUPS => {
            let note = "The groups, best first (RFC 9846 §4.3.7).";
            let each = "A curve, a KEM or both in one (RFC 9846 §4.3.7).";
            numbers::<NamedGroup>(cursor, Prefix::Two, "named_group_list", note, ("NamedGroup", "group"), each)
        }
        T::EC_POINT_FORMATS => {
            let note = "How points may be written (RFC 8422 §5.1.2).";
            cursor.list(Prefix::One, "ec_point_format_list", note, "format", |cursor| {
                cursor
                    .number_as(
                        1,
                        "ECPointFormat",
                        "0 is uncompressed, which all must know (RFC 8422 §5.1.2).",
                        |format| value::named(format, (format == 0).then_some("uncompressed")),
                    )
                    .map(drop)
            })
        }
        T::SIGNATURE_ALGORITHMS | T::SIGNATURE_ALGORITHMS_CERT => {
            let note = "The schemes, best first (RFC 9846 §4.3.3).";
            schemes(cursor, "supported_signature_algorithms", note)
        }
        T::STATUS_REQUEST => Some(()),
        T::SIGNED_CERTIFICATE_TIMESTAMP if place == Place::CertificateEntry => timestamps(cursor),
        T::SIGNED_CERTIFICATE_TIMESTAMP => Some(()),
        T::DELEGATED_CREDENTIAL if place == Place::CertificateEntry => certificate::delegated_credential(cursor),
        T::DELEGATED_CREDENTIAL => {
            schemes(cursor, "supported_signature_algorithms", "What a delegated key may sign with (RFC 9345 §4.1.1).")
        }
        T::USE_SRTP => use_srtp(cursor),
        T::HEARTBEAT => cursor
            .number(1, "HeartbeatMode", "1 allows the peer to send heartbeats, 2 does not (RFC 6520 §2).")
            .map(drop),
        T::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => {
            let note = "Names of protocols (RFC 7301 §3.1).";
            cursor.list(Prefix::Two, "protocol_name_list", note, "protocol", |cursor| {
                cursor.opaque_as(
                    Prefix::One,
                    "ProtocolName",
                    "The name of one protocol, as IANA registers it (RFC 7301 §3.1).",
                    value::text,
                )
            })
        }
        T::CLIENT_CERTIFICATE_TYPE | T::SERVER_CERTIFICATE_TYPE => certificate_type(cursor, in_client_hello),
        T::PADDING => {
            cursor.all("padding", "Zeros (RFC 7685 §3).", |bytes| value::bytes(bytes.len()));
            Some(())
        }
        T::COMPRESS_CERTIFICATE => {
            let note = "The algorithms, best first (RFC 8879 §3).";
            cursor.list(Prefix::One, "algorithms", note, "algorithm", |cursor| compression_algorithm(cursor).map(drop))
        }
        T::TLS_FLAGS => cursor.opaque(
            Prefix::One,
            "flags",
            "One bit for each flag, the lowest of the first byte first (draft-ietf-tls-tlsflags).",
        ),
        T::RECORD_SIZE_LIMIT => cursor
            .number(
                2,
                "RecordSizeLimit",
                "The longest plaintext, with its type and padding; 16385 is no limit in 1.3 (RFC 8449 §4).",
            )
            .map(drop),
        T::PRE_SHARED_KEY if in_client_hello => offered_psks(cursor),
        T::PRE_SHARED_KEY => cursor
            .number(
                2,
                "selected_identity",
                "The place of the key in the client's list, counted from 0 (RFC 9846 §4.3.11).",
            )
            .map(drop),
        T::EARLY_DATA if place == Place::NewSessionTicket => cursor
            .number(
                4,
                "max_early_data_size",
                "How many bytes of early data the server takes with this ticket (RFC 9846 §4.7.1).",
            )
            .map(drop),
        T::SUPPORTED_VERSIONS if in_client_hello => {
            let note = "The versions, best first; numbers of DTLS count down (RFC 9846 §4.3.1).";
            let each = "A version; DTLS writes its numbers as ones' complement, so that a newer one is smaller (RFC \
                9147 §5.3).";
            numbers::<ProtocolVersion>(cursor, Prefix::One, "versions", note, ("ProtocolVersion", "version"), each)
        }
        T::SUPPORTED_VERSIONS => cursor
            .registered::<ProtocolVersion>(
                2,
                "selected_version",
                "The version that the server chose (RFC 9846 §4.3.1).",
            )
            .map(drop),
        T::COOKIE => cursor.opaque(
            Prefix::Two,
            "cookie",
            "What only the server can make and check; it may hide the state of the handshake in it (RFC 9846 §4.3.2).",
        ),
        T::PSK_KEY_EXCHANGE_MODES => {
            let note = "How a pre-shared key may be used (RFC 9846 §4.3.9).";
            cursor.list(Prefix::One, "ke_modes", note, "mode", |cursor| {
                let note = "1 adds a fresh key agreement, so that a stolen key does not open what was recorded (RFC \
                    9846 §4.3.9).";
                cursor
                    .number_as(1, "PskKeyExchangeMode", note, |mode| {
                        let name = match mode {
                            0 => Some("psk_ke"),
                            1 => Some("psk_dhe_ke"),
                            _ => None,
                        };
                        value::named(mode, name)
                    })
                    .map(drop)
            })
        }
        T::CERTIFICATE_AUTHORITIES => {
            let note = "The authorities (RFC 9846 §4.3.4).";
            cursor.list(Prefix::Two, "authorities", note, "authority", |cursor| {
                cursor.opaque_as(
                    Prefix::Two,
                    "DistinguishedName",
                    "The name of an authority, in DER (RFC 9846 §4.3.4).",
                    distinguished_name,
                )
            })
        }
        T::OID_FILTERS => {
            let note = "What the certificate must contain (RFC 9846 §4.3.5).";
            cursor.list(Prefix::Two, "filters", note, "filter", |cursor| {
                cursor.group("OIDFilter", "One extension of the certificate (RFC 9846 §4.3.5).", |cursor| {
                    cursor.opaque(
                        Prefix::One,
                        "certificate_extension_oid",
                        "Its object identifier, in DER (RFC 9846 §4.3.5).",
                    )?;
                    cursor.opaque(
                        Prefix::Two,
                        "certificate_extension_values",
                        "The values it must have (RFC 9846 §4.3.5).",
                    )?;
                    Some(String::new())
                })
            })
        }
        T::KEY_SHARE => key_share(cursor, place),
        T::CONNECTION_ID => cursor.opaque(
            Prefix::One,
            "cid",
            "The connection ID; empty if the sender can use one but wants none (RFC 9146 §3).",
        ),
        T::TICKET_REQUEST if in_client_hello => {
            cursor.number(
                1,
                "new_session_count",
                "How many tickets the client wants after a full handshake (RFC 9149 §3).",
            )?;
            cursor.number(1, "resumption_count", "How many it wants after a resumption (RFC 9149 §3).").map(drop)
        }
        T::TICKET_REQUEST => {
            cursor.number(1, "expected_count", "How many tickets the server will send (RFC 9149 §3).").map(drop)
        }
        T::RENEGOTIATION_INFO => cursor.opaque(
            Prefix::One,
            "renegotiated_connection",
            "Ties a renegotiation to what was before it; empty at the start (RFC 5746 §3.2).",
        ),
        // What says yes by being there; anything in it should not be there.
        T::SERVER_NAME
        | T::EXTENDED_MASTER_SECRET
        | T::ENCRYPT_THEN_MAC
        | T::EARLY_DATA
        | T::POST_HANDSHAKE_AUTH
        | T::RRC => Some(()),
        _ => {
            cursor.all("content", "Bytes whose form belongs to the extension.", value::hex);
            Some(())
        }
    }
}

/// Passes a compression algorithm for certificates (RFC 8879 §3).
pub(in crate::inspect) fn compression_algorithm(cursor: &mut Cursor<'_>) -> Option<u64> {
    cursor.number_as(2, "CertificateCompressionAlgorithm", "How to compress certificates (RFC 8879 §3).", |algorithm| {
        let name = match algorithm {
            1 => Some("zlib"),
            2 => Some("brotli"),
            3 => Some("zstd"),
            _ => None,
        };
        value::named(algorithm, name)
    })
}

/// Passes a list of 16-bit numbers that IANA assigns. `element` is the name of their type, and one of them in words.
fn numbers<T: Registered + Decode>(
    cursor: &mut Cursor<'_>,
    prefix: Prefix,
    name: &'static str,
    note: &'static str,
    element: (&'static str, &str),
    element_note: &'static str,
) -> Option<()> {
    let (element_name, what) = element;
    cursor.list(prefix, name, note, what, |cursor| cursor.registered::<T>(2, element_name, element_note).map(drop))
}

fn schemes(cursor: &mut Cursor<'_>, name: &'static str, note: &'static str) -> Option<()> {
    let each = "A kind of key with its hash (RFC 9846 §4.3.3).";
    numbers::<SignatureScheme>(cursor, Prefix::Two, name, note, ("SignatureScheme", "scheme"), each)
}

fn server_name(cursor: &mut Cursor<'_>) -> Option<()> {
    let note = "Names of the server; there is only one kind of name, so only one name (RFC 6066 §3).";
    cursor.list(Prefix::Two, "server_name_list", note, "name", |cursor| {
        cursor.group("ServerName", "One name (RFC 6066 §3).", |cursor| {
            cursor.number_as(1, "name_type", "0 is host_name, the only kind there is (RFC 6066 §3).", |name_type| {
                value::named(name_type, (name_type == 0).then_some("host_name"))
            })?;
            cursor.opaque_as(
                Prefix::Two,
                "HostName",
                "A DNS name in ASCII, without a dot at its end (RFC 6066 §3).",
                value::text,
            )?;
            Some(String::new())
        })
    })
}

fn status_request(cursor: &mut Cursor<'_>) -> Option<()> {
    if status_type(cursor)? != OCSP {
        cursor.all("request", "Bytes whose form belongs to a kind that nobody has defined.", value::hex);
        return Some(());
    }
    let note = "OCSP responders that the client trusts; mostly empty (RFC 6066 §8).";
    cursor.opaque(Prefix::Two, "responder_id_list", note)?;
    cursor.opaque(Prefix::Two, "request_extensions", "Extensions of the OCSP request; mostly empty (RFC 6066 §8).")
}

fn status(cursor: &mut Cursor<'_>) -> Option<()> {
    if status_type(cursor)? != OCSP {
        cursor.all("response", "Bytes whose form belongs to a kind that nobody has defined.", value::hex);
        return Some(());
    }
    cursor.opaque(Prefix::Three, "OCSPResponse", "The signed answer of the issuer, in DER (RFC 6066 §8).")
}

fn timestamps(cursor: &mut Cursor<'_>) -> Option<()> {
    let note = "Logs that have seen the certificate (RFC 6962 §3.3).";
    cursor.list(Prefix::Two, "sct_list", note, "timestamp", |cursor| {
        cursor.opaque(Prefix::Two, "SerializedSCT", "The signed statement of one log (RFC 6962 §3.2).")
    })
}

/// `CertificateStatusType` `ocsp`.
const OCSP: u64 = 1;

fn status_type(cursor: &mut Cursor<'_>) -> Option<u64> {
    let note = "1 is OCSP, the only kind there is (RFC 6066 §8).";
    cursor.number_as(1, "status_type", note, |kind| value::named(kind, (kind == OCSP).then_some("ocsp")))
}

fn use_srtp(cursor: &mut Cursor<'_>) -> Option<()> {
    let note = "How SRTP can protect media, best first; a server names exactly one (RFC 5764 §4.1.1).";
    let each = "A cipher and an authentication for media (RFC 5764 §4.1.2, RFC 7714 §14.2).";
    let element = ("SRTPProtectionProfile", "profile");
    numbers::<SrtpProfile>(cursor, Prefix::Two, "SRTPProtectionProfiles", note, element, each)?;
    cursor.opaque(
        Prefix::One,
        "srtp_mki",
        "Names the master key in each SRTP datagram; mostly empty (RFC 5764 §4.1.3).",
    )
}

fn certificate_type(cursor: &mut Cursor<'_>, in_client_hello: bool) -> Option<()> {
    let one = |cursor: &mut Cursor<'_>| {
        let note = "0 is a certificate, 2 a bare public key (RFC 7250 §3).";
        cursor
            .number_as(1, "CertificateType", note, |kind| {
                let name = match kind {
                    0 => Some("X509"),
                    2 => Some("RawPublicKey"),
                    _ => None,
                };
                value::named(kind, name)
            })
            .map(drop)
    };
    if in_client_hello {
        cursor.list(Prefix::One, "certificate_types", "The types, best first (RFC 7250 §3).", "type", one)
    } else {
        one(cursor)
    }
}

fn key_share(cursor: &mut Cursor<'_>, place: Place) -> Option<()> {
    match place {
        Place::ClientHello => {
            let note = "One share for each group that the client tries at once; empty asks for a HelloRetryRequest \
                (RFC 9846 §4.3.8).";
            cursor.list(Prefix::Two, "client_shares", note, "share", |cursor| key_share_entry(cursor, "KeyShareEntry"))
        }
        Place::HelloRetryRequest => cursor
            .registered::<NamedGroup>(
                2,
                "selected_group",
                "The client is to send a share of this group (RFC 9846 §4.3.8).",
            )
            .map(drop),
        _ => key_share_entry(cursor, "server_share"),
    }
}

pub(in crate::inspect) fn key_share_entry(cursor: &mut Cursor<'_>, name: &'static str) -> Option<()> {
    cursor.group(name, "A public value of one group (RFC 9846 §4.3.8).", |cursor| {
        let group: NamedGroup =
            cursor.registered(2, "group", "The group that the value belongs to (RFC 9846 §4.3.7).")?;
        cursor.describe(value::registered(group));
        let note = "A public key; with a KEM the client sends its key and the server what it enclosed for it (RFC \
            9846 §4.3.8).";
        cursor.opaque(Prefix::Two, "key_exchange", note)?;
        Some(value::registered(group))
    })
}

fn offered_psks(cursor: &mut Cursor<'_>) -> Option<()> {
    let note = "The keys that the client offers, best first (RFC 9846 §4.3.11).";
    cursor.list(Prefix::Two, "identities", note, "identity", |cursor| {
        cursor.group("PskIdentity", "One key (RFC 9846 §4.3.11).", |cursor| {
            cursor.opaque_as(
                Prefix::Two,
                "identity",
                "The name of the key, or a ticket (RFC 9846 §4.3.11).",
                value::text,
            )?;
            let note = "The age of the ticket in milliseconds, plus ticket_age_add; 0 for a key that is no ticket \
                (RFC 9846 §4.3.11.1).";
            cursor.number(4, "obfuscated_ticket_age", note)?;
            Some(String::new())
        })
    })?;
    let note = "For each key proof that the client has it (RFC 9846 §4.3.11.2).";
    cursor.list(Prefix::Two, "binders", note, "binder", |cursor| {
        cursor.opaque(
            Prefix::One,
            "PskBinderEntry",
            "An HMAC over the ClientHello up to the binders (RFC 9846 §4.3.11.2).",
        )
    })
}

fn distinguished_name(der: &[u8]) -> String {
    x509::name(der).unwrap_or_else(|| value::hex(der))
}
