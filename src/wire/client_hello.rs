//! ClientHello (RFC 9147 §5.3).

use crate::codec::{Decode, Encode, Reader, put_u16, put_vector8, put_vector16};
use crate::error::InvalidMessage;
use crate::wire::certificate::{put_names, read_names};
use crate::wire::extension::{self, Block, OtherExtension, RawExtension};
use crate::wire::extensions::alpn::{put_protocols, read_protocols};
use crate::wire::extensions::flags::Flags;
use crate::wire::extensions::lists::{
    expect_no_data, nonempty, numbers, put_list8, put_list16, read_list8, read_list16, read_nonempty_opaque16,
    read_opaque8, read_record_size_limit,
};
use crate::wire::extensions::server_name::{put_host_name, read_host_name};
use crate::wire::extensions::status_request::{OCSP_REQUEST, asks_for_ocsp};
use crate::wire::registry::{
    CertificateCompressionAlgorithm, CertificateType, CipherSuite, ExtensionType, NamedGroup, ProtocolVersion,
    SignatureScheme,
};

pub use crate::wire::extensions::key_share::KeyShareEntry;
pub use crate::wire::extensions::pre_shared_key::{OfferedPsks, PskIdentity};
pub use crate::wire::extensions::ticket_request::TicketRequest;
pub use crate::wire::extensions::use_srtp::UseSrtp;

/// `opaque Random[32]` (RFC 9846 §4.2.2).
pub type Random = [u8; 32];

/// `opaque legacy_session_id<0..32>`
pub(crate) const MAX_SESSION_ID_LEN: usize = 32;

/// What a client offers (RFC 9147 §5.3).
///
/// ```text
/// struct {
///     ProtocolVersion legacy_version = { 254,253 }; // DTLSv1.2
///     Random random;
///     opaque legacy_session_id<0..32>;
///     opaque legacy_cookie<0..2^8-1>;                  // DTLS
///     CipherSuite cipher_suites<2..2^16-2>;
///     opaque legacy_compression_methods<1..2^8-1>;
///     Extension extensions<8..2^16-1>;
/// } ClientHello;
/// ```
///
/// A ClientHello of an older version may end before the extensions; it is read as one without any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// The highest version before DTLS 1.3 that the client speaks. Always written as DTLS 1.2.
    pub legacy_version: ProtocolVersion,
    /// The random of the client.
    pub random: Random,
    /// The id of a connection of DTLS 1.2 that the client wants to resume.
    pub legacy_session_id: Vec<u8>,
    /// The cookie of a HelloVerifyRequest of DTLS 1.2.
    pub legacy_cookie: Vec<u8>,
    /// The cipher suites that the client offers, best first.
    pub cipher_suites: Vec<CipherSuite>,
    /// The compression methods of DTLS 1.2; in 1.3 the null method alone, which is 0.
    pub legacy_compression_methods: Vec<u8>,
    /// Everything else.
    pub extensions: ClientExtensions,
}

impl Default for ClientHello {
    /// A hello that offers nothing.
    fn default() -> Self {
        Self {
            legacy_version: ProtocolVersion::DTLS_1_2,
            random: [0; 32],
            legacy_session_id: Vec::new(),
            legacy_cookie: Vec::new(),
            cipher_suites: Vec::new(),
            legacy_compression_methods: vec![0],
            extensions: ClientExtensions::default(),
        }
    }
}

impl Decode for ClientHello {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self {
            legacy_version: ProtocolVersion::decode(reader)?,
            random: reader.array()?,
            legacy_session_id: read_session_id(reader)?,
            legacy_cookie: reader.vector8()?.to_vec(),
            cipher_suites: numbers(reader.vector16()?)?,
            legacy_compression_methods: nonempty(reader.vector8()?.to_vec())?,
            extensions: ClientExtensions::read(&extension::read_optional_block(reader)?)?,
        })
    }
}

impl Encode for ClientHello {
    fn encode(&self, out: &mut Vec<u8>) {
        ProtocolVersion::DTLS_1_2.encode(out);
        out.extend_from_slice(&self.random);
        put_vector8(out, |out| out.extend_from_slice(&self.legacy_session_id));
        put_vector8(out, |out| out.extend_from_slice(&self.legacy_cookie));
        put_list16(out, &self.cipher_suites);
        put_vector8(out, |out| out.extend_from_slice(&self.legacy_compression_methods));
        self.extensions.block().write(out);
    }
}

