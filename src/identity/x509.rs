//! The structures of RFC 5280 that a self-signed certificate is made of. The crate `der` writes and reads them.

use der::asn1::{
    BitStringRef, GeneralizedTime, Ia5StringRef, ObjectIdentifier, OctetString, SetOfVec, UintRef, UtcTime,
    Utf8StringRef,
};
use der::{Choice, DateTime, Sequence, ValueOrd};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

pub(super) const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
pub(super) const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// The value of `version` for version 3.
pub(super) const V3: u8 = 2;

/// ```text
/// Certificate  ::=  SEQUENCE  {
///     tbsCertificate       TBSCertificate,
///     signatureAlgorithm   AlgorithmIdentifier,
///     signatureValue       BIT STRING  }
/// ```
#[derive(Sequence)]
pub(super) struct Certificate<'a> {
    pub(super) tbs_certificate: TbsCertificate<'a>,
    pub(super) signature_algorithm: AlgorithmIdentifierRef<'a>,
    pub(super) signature_value: BitStringRef<'a>,
}

/// ```text
/// TBSCertificate  ::=  SEQUENCE  {
///     version         [0]  EXPLICIT Version DEFAULT v1,
///     serialNumber         CertificateSerialNumber,
///     signature            AlgorithmIdentifier,
///     issuer               Name,
///     validity             Validity,
///     subject              Name,
///     subjectPublicKeyInfo SubjectPublicKeyInfo,
///     extensions      [3]  EXPLICIT Extensions OPTIONAL  }
/// ```
///
/// The two unique identifiers, which nobody uses, are left out.
#[derive(Clone, Sequence)]
pub(super) struct TbsCertificate<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(super) version: u8,
    pub(super) serial_number: UintRef<'a>,
    pub(super) signature: AlgorithmIdentifierRef<'a>,
    pub(super) issuer: Name<'a>,
    pub(super) validity: Validity,
    pub(super) subject: Name<'a>,
    pub(super) subject_public_key_info: SubjectPublicKeyInfoRef<'a>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) extensions: Option<Vec<Extension>>,
}

/// `RDNSequence ::= SEQUENCE OF RelativeDistinguishedName`, each of them with one attribute.
pub(super) type Name<'a> = Vec<SetOfVec<Attribute<'a>>>;

/// ```text
/// AttributeTypeAndValue ::= SEQUENCE {
///     type     AttributeType,
///     value    AttributeValue }
/// ```
#[derive(Clone, PartialEq, Eq, Sequence, ValueOrd)]
pub(super) struct Attribute<'a> {
    pub(super) oid: ObjectIdentifier,
    pub(super) value: Utf8StringRef<'a>,
}

/// ```text
/// Validity ::= SEQUENCE {
///     notBefore      Time,
///     notAfter       Time }
/// ```
#[derive(Clone, Copy, Sequence)]
pub(super) struct Validity {
    pub(super) not_before: Time,
    pub(super) not_after: Time,
}

/// ```text
/// Time ::= CHOICE {
///     utcTime        UTCTime,
///     generalTime    GeneralizedTime }
/// ```
#[derive(Clone, Copy, Choice)]
pub(super) enum Time {
    #[asn1(type = "UTCTime")]
    Utc(UtcTime),
    #[asn1(type = "GeneralizedTime")]
    General(GeneralizedTime),
}

impl Time {
    /// The form that `time` must have: UTCTime until the year 2049 (RFC 5280 §4.1.2.5).
    pub(super) fn new(time: DateTime) -> Self {
        match UtcTime::from_date_time(time) {
            Ok(time) => Self::Utc(time),
            Err(_) => Self::General(GeneralizedTime::from_date_time(time)),
        }
    }

    /// Seconds since 1970.
    pub(super) fn as_secs(self) -> u64 {
        match self {
            Self::Utc(time) => time.to_unix_duration().as_secs(),
            Self::General(time) => time.to_unix_duration().as_secs(),
        }
    }
}

/// ```text
/// Extension  ::=  SEQUENCE  {
///     extnID      OBJECT IDENTIFIER,
///     critical    BOOLEAN DEFAULT FALSE,
///     extnValue   OCTET STRING  }
/// ```
#[derive(Clone, Sequence)]
pub(super) struct Extension {
    pub(super) extn_id: ObjectIdentifier,
    #[asn1(default = "Default::default")]
    pub(super) critical: bool,
    pub(super) extn_value: OctetString,
}

/// The two kinds of `GeneralName` that a server has.
#[derive(Choice)]
pub(super) enum GeneralName<'a> {
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", type = "IA5String")]
    Dns(Ia5StringRef<'a>),
    #[asn1(context_specific = "7", tag_mode = "IMPLICIT", type = "OCTET STRING")]
    Ip(OctetString),
}
