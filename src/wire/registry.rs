//! The numbers that IANA assigns: content types, versions, suites, groups, schemes, extensions, alerts.
//!
//! Every type keeps numbers that it has no name for: an unknown value from the peer is carried, compared and printed
//! like a known one.

use core::fmt;

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

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{:#06x}", self.0),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
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
        /// The synthetic message that stands for a first ClientHello (RFC 9846 §4.1).
        MESSAGE_HASH = 254, "message_hash";
    }
}

registry! {
    /// `CipherSuite` (RFC 9846 appendix B.4).
    CipherSuite(u16) {
        /// RFC 9846 appendix B.4.
        TLS_AES_128_GCM_SHA256 = 0x1301, "TLS_AES_128_GCM_SHA256";
        /// RFC 9846 appendix B.4.
        TLS_AES_256_GCM_SHA384 = 0x1302, "TLS_AES_256_GCM_SHA384";
        /// RFC 9846 appendix B.4.
        TLS_CHACHA20_POLY1305_SHA256 = 0x1303, "TLS_CHACHA20_POLY1305_SHA256";
        /// RFC 9846 appendix B.4.
        TLS_AES_128_CCM_SHA256 = 0x1304, "TLS_AES_128_CCM_SHA256";
        /// RFC 9846 appendix B.4.
        TLS_AES_128_CCM_8_SHA256 = 0x1305, "TLS_AES_128_CCM_8_SHA256";
        /// RFC 5246; 1.2 only.
        TLS_RSA_WITH_AES_128_CBC_SHA = 0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA";
        /// RFC 5246; 1.2 only.
        TLS_RSA_WITH_AES_256_CBC_SHA = 0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA";
        /// RFC 5288; 1.2 only.
        TLS_RSA_WITH_AES_128_GCM_SHA256 = 0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256";
        /// RFC 5288; 1.2 only.
        TLS_RSA_WITH_AES_256_GCM_SHA384 = 0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384";
        /// RFC 5746 §3.3; no suite, but says what renegotiation_info says.
        TLS_EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV";
        /// RFC 7507; no suite, but says that the client has tried a newer version.
        TLS_FALLBACK_SCSV = 0x5600, "TLS_FALLBACK_SCSV";
        /// RFC 8422; 1.2 only.
        TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA = 0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA";
        /// RFC 8422; 1.2 only.
        TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA = 0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA";
        /// RFC 8422; 1.2 only.
        TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA = 0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA";
        /// RFC 8422; 1.2 only.
        TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA = 0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA";
        /// RFC 5289; 1.2 only.
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
        /// RFC 5289; 1.2 only.
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
        /// RFC 5289; 1.2 only.
        TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
        /// RFC 5289; 1.2 only.
        TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
        /// RFC 7251; 1.2 only.
        TLS_ECDHE_ECDSA_WITH_AES_128_CCM = 0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM";
        /// RFC 7251; 1.2 only.
        TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 = 0xc0ae, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8";
        /// RFC 7905; 1.2 only.
        TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256";
        /// RFC 7905; 1.2 only.
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
    }
}

registry! {
    /// `NamedGroup` (RFC 9846 §4.3.7).
    NamedGroup(u16) {
        /// P-256.
        SECP256R1 = 0x0017, "secp256r1";
        /// P-384.
        SECP384R1 = 0x0018, "secp384r1";
        /// P-521.
        SECP521R1 = 0x0019, "secp521r1";
        /// RFC 7748.
        X25519 = 0x001d, "x25519";
        /// RFC 7748.
        X448 = 0x001e, "x448";
        /// RFC 7919.
        FFDHE2048 = 0x0100, "ffdhe2048";
        /// RFC 7919.
        FFDHE3072 = 0x0101, "ffdhe3072";
        /// RFC 7919.
        FFDHE4096 = 0x0102, "ffdhe4096";
        /// RFC 7919.
        FFDHE6144 = 0x0103, "ffdhe6144";
        /// RFC 7919.
        FFDHE8192 = 0x0104, "ffdhe8192";
        /// ML-KEM alone (draft-ietf-tls-mlkem).
        MLKEM512 = 0x0200, "MLKEM512";
        /// ML-KEM alone (draft-ietf-tls-mlkem).
        MLKEM768 = 0x0201, "MLKEM768";
        /// ML-KEM alone (draft-ietf-tls-mlkem).
        MLKEM1024 = 0x0202, "MLKEM1024";
        /// P-256 with ML-KEM-768.
        SECP256R1MLKEM768 = 0x11eb, "SecP256r1MLKEM768";
        /// X25519 with ML-KEM-768.
        X25519MLKEM768 = 0x11ec, "X25519MLKEM768";
        /// P-384 with ML-KEM-1024.
        SECP384R1MLKEM1024 = 0x11ed, "SecP384r1MLKEM1024";
    }
}

