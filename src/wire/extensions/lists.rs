//! Extensions that are one list of numbers, and nothing else.
//!
//! ```text
//! ProtocolVersion versions<2..254>;                        supported_versions, RFC 9846 §4.3.1
//! SignatureScheme supported_signature_algorithms<2..2^16-2>;      RFC 9846 §4.3.3
//! NamedGroup named_group_list<2..2^16-1>;                  supported_groups, RFC 9846 §4.3.7
//! PskKeyExchangeMode ke_modes<1..255>;                     RFC 9846 §4.3.9
//! ```

use crate::codec::{Decode, Encode, Reader, put_vector8, put_vector16};
use crate::error::InvalidMessage;

/// All of `data` as a list of 16-bit numbers, with one byte of length before it; not empty.
pub(crate) fn read_list8<T: Decode>(data: &[u8]) -> Result<Vec<T>, InvalidMessage> {
    let mut reader = Reader::new(data);
    let list = numbers(reader.vector8()?)?;
    reader.finish()?;
    Ok(list)
}

/// All of `data` as a list of 16-bit numbers, with two bytes of length before it; not empty.
pub(crate) fn read_list16<T: Decode>(data: &[u8]) -> Result<Vec<T>, InvalidMessage> {
    let mut reader = Reader::new(data);
    let list = numbers(reader.vector16()?)?;
    reader.finish()?;
    Ok(list)
}

/// Appends a list that [`read_list8`] reads.
pub(crate) fn put_list8<T: Encode>(out: &mut Vec<u8>, list: &[T]) {
    put_vector8(out, |out| list.iter().for_each(|item| item.encode(out)));
}

/// Appends a list that [`read_list16`] reads.
pub(crate) fn put_list16<T: Encode>(out: &mut Vec<u8>, list: &[T]) {
    put_vector16(out, |out| list.iter().for_each(|item| item.encode(out)));
}

/// `content` as 16-bit numbers, at least one.
pub(crate) fn numbers<T: Decode>(content: &[u8]) -> Result<Vec<T>, InvalidMessage> {
    if content.is_empty() {
        return Err(InvalidMessage::EmptyVector);
    }
    if !content.len().is_multiple_of(2) {
        return Err(InvalidMessage::InvalidVectorLength);
    }
    T::decode_list(content)
}

/// All of `data` as opaque bytes, with one byte of length before them.
pub(crate) fn read_opaque8(data: &[u8]) -> Result<Vec<u8>, InvalidMessage> {
    let mut reader = Reader::new(data);
    let content = reader.vector8()?.to_vec();
    reader.finish()?;
    Ok(content)
}

/// All of `data` as opaque bytes, with two bytes of length before them; not empty.
pub(crate) fn read_nonempty_opaque16(data: &[u8]) -> Result<Vec<u8>, InvalidMessage> {
    let mut reader = Reader::new(data);
    let content = reader.vector16()?.to_vec();
    reader.finish()?;
    nonempty(content)
}

/// All of `data` as `uint16 RecordSizeLimit` (RFC 8449 §4).
pub(crate) fn read_record_size_limit(data: &[u8]) -> Result<u16, InvalidMessage> {
    let mut reader = Reader::new(data);
    let limit = reader.u16()?;
    reader.finish()?;
    //= https://www.rfc-editor.org/rfc/rfc8449#section-4
    //# An endpoint MUST treat receipt of a smaller value
    //# as a fatal error and generate an "illegal_parameter" alert.
    if limit < MIN_RECORD_SIZE_LIMIT { Err(InvalidMessage::InvalidValue) } else { Ok(limit) }
}

/// The lowest record_size_limit (RFC 8449 §4).
const MIN_RECORD_SIZE_LIMIT: u16 = 64;

/// `content`, unless it is empty.
pub(crate) fn nonempty(content: Vec<u8>) -> Result<Vec<u8>, InvalidMessage> {
    if content.is_empty() { Err(InvalidMessage::EmptyVector) } else { Ok(content) }
}

/// Fails unless `data` is empty, as that of an extension must be that only says yes.
pub(crate) const fn expect_no_data(data: &[u8]) -> Result<(), InvalidMessage> {
    if data.is_empty() { Ok(()) } else { Err(InvalidMessage::TrailingData) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::registry::NamedGroup;

    #[test]
    fn lists_come_back() {
        let groups = [NamedGroup::X25519, NamedGroup(0x1234)];
        let mut out = Vec::new();
        put_list16(&mut out, &groups);
        assert_eq!(out, [0, 4, 0, 0x1d, 0x12, 0x34]);
        assert_eq!(read_list16::<NamedGroup>(&out), Ok(groups.to_vec()));
        out.clear();
        put_list8(&mut out, &groups);
        assert_eq!(out, [4, 0, 0x1d, 0x12, 0x34]);
        assert_eq!(read_list8::<NamedGroup>(&out), Ok(groups.to_vec()));
    }

    #[test]
    fn malformed_lists_are_refused() {
        use InvalidMessage as E;
        assert_eq!(read_list16::<NamedGroup>(&[0, 0]), Err(E::EmptyVector));
        assert_eq!(read_list16::<NamedGroup>(&[0, 3, 0, 0x1d, 0]), Err(E::InvalidVectorLength));
        assert_eq!(read_list16::<NamedGroup>(&[0, 4, 0, 0x1d]), Err(E::TooShort));
        assert_eq!(read_list16::<NamedGroup>(&[0, 2, 0, 0x1d, 0]), Err(E::TrailingData));
        assert_eq!(read_list8::<NamedGroup>(&[0]), Err(E::EmptyVector));
        assert_eq!(read_list8::<NamedGroup>(&[1, 0]), Err(E::InvalidVectorLength));
        assert_eq!(read_list8::<NamedGroup>(&[]), Err(E::TooShort));
        assert_eq!(read_list8::<NamedGroup>(&[2, 0, 0x1d, 0]), Err(E::TrailingData));
        assert_eq!(read_opaque8(&[0]), Ok(Vec::new()));
        assert_eq!(read_opaque8(&[0, 0]), Err(E::TrailingData));
        assert_eq!(read_nonempty_opaque16(&[0, 0]), Err(E::EmptyVector));
        assert_eq!(read_nonempty_opaque16(&[0, 1, 7]), Ok(vec![7]));
        assert_eq!(read_nonempty_opaque16(&[0, 1, 7, 7]), Err(E::TrailingData));
        assert_eq!(read_record_size_limit(&[0, 64]), Ok(64));
        assert_eq!(read_record_size_limit(&[0, 63]), Err(E::InvalidValue));
        assert_eq!(read_record_size_limit(&[0]), Err(E::TooShort));
        assert_eq!(read_record_size_limit(&[0, 64, 0]), Err(E::TrailingData));
        assert_eq!(expect_no_data(&[0]), Err(E::TrailingData));
    }
}
