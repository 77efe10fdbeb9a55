//! Certificates: asked for, shown, and their keys proved (RFC 9846 §4.4.2, §4.5).

use crate::codec::{Decode, Encode, Reader, put_vector8, put_vector16, put_vector24};
use crate::error::InvalidMessage;
use crate::wire::extension::{self, Block, OtherExtension};
use crate::wire::extensions::lists::{nonempty, put_list16, read_list16};
use crate::wire::registry::{ExtensionType, SignatureScheme};

/// A chain of certificates, the end-entity's first (RFC 9846 §4.5.1).
///
/// ```text
/// struct {
///     opaque certificate_request_context<0..2^8-1>;
///     CertificateEntry certificate_list<0..2^24-1>;
/// } Certificate;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// That of the request, if it answers one after the handshake, else empty.
    pub request_context: Vec<u8>,
    /// The chain; a client that has no certificate leaves it empty.
    pub entries: Vec<CertificateEntry>,
}

impl Decode for Certificate {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self {
            request_context: reader.vector8()?.to_vec(),
            entries: CertificateEntry::decode_list(reader.vector24()?)?,
        })
    }
}

impl Encode for Certificate {
    fn encode(&self, out: &mut Vec<u8>) {
        put_vector8(out, |out| out.extend_from_slice(&self.request_context));
        put_vector24(out, |out| self.entries.iter().for_each(|entry| entry.encode(out)));
    }
}

/// One certificate (RFC 9846 §4.5.1). It is written without extensions.
///
/// ```text
/// struct {
///     opaque cert_data<1..2^24-1>;            /* X.509 */
///     Extension extensions<0..2^16-1>;
/// } CertificateEntry;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateEntry {
    /// The certificate in DER, not looked at here.
    pub der: Vec<u8>,
    /// The types of all extensions, in order of appearance. Filled when decoded, not looked at when encoded.
    pub present: Vec<ExtensionType>,
}

impl Decode for CertificateEntry {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self {
            der: nonempty(reader.vector24()?.to_vec())?,
            present: extension::types(&extension::read_block(reader)?),
        })
    }
}

impl Encode for CertificateEntry {
    fn encode(&self, out: &mut Vec<u8>) {
        put_vector24(out, |out| out.extend_from_slice(&self.der));
        put_vector16(out, |_| {});
    }
}

/// The server asks for a certificate (RFC 9846 §4.4.2). Only what is set is written, in the order of `present`, then
/// of the fields.
///
/// ```text
/// struct {
///     opaque certificate_request_context<0..2^8-1>;
///     Extension extensions<0..2^16-1>;
/// } CertificateRequest;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateRequest {
    /// Which request this is; empty in a handshake.
    pub request_context: Vec<u8>,
    /// signature_algorithms (RFC 9846 §4.3.3); empty if the extension is missing, which may not be.
    pub signature_algorithms: Vec<SignatureScheme>,
    /// signature_algorithms_cert (RFC 9846 §4.3.3), not empty.
    pub signature_algorithms_cert: Option<Vec<SignatureScheme>>,
    /// certificate_authorities (RFC 9846 §4.3.4): distinguished names in DER, none empty. Not written if there are none.
    pub certificate_authorities: Vec<Vec<u8>>,
    /// Those without a field: custom ones, those of GREASE (RFC 8701), those that are not known.
    pub others: Vec<OtherExtension>,
    /// The types of all extensions, known or not, in order of appearance. Filled when decoded; when encoded, this is the
    /// order in which extensions are written.
    pub present: Vec<ExtensionType>,
}

impl Decode for CertificateRequest {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        use ExtensionType as T;
        let request_context = reader.vector8()?.to_vec();
        let block = extension::read_block(reader)?;
        let mut read = Self { request_context, present: extension::types(&block), ..Self::default() };
        for (extension_type, data) in block {
            match extension_type {
                T::SIGNATURE_ALGORITHMS => read.signature_algorithms = read_list16(data)?,
                T::SIGNATURE_ALGORITHMS_CERT => read.signature_algorithms_cert = Some(read_list16(data)?),
                T::CERTIFICATE_AUTHORITIES => read.certificate_authorities = read_names(data)?,
                _ => read.others.push(OtherExtension::of(extension_type, data)),
            }
        }
        Ok(read)
    }
}

impl Encode for CertificateRequest {
    fn encode(&self, out: &mut Vec<u8>) {
        use ExtensionType as T;
        put_vector8(out, |out| out.extend_from_slice(&self.request_context));
        let mut block = Block::default();
        if !self.signature_algorithms.is_empty() {
            block.put(T::SIGNATURE_ALGORITHMS, |out| put_list16(out, &self.signature_algorithms));
        }
        if let Some(schemes) = &self.signature_algorithms_cert {
            block.put(T::SIGNATURE_ALGORITHMS_CERT, |out| put_list16(out, schemes));
        }
        if !self.certificate_authorities.is_empty() {
            block.put(T::CERTIFICATE_AUTHORITIES, |out| put_names(out, &self.certificate_authorities));
        }
        block.put_others(&self.others);
        block.arrange(&self.present);
        block.write(out);
    }
}

/// The proof of possession of a certificate's key (RFC 9846 §4.5.2).
///
/// ```text
/// struct {
///     SignatureScheme algorithm;
///     opaque signature<0..2^16-1>;
/// } CertificateVerify;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateVerify {
    /// The scheme of the signature.
    pub scheme: SignatureScheme,
    /// The signature over the transcript, in the form that its scheme prescribes.
    pub signature: Vec<u8>,
}

impl Decode for CertificateVerify {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self { scheme: SignatureScheme::decode(reader)?, signature: reader.vector16()?.to_vec() })
    }
}

impl Encode for CertificateVerify {
    fn encode(&self, out: &mut Vec<u8>) {
        self.scheme.encode(out);
        put_vector16(out, |out| out.extend_from_slice(&self.signature));
    }
}

/// `DistinguishedName authorities<3..2^16-1>`, each of them `opaque DistinguishedName<1..2^16-1>` (RFC 9846 §4.3.4).
fn read_names(data: &[u8]) -> Result<Vec<Vec<u8>>, InvalidMessage> {
    let mut reader = Reader::new(data);
    let mut list = Reader::new(reader.vector16()?);
    reader.finish()?;
    let mut names = Vec::new();
    while !list.is_empty() {
        names.push(nonempty(list.vector16()?.to_vec())?);
    }
    if names.is_empty() { Err(InvalidMessage::EmptyVector) } else { Ok(names) }
}

fn put_names(out: &mut Vec<u8>, names: &[Vec<u8>]) {
    put_vector16(out, |out| {
        for name in names {
            put_vector16(out, |out| out.extend_from_slice(name));
        }
    });
}

#[cfg(test)]
mod tests;
