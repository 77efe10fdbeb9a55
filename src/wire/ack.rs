//! Acknowledgements (RFC 9147 §7).

use crate::codec::{Decode, Encode, Reader, put_vector16};
use crate::error::InvalidMessage;
use crate::wire::record::RecordNumber;

/// The length of one [`RecordNumber`] on the wire.
const RECORD_NUMBER_LEN: usize = 16;

/// The records of the peer's flight that arrived (RFC 9147 §7).
///
/// ```text
/// struct {
///     RecordNumber record_numbers<0..2^16-1>;
/// } ACK;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ack {
    /// Their numbers. They are to be sorted, which is not checked here; an empty list says that something is missing.
    pub record_numbers: Vec<RecordNumber>,
}

impl Decode for Ack {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        let list = reader.vector16()?;
        if !list.len().is_multiple_of(RECORD_NUMBER_LEN) {
            return Err(InvalidMessage::InvalidVectorLength);
        }
        Ok(Self { record_numbers: RecordNumber::decode_list(list)? })
    }
}

impl Encode for Ack {
    fn encode(&self, out: &mut Vec<u8>) {
        put_vector16(out, |out| self.record_numbers.iter().for_each(|number| number.encode(out)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ack_comes_back() {
        let numbers = [(0, 0), (2, 0), (2, 1)].map(|(epoch, sequence_number)| RecordNumber { epoch, sequence_number });
        let ack = Ack { record_numbers: numbers.to_vec() };
        let bytes = ack.encoded();
        assert_eq!(bytes.len(), 2 + 48);
        assert_eq!(Ack::decode_all(&bytes), Ok(ack));
        for len in 0..bytes.len() {
            assert_eq!(Ack::decode_all(&bytes[..len]), Err(InvalidMessage::TooShort), "{len} bytes");
        }
        assert_eq!(Ack::decode_all(&[0, 0]), Ok(Ack::default()));
    }

    #[test]
    fn malformed_acks_are_refused() {
        assert_eq!(Ack::decode_all(&[0, 0, 0]), Err(InvalidMessage::TrailingData));
        let odd = [&[0, 17][..], &[0; 17]].concat();
        assert_eq!(Ack::decode_all(&odd), Err(InvalidMessage::InvalidVectorLength));
    }
}
