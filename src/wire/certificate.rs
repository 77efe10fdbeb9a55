//! Certificates: asked for, shown, and their keys proved (RFC 9846 §4.4.2, §4.5).

use crate::codec::{Decode, Encode, Reader, put_vector8, put_vector16, put_vector24};
use crate::error::InvalidMessage;
use crate::wire::delegated_credential::DelegatedCredential;
use crate::wire::extension::{self, Block, OtherExtension};
use crate::wire::extensions::lists::{expect_no_data, nonempty, put_list8, put_list16, read_list8, read_list16};
use crate::wire::extensions::status_request::{put_ocsp_response, read_ocsp_response, read_timestamps};
use crate::wire::registry::{CertificateCompressionAlgorithm, ExtensionType, SignatureScheme};

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

/// One certificate (RFC 9846 §4.5.1). Which type it is, the message does not say.
///
/// ```text
/// struct {
///     select (certificate_type) {
///         case RawPublicKey: opaque ASN1_subjectPublicKeyInfo<1..2^24-1>;
///         case X509:         opaque cert_data<1..2^24-1>;
///     };
///     Extension extensions<0..2^16-1>;
/// } CertificateEntry;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateEntry {
    /// The certificate, or the public key, in DER, not looked at here.
    pub der: Vec<u8>,
    /// Its extensions, in order of appearance, their data not looked at here.
    pub extensions: Vec<OtherExtension>,
}

impl CertificateEntry {
    /// The OCSP response, if there is one.
    pub fn ocsp_response(&self) -> Result<Option<Vec<u8>>, InvalidMessage> {
        self.data(ExtensionType::STATUS_REQUEST).map(read_ocsp_response).transpose()
    }

    /// The `SignedCertificateTimestampList`, if there is one.
    pub fn signed_certificate_timestamps(&self) -> Result<Option<Vec<u8>>, InvalidMessage> {
        self.data(ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP).map(read_timestamps).transpose()
    }

    /// The delegated credential, if there is one.
    pub fn delegated_credential(&self) -> Result<Option<DelegatedCredential>, InvalidMessage> {
        self.data(ExtensionType::DELEGATED_CREDENTIAL).map(DelegatedCredential::decode_all).transpose()
    }

    /// Adds an OCSP response.
    pub fn add_ocsp_response(&mut self, response: &[u8]) {
        let mut data = Vec::new();
        put_ocsp_response(&mut data, response);
        self.add(ExtensionType::STATUS_REQUEST, data);
    }

    /// Adds an extension.
    pub fn add(&mut self, extension_type: ExtensionType, data: Vec<u8>) {
        self.extensions.push(OtherExtension { extension_type, data });
    }

    fn data(&self, wanted: ExtensionType) -> Option<&[u8]> {
        self.extensions.iter().find(|one| one.extension_type == wanted).map(|one| one.data.as_slice())
    }
}

impl Decode for CertificateEntry {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        let der = nonempty(reader.vector24()?.to_vec())?;
        let block = extension::read_block(reader)?;
        let extensions = block.into_iter().map(|(number, data)| OtherExtension::of(number, data)).collect();
        Ok(Self { der, extensions })
    }
}

impl Encode for CertificateEntry {
    fn encode(&self, out: &mut Vec<u8>) {
        put_vector24(out, |out| out.extend_from_slice(&self.der));
        let mut block = Block::default();
        block.put_others(&self.extensions);
        block.write(out);
    }
}

/// A Certificate message, compressed (RFC 8879 §4).
///
/// ```text
/// struct {
///     CertificateCompressionAlgorithm algorithm;
///     uint24 uncompressed_length;
///     opaque compressed_certificate_message<1..2^24-1>;
/// } CompressedCertificate;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompressedCertificate {
    /// How it was compressed.
    pub algorithm: CertificateCompressionAlgorithm,
    /// How long it is when it is not.
    pub uncompressed_length: u32,
    /// The compressed message, not looked at here.
    pub compressed: Vec<u8>,
}

impl Decode for CompressedCertificate {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        let algorithm = CertificateCompressionAlgorithm::decode(reader)?;
        let [high, middle, low] = reader.array()?;
        Ok(Self {
            algorithm,
            uncompressed_length: u32::from_be_bytes([0, high, middle, low]),
            compressed: nonempty(reader.vector24()?.to_vec())?,
        })
    }
}

impl Encode for CompressedCertificate {
    fn encode(&self, out: &mut Vec<u8>) {
        self.algorithm.encode(out);
        let [_, length @ ..] = self.uncompressed_length.to_be_bytes();
        out.extend_from_slice(&length);
        put_vector24(out, |out| out.extend_from_slice(&self.compressed));
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
    /// status_request (RFC 9846 §4.5.1.1): whether an OCSP response is wanted.
    pub status_request: bool,
    /// signed_certificate_timestamp (RFC 9846 §4.5.1.1): whether timestamps are wanted.
    pub signed_certificate_timestamp: bool,
    /// compress_certificate (RFC 8879 §3), not empty.
    pub compress_certificate: Option<Vec<CertificateCompressionAlgorithm>>,
    /// delegated_credential (RFC 9345 §4.1.2): the schemes that a delegated key may sign with, not empty.
    pub delegated_credential: Option<Vec<SignatureScheme>>,
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
                T::STATUS_REQUEST => {
                    expect_no_data(data)?;
                    read.status_request = true;
                }
                T::SIGNED_CERTIFICATE_TIMESTAMP => {
                    expect_no_data(data)?;
                    read.signed_certificate_timestamp = true;
                }
                T::COMPRESS_CERTIFICATE => read.compress_certificate = Some(read_list8(data)?),
                T::DELEGATED_CREDENTIAL => read.delegated_credential = Some(read_list16(data)?),
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
        if self.status_request {
            block.put(T::STATUS_REQUEST, |_| {});
        }
        if self.signed_certificate_timestamp {
            block.put(T::SIGNED_CERTIFICATE_TIMESTAMP, |_| {});
        }
        if let Some(algorithms) = &self.compress_certificate {
            block.put(T::COMPRESS_CERTIFICATE, |out| put_list8(out, algorithms));
        }
        if let Some(schemes) = &self.delegated_credential {
            block.put(T::DELEGATED_CREDENTIAL, |out| put_list16(out, schemes));
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
pub(crate) fn read_names(data: &[u8]) -> Result<Vec<Vec<u8>>, InvalidMessage> {
    let mut reader = Reader::new(data);
    let mut list = Reader::new(reader.vector16()?);
    reader.finish()?;
    let mut names = Vec::new();
    while !list.is_empty() {
        names.push(nonempty(list.vector16()?.to_vec())?);
    }
    if names.is_empty() { Err(InvalidMessage::EmptyVector) } else { Ok(names) }
}

pub(crate) fn put_names(out: &mut Vec<u8>, names: &[Vec<u8>]) {
    put_vector16(out, |out| {
        for name in names {
            put_vector16(out, |out| out.extend_from_slice(name));
        }
    });
}

#[cfg(test)]
mod tests;
