//! The numbers of alerts.

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
