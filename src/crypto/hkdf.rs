//! HKDF (RFC 5869) and HKDF-Expand-Label (RFC 9846 §7.1) with the label prefix of DTLS 1.3.

use core::fmt;

use zeroize::Zeroize as _;

use super::{Hash, HashOutput, Secret};

/// What stands before every label, in place of the `"tls13 "` of TLS.
//= https://www.rfc-editor.org/rfc/rfc9147#section-5.9
//# For DTLS 1.3, that label SHALL be "dtls13".
const LABEL_PREFIX: &[u8] = b"dtls13";

/// The longest label: `opaque label<7..255>` (RFC 9846 §7.1), the prefix counted.
pub const MAX_LABEL_LEN: usize = 255 - LABEL_PREFIX.len();

/// How many blocks of the hash's length HKDF-Expand can give (RFC 5869 §2.3).
const MAX_BLOCKS: usize = 255;

/// HKDF-Extract: concentrates `input` into a secret of the hash's length.
pub fn extract(hash: &dyn Hash, salt: &[u8], input: &[u8]) -> Secret {
    Secret::from_output(hash.hmac(salt, &[input]))
}

/// HKDF-Expand-Label, for a secret of `len` bytes, at most the hash's length: every key, IV and secret of the schedule.
///
/// A `len` beyond the hash's length is taken for the hash's length. `label` and `context` are ours or hash values, and
/// so within their bounds.
pub fn expand_label(hash: &dyn Hash, secret: &[u8], label: &[u8], context: &[u8], len: usize) -> Secret {
    let len = len.min(hash.output_len());
    let mut block = hash.hmac(secret, &HkdfLabel::new(len, label, context).pieces(&[]));
    let derived = Secret::new(block.as_slice().get(..len).unwrap_or(&[]));
    block.zeroize();
    derived
}

/// HKDF-Expand-Label, for as many bytes as `out` has.
pub fn expand_label_into(
    hash: &dyn Hash,
    secret: &[u8],
    label: &[u8],
    context: &[u8],
    out: &mut [u8],
) -> Result<(), ExpandError> {
    let limit = max_output_len(hash);
    if out.len() > limit {
        return Err(ExpandError::OutputTooLong { limit });
    }
    if label.len() > MAX_LABEL_LEN || context.len() > usize::from(u8::MAX) {
        return Err(ExpandError::InvalidLabel);
    }
    let mut info = HkdfLabel::new(out.len(), label, context);
    let mut previous = HashOutput::new(&[]);
    for (counter, piece) in (1..=u8::MAX).zip(out.chunks_mut(hash.output_len().max(1))) {
        info.counter = [counter];
        let block = hash.hmac(secret, &info.pieces(previous.as_slice()));
        for (to, from) in piece.iter_mut().zip(block.as_slice()) {
            *to = *from;
        }
        previous.zeroize();
        previous = block;
    }
    previous.zeroize();
    Ok(())
}

/// How many bytes one expansion can give: 255 blocks, and no more than the length field of HkdfLabel can say.
pub fn max_output_len(hash: &dyn Hash) -> usize {
    hash.output_len().saturating_mul(MAX_BLOCKS).min(usize::from(u16::MAX))
}

/// Why an expansion is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpandError {
    /// More bytes than HKDF can give.
    OutputTooLong {
        /// How many it can give.
        limit: usize,
    },
    /// The label is longer than [`MAX_LABEL_LEN`], or the context is longer than 255 bytes.
    InvalidLabel,
}

impl fmt::Display for ExpandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutputTooLong { limit } => write!(f, "more bytes than one expansion gives; at most {limit}"),
            Self::InvalidLabel => write!(f, "a label may have {MAX_LABEL_LEN} bytes"),
        }
    }
}

impl core::error::Error for ExpandError {}

/// ```text
/// struct {
///     uint16 length = Length;
///     opaque label<7..255> = "dtls13" + Label;
///     opaque context<0..255> = Context;
/// } HkdfLabel;
/// ```
///
/// It is never put together: HMAC takes it in pieces. The counter of RFC 5869 §2.3 stands behind it.
struct HkdfLabel<'a> {
    length: [u8; 2],
    label_len: [u8; 1],
    label: &'a [u8],
    context_len: [u8; 1],
    context: &'a [u8],
    counter: [u8; 1],
}

impl<'a> HkdfLabel<'a> {
    fn new(length: usize, label: &'a [u8], context: &'a [u8]) -> Self {
        Self {
            length: u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes(),
            label_len: [length_byte(LABEL_PREFIX.len().saturating_add(label.len()))],
            label,
            context_len: [length_byte(context.len())],
            context,
            counter: [1],
        }
    }

    /// What HMAC takes for one block: the block before, the label, the counter.
    fn pieces<'p>(&'p self, previous: &'p [u8]) -> [&'p [u8]; 8] {
        [
            previous,
            &self.length,
            &self.label_len,
            LABEL_PREFIX,
            self.label,
            &self.context_len,
            self.context,
            &self.counter,
        ]
    }
}

fn length_byte(len: usize) -> u8 {
    u8::try_from(len).unwrap_or(u8::MAX)
}

#[cfg(all(test, feature = "rustcrypto"))]
mod tests {
    use super::*;
    use crate::crypto::rustcrypto::SHA256;

    /// RFC 5869 appendix A.1 and A.3.
    #[test]
    fn extract_gives_the_known_answers() {
        let salt: Vec<u8> = (0..=0x0c).collect();
        for (salt, answer) in [
            (&salt[..], "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"),
            (&[], "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04"),
        ] {
            let output = HashOutput::new(extract(SHA256, salt, &[0x0b; 22]).expose());
            assert_eq!(format!("{output:?}"), answer);
        }
    }

    #[test]
    fn what_cannot_be_expanded_is_refused() {
        let limit = max_output_len(SHA256);
        assert_eq!(limit, 255 * 32);
        let expand = |label: &[u8], len| expand_label_into(SHA256, &[1; 32], label, &[], &mut vec![0; len]);
        assert_eq!(expand(b"x", limit), Ok(()));
        assert_eq!(expand(b"x", limit + 1), Err(ExpandError::OutputTooLong { limit }));
        assert_eq!(expand(&[b'x'; MAX_LABEL_LEN], 32), Ok(()));
        assert_eq!(expand(&[b'x'; MAX_LABEL_LEN + 1], 32), Err(ExpandError::InvalidLabel));
    }
}
