//! Extension blocks: what all messages that carry extensions share (RFC 9846 §4.3).
//!
//! ```text
//! struct {
//!     ExtensionType extension_type;
//!     opaque extension_data<0..2^16-1>;
//! } Extension;
//! ```

use crate::codec::{Decode, Encode, Reader, put_vector16};
use crate::error::InvalidMessage;
use crate::wire::registry::ExtensionType;

/// An extension that has no field of its own: a custom one, one of GREASE (RFC 8701), or one that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherExtension {
    /// Its number.
    pub extension_type: ExtensionType,
    /// Its data, not looked at here.
    pub data: Vec<u8>,
}

impl OtherExtension {
    pub(crate) fn of(extension_type: ExtensionType, data: &[u8]) -> Self {
        Self { extension_type, data: data.to_vec() }
    }
}

/// A block of extensions that is being written: every message that carries extensions writes them through this one
/// ordered list, so that the order is decided in one place.
#[derive(Debug, Default)]
pub(crate) struct Block(Vec<(ExtensionType, Vec<u8>)>);

impl Block {
    /// Adds an extension, whose data `write` appends, at the end.
    pub(crate) fn put(&mut self, extension_type: ExtensionType, write: impl FnOnce(&mut Vec<u8>)) {
        let mut data = Vec::new();
        write(&mut data);
        self.0.push((extension_type, data));
    }

    /// Adds `others` at the end.
    pub(crate) fn put_others(&mut self, others: &[OtherExtension]) {
        self.0.extend(others.iter().map(|other| (other.extension_type, other.data.clone())));
    }

    /// Brings the extensions into the order of `order`; those that it does not name follow in the order in which they
    /// were added.
    pub(crate) fn arrange(&mut self, order: &[ExtensionType]) {
        let place = |extension_type| order.iter().position(|named| *named == extension_type).unwrap_or(usize::MAX);
        self.0.sort_by_key(|(extension_type, _)| place(*extension_type));
    }

    /// Moves the extension `last`, if it is there, to the end.
    pub(crate) fn put_last(&mut self, last: ExtensionType) {
        self.0.sort_by_key(|(extension_type, _)| *extension_type == last);
    }

    /// The types of the extensions, in order.
    pub(crate) fn types(&self) -> Vec<ExtensionType> {
        self.0.iter().map(|(extension_type, _)| *extension_type).collect()
    }

    /// Appends `Extension extensions<..2^16-1>`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        put_vector16(out, |out| {
            for (extension_type, data) in &self.0 {
                put(out, *extension_type, |out| out.extend_from_slice(data));
            }
        });
    }
}

/// One extension: its type, and its data as it stands in the message.
pub(crate) type RawExtension<'a> = (ExtensionType, &'a [u8]);

/// Reads a block `Extension extensions<..2^16-1>`, in order of appearance. No type stands in it twice.
pub(crate) fn read_block<'a>(reader: &mut Reader<'a>) -> Result<Vec<RawExtension<'a>>, InvalidMessage> {
    let mut block = Reader::new(reader.vector16()?);
    let mut extensions = Vec::new();
    while !block.is_empty() {
        extensions.push((ExtensionType::decode(&mut block)?, block.vector16()?));
    }
    refuse_duplicates(&extensions)?;
    Ok(extensions)
}

/// Reads a block that may be left out where a message of 1.2 ends (RFC 5246 §7.4.1.2).
pub(crate) fn read_optional_block<'a>(reader: &mut Reader<'a>) -> Result<Vec<RawExtension<'a>>, InvalidMessage> {
    if reader.is_empty() { Ok(Vec::new()) } else { read_block(reader) }
}

/// The types of `extensions`, in order of appearance.
pub(crate) fn types(extensions: &[RawExtension<'_>]) -> Vec<ExtensionType> {
    extensions.iter().map(|(extension_type, _)| *extension_type).collect()
}

/// Appends one extension, whose data `write` appends.
pub(crate) fn put(out: &mut Vec<u8>, extension_type: ExtensionType, write: impl FnOnce(&mut Vec<u8>)) {
    extension_type.encode(out);
    put_vector16(out, write);
}

/// Sorting keeps the cost of a block of 2^14 empty extensions, which anybody can send, at n log n.
fn refuse_duplicates(extensions: &[RawExtension<'_>]) -> Result<(), InvalidMessage> {
    let mut sorted = types(extensions);
    sorted.sort_unstable();
    //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3
    //# There MUST NOT be more than one extension of the same type in a given extension block.
    sorted.windows(2).try_for_each(|pair| match pair {
        [one, other] if one == other => Err(InvalidMessage::DuplicateExtension(*one)),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_keeps_its_order() {
        let bytes = [0, 9, 0, 51, 0, 1, 7, 0, 10, 0, 0];
        let block = read_block(&mut Reader::new(&bytes)).unwrap();
        assert_eq!(block, [(ExtensionType::KEY_SHARE, &[7][..]), (ExtensionType::SUPPORTED_GROUPS, &[][..])]);
        let mut again = Vec::new();
        put_vector16(&mut again, |out| {
            for (extension_type, data) in block {
                put(out, extension_type, |out| out.extend_from_slice(data));
            }
        });
        assert_eq!(again, bytes);
    }

    #[test]
    fn a_block_is_written_in_the_order_that_is_asked_for() {
        let mut block = Block::default();
        for number in [1u16, 2, 3, 4, 5] {
            block.put(ExtensionType(number), |out| out.push(7));
        }
        block.put_others(&[OtherExtension::of(ExtensionType(6), &[])]);
        block.arrange(&[5u16, 9, 2].map(ExtensionType));
        assert_eq!(block.types(), [5u16, 2, 1, 3, 4, 6].map(ExtensionType));
        block.put_last(ExtensionType(2));
        assert_eq!(block.types(), [5u16, 1, 3, 4, 6, 2].map(ExtensionType));
        let mut out = Vec::new();
        block.write(&mut out);
        assert_eq!(out[..7], [0, 29, 0, 5, 0, 1, 7]);
        assert_eq!(types(&read_block(&mut Reader::new(&out)).unwrap()), block.types());
    }

    #[test]
    fn malformed_blocks_are_refused() {
        let read = |bytes: &[u8]| read_block(&mut Reader::new(bytes)).map(|block| block.len());
        assert_eq!(read(&[]), Err(InvalidMessage::TooShort));
        assert_eq!(read(&[0, 3, 0, 51, 0]), Err(InvalidMessage::TooShort));
        assert_eq!(read(&[0, 5, 0, 51, 0, 2, 1]), Err(InvalidMessage::TooShort));
        let twice = [0, 12, 0, 51, 0, 0, 0, 10, 0, 0, 0, 51, 0, 0];
        assert_eq!(read(&twice), Err(InvalidMessage::DuplicateExtension(ExtensionType::KEY_SHARE)));
        let unknown_twice = [0, 8, 0xfa, 0xfa, 0, 0, 0xfa, 0xfa, 0, 0];
        assert_eq!(read(&unknown_twice), Err(InvalidMessage::DuplicateExtension(ExtensionType(0xfafa))));
    }

    #[test]
    fn only_a_missing_block_is_no_block() {
        assert_eq!(read_optional_block(&mut Reader::new(&[])), Ok(Vec::new()));
        assert_eq!(read_optional_block(&mut Reader::new(&[0])), Err(InvalidMessage::TooShort));
        assert_eq!(read_optional_block(&mut Reader::new(&[0, 0])), Ok(Vec::new()));
    }
}