/// The extensions of a ClientHello that we know.
///
/// They are written in the order of `present`, and what it does not name in the order of the fields, then `others`. By
/// default the cookie comes first and the key shares, which are long, come late: there are servers that look for the
/// cookie in the first fragment alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientExtensions {
    /// cookie (RFC 9846 §4.3.2), not empty.
    pub cookie: Option<Vec<u8>>,
    /// supported_versions (RFC 9846 §4.3.1), not empty.
    pub supported_versions: Option<Vec<ProtocolVersion>>,
    /// server_name (RFC 6066 §3): the host name.
    pub server_name: Option<String>,
    /// supported_groups (RFC 9846 §4.3.7), not empty.
    pub supported_groups: Option<Vec<NamedGroup>>,
    /// signature_algorithms (RFC 9846 §4.3.3), not empty.
    pub signature_algorithms: Option<Vec<SignatureScheme>>,
    /// signature_algorithms_cert (RFC 9846 §4.3.3), not empty.
    pub signature_algorithms_cert: Option<Vec<SignatureScheme>>,
    /// certificate_authorities (RFC 9846 §4.3.4): distinguished names in DER, none empty. Not written if there are none.
    pub certificate_authorities: Vec<Vec<u8>>,
    /// status_request (RFC 6066 §8): whether an OCSP response is wanted. Written without names of responders.
    pub status_request: bool,
    /// signed_certificate_timestamp (RFC 6962 §3.3): whether timestamps are wanted.
    pub signed_certificate_timestamp: bool,
    /// client_certificate_type (RFC 7250 §3): the types of certificate that the client can show, best first. That the list
    /// is neither empty nor pointless is not checked here.
    pub client_certificate_types: Option<Vec<CertificateType>>,
    /// server_certificate_type (RFC 7250 §3): the types of certificate that the client can judge, best first. That the list
    /// is neither empty nor pointless is not checked here.
    pub server_certificate_types: Option<Vec<CertificateType>>,
    /// compress_certificate (RFC 8879 §3), not empty.
    pub compress_certificate: Option<Vec<CertificateCompressionAlgorithm>>,
    /// delegated_credential (RFC 9345 §4.1.1): the schemes that a delegated key may sign with, not empty.
    pub delegated_credential: Option<Vec<SignatureScheme>>,
    /// application_layer_protocol_negotiation (RFC 7301): names, none empty, at least one.
    pub alpn: Option<Vec<Vec<u8>>>,
    /// use_srtp (RFC 5764).
    pub use_srtp: Option<UseSrtp>,
    /// connection_id (RFC 9146 §3): what the client wants to receive; empty: nothing.
    pub connection_id: Option<Vec<u8>>,
    /// rrc (RFC 9853 §3): whether return routability checks may be used.
    pub return_routability: bool,
    /// ticket_request (RFC 9149).
    pub ticket_request: Option<TicketRequest>,
    /// tls_flags (draft-ietf-tls-tlsflags).
    pub flags: Option<Flags>,
    /// record_size_limit (RFC 8449), at least 64.
    pub record_size_limit: Option<u16>,
    /// psk_key_exchange_modes (RFC 9846 §4.3.9), not empty.
    pub psk_key_exchange_modes: Option<Vec<u8>>,
    /// post_handshake_auth (RFC 9846 §4.3.6): whether the client answers requests for a certificate after the handshake.
    pub post_handshake_auth: bool,
    /// extended_master_secret (RFC 7627).
    pub extended_master_secret: bool,
    /// renegotiation_info (RFC 5746 §3.2): `renegotiated_connection`.
    pub renegotiation_info: Option<Vec<u8>>,
    /// key_share (RFC 9846 §4.3.8); empty to ask for a HelloRetryRequest.
    pub key_share: Option<Vec<KeyShareEntry>>,
    /// early_data (RFC 9846 §4.3.10): whether early data follows.
    pub early_data: bool,
    /// pre_shared_key (RFC 9846 §4.3.11), always the last extension.
    pub pre_shared_key: Option<OfferedPsks>,
    /// Those without a field: custom ones, those of GREASE (RFC 8701), those that are not known.
    pub others: Vec<OtherExtension>,
    /// The types of all extensions, known or not, in order of appearance. Filled when decoded; when encoded, this is the
    /// order in which extensions are written.
    pub present: Vec<ExtensionType>,
}

impl ClientExtensions {
    /// The types of what would be written, in order.
    pub(crate) fn types(&self) -> Vec<ExtensionType> {
        self.block().types()
    }

