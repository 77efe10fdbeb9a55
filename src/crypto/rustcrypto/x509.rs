//! What this back end has to know of a certificate, beyond what rustls-webpki tells.

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, ObjectIdentifier, OctetStringRef, UtcTime};
use der::{Decode, Encode, Reader as _, Sequence, SliceReader, Tag, TagNumber, Tagged as _};

const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");

/// RFC 9345 §4.2.
const DELEGATION_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.44363.44");

/// `digitalSignature (0)`: the first bit of KeyUsage (RFC 5280 §4.2.1.3).
const DIGITAL_SIGNATURE: u8 = 0x80;

/// Some fields of a certificate (RFC 5280 §4.1).
#[derive(Debug)]
pub(super) struct Fields {
    /// The distinguished name of the issuer, DER.
    pub(super) issuer: Vec<u8>,
    /// Seconds since 1970.
    pub(super) not_before: u64,
    /// Whether the key may sign, if the certificate says what it may.
    pub(super) may_sign: Option<bool>,
    /// Whether it has the extension DelegationUsage.
    pub(super) may_delegate: bool,
}

/// ```text
/// Extension  ::=  SEQUENCE  {
///     extnID      OBJECT IDENTIFIER,
///     critical    BOOLEAN DEFAULT FALSE,
///     extnValue   OCTET STRING  }
/// ```
#[derive(Sequence)]
struct Extension<'a> {
    extn_id: ObjectIdentifier,
    #[asn1(default = "Default::default")]
    critical: bool,
    extn_value: &'a OctetStringRef,
}

impl Fields {
    pub(super) fn of(certificate: &[u8]) -> der::Result<Self> {
        let certificate: Vec<AnyRef<'_>> = Vec::from_der(certificate)?;
        let to_be_signed = certificate.first().ok_or(der::ErrorKind::Failed)?;
        let mut reader = SliceReader::new(to_be_signed.value())?;
        let mut next = || AnyRef::decode(&mut reader);
        // The version stands before the serial number, unless it is the first.
        if is_context_specific(next()?, TagNumber(0)) {
            next()?;
        }
        let _signature = next()?;
        let issuer = next()?.to_der()?;
        let validity: Vec<AnyRef<'_>> = next()?.decode_as()?;
        let (_subject, _public_key) = (next()?, next()?);
        let mut fields = Self { issuer, not_before: seconds(validity.first())?, may_sign: None, may_delegate: false };
        while !reader.is_finished() {
            let field = AnyRef::decode(&mut reader)?;
            if is_context_specific(field, TagNumber(3)) {
                let extensions: Vec<Extension<'_>> = Vec::from_der(field.value())?;
                extensions.iter().try_for_each(|extension| fields.take(extension))?;
            }
        }
        Ok(fields)
    }

    fn take(&mut self, extension: &Extension<'_>) -> der::Result<()> {
        if extension.extn_id == KEY_USAGE {
            let usage = BitStringRef::from_der(extension.extn_value.as_bytes())?;
            self.may_sign = Some(usage.raw_bytes().first().is_some_and(|first| first & DIGITAL_SIGNATURE != 0));
        }
        if extension.extn_id == DELEGATION_USAGE {
            self.may_delegate = true;
        }
        Ok(())
    }
}

fn is_context_specific(field: AnyRef<'_>, wanted: TagNumber) -> bool {
    matches!(field.tag(), Tag::ContextSpecific { number, constructed: true } if number == wanted)
}

fn seconds(time: Option<&AnyRef<'_>>) -> der::Result<u64> {
    let time = time.ok_or(der::ErrorKind::Failed)?;
    Ok(match time.tag() {
        Tag::UtcTime => time.decode_as::<UtcTime>()?.to_unix_duration().as_secs(),
        _ => time.decode_as::<GeneralizedTime>()?.to_unix_duration().as_secs(),
    })
}
