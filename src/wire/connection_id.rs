//! Messages about connection IDs (RFC 9147 §9).

use crate::codec::{Decode, Encode, Reader, put_vector8, put_vector16};
use crate::error::InvalidMessage;

/// What new connection IDs are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionIdUsage {
    /// `cid_immediate(0)`: one of them is to be used from now on.
    Immediate,
    /// `cid_spare(1)`: for later.
    Spare,
}

/// The sender gives the peer connection IDs to send with (RFC 9147 §9).
///
/// ```text
/// enum {
///     cid_immediate(0), cid_spare(1), (255)
/// } ConnectionIdUsage;
///
/// opaque ConnectionId<0..2^8-1>;
///
/// struct {
///     ConnectionId cids<0..2^16-1>;
///     ConnectionIdUsage usage;
/// } NewConnectionId;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewConnectionId {
    /// The connection IDs.
    pub cids: Vec<Vec<u8>>,
    /// What they are for.
    pub usage: ConnectionIdUsage,
}

impl Decode for NewConnectionId {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        let mut list = Reader::new(reader.vector16()?);
        let mut cids = Vec::new();
        while !list.is_empty() {
            cids.push(list.vector8()?.to_vec());
        }
        let usage = match reader.u8()? {
            0 => ConnectionIdUsage::Immediate,
            1 => ConnectionIdUsage::Spare,
            _ => return Err(InvalidMessage::InvalidValue),
        };
        Ok(Self { cids, usage })
    }
}

impl Encode for NewConnectionId {
    fn encode(&self, out: &mut Vec<u8>) {
        put_vector16(out, |out| {
            for cid in &self.cids {
                put_vector8(out, |out| out.extend_from_slice(cid));
            }
        });
        out.push(match self.usage {
            ConnectionIdUsage::Immediate => 0,
            ConnectionIdUsage::Spare => 1,
        });
    }
}

/// The sender asks for connection IDs to send with (RFC 9147 §9).
///
/// ```text
/// struct {
///     uint8 num_cids;
/// } RequestConnectionId;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestConnectionId {
    /// How many.
    pub num_cids: u8,
}

impl Decode for RequestConnectionId {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self { num_cids: reader.u8()? })
    }
}

impl Encode for RequestConnectionId {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.num_cids);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use InvalidMessage as E;

    #[test]
    fn new_connection_ids_come_back() {
        for (usage, byte) in [(ConnectionIdUsage::Immediate, 0), (ConnectionIdUsage::Spare, 1)] {
            let message = NewConnectionId { cids: vec![vec![7; 3], Vec::new(), vec![8; 255]], usage };
            let bytes = message.encoded();
            assert_eq!((bytes.len(), bytes.last()), (2 + 4 + 1 + 256 + 1, Some(&byte)));
            assert_eq!(NewConnectionId::decode_all(&bytes), Ok(message));
            for len in 0..bytes.len() {
                assert_eq!(NewConnectionId::decode_all(&bytes[..len]), Err(E::TooShort), "{len} bytes");
            }
        }
        assert_eq!(NewConnectionId::decode_all(&[0, 0, 2]), Err(E::InvalidValue));
        assert_eq!(NewConnectionId::decode_all(&[0, 1, 1, 0]), Err(E::TooShort));
        assert_eq!(NewConnectionId::decode_all(&[0, 0, 1, 0]), Err(E::TrailingData));
    }

    #[test]
    fn requests_come_back() {
        assert_eq!(RequestConnectionId::decode_all(&[5]), Ok(RequestConnectionId { num_cids: 5 }));
        assert_eq!(RequestConnectionId { num_cids: 5 }.encoded(), [5]);
        assert_eq!(RequestConnectionId::decode_all(&[]), Err(E::TooShort));
        assert_eq!(RequestConnectionId::decode_all(&[0, 0]), Err(E::TrailingData));
    }
}
