//! The numbers of certificate types and of algorithms that compress certificates.

registry! {
    /// `CertificateType` (RFC 7250 §3, RFC 9846 §4.5.1).
    CertificateType(u8) {
        /// RFC 5280; what is meant where nothing was negotiated.
        X509 = 0, "X509";
        /// RFC 7250: a bare SubjectPublicKeyInfo.
        RAW_PUBLIC_KEY = 2, "RawPublicKey";
    }
}

impl Default for CertificateType {
    fn default() -> Self {
        Self::X509
    }
}

registry! {
    /// `CertificateCompressionAlgorithm` (RFC 8879 §7.3).
    CertificateCompressionAlgorithm(u16) {
        /// RFC 1950.
        ZLIB = 1, "zlib";
        /// RFC 7932.
        BROTLI = 2, "brotli";
        /// RFC 8478; named, not spoken.
        ZSTD = 3, "zstd";
    }
}
