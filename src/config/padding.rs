//! How long records are made, so that their lengths tell less.

use super::ConfigError;

/// How protected records are padded (RFC 9846 §5.4). What is padded is the DTLSInnerPlaintext: the content and one byte
/// for its type. A record never grows past the datagram that it stands in, nor past what the peer accepts
/// (record_size_limit): where the next length does not fit it becomes as long as can be.
///
/// Padding costs bandwidth, and hides neither when datagrams are sent nor how many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// Records are as long as what they carry. The default.
    #[default]
    None,
    /// To a multiple of so many bytes.
    Block(u16),
    /// To the first of these lengths, in bytes, that is long enough; what is longer than all of them stays as it is.
    Buckets(Vec<u16>),
}

impl Padding {
    /// How long a DTLSInnerPlaintext of `len` bytes becomes: never shorter.
    pub fn padded(&self, len: usize) -> usize {
        match self {
            Self::None => len,
            Self::Block(block) => len.checked_next_multiple_of((*block).into()).unwrap_or(len),
            Self::Buckets(buckets) => {
                buckets.iter().copied().map(usize::from).filter(|bucket| *bucket >= len).min().unwrap_or(len)
            }
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        match self {
            Self::Block(0) => Err(ConfigError::InvalidPadding),
            Self::Buckets(buckets) if buckets.is_empty() || buckets.contains(&0) => Err(ConfigError::InvalidPadding),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_grow_to_the_next_that_is_allowed() {
        let lengths = |padding: &Padding| [1, 63, 64, 65, 1000].map(|len| padding.padded(len));
        assert_eq!(lengths(&Padding::None), [1, 63, 64, 65, 1000]);
        assert_eq!(lengths(&Padding::Block(64)), [64, 64, 64, 128, 1024]);
        assert_eq!(lengths(&Padding::Buckets(vec![500, 64])), [64, 64, 64, 500, 1000]);
        for wrong in [Padding::Block(0), Padding::Buckets(vec![]), Padding::Buckets(vec![64, 0])] {
            assert_eq!(wrong.validate(), Err(ConfigError::InvalidPadding));
            assert_eq!(
                lengths(&wrong),
                [1, 63, 64, 65, 1000].map(|len| if wrong.padded(len) > len { 64 } else { len })
            );
        }
    }
}
