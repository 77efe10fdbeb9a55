//! EncryptedExtensions (RFC 9846 §4.4.1).

use crate::codec::{Decode, Encode, Reader, put_u16};
use crate::error::InvalidMessage;
use crate::wire::client_hello::UseSrtp;
use crate::wire::extension::{self, Block, OtherExtension};
use crate::wire::extensions::alpn::{put_protocols, read_selected_protocol};
use crate::wire::extensions::flags::Flags;
use crate::wire::extensions::lists::{expect_no_data, put_list16, read_list16, read_record_size_limit};
use crate::wire::registry::{CertificateType, ExtensionType, NamedGroup};

/// What a server answers under protection (RFC 9846 §4.4.1). Extensions are written in the order of `present`, those that
/// it does not name in the order of the fields.
///
/// ```text
/// struct {
///     Extension extensions<0..2^16-1>;
/// } EncryptedExtensions;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncryptedExtensions {
    /// application_layer_protocol_negotiation (RFC 7301): the protocol that the server selected, not empty.
    pub alpn: Option<Vec<u8>>,
    /// use_srtp (RFC 5764): the profile that the server selected. That there is exactly one is not checked here.
    pub use_srtp: Option<UseSrtp>,
    /// tls_flags (draft-ietf-tls-tlsflags).
    pub flags: Option<Flags>,
    /// record_size_limit (RFC 8449), at least 64.
    pub record_size_limit: Option<u16>,
    /// server_name (RFC 6066 §3): whether the server used the name that the client sent.
    pub server_name_ack: bool,
    /// supported_groups (RFC 9846 §4.3.7): what the server prefers, for the next connection.
    pub supported_groups: Option<Vec<NamedGroup>>,
    /// early_data (RFC 9846 §4.3.10): whether the server takes the early data.
    pub early_data: bool,
    /// ticket_request (RFC 9149): how many tickets the server will send.
    pub ticket_request: Option<u8>,
    /// client_certificate_type (RFC 7250 §3): the type of certificate that the client is to show.
    pub client_certificate_type: Option<CertificateType>,
    /// server_certificate_type (RFC 7250 §3): the type of certificate that the server shows.
    pub server_certificate_type: Option<CertificateType>,
    /// Those without a field: custom ones, and those that are not known.
    pub others: Vec<OtherExtension>,
    /// The types of all extensions, known or not, in order of appearance. Filled when decoded; when encoded, this is the
    /// order in which extensions are written.
    pub present: Vec<ExtensionType>,
}

impl Decode for EncryptedExtensions {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        use ExtensionType as T;
        let block = extension::read_block(reader)?;
        let mut read = Self { present: extension::types(&block), ..Self::default() };
        for (extension_type, data) in block {
            match extension_type {
                T::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => read.alpn = Some(read_selected_protocol(data)?),
                T::USE_SRTP => read.use_srtp = Some(UseSrtp::decode_all(data)?),
                T::TLS_FLAGS => read.flags = Some(Flags::decode_all(data)?),
                T::RECORD_SIZE_LIMIT => read.record_size_limit = Some(read_record_size_limit(data)?),
                T::SERVER_NAME => {
                    expect_no_data(data)?;
                    read.server_name_ack = true;
                }
                T::SUPPORTED_GROUPS => read.supported_groups = Some(read_list16(data)?),
                T::EARLY_DATA => {
                    expect_no_data(data)?;
                    read.early_data = true;
                }
                T::TICKET_REQUEST => {
                    let mut data = Reader::new(data);
                    read.ticket_request = Some(data.u8()?);
                    data.finish()?;
                }
                T::CLIENT_CERTIFICATE_TYPE => read.client_certificate_type = Some(CertificateType::decode_all(data)?),
                T::SERVER_CERTIFICATE_TYPE => read.server_certificate_type = Some(CertificateType::decode_all(data)?),
                _ => read.others.push(OtherExtension::of(extension_type, data)),
            }
        }
        Ok(read)
    }
}

