//! Fragments of handshake messages (RFC 9147 §5.2).

use crate::codec::{Decode, Encode, Reader, put_u16, put_u24};
use crate::error::InvalidMessage;
use crate::wire::registry::HandshakeType;

/// The length in bytes of [`FragmentHeader`] on the wire.
pub const FRAGMENT_HEADER_LEN: usize = 12;

/// The header of every fragment of a handshake message (RFC 9147 §5.2).
///
/// ```text
/// struct {
///     HandshakeType msg_type;    /* handshake type */
///     uint24 length;             /* bytes in message */
///     uint16 message_seq;        /* DTLS-required field */
///     uint24 fragment_offset;    /* DTLS-required field */
///     uint24 fragment_length;    /* DTLS-required field */
///     select (msg_type) { ... } body;
/// } DTLSHandshake;
/// ```
///
/// Whether the fragment lies within its message is not checked here but where messages are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentHeader {
    /// The type of the message.
    pub msg_type: HandshakeType,
    /// The length of the whole message, without any header. 24 bits, like the other two.
    pub length: u32,
    /// The number of the message.
    pub message_seq: u16,
    /// How many bytes of the message lie before the fragment.
    pub fragment_offset: u32,
    /// How many bytes of the message follow this header.
    pub fragment_length: u32,
}

impl Decode for FragmentHeader {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self {
            msg_type: HandshakeType::decode(reader)?,
            length: reader.u24()?,
            message_seq: reader.u16()?,
            fragment_offset: reader.u24()?,
            fragment_length: reader.u24()?,
        })
    }
}

impl Encode for FragmentHeader {
    fn encode(&self, out: &mut Vec<u8>) {
        self.msg_type.encode(out);
        put_u24(out, self.length);
        put_u16(out, self.message_seq);
        put_u24(out, self.fragment_offset);
        put_u24(out, self.fragment_length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back() {
        let bytes = [1, 0, 5, 0x85, 0, 1, 0, 4, 0x97, 0, 0, 0xee];
        let header = FragmentHeader::decode_all(&bytes).unwrap();
        assert_eq!(
            header,
            FragmentHeader {
                msg_type: HandshakeType::CLIENT_HELLO,
                length: 1413,
                message_seq: 1,
                fragment_offset: 1175,
                fragment_length: 238,
            }
        );
        assert_eq!(header.encoded(), bytes);
        assert_eq!(bytes.len(), FRAGMENT_HEADER_LEN);
        assert_eq!(FragmentHeader::decode_all(&bytes[..11]), Err(InvalidMessage::TooShort));
    }
}
