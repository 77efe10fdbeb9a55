//! Records (RFC 9147 §4).

use core::ops::Range;

use crate::codec::{Decode, Encode, Reader, put_u16, put_u48, put_u64};
use crate::error::InvalidMessage;
use crate::wire::registry::{ContentType, ProtocolVersion};

/// The number of a record, as ACKs carry it (RFC 9147 §4, with erratum 8141).
///
/// ```text
/// struct {
///     uint64 epoch;
///     uint64 sequence_number;
/// } RecordNumber;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordNumber {
    /// The epoch.
    pub epoch: u64,
    /// The sequence number within the epoch.
    pub sequence_number: u64,
}

impl Decode for RecordNumber {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self { epoch: reader.u64()?, sequence_number: reader.u64()? })
    }
}

impl Encode for RecordNumber {
    fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.epoch);
        put_u64(out, self.sequence_number);
    }
}

/// The length in bytes of [`PlaintextHeader`] on the wire.
pub const PLAINTEXT_HEADER_LEN: usize = 13;

/// The header of a record that is not protected (RFC 9147 §4).
///
/// ```text
/// struct {
///     ContentType type;
///     ProtocolVersion legacy_record_version;
///     uint16 epoch = 0
///     uint48 sequence_number;
///     uint16 length;
///     opaque fragment[DTLSPlaintext.length];
/// } DTLSPlaintext;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaintextHeader {
    /// What the record carries.
    pub content_type: ContentType,
    /// `legacy_record_version`, which is to be ignored for all purposes.
    pub version: ProtocolVersion,
    /// The low 16 bits of the epoch.
    pub epoch: u16,
    /// The sequence number, 48 bits.
    pub sequence_number: u64,
    /// How many bytes follow the header.
    pub length: u16,
}

impl Decode for PlaintextHeader {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self {
            content_type: ContentType::decode(reader)?,
            //= https://www.rfc-editor.org/rfc/rfc9147#section-4
            //# It MUST be ignored for all purposes.
            version: ProtocolVersion::decode(reader)?,
            epoch: reader.u16()?,
            sequence_number: reader.u48()?,
            length: reader.u16()?,
        })
    }
}

impl Encode for PlaintextHeader {
    fn encode(&self, out: &mut Vec<u8>) {
        self.content_type.encode(out);
        self.version.encode(out);
        put_u16(out, self.epoch);
        put_u48(out, self.sequence_number);
        put_u16(out, self.length);
    }
}

/// Where the connection ID stands in a record; empty if there is none.
pub type ConnectionIdRange = Range<usize>;

/// The header of a protected record (RFC 9147 §4, figure 3), its sequence number still masked.
///
/// ```text
///  0 1 2 3 4 5 6 7
/// +-+-+-+-+-+-+-+-+
/// |0|0|1|C|S|L|E E|
/// +-+-+-+-+-+-+-+-+
/// | Connection ID |   Legend:
/// | (if any,      |
/// /  length as    /   C   - Connection ID (CID) present
/// |  negotiated)  |   S   - Sequence number length
/// +-+-+-+-+-+-+-+-+   L   - Length present
/// |  8 or 16 bit  |   E   - Epoch
/// |Sequence Number|
/// +-+-+-+-+-+-+-+-+
/// | 16 bit Length |
/// | (if present)  |
/// +-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnifiedHeader {
    /// The two low bits of the epoch.
    pub epoch_bits: u8,
    /// Where the connection ID stands in the record.
    pub connection_id: ConnectionIdRange,
    /// Where the sequence number begins in the record.
    pub sequence_offset: usize,
    /// How many bytes the sequence number has: 1 or 2.
    pub sequence_len: usize,
    /// How many bytes follow the header; without it the record goes to the end of its datagram.
    pub length: Option<u16>,
    /// How many bytes the header has.
    pub header_len: usize,
}

impl UnifiedHeader {
    /// The three high bits of the first byte.
    pub const FIXED_MASK: u8 = 0xe0;
    /// What they are.
    pub const FIXED_BITS: u8 = 0x20;
    /// C: a connection ID is present.
    pub const CONNECTION_ID_BIT: u8 = 0x10;
    /// S: the sequence number has 16 bits, not 8.
    pub const SEQUENCE_BIT: u8 = 0x08;
    /// L: the length is present.
    pub const LENGTH_BIT: u8 = 0x04;
    /// E: the two low bits of the epoch.
    pub const EPOCH_MASK: u8 = 0x03;

    /// Whether a record that begins with `first_byte` has this header (RFC 9147 §4.1).
    //= https://www.rfc-editor.org/rfc/rfc9147#section-4.1
    //# If the first byte is alert(21), handshake(22), or ack(proposed, 26), the record MUST be interpreted as a
    //# DTLSPlaintext record. If the first byte is any other value, then receivers MUST check to see if the
    //# leading bits of the first byte are 001. If so, the implementation MUST process the record as
    //# DTLSCiphertext; the true content type will be inside the protected portion. Otherwise, the record MUST
    //# be rejected as if it had failed deprotection, as described in Section 4.5.2.
    pub const fn is_announced_by(first_byte: u8) -> bool {
        first_byte & Self::FIXED_MASK == Self::FIXED_BITS
    }

