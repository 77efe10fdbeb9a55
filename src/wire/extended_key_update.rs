//! ExtendedKeyUpdate (draft-ietf-tls-extended-key-update §4).

use crate::codec::{Decode, Encode, Reader};
use crate::error::InvalidMessage;
use crate::wire::extensions::key_share::KeyShareEntry;

/// One step of a fresh key agreement in a running connection. **Experimental**: a draft, without assigned numbers.
///
/// ```text
/// struct {
///     ExtendedKeyUpdateType eku_type;
///     select (eku_type) {
///         case key_update_request:  KeyShareEntry key_share;
///         case key_update_response: KeyShareEntry key_share;
///         case key_update_finish:   /* empty */
///     };
/// } ExtendedKeyUpdate;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtendedKeyUpdate {
    /// `key_update_request(0)`: the initiator's share.
    Request(KeyShareEntry),
    /// `key_update_response(1)`: the responder's share.
    Response(KeyShareEntry),
    /// `key_update_finish(2)`: the initiator has the new keys.
    Finish,
    /// A step that is not known, with all that follows.
    Other(u8, Vec<u8>),
}

impl Decode for ExtendedKeyUpdate {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(match reader.u8()? {
            0 => Self::Request(KeyShareEntry::decode(reader)?),
            1 => Self::Response(KeyShareEntry::decode(reader)?),
            2 => Self::Finish,
            other => Self::Other(other, reader.rest().to_vec()),
        })
    }
}

impl Encode for ExtendedKeyUpdate {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Request(share) => {
                out.push(0);
                share.encode(out);
            }
            Self::Response(share) => {
                out.push(1);
                share.encode(out);
            }
            Self::Finish => out.push(2),
            Self::Other(other, rest) => {
                out.push(*other);
                out.extend_from_slice(rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::registry::NamedGroup;

    #[test]
    fn every_step_comes_back() {
        let share = || KeyShareEntry { group: NamedGroup::X25519, key_exchange: vec![7; 2] };
        for (message, bytes) in [
            (ExtendedKeyUpdate::Request(share()), &[0, 0, 0x1d, 0, 2, 7, 7][..]),
            (ExtendedKeyUpdate::Response(share()), &[1, 0, 0x1d, 0, 2, 7, 7]),
            (ExtendedKeyUpdate::Finish, &[2]),
            (ExtendedKeyUpdate::Other(3, vec![9]), &[3, 9]),
        ] {
            assert_eq!(message.encoded(), bytes);
            assert_eq!(ExtendedKeyUpdate::decode_all(bytes), Ok(message));
        }
        assert_eq!(ExtendedKeyUpdate::decode_all(&[]), Err(InvalidMessage::TooShort));
        assert_eq!(ExtendedKeyUpdate::decode_all(&[0, 0, 0x1d, 0, 0]), Err(InvalidMessage::EmptyVector));
        assert_eq!(ExtendedKeyUpdate::decode_all(&[2, 0]), Err(InvalidMessage::TrailingData));
    }
}