impl Encode for EncryptedExtensions {
    fn encode(&self, out: &mut Vec<u8>) {
        use ExtensionType as T;
        let mut block = Block::default();
        if let Some(protocol) = &self.alpn {
            block.put(T::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, |out| {
                put_protocols(out, [protocol.as_slice()]);
            });
        }
        if let Some(use_srtp) = &self.use_srtp {
            block.put(T::USE_SRTP, |out| use_srtp.encode(out));
        }
        if let Some(flags) = &self.flags {
            block.put(T::TLS_FLAGS, |out| flags.encode(out));
        }
        if let Some(limit) = self.record_size_limit {
            block.put(T::RECORD_SIZE_LIMIT, |out| put_u16(out, limit));
        }
        if self.server_name_ack {
            block.put(T::SERVER_NAME, |_| {});
        }
        if let Some(groups) = &self.supported_groups {
            block.put(T::SUPPORTED_GROUPS, |out| put_list16(out, groups));
        }
        if self.early_data {
            block.put(T::EARLY_DATA, |_| {});
        }
        if let Some(count) = self.ticket_request {
            block.put(T::TICKET_REQUEST, |out| out.push(count));
        }
        if let Some(certificate_type) = &self.client_certificate_type {
            block.put(T::CLIENT_CERTIFICATE_TYPE, |out| certificate_type.encode(out));
        }
        if let Some(certificate_type) = &self.server_certificate_type {
            block.put(T::SERVER_CERTIFICATE_TYPE, |out| certificate_type.encode(out));
        }
        block.put_others(&self.others);
        block.arrange(&self.present);
        block.write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::put_vector16;
    use crate::wire::registry::SrtpProfile;

    #[test]
    fn everything_comes_back() {
        let full = EncryptedExtensions {
            alpn: Some(b"webrtc".to_vec()),
            use_srtp: Some(UseSrtp { profiles: vec![SrtpProfile::SRTP_AEAD_AES_128_GCM], mki: Vec::new() }),
            flags: Some(Flags::of(8)),
            record_size_limit: Some(64),
            server_name_ack: true,
            supported_groups: Some(vec![NamedGroup::X25519]),
            early_data: true,
            ticket_request: Some(2),
            client_certificate_type: Some(CertificateType::RAW_PUBLIC_KEY),
            server_certificate_type: Some(CertificateType::X509),
            others: vec![OtherExtension { extension_type: ExtensionType(0xfe01), data: vec![1] }],
            present: [16u16, 14, 0xfe01, 62, 28, 0, 10, 42, 58, 20, 19].map(ExtensionType).to_vec(),
        };
        let bytes = full.encoded();
        assert_eq!(EncryptedExtensions::decode_all(&bytes), Ok(full));
        for len in 0..bytes.len() {
            assert_eq!(EncryptedExtensions::decode_all(&bytes[..len]), Err(InvalidMessage::TooShort), "{len} bytes");
        }
        assert_eq!(EncryptedExtensions::default().encoded(), [0, 0]);
    }

    #[test]
    fn malformed_answers_are_refused() {
        use InvalidMessage as E;
        let decode = |block: &[u8]| {
            let mut bytes = Vec::new();
            put_vector16(&mut bytes, |out| out.extend_from_slice(block));
            EncryptedExtensions::decode_all(&bytes).map(|read| read.present.len())
        };
        assert_eq!(decode(&[0, 28, 0, 2, 0x40, 1]), Ok(1));
        assert_eq!(decode(&[0, 16, 0, 6, 0, 4, 1, b'a', 1, b'b']), Err(E::InvalidVectorLength));
        assert_eq!(decode(&[0, 16, 0, 2, 0, 0]), Err(E::EmptyVector));
        assert_eq!(decode(&[0, 0, 0, 1, 0]), Err(E::TrailingData));
        assert_eq!(decode(&[0, 58, 0, 0]), Err(E::TooShort));
        assert_eq!(decode(&[0, 58, 0, 2, 1, 1]), Err(E::TrailingData));
        assert_eq!(decode(&[0, 10, 0, 2, 0, 0]), Err(E::EmptyVector));
        assert_eq!(decode(&[0, 0, 0, 0, 0, 0, 0, 0]), Err(E::DuplicateExtension(ExtensionType::SERVER_NAME)));
        assert_eq!(EncryptedExtensions::decode_all(&[0, 0, 0]), Err(E::TrailingData));
    }
}