    /// Reads the header at the front of `record`.
    ///
    /// `cid_len` is the length of the connection IDs that were negotiated for this direction, 0 if there are none: the
    /// wire does not say it. None if the header is of another form, ends early, or has the C bit while there can be no
    /// connection ID.
    pub fn parse(record: &[u8], cid_len: usize) -> Option<Self> {
        let (&first, _) = record.split_first()?;
        if !Self::is_announced_by(first) {
            return None;
        }
        let has_connection_id = first & Self::CONNECTION_ID_BIT != 0;
        if has_connection_id && cid_len == 0 {
            return None;
        }
        let sequence_offset = if has_connection_id { cid_len.checked_add(1)? } else { 1 };
        let sequence_len = if first & Self::SEQUENCE_BIT != 0 { 2 } else { 1 };
        let sequence_end = sequence_offset.checked_add(sequence_len)?;
        let mut reader = Reader::new(record.get(sequence_end..)?);
        let has_length = first & Self::LENGTH_BIT != 0;
        let length = if has_length { Some(reader.u16().ok()?) } else { None };
        Some(Self {
            epoch_bits: first & Self::EPOCH_MASK,
            connection_id: 1..sequence_offset,
            sequence_offset,
            sequence_len,
            length,
            header_len: sequence_end.checked_add(if has_length { 2 } else { 0 })?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plaintext_header_comes_back() {
        let bytes = [22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 2, 3, 0x01, 0x00];
        let header = PlaintextHeader::decode_all(&bytes).unwrap();
        assert_eq!(header.content_type, ContentType::HANDSHAKE);
        assert_eq!(header.version, ProtocolVersion::DTLS_1_2);
        assert_eq!((header.epoch, header.sequence_number, header.length), (1, 0x203, 256));
        assert_eq!(header.encoded(), bytes);
        assert_eq!(bytes.len(), PLAINTEXT_HEADER_LEN);
        assert_eq!(PlaintextHeader::decode_all(&bytes[..12]), Err(InvalidMessage::TooShort));
    }

    #[test]
    fn a_record_number_comes_back() {
        let number = RecordNumber { epoch: 3, sequence_number: 0x0102_0304_0506_0708 };
        assert_eq!(number.encoded(), [0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(RecordNumber::decode_all(&number.encoded()), Ok(number));
    }

    #[test]
    fn each_bit_of_the_unified_header_is_read() {
        let minimal = UnifiedHeader::parse(&[0x20, 0xaa], 0).unwrap();
        assert_eq!((minimal.epoch_bits, minimal.sequence_offset, minimal.sequence_len), (0, 1, 1));
        assert_eq!((minimal.length, minimal.header_len), (None, 2));

        let usual = UnifiedHeader::parse(&[0x2e, 0xaa, 0xbb, 0x01, 0x02], 0).unwrap();
        assert_eq!((usual.epoch_bits, usual.sequence_len, usual.length, usual.header_len), (2, 2, Some(0x102), 5));

        let full = UnifiedHeader::parse(&[0x3f, 9, 9, 9, 0xaa, 0xbb, 0, 7], 3).unwrap();
        assert_eq!(full.connection_id, 1..4);
        assert_eq!((full.epoch_bits, full.sequence_offset, full.length, full.header_len), (3, 4, Some(7), 8));

        let without_cid = UnifiedHeader::parse(&[0x2f, 0xaa, 0xbb, 0, 7], 3).unwrap();
        assert!(without_cid.connection_id.is_empty());
        assert_eq!(without_cid.header_len, 5);
    }

    #[test]
    fn what_is_no_unified_header_is_refused() {
        assert_eq!(UnifiedHeader::parse(&[], 0), None);
        assert_eq!(UnifiedHeader::parse(&[0x16, 0xfe, 0xfd], 0), None);
        assert_eq!(UnifiedHeader::parse(&[0x40, 0, 0, 0, 0], 0), None);
        // C without a negotiated connection ID.
        assert_eq!(UnifiedHeader::parse(&[0x3f, 1, 2, 3, 4, 5, 6], 0), None);
        let full = [0x3f, 9, 9, 9, 0xaa, 0xbb, 0, 7];
        for len in 0..full.len() {
            assert_eq!(UnifiedHeader::parse(&full[..len], 3), None, "{len} bytes");
        }
        assert_eq!(UnifiedHeader::parse(&[0x2f; 5], usize::MAX).unwrap().header_len, 5);
        assert_eq!(UnifiedHeader::parse(&[0x3f; 5], usize::MAX), None);
    }
}
