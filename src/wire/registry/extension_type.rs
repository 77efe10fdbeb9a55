//! The numbers of extensions.

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
        /// draft-ietf-tls-tlsflags.
        TLS_FLAGS = 62, "tls_flags";
        /// RFC 9849 §5.
        ENCRYPTED_CLIENT_HELLO = 0xfe0d, "encrypted_client_hello";
        /// RFC 5746; 1.2 only.
        RENEGOTIATION_INFO = 0xff01, "renegotiation_info";
    }
}
