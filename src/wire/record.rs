//! Records (RFC 9147 §4).

use crate::codec::{Decode, Encode, Reader, put_u64};
use crate::error::InvalidMessage;

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
