//! ticket_request (RFC 9149 §3).

use crate::codec::{Decode, Encode, Reader};
use crate::error::InvalidMessage;

/// How many tickets a client wants. The server answers in EncryptedExtensions with the number that it will send.
///
/// ```text
/// struct {
///     uint8 new_session_count;
///     uint8 resumption_count;
/// } ClientTicketRequest;
///
/// struct {
///     uint8 expected_count;
/// } ServerTicketRequestHint;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketRequest {
    /// After a handshake that resumes nothing.
    pub new_session_count: u8,
    /// After a handshake that resumes a connection by a ticket.
    pub resumption_count: u8,
}

impl Decode for TicketRequest {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self { new_session_count: reader.u8()?, resumption_count: reader.u8()? })
    }
}

impl Encode for TicketRequest {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.new_session_count, self.resumption_count]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_back() {
        let request = TicketRequest { new_session_count: 4, resumption_count: 1 };
        assert_eq!(request.encoded(), [4, 1]);
        assert_eq!(TicketRequest::decode_all(&[4, 1]), Ok(request));
        assert_eq!(TicketRequest::decode_all(&[4]), Err(InvalidMessage::TooShort));
        assert_eq!(TicketRequest::decode_all(&[4, 1, 0]), Err(InvalidMessage::TrailingData));
    }
}