registry! {
    /// `SignatureScheme` (RFC 9846 §4.3.3).
    SignatureScheme(u16) {
        /// For certificates only in 1.3.
        RSA_PKCS1_SHA256 = 0x0401, "rsa_pkcs1_sha256";
        /// For certificates only in 1.3.
        RSA_PKCS1_SHA384 = 0x0501, "rsa_pkcs1_sha384";
        /// For certificates only in 1.3.
        RSA_PKCS1_SHA512 = 0x0601, "rsa_pkcs1_sha512";
        /// ECDSA over P-256.
        ECDSA_SECP256R1_SHA256 = 0x0403, "ecdsa_secp256r1_sha256";
        /// ECDSA over P-384.
        ECDSA_SECP384R1_SHA384 = 0x0503, "ecdsa_secp384r1_sha384";
        /// ECDSA over P-521.
        ECDSA_SECP521R1_SHA512 = 0x0603, "ecdsa_secp521r1_sha512";
        /// RSA-PSS with a key of type rsaEncryption.
        RSA_PSS_RSAE_SHA256 = 0x0804, "rsa_pss_rsae_sha256";
        /// RSA-PSS with a key of type rsaEncryption.
        RSA_PSS_RSAE_SHA384 = 0x0805, "rsa_pss_rsae_sha384";
        /// RSA-PSS with a key of type rsaEncryption.
        RSA_PSS_RSAE_SHA512 = 0x0806, "rsa_pss_rsae_sha512";
        /// RFC 8032.
        ED25519 = 0x0807, "ed25519";
        /// RFC 8032.
        ED448 = 0x0808, "ed448";
        /// RSA-PSS with a key of type id-RSASSA-PSS.
        RSA_PSS_PSS_SHA256 = 0x0809, "rsa_pss_pss_sha256";
        /// RSA-PSS with a key of type id-RSASSA-PSS.
        RSA_PSS_PSS_SHA384 = 0x080a, "rsa_pss_pss_sha384";
        /// RSA-PSS with a key of type id-RSASSA-PSS.
        RSA_PSS_PSS_SHA512 = 0x080b, "rsa_pss_pss_sha512";
        /// SHA-1, for the certificates of 1.2 at best.
        RSA_PKCS1_SHA1 = 0x0201, "rsa_pkcs1_sha1";
        /// Left over from 1.2.
        DSA_SHA1 = 0x0202, "dsa_sha1";
        /// SHA-1, for the certificates of 1.2 at best.
        ECDSA_SHA1 = 0x0203, "ecdsa_sha1";
        /// Left over from 1.2.
        DSA_SHA256 = 0x0402, "dsa_sha256";
        /// Left over from 1.2.
        DSA_SHA384 = 0x0502, "dsa_sha384";
        /// Left over from 1.2.
        DSA_SHA512 = 0x0602, "dsa_sha512";
        /// draft-ietf-tls-mldsa.
        MLDSA44 = 0x0904, "mldsa44";
        /// draft-ietf-tls-mldsa.
        MLDSA65 = 0x0905, "mldsa65";
        /// draft-ietf-tls-mldsa.
        MLDSA87 = 0x0906, "mldsa87";
    }
}

registry! {
    /// `ExtensionType` (RFC 9846 §4.3).
    ExtensionType(u16) {
        /// RFC 6066 §3.
        SERVER_NAME = 0, "server_name";
        /// RFC 6066 §4.
        MAX_FRAGMENT_LENGTH = 1, "max_fragment_length";
        /// RFC 6066 §8.
        STATUS_REQUEST = 5, "status_request";
        /// RFC 9846 §4.3.7.
        SUPPORTED_GROUPS = 10, "supported_groups";
        /// RFC 8422 §5.1.2; 1.2 only.
        EC_POINT_FORMATS = 11, "ec_point_formats";
        /// RFC 9846 §4.3.3.
        SIGNATURE_ALGORITHMS = 13, "signature_algorithms";
        /// RFC 5764 §4.1.1.
        USE_SRTP = 14, "use_srtp";
        /// RFC 6520.
        HEARTBEAT = 15, "heartbeat";
        /// RFC 7301.
        APPLICATION_LAYER_PROTOCOL_NEGOTIATION = 16, "application_layer_protocol_negotiation";
        /// RFC 6962.
        SIGNED_CERTIFICATE_TIMESTAMP = 18, "signed_certificate_timestamp";
        /// RFC 7250.
        CLIENT_CERTIFICATE_TYPE = 19, "client_certificate_type";
        /// RFC 7250.
        SERVER_CERTIFICATE_TYPE = 20, "server_certificate_type";
        /// RFC 7685.
        PADDING = 21, "padding";
        /// RFC 7366; 1.2 only.
        ENCRYPT_THEN_MAC = 22, "encrypt_then_mac";
        /// RFC 7627; 1.2 only.
        EXTENDED_MASTER_SECRET = 23, "extended_master_secret";
        /// RFC 8879.
        COMPRESS_CERTIFICATE = 27, "compress_certificate";
        /// RFC 8449.
        RECORD_SIZE_LIMIT = 28, "record_size_limit";
        /// RFC 9345.
        DELEGATED_CREDENTIAL = 34, "delegated_credential";
        /// RFC 5077; 1.2 only.
        SESSION_TICKET = 35, "session_ticket";
        /// RFC 9846 §4.3.11.
        PRE_SHARED_KEY = 41, "pre_shared_key";
        /// RFC 9846 §4.3.10.
        EARLY_DATA = 42, "early_data";
        /// RFC 9846 §4.3.1.
        SUPPORTED_VERSIONS = 43, "supported_versions";
        /// RFC 9846 §4.3.2.
        COOKIE = 44, "cookie";
        /// RFC 9846 §4.3.9.
        PSK_KEY_EXCHANGE_MODES = 45, "psk_key_exchange_modes";
        /// RFC 9846 §4.3.4.
        CERTIFICATE_AUTHORITIES = 47, "certificate_authorities";
        /// RFC 9846 §4.3.5.
        OID_FILTERS = 48, "oid_filters";
        /// RFC 9846 §4.3.6.
        POST_HANDSHAKE_AUTH = 49, "post_handshake_auth";
        /// RFC 9846 §4.3.3.
        SIGNATURE_ALGORITHMS_CERT = 50, "signature_algorithms_cert";
        /// RFC 9846 §4.3.8.
        KEY_SHARE = 51, "key_share";
        /// RFC 9146 §3.
        CONNECTION_ID = 54, "connection_id";
        /// RFC 9001 §8.2; QUIC only.
        QUIC_TRANSPORT_PARAMETERS = 57, "quic_transport_parameters";
        /// RFC 9149.
        TICKET_REQUEST = 58, "ticket_request";
        /// RFC 9853 §3.
        RRC = 61, "rrc";
        /// RFC 9849 §5.
        ENCRYPTED_CLIENT_HELLO = 0xfe0d, "encrypted_client_hello";
        /// RFC 5746; 1.2 only.
        RENEGOTIATION_INFO = 0xff01, "renegotiation_info";
    }
}

