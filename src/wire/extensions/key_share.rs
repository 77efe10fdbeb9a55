//! One key share (RFC 9846 §4.3.8).

use crate::codec::{Decode, Encode, Reader, put_vector16};
use crate::error::InvalidMessage;
use crate::wire::extensions::lists::nonempty;
use crate::wire::registry::NamedGroup;

/// A public key, or the ciphertext of a KEM, of one group (RFC 9846 §4.3.8).
///
/// ```text
/// struct {
///     NamedGroup group;
///     opaque key_exchange<1..2^16-1>;
/// } KeyShareEntry;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyShareEntry {
    /// The group.
    pub group: NamedGroup,
    /// The share, in the form that its group prescribes.
    pub key_exchange: Vec<u8>,
}

impl Decode for KeyShareEntry {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self { group: NamedGroup::decode(reader)?, key_exchange: nonempty(reader.vector16()?.to_vec())? })
    }
}

impl Encode for KeyShareEntry {
    fn encode(&self, out: &mut Vec<u8>) {
        self.group.encode(out);
        put_vector16(out, |out| out.extend_from_slice(&self.key_exchange));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_comes_back() {
        let entry = KeyShareEntry { group: NamedGroup::X25519, key_exchange: vec![7; 32] };
        assert_eq!(entry.encoded()[..5], [0, 0x1d, 0, 32, 7]);
        assert_eq!(KeyShareEntry::decode_all(&entry.encoded()), Ok(entry));
    }

    #[test]
    fn an_empty_share_is_refused() {
        assert_eq!(KeyShareEntry::decode_all(&[0, 0x1d, 0, 0]), Err(InvalidMessage::EmptyVector));
        assert_eq!(KeyShareEntry::decode_all(&[0, 0x1d, 0, 1]), Err(InvalidMessage::TooShort));
    }
}
