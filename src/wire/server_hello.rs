//! ServerHello and HelloRetryRequest, which has its form (RFC 9846 §4.2.3, §4.2.4).

use crate::codec::{Decode, Encode, Reader, put_u16, put_vector8, put_vector16};
use crate::error::InvalidMessage;
use crate::wire::client_hello::{KeyShareEntry, Random, read_session_id};
use crate::wire::extension::{self, Block, RawExtension};
use crate::wire::extensions::lists::{expect_no_data, read_nonempty_opaque16, read_opaque8};
use crate::wire::registry::{CipherSuite, ExtensionType, NamedGroup, ProtocolVersion};

/// The random that makes a ServerHello a HelloRetryRequest: the SHA-256 of "HelloRetryRequest" (RFC 9846 §4.2.3).
pub const HELLO_RETRY_REQUEST_RANDOM: Random = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// How the random of a server ends that speaks 1.3 and negotiates 1.2, or less than that: "DOWNGRD" and one byte (RFC
/// 9846 §4.2.3).
const DOWNGRADES: [&[u8; 8]; 2] = [b"DOWNGRD\x01", b"DOWNGRD\x00"];

/// The null compression method, the only one in 1.3.
const NULL_COMPRESSION: u8 = 0;

/// What a server selects (RFC 9846 §4.2.3), or a HelloRetryRequest (RFC 9846 §4.2.4).
///
/// ```text
/// struct {
///     ProtocolVersion legacy_version = { 254,253 }; // DTLSv1.2
///     Random random;
///     opaque legacy_session_id_echo<0..32>;
///     CipherSuite cipher_suite;
///     uint8 legacy_compression_method = 0;
///     Extension extensions<6..2^16-1>;
/// } ServerHello;
/// ```
///
/// A ServerHello of an older version may end before the extensions; it is read as one without any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version that was negotiated, if it is older than DTLS 1.3, else DTLS 1.2. Always written as DTLS 1.2.
    pub legacy_version: ProtocolVersion,
    /// The random of the server, or [`HELLO_RETRY_REQUEST_RANDOM`].
    pub random: Random,
    /// Empty in DTLS 1.3 (RFC 9147 §5).
    pub legacy_session_id_echo: Vec<u8>,
    /// The cipher suite that the server selected.
    pub cipher_suite: CipherSuite,
    /// Everything else.
    pub extensions: ServerHelloExtensions,
}

impl ServerHello {
    /// Whether this is a HelloRetryRequest.
    pub fn is_hello_retry_request(&self) -> bool {
        self.random == HELLO_RETRY_REQUEST_RANDOM
    }

    /// Whether a server that speaks 1.3 says that it was made to negotiate less (RFC 9846 §4.2.3).
    pub fn is_downgrade(&self) -> bool {
        self.random.last_chunk().is_some_and(|last: &[u8; 8]| DOWNGRADES.contains(&last))
    }
}

impl Decode for ServerHello {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        let legacy_version = ProtocolVersion::decode(reader)?;
        let random = reader.array()?;
        let legacy_session_id_echo = read_session_id(reader)?;
        let cipher_suite = CipherSuite::decode(reader)?;
        if reader.u8()? != NULL_COMPRESSION {
            return Err(InvalidMessage::InvalidValue);
        }
        let block = extension::read_optional_block(reader)?;
        let extensions = ServerHelloExtensions::read(&block, random == HELLO_RETRY_REQUEST_RANDOM)?;
        Ok(Self { legacy_version, random, legacy_session_id_echo, cipher_suite, extensions })
    }
}

impl Encode for ServerHello {
    fn encode(&self, out: &mut Vec<u8>) {
        ProtocolVersion::DTLS_1_2.encode(out);
        out.extend_from_slice(&self.random);
        put_vector8(out, |out| out.extend_from_slice(&self.legacy_session_id_echo));
        self.cipher_suite.encode(out);
        out.push(NULL_COMPRESSION);
        self.extensions.block().write(out);
    }
}

/// The extensions of a ServerHello or a HelloRetryRequest that we know. They are written in the order of `present`,
/// those that it does not name in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerHelloExtensions {
    /// supported_versions (RFC 9846 §4.3.1): the version that the server selected.
    pub supported_version: Option<ProtocolVersion>,
    /// key_share (RFC 9846 §4.3.8) of a ServerHello: the server's share.
    pub key_share: Option<KeyShareEntry>,
    /// key_share (RFC 9846 §4.3.8) of a HelloRetryRequest: the group whose share is wanted.
    pub selected_group: Option<NamedGroup>,
    /// cookie (RFC 9846 §4.3.2) of a HelloRetryRequest, not empty.
    pub cookie: Option<Vec<u8>>,
    /// connection_id (RFC 9146 §3): what the server wants to receive; empty: nothing.
    pub connection_id: Option<Vec<u8>>,
    /// rrc (RFC 9853 §3): whether return routability checks may be used.
    pub return_routability: bool,
    /// pre_shared_key (RFC 9846 §4.3.11) of a ServerHello: `selected_identity`, the place of the key in the client's list.
    pub selected_psk: Option<u16>,
    /// The types of all extensions, known or not, in order of appearance. Filled when decoded; when encoded, this is the
    /// order in which extensions are written.
    pub present: Vec<ExtensionType>,
}

impl ServerHelloExtensions {
    fn read(block: &[RawExtension<'_>], is_retry: bool) -> Result<Self, InvalidMessage> {
        use ExtensionType as T;
        let mut read = Self { present: extension::types(block), ..Self::default() };
        for (extension_type, data) in block {
            match *extension_type {
                T::SUPPORTED_VERSIONS => read.supported_version = Some(Decode::decode_all(data)?),
                T::KEY_SHARE if is_retry => read.selected_group = Some(Decode::decode_all(data)?),
                T::KEY_SHARE => read.key_share = Some(Decode::decode_all(data)?),
                T::COOKIE => read.cookie = Some(read_nonempty_opaque16(data)?),
                T::CONNECTION_ID => read.connection_id = Some(read_opaque8(data)?),
                T::RRC => {
                    expect_no_data(data)?;
                    read.return_routability = true;
                }
                T::PRE_SHARED_KEY => read.selected_psk = Some(read_u16(data)?),
                _ => {}
            }
        }
        Ok(read)
    }

    fn block(&self) -> Block {
        use ExtensionType as T;
        let mut block = Block::default();
        if let Some(version) = &self.supported_version {
            block.put(T::SUPPORTED_VERSIONS, |out| version.encode(out));
        }
        if let Some(share) = &self.key_share {
            block.put(T::KEY_SHARE, |out| share.encode(out));
        }
        if let Some(group) = &self.selected_group {
            block.put(T::KEY_SHARE, |out| group.encode(out));
        }
        if let Some(cookie) = &self.cookie {
            block.put(T::COOKIE, |out| put_vector16(out, |out| out.extend_from_slice(cookie)));
        }
        if let Some(id) = &self.connection_id {
            block.put(T::CONNECTION_ID, |out| put_vector8(out, |out| out.extend_from_slice(id)));
        }
        if self.return_routability {
            block.put(T::RRC, |_| {});
        }
        if let Some(index) = &self.selected_psk {
            block.put(T::PRE_SHARED_KEY, |out| put_u16(out, *index));
        }
        block.arrange(&self.present);
        block
    }
}

fn read_u16(data: &[u8]) -> Result<u16, InvalidMessage> {
    let mut reader = Reader::new(data);
    let value = reader.u16()?;
    reader.finish()?;
    Ok(value)
}

#[cfg(test)]
mod tests;
