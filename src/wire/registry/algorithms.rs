//! The numbers of suites, groups and signature schemes.

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
