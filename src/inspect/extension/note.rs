//! What each extension is for.

use crate::inspect::extension::Place;
use crate::wire::registry::ExtensionType;

pub(super) const UNKNOWN: &str = "An extension that means nothing here; a receiver ignores it (RFC 9846 §4.3).";

/// What an extension is for, in the message at `place`.
pub(super) const fn purpose(extension_type: ExtensionType, place: Place) -> &'static str {
    use ExtensionType as T;
    match extension_type {
        T::SERVER_NAME => match place {
            Place::ClientHello => {
                "The name of the server that the client wants, for hosts that serve several (RFC 6066 §3)."
            }
            _ => "The server used the name that the client sent (RFC 6066 §3).",
        },
        T::MAX_FRAGMENT_LENGTH => "Asks for shorter records; record_size_limit has replaced it (RFC 6066 §4).",
        T::STATUS_REQUEST => match place {
            Place::CertificateEntry => {
                "Proof by the issuer that this certificate was not revoked (RFC 6066 §8, RFC 9846 §4.5.1.1)."
            }
            _ => "Asks for proof that the certificate was not revoked (RFC 6066 §8).",
        },
        T::SUPPORTED_GROUPS => match place {
            Place::ClientHello => "The groups in which the client can agree on keys, best first (RFC 9846 §4.3.7).",
            _ => "The groups that the server prefers, for the client's next connection (RFC 9846 §4.3.7).",
        },
        T::EC_POINT_FORMATS => "How points of curves may be written; means nothing in 1.3 (RFC 8422 §5.1.2).",
        T::SIGNATURE_ALGORITHMS => "How the peer may sign its CertificateVerify, best first (RFC 9846 §4.3.3).",
        T::SIGNATURE_ALGORITHMS_CERT => "How the peer's certificates may be signed, if that differs (RFC 9846 §4.3.3).",
        T::USE_SRTP => match place {
            Place::ClientHello => {
                "The client wants to derive keys for SRTP, the transport of media, from this handshake (RFC 5764 §4.1)."
            }
            _ => "The SRTP profile that the server chose (RFC 5764 §4.1).",
        },
        T::HEARTBEAT => "Whether the peer may send heartbeats (RFC 6520 §2); known for Heartbleed.",
        T::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => match place {
            Place::ClientHello => "The protocols that the client can speak above DTLS, best first (RFC 7301 §3).",
            _ => "The protocol that the server chose (RFC 7301 §3).",
        },
        T::SIGNED_CERTIFICATE_TIMESTAMP => "Proof that the certificate is in a public log (RFC 6962 §3.3).",
        T::CLIENT_CERTIFICATE_TYPE => "Whether the client shows a certificate or a bare key (RFC 7250 §3).",
        T::SERVER_CERTIFICATE_TYPE => "Whether the server shows a certificate or a bare key (RFC 7250 §3).",
        T::PADDING => "Zeros that only make the ClientHello longer (RFC 7685).",
        T::ENCRYPT_THEN_MAC => "A repair of the CBC suites of 1.2; means nothing in 1.3 (RFC 7366).",
        T::EXTENDED_MASTER_SECRET => "A repair of the key derivation of 1.2; 1.3 has it built in (RFC 7627).",
        T::COMPRESS_CERTIFICATE => "The sender can read compressed certificates (RFC 8879 §3).",
        T::TLS_FLAGS => "What would be empty extensions, as one bit each (draft-ietf-tls-tlsflags).",
        T::RECORD_SIZE_LIMIT => "The longest plaintext of a record that the sender can take (RFC 8449 §4).",
        T::DELEGATED_CREDENTIAL => {
            "The client accepts short-lived keys that a certificate's owner has signed (RFC 9345 §4.1.1)."
        }
        T::SESSION_TICKET => "Resumption in 1.2; means nothing in 1.3 (RFC 5077 §3.2).",
        T::PRE_SHARED_KEY => match place {
            Place::ClientHello => {
                "Keys that both may already share, with proof that the client has them; always the last extension \
                    (RFC 9846 §4.3.11)."
            }
            _ => "Which of the client's pre-shared keys the server chose (RFC 9846 §4.3.11).",
        },
        T::EARLY_DATA => match place {
            Place::ClientHello => "Application data follows at once, under a pre-shared key (RFC 9846 §4.3.10).",
            Place::NewSessionTicket => "The ticket may be used to send data at once (RFC 9846 §4.7.1).",
            _ => "The server accepts the data that the client sent at once (RFC 9846 §4.3.10).",
        },
        T::SUPPORTED_VERSIONS => match place {
            Place::ClientHello => {
                "The versions that the client speaks, best first: here 1.3 is negotiated (RFC 9846 §4.3.1)."
            }
            _ => "The version that the server chose (RFC 9846 §4.3.1).",
        },
        T::COOKIE => match place {
            Place::ClientHello => {
                "The server's cookie sent back: this client can be reached at its address (RFC 9846 §4.3.2, RFC 9147 \
                    §5.1)."
            }
            _ => {
                "The client is to send it back, so that the server need not remember a client that may not exist \
                    (RFC 9846 §4.3.2, RFC 9147 §5.1)."
            }
        },
        T::PSK_KEY_EXCHANGE_MODES => {
            "Whether a pre-shared key may be used alone or only with a fresh key agreement (RFC 9846 §4.3.9)."
        }
        T::CERTIFICATE_AUTHORITIES => "The authorities whose certificates the sender trusts (RFC 9846 §4.3.4).",
        T::OID_FILTERS => "What extensions the client's certificate must have (RFC 9846 §4.3.5).",
        T::POST_HANDSHAKE_AUTH => "The client can be asked for a certificate after the handshake (RFC 9846 §4.3.6).",
        T::KEY_SHARE => match place {
            Place::ClientHello => {
                "The client's half of the key agreement, for each group that it guesses the server will take (RFC \
                    9846 §4.3.8)."
            }
            Place::HelloRetryRequest => "The group that the server wants a share of instead (RFC 9846 §4.3.8).",
            _ => "The server's half of the key agreement (RFC 9846 §4.3.8).",
        },
        T::CONNECTION_ID => {
            "The connection ID that the peer is to put into its records, so that the connection survives a change of \
                address (RFC 9146 §3)."
        }
        T::QUIC_TRANSPORT_PARAMETERS => "Belongs to QUIC (RFC 9001 §8.2).",
        T::TICKET_REQUEST => "How many tickets the client wants (RFC 9149 §3).",
        T::RRC => "The sender can check whether the peer is reachable at a new address (RFC 9853 §3).",
        T::ENCRYPTED_CLIENT_HELLO => "A ClientHello inside the ClientHello, encrypted (RFC 9849 §5).",
        T::RENEGOTIATION_INFO => {
            "A repair of renegotiation in 1.2, empty at the start; means nothing in 1.3 (RFC 5746 §3.2)."
        }
        ExtensionType(other) if is_grease(other) => {
            "A reserved number that nobody knows: keeps receivers in the habit of ignoring extensions (RFC 8701)."
        }
        _ => UNKNOWN,
    }
}

/// RFC 8701 §2.
const fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}
