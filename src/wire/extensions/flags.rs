//! tls_flags (draft-ietf-tls-tlsflags): what would be an empty extension each, as one bit each.

use crate::codec::{Decode, Encode, Reader, put_vector8};
use crate::error::InvalidMessage;

/// A set of flags.
///
/// ```text
/// struct {
///     opaque flags<0..31>;
/// } FlagExtensions;
/// ```
///
/// The flag of number n is bit n mod 8, the lowest being 0, of byte n / 8. There are no more bytes than are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flags(Vec<u8>);

/// Bytes of flags.
const MAX_LEN: usize = 31;

impl Flags {
    /// extended_key_update (draft-ietf-tls-extended-key-update). **Experimental**: the draft has no number yet, and this is
    /// one of our own; it has to be told to the peer by other means.
    pub const EXTENDED_KEY_UPDATE: u8 = 8;

    /// The set of `flag` alone.
    pub fn of(flag: u8) -> Self {
        let mut bytes = vec![0; usize::from(flag / 8)];
        bytes.push(1 << (flag % 8));
        Self(bytes)
    }

    /// Whether `flag` is set.
    pub fn contains(&self, flag: u8) -> bool {
        self.0.get(usize::from(flag / 8)).is_some_and(|byte| byte >> (flag % 8) & 1 == 1)
    }

    /// Whether `other` has every flag of this set.
    pub fn is_within(&self, other: &Self) -> bool {
        let others = other.0.iter().copied().chain(core::iter::repeat(0));
        self.0.iter().zip(others).all(|(ours, theirs)| ours & !theirs == 0)
    }
}

impl Decode for Flags {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        let bytes = reader.vector8()?;
        if bytes.len() > MAX_LEN {
            return Err(InvalidMessage::InvalidVectorLength);
        }
        // No flag at all, or bytes that are not needed.
        if bytes.last().is_none_or(|last| *last == 0) {
            return Err(InvalidMessage::InvalidValue);
        }
        Ok(Self(bytes.to_vec()))
    }
}

impl Encode for Flags {
    fn encode(&self, out: &mut Vec<u8>) {
        put_vector8(out, |out| out.extend_from_slice(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_back() {
        assert_eq!(Flags::of(0).encoded(), [1, 1]);
        assert_eq!(Flags::of(8).encoded(), [2, 0, 1]);
        assert_eq!(Flags::of(23).encoded(), [3, 0, 0, 0x80]);
        let some = Flags::decode_all(&[2, 0x81, 1]).unwrap();
        let set: Vec<_> = (0..=255).filter(|flag| some.contains(*flag)).collect();
        assert_eq!(set, [0, 7, 8]);
        assert!(Flags::of(8).is_within(&some) && Flags::of(7).is_within(&some));
        assert!(!Flags::of(9).is_within(&some) && !some.is_within(&Flags::of(8)) && !Flags::of(16).is_within(&some));
    }

    #[test]
    fn malformed_flags_are_refused() {
        use InvalidMessage as E;
        assert_eq!(Flags::decode_all(&[0]), Err(E::InvalidValue));
        assert_eq!(Flags::decode_all(&[2, 1, 0]), Err(E::InvalidValue));
        assert_eq!(Flags::decode_all(&[2, 1]), Err(E::TooShort));
        assert_eq!(Flags::decode_all(&[1, 1, 1]), Err(E::TrailingData));
        assert_eq!(Flags::decode_all(&[&[32][..], &[1; 32]].concat()), Err(E::InvalidVectorLength));
    }
}
