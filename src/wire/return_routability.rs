//! Return routability checks (RFC 9853 §4).

use crate::codec::{Decode, Encode, Reader};
use crate::error::InvalidMessage;

/// What only who receives on a path can know.
pub type PathCookie = [u8; 8];

/// A message of a return routability check (RFC 9853 §4).
///
/// ```text
/// uint64 Cookie;
///
/// enum {
///     path_challenge(0),
///     path_response(1),
///     path_drop(2),
///     (255)
/// } rrc_msg_type;
///
/// struct {
///     rrc_msg_type msg_type;
///     select (return_routability_check.msg_type) {
///         case path_challenge: Cookie;
///         case path_response:  Cookie;
///         case path_drop:      Cookie;
///     };
/// } return_routability_check;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnRoutabilityCheck {
    /// `path_challenge(0)`: are you there?
    Challenge(PathCookie),
    /// `path_response(1)`: I am.
    Response(PathCookie),
    /// `path_drop(2)`: I am, but send elsewhere.
    Drop(PathCookie),
    /// One that is not known, and is to be ignored.
    Unknown(u8),
}

impl ReturnRoutabilityCheck {
    /// How many bytes one of the known ones has.
    pub const LEN: usize = 9;
}

impl Decode for ReturnRoutabilityCheck {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        match reader.u8()? {
            0 => Ok(Self::Challenge(reader.array()?)),
            1 => Ok(Self::Response(reader.array()?)),
            2 => Ok(Self::Drop(reader.array()?)),
            other => {
                reader.rest();
                Ok(Self::Unknown(other))
            }
        }
    }
}

impl Encode for ReturnRoutabilityCheck {
    fn encode(&self, out: &mut Vec<u8>) {
        let (msg_type, cookie) = match self {
            Self::Challenge(cookie) => (0, &cookie[..]),
            Self::Response(cookie) => (1, &cookie[..]),
            Self::Drop(cookie) => (2, &cookie[..]),
            Self::Unknown(other) => (*other, &[][..]),
        };
        out.push(msg_type);
        out.extend_from_slice(cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_come_back_and_any_other_is_read_over() {
        use ReturnRoutabilityCheck as R;
        for (message, first) in [(R::Challenge([7; 8]), 0), (R::Response([8; 8]), 1), (R::Drop([9; 8]), 2)] {
            let bytes = message.encoded();
            assert_eq!((bytes.len(), bytes[0]), (R::LEN, first));
            assert_eq!(R::decode_all(&bytes), Ok(message));
            assert_eq!(R::decode_all(&bytes[..8]), Err(InvalidMessage::TooShort));
            assert_eq!(R::decode_all(&[&bytes[..], &[0]].concat()), Err(InvalidMessage::TrailingData));
        }
        for rest in [0, 1, 100] {
            assert_eq!(R::decode_all(&[&[3][..], &vec![1; rest]].concat()), Ok(R::Unknown(3)));
        }
        assert_eq!(R::Unknown(200).encoded(), [200]);
        assert_eq!(R::decode_all(&[]), Err(InvalidMessage::TooShort));
    }
}
