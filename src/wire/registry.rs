//! The numbers that IANA assigns: content types, versions, suites, groups, schemes, extensions, alerts.
//!
//! Every type keeps numbers that it has no name for: an unknown value from the peer is carried, compared and printed
//! like a known one.

/// Declares a registry: a number on the wire, with names for some values.
macro_rules! registry {
    ($(#[$meta:meta])* $name:ident($int:ty) { $($(#[$vmeta:meta])* $variant:ident = $value:literal, $text:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl $name {
            $($(#[$vmeta])* pub const $variant: Self = Self($value);)*

            /// The name in the registry, if this value has one that we know.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{:#06x}", self.0),
                }
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(self, f)
            }
        }

        impl $crate::codec::Decode for $name {
            fn decode(reader: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::error::InvalidMessage> {
                reader.array().map(<$int>::from_be_bytes).map(Self)
            }
        }

        impl $crate::codec::Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0.to_be_bytes());
            }
        }
    };
}

mod alert_description;
mod algorithms;
mod certificates;
mod extension_type;

pub use alert_description::AlertDescription;
pub use algorithms::{CipherSuite, NamedGroup, SignatureScheme};
pub use certificates::{CertificateCompressionAlgorithm, CertificateType};
pub use extension_type::ExtensionType;

registry! {
    /// `ContentType` (RFC 9846 §5.1, RFC 9147 §4, RFC 9146 §4).
    ContentType(u8) {
        /// Ends nothing in DTLS 1.3, which has no such message.
        CHANGE_CIPHER_SPEC = 20, "change_cipher_spec";
        /// RFC 9846 §6.
        ALERT = 21, "alert";
        /// RFC 9147 §5.
        HANDSHAKE = 22, "handshake";
        /// RFC 9846 §5.1.
        APPLICATION_DATA = 23, "application_data";
        /// RFC 6520; never used here.
        HEARTBEAT = 24, "heartbeat";
        /// A DTLS 1.2 record with a connection ID (RFC 9146 §4).
        TLS12_CID = 25, "tls12_cid";
        /// RFC 9147 §7.
        ACK = 26, "ack";
        /// RFC 9853 §4.
        RETURN_ROUTABILITY_CHECK = 27, "return_routability_check";
    }
}

registry! {
    /// `ProtocolVersion` (RFC 9846 §4.3.1, RFC 9147 §5.3).
    ProtocolVersion(u16) {
        /// The version that the first record of a cautious client carries.
        DTLS_1_0 = 0xfeff, "DTLS 1.0";
        /// RFC 6347.
        DTLS_1_2 = 0xfefd, "DTLS 1.2";
        /// RFC 9147.
        DTLS_1_3 = 0xfefc, "DTLS 1.3";
        /// RFC 5246; no version of DTLS, though there are clients that offer it.
        TLS_1_2 = 0x0303, "TLS 1.2";
        /// RFC 9846; no version of DTLS.
        TLS_1_3 = 0x0304, "TLS 1.3";
    }
}

registry! {
    /// `HandshakeType` (RFC 9846 §4, RFC 9147 §5.2).
    HandshakeType(u8) {
        /// RFC 5246 §7.4.1.1; not in 1.3.
        HELLO_REQUEST = 0, "hello_request";
        /// RFC 9147 §5.3.
        CLIENT_HELLO = 1, "client_hello";
        /// RFC 9846 §4.2.3.
        SERVER_HELLO = 2, "server_hello";
        /// RFC 6347 §4.2.1; not in 1.3.
        HELLO_VERIFY_REQUEST = 3, "hello_verify_request";
        /// RFC 9846 §4.7.1.
        NEW_SESSION_TICKET = 4, "new_session_ticket";
        /// RFC 9846 §4.6; not in DTLS 1.3 (RFC 9147 §5.6).
        END_OF_EARLY_DATA = 5, "end_of_early_data";
        /// RFC 9846 §4.4.1.
        ENCRYPTED_EXTENSIONS = 8, "encrypted_extensions";
        /// RFC 9147 §9.
        REQUEST_CONNECTION_ID = 9, "request_connection_id";
        /// RFC 9147 §9.
        NEW_CONNECTION_ID = 10, "new_connection_id";
        /// RFC 9846 §4.5.1.
        CERTIFICATE = 11, "certificate";
        /// RFC 5246 §7.4.3; not in 1.3.
        SERVER_KEY_EXCHANGE = 12, "server_key_exchange";
        /// RFC 9846 §4.4.2.
        CERTIFICATE_REQUEST = 13, "certificate_request";
        /// RFC 5246 §7.4.5; not in 1.3.
        SERVER_HELLO_DONE = 14, "server_hello_done";
        /// RFC 9846 §4.5.2.
        CERTIFICATE_VERIFY = 15, "certificate_verify";
        /// RFC 5246 §7.4.7; not in 1.3.
        CLIENT_KEY_EXCHANGE = 16, "client_key_exchange";
        /// RFC 9846 §4.5.3.
        FINISHED = 20, "finished";
        /// RFC 9846 §4.7.3.
        KEY_UPDATE = 24, "key_update";
        /// RFC 8879.
        COMPRESSED_CERTIFICATE = 25, "compressed_certificate";
        /// draft-ietf-tls-extended-key-update, which has no number yet: this is one of those for private use.
        EXTENDED_KEY_UPDATE = 240, "extended_key_update";
        /// The synthetic message that stands for a first ClientHello (RFC 9846 §4.1).
        MESSAGE_HASH = 254, "message_hash";
    }
}

registry! {
    /// `SRTPProtectionProfile` (RFC 5764 §4.1.2, RFC 7714 §14.2).
    SrtpProfile(u16) {
        /// RFC 5764.
        SRTP_AES128_CM_HMAC_SHA1_80 = 0x0001, "SRTP_AES128_CM_HMAC_SHA1_80";
        /// RFC 5764.
        SRTP_AES128_CM_HMAC_SHA1_32 = 0x0002, "SRTP_AES128_CM_HMAC_SHA1_32";
        /// RFC 7714.
        SRTP_AEAD_AES_128_GCM = 0x0007, "SRTP_AEAD_AES_128_GCM";
        /// RFC 7714.
        SRTP_AEAD_AES_256_GCM = 0x0008, "SRTP_AEAD_AES_256_GCM";
    }
}

impl SrtpProfile {
    /// Length in bytes of the master key and of the master salt (RFC 5764 §4.1.2, RFC 7714 §12), if the profile is known.
    pub const fn key_and_salt_len(self) -> Option<(usize, usize)> {
        match self {
            Self::SRTP_AES128_CM_HMAC_SHA1_80 | Self::SRTP_AES128_CM_HMAC_SHA1_32 => Some((16, 14)),
            Self::SRTP_AEAD_AES_128_GCM => Some((16, 12)),
            Self::SRTP_AEAD_AES_256_GCM => Some((32, 12)),
            _ => None,
        }
    }
}
