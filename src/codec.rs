//! The presentation language of TLS (RFC 9846 §3): big-endian integers and vectors with a length before them.

use crate::error::InvalidMessage;

/// Reads a message from front to back.
///
/// No method panics, and none reads past the end of the bytes it was given.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of all of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes were not read yet.
    pub const fn len(&self) -> usize {
        self.rest.len()
    }

    /// Everything that was not read yet; nothing is left after it.
    pub fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], InvalidMessage> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(InvalidMessage::TooShort)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], InvalidMessage> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(InvalidMessage::TooShort)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// `uint8`
    pub fn u8(&mut self) -> Result<u8, InvalidMessage> {
        self.array().map(u8::from_be_bytes)
    }

    /// `uint16`
    pub fn u16(&mut self) -> Result<u16, InvalidMessage> {
        self.array().map(u16::from_be_bytes)
    }

    /// `uint24`
    pub fn u24(&mut self) -> Result<u32, InvalidMessage> {
        let [a, b, c] = self.array()?;
        Ok(u32::from_be_bytes([0, a, b, c]))
    }

    /// `uint32`
    pub fn u32(&mut self) -> Result<u32, InvalidMessage> {
        self.array().map(u32::from_be_bytes)
    }

    /// A 48-bit integer: the sequence number of a plaintext record (RFC 9147 §4).
    pub fn u48(&mut self) -> Result<u64, InvalidMessage> {
        let [a, b, c, d, e, f] = self.array()?;
        Ok(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// `uint64`
    pub fn u64(&mut self) -> Result<u64, InvalidMessage> {
        self.array().map(u64::from_be_bytes)
    }

    /// The content of a vector `<..2^8-1>`.
    pub fn vector8(&mut self) -> Result<&'a [u8], InvalidMessage> {
        let len = self.u8()?;
        self.take(usize::from(len))
    }

    /// The content of a vector `<..2^16-1>`.
    pub fn vector16(&mut self) -> Result<&'a [u8], InvalidMessage> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    /// The content of a vector `<..2^24-1>`.
    pub fn vector24(&mut self) -> Result<&'a [u8], InvalidMessage> {
        let len = usize::try_from(self.u24()?).map_err(|_| InvalidMessage::TooShort)?;
        self.take(len)
    }

    /// Fails if anything was not read.
    pub const fn finish(&self) -> Result<(), InvalidMessage> {
        if self.rest.is_empty() { Ok(()) } else { Err(InvalidMessage::TrailingData) }
    }
}

/// A structure that can be read from the wire.
pub trait Decode: Sized {
    /// Reads the structure from the front of `reader`.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage>;

    /// Reads the structure from `bytes`, which must hold nothing else.
    fn decode_all(bytes: &[u8]) -> Result<Self, InvalidMessage> {
        let mut reader = Reader::new(bytes);
        let decoded = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(decoded)
    }

    /// Reads structures until `bytes` is used up.
    fn decode_list(bytes: &[u8]) -> Result<Vec<Self>, InvalidMessage> {
        let mut reader = Reader::new(bytes);
        let mut list = Vec::new();
        while !reader.is_empty() {
            list.push(Self::decode(&mut reader)?);
        }
        Ok(list)
    }
}

/// A structure that can be written to the wire.
pub trait Encode {
    /// Appends the structure to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// The structure alone.
    fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// Appends `uint16` `value`.
pub fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends `uint24` `value`; the top byte must be zero and is not written.
pub fn put_u24(out: &mut Vec<u8>, value: u32) {
    let [_, a, b, c] = value.to_be_bytes();
    out.extend_from_slice(&[a, b, c]);
}

/// Appends `uint32` `value`.
pub fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends the lower 48 bits of `value`.
pub fn put_u48(out: &mut Vec<u8>, value: u64) {
    let [_, _, a, b, c, d, e, f] = value.to_be_bytes();
    out.extend_from_slice(&[a, b, c, d, e, f]);
}

/// Appends `uint64` `value`.
pub fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a vector `<..2^8-1>` whose content `write` appends.
///
/// Whoever builds a message keeps its vectors within their bounds (`config` checks what the caller hands in); content
/// that is longer all the same is cut off at the bound, so that the message stays well-formed.
pub fn put_vector8(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    put_vector::<1>(out, write);
}

/// Appends a vector `<..2^16-1>` whose content `write` appends. See [`put_vector8`] for content that is too long.
pub fn put_vector16(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    put_vector::<2>(out, write);
}

/// Appends a vector `<..2^24-1>` whose content `write` appends. See [`put_vector8`] for content that is too long.
pub fn put_vector24(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    put_vector::<3>(out, write);
}

fn put_vector<const LENGTH_BYTES: usize>(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    write(out);
    let content = start.saturating_add(LENGTH_BYTES);
    let bound = (1usize << (8 * LENGTH_BYTES)) - 1;
    out.truncate(content.saturating_add(bound));
    let length = out.len().saturating_sub(content).to_be_bytes();
    if let (Some(prefix), Some(low)) =
        (out.get_mut(start..content), length.get(length.len().saturating_sub(LENGTH_BYTES)..))
    {
        prefix.copy_from_slice(low);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_big_endian() {
        let mut out = Vec::new();
        put_u16(&mut out, 0x0102);
        put_u24(&mut out, 0x030405);
        put_u32(&mut out, 0x06070809);
        put_u48(&mut out, 0x0a0b_0c0d_0e0f);
        put_u64(&mut out, 0x1011_1213_1415_1617);
        assert_eq!(out[..6], [1, 2, 3, 4, 5, 6]);
        let mut reader = Reader::new(&out);
        assert_eq!(reader.u16(), Ok(0x0102));
        assert_eq!(reader.u24(), Ok(0x030405));
        assert_eq!(reader.u32(), Ok(0x06070809));
        assert_eq!(reader.u48(), Ok(0x0a0b_0c0d_0e0f));
        assert_eq!(reader.u64(), Ok(0x1011_1213_1415_1617));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn vectors_carry_their_length() {
        let mut out = Vec::new();
        put_vector24(&mut out, |out| put_vector16(out, |out| put_vector8(out, |out| out.push(7))));
        assert_eq!(out, [0, 0, 4, 0, 2, 1, 7]);
        let mut reader = Reader::new(&out);
        assert_eq!(reader.vector24(), Ok(&[0, 2, 1, 7][..]));
    }

    #[test]
    fn a_vector_past_its_bound_is_cut_off() {
        let mut out = Vec::new();
        put_vector8(&mut out, |out| out.extend_from_slice(&[1; 300]));
        assert_eq!(out.len(), 256);
        assert_eq!(out[0], 255);
    }

    #[test]
    fn nothing_is_read_past_the_end() {
        let mut reader = Reader::new(&[2, 1]);
        assert_eq!(reader.vector8(), Err(InvalidMessage::TooShort));
        assert_eq!(Reader::new(&[0]).finish(), Err(InvalidMessage::TrailingData));
    }
}