registry! {
    /// `AlertDescription` (RFC 9846 §6).
    AlertDescription(u8) {
        /// The sender will send no more.
        CLOSE_NOTIFY = 0, "close_notify";
        /// A message came at the wrong time.
        UNEXPECTED_MESSAGE = 10, "unexpected_message";
        /// A record did not deprotect; in DTLS such records are discarded instead.
        BAD_RECORD_MAC = 20, "bad_record_mac";
        /// A record is longer than allowed.
        RECORD_OVERFLOW = 22, "record_overflow";
        /// No acceptable set of parameters.
        HANDSHAKE_FAILURE = 40, "handshake_failure";
        /// A certificate is corrupt.
        BAD_CERTIFICATE = 42, "bad_certificate";
        /// A certificate is of a type that is not supported.
        UNSUPPORTED_CERTIFICATE = 43, "unsupported_certificate";
        /// A certificate was revoked.
        CERTIFICATE_REVOKED = 44, "certificate_revoked";
        /// A certificate is not valid at this time.
        CERTIFICATE_EXPIRED = 45, "certificate_expired";
        /// A certificate was not acceptable for some other reason.
        CERTIFICATE_UNKNOWN = 46, "certificate_unknown";
        /// A field is out of range or contradicts another.
        ILLEGAL_PARAMETER = 47, "illegal_parameter";
        /// No path from the certificate to a trusted root.
        UNKNOWN_CA = 48, "unknown_ca";
        /// The certificate is valid, but access was refused.
        ACCESS_DENIED = 49, "access_denied";
        /// A message could not be decoded.
        DECODE_ERROR = 50, "decode_error";
        /// A signature or a Finished did not verify.
        DECRYPT_ERROR = 51, "decrypt_error";
        /// RFC 9147 §9: more connection IDs were asked for than will be given.
        TOO_MANY_CIDS_REQUESTED = 52, "too_many_cids_requested";
        /// The peer's version is not supported.
        PROTOCOL_VERSION = 70, "protocol_version";
        /// The parameters are too weak.
        INSUFFICIENT_SECURITY = 71, "insufficient_security";
        /// An error that is not the peer's.
        INTERNAL_ERROR = 80, "internal_error";
        /// RFC 7507.
        INAPPROPRIATE_FALLBACK = 86, "inappropriate_fallback";
        /// The user gave up.
        USER_CANCELED = 90, "user_canceled";
        /// A mandatory extension is missing.
        MISSING_EXTENSION = 109, "missing_extension";
        /// An extension was not asked for, or may not stand in that message.
        UNSUPPORTED_EXTENSION = 110, "unsupported_extension";
        /// No server of that name.
        UNRECOGNIZED_NAME = 112, "unrecognized_name";
        /// RFC 6066 §8.
        BAD_CERTIFICATE_STATUS_RESPONSE = 113, "bad_certificate_status_response";
        /// No such pre-shared key.
        UNKNOWN_PSK_IDENTITY = 115, "unknown_psk_identity";
        /// A certificate is required, and the peer sent none.
        CERTIFICATE_REQUIRED = 116, "certificate_required";
        /// RFC 7301: no protocol in common.
        NO_APPLICATION_PROTOCOL = 120, "no_application_protocol";
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