    fn read(block: &[RawExtension<'_>]) -> Result<Self, InvalidMessage> {
        let mut read = Self { present: extension::types(block), ..Self::default() };
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.11
        //# The "pre_shared_key" extension MUST be the last extension in the
        //# ClientHello (this facilitates implementation as described below).
        let before_last = block.split_last().map_or(block, |(_, before)| before);
        if before_last.iter().any(|(extension_type, _)| *extension_type == ExtensionType::PRE_SHARED_KEY) {
            return Err(InvalidMessage::PreSharedKeyNotLast);
        }
        block.iter().try_for_each(|(extension_type, data)| read.read_one(*extension_type, data))?;
        Ok(read)
    }

    fn read_one(&mut self, extension_type: ExtensionType, data: &[u8]) -> Result<(), InvalidMessage> {
        use ExtensionType as T;
        match extension_type {
            T::COOKIE => self.cookie = Some(read_nonempty_opaque16(data)?),
            T::SUPPORTED_VERSIONS => self.supported_versions = Some(read_list8(data)?),
            T::SERVER_NAME => self.server_name = Some(read_host_name(data)?),
            T::SUPPORTED_GROUPS => self.supported_groups = Some(read_list16(data)?),
            T::SIGNATURE_ALGORITHMS => self.signature_algorithms = Some(read_list16(data)?),
            T::SIGNATURE_ALGORITHMS_CERT => self.signature_algorithms_cert = Some(read_list16(data)?),
            T::CERTIFICATE_AUTHORITIES => self.certificate_authorities = read_names(data)?,
            T::STATUS_REQUEST => self.status_request = asks_for_ocsp(data)?,
            T::SIGNED_CERTIFICATE_TIMESTAMP => {
                expect_no_data(data)?;
                self.signed_certificate_timestamp = true;
            }
            T::CLIENT_CERTIFICATE_TYPE => self.client_certificate_types = Some(read_types(data)?),
            T::SERVER_CERTIFICATE_TYPE => self.server_certificate_types = Some(read_types(data)?),
            T::COMPRESS_CERTIFICATE => self.compress_certificate = Some(read_list8(data)?),
            T::DELEGATED_CREDENTIAL => self.delegated_credential = Some(read_list16(data)?),
            T::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => self.alpn = Some(read_protocols(data)?),
            T::USE_SRTP => self.use_srtp = Some(UseSrtp::decode_all(data)?),
            T::TICKET_REQUEST => self.ticket_request = Some(TicketRequest::decode_all(data)?),
            T::TLS_FLAGS => self.flags = Some(Flags::decode_all(data)?),
            T::RECORD_SIZE_LIMIT => self.record_size_limit = Some(read_record_size_limit(data)?),
            T::PSK_KEY_EXCHANGE_MODES => self.psk_key_exchange_modes = Some(nonempty(read_opaque8(data)?)?),
            T::POST_HANDSHAKE_AUTH => {
                expect_no_data(data)?;
                self.post_handshake_auth = true;
            }
            T::CONNECTION_ID => self.connection_id = Some(read_opaque8(data)?),
            T::RRC => {
                expect_no_data(data)?;
                self.return_routability = true;
            }
            T::EXTENDED_MASTER_SECRET => {
                expect_no_data(data)?;
                self.extended_master_secret = true;
            }
            T::RENEGOTIATION_INFO => self.renegotiation_info = Some(read_opaque8(data)?),
            T::KEY_SHARE => self.key_share = Some(read_key_shares(data)?),
            T::PRE_SHARED_KEY => self.pre_shared_key = Some(OfferedPsks::decode_all(data)?),
            T::EARLY_DATA => {
                expect_no_data(data)?;
                self.early_data = true;
            }
            _ => self.others.push(OtherExtension::of(extension_type, data)),
        }
        Ok(())
    }

    /// What a client says about certificates.
    fn put_certificate_extensions(&self, block: &mut Block) {
        use ExtensionType as T;
        if !self.certificate_authorities.is_empty() {
            block.put(T::CERTIFICATE_AUTHORITIES, |out| put_names(out, &self.certificate_authorities));
        }
        if self.status_request {
            block.put(T::STATUS_REQUEST, |out| out.extend_from_slice(&OCSP_REQUEST));
        }
        if self.signed_certificate_timestamp {
            block.put(T::SIGNED_CERTIFICATE_TIMESTAMP, |_| {});
        }
        for (number, types) in [
            (T::CLIENT_CERTIFICATE_TYPE, &self.client_certificate_types),
            (T::SERVER_CERTIFICATE_TYPE, &self.server_certificate_types),
        ] {
            if let Some(types) = types {
                block.put(number, |out| put_list8(out, types));
            }
        }
        if let Some(algorithms) = &self.compress_certificate {
            block.put(T::COMPRESS_CERTIFICATE, |out| put_list8(out, algorithms));
        }
        if let Some(schemes) = &self.delegated_credential {
            block.put(T::DELEGATED_CREDENTIAL, |out| put_list16(out, schemes));
        }
    }

    fn block(&self) -> Block {
        use ExtensionType as T;
        let mut block = Block::default();
        if let Some(cookie) = &self.cookie {
            block.put(T::COOKIE, |out| put_vector16(out, |out| out.extend_from_slice(cookie)));
        }
        if let Some(versions) = &self.supported_versions {
            block.put(T::SUPPORTED_VERSIONS, |out| put_list8(out, versions));
        }
        if let Some(name) = &self.server_name {
            block.put(T::SERVER_NAME, |out| put_host_name(out, name));
        }
        if let Some(groups) = &self.supported_groups {
            block.put(T::SUPPORTED_GROUPS, |out| put_list16(out, groups));
        }
        if let Some(schemes) = &self.signature_algorithms {
            block.put(T::SIGNATURE_ALGORITHMS, |out| put_list16(out, schemes));
        }
        if let Some(schemes) = &self.signature_algorithms_cert {
            block.put(T::SIGNATURE_ALGORITHMS_CERT, |out| put_list16(out, schemes));
        }
        self.put_certificate_extensions(&mut block);
        if let Some(protocols) = &self.alpn {
            block.put(T::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, |out| {
                put_protocols(out, protocols.iter().map(Vec::as_slice));
            });
        }
        if let Some(use_srtp) = &self.use_srtp {
            block.put(T::USE_SRTP, |out| use_srtp.encode(out));
        }
        if let Some(id) = &self.connection_id {
            block.put(T::CONNECTION_ID, |out| put_vector8(out, |out| out.extend_from_slice(id)));
        }
        if self.return_routability {
            block.put(T::RRC, |_| {});
        }
        if let Some(request) = &self.ticket_request {
            block.put(T::TICKET_REQUEST, |out| request.encode(out));
        }
        if let Some(flags) = &self.flags {
            block.put(T::TLS_FLAGS, |out| flags.encode(out));
        }
        if let Some(limit) = self.record_size_limit {
            block.put(T::RECORD_SIZE_LIMIT, |out| put_u16(out, limit));
        }
        if let Some(modes) = &self.psk_key_exchange_modes {
            block.put(T::PSK_KEY_EXCHANGE_MODES, |out| put_vector8(out, |out| out.extend_from_slice(modes)));
        }
        if self.post_handshake_auth {
            block.put(T::POST_HANDSHAKE_AUTH, |_| {});
        }
        if self.extended_master_secret {
            block.put(T::EXTENDED_MASTER_SECRET, |_| {});
        }
        if let Some(info) = &self.renegotiation_info {
            block.put(T::RENEGOTIATION_INFO, |out| put_vector8(out, |out| out.extend_from_slice(info)));
        }
        if let Some(shares) = &self.key_share {
            block.put(T::KEY_SHARE, |out| {
                put_vector16(out, |out| shares.iter().for_each(|share| share.encode(out)));
            });
        }
        if self.early_data {
            block.put(T::EARLY_DATA, |_| {});
        }
        if let Some(offered) = &self.pre_shared_key {
            block.put(T::PRE_SHARED_KEY, |out| offered.encode(out));
        }
        block.put_others(&self.others);
        block.arrange(&self.present);
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.11
        //# The "pre_shared_key" extension MUST be the last extension in the
        //# ClientHello (this facilitates implementation as described below).
        block.put_last(T::PRE_SHARED_KEY);
        block
    }
}

/// `opaque legacy_session_id<0..32>`, as it stands in both hellos.
pub(crate) fn read_session_id(reader: &mut Reader<'_>) -> Result<Vec<u8>, InvalidMessage> {
    let id = reader.vector8()?;
    if id.len() > MAX_SESSION_ID_LEN { Err(InvalidMessage::InvalidVectorLength) } else { Ok(id.to_vec()) }
}

/// `CertificateType client_certificate_types<1..2^8-1>` (RFC 7250 §3)
fn read_types(data: &[u8]) -> Result<Vec<CertificateType>, InvalidMessage> {
    CertificateType::decode_list(&read_opaque8(data)?)
}

/// `KeyShareEntry client_shares<0..2^16-1>`
fn read_key_shares(data: &[u8]) -> Result<Vec<KeyShareEntry>, InvalidMessage> {
    let mut reader = Reader::new(data);
    let shares = KeyShareEntry::decode_list(reader.vector16()?)?;
    reader.finish()?;
    Ok(shares)
}

#[cfg(test)]
mod tests;
