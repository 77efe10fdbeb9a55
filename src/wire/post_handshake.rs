//! Messages after the handshake (RFC 9846 §4.7).

use crate::codec::{Decode, Encode, Reader, put_u32, put_vector8, put_vector16};
use crate::error::InvalidMessage;
use crate::wire::extension::{self, Block, OtherExtension};
use crate::wire::extensions::lists::nonempty;
use crate::wire::registry::ExtensionType;

/// Whether the peer is to update its keys as well (RFC 9846 §4.7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUpdateRequest {
    /// `update_not_requested(0)`
    NotRequested,
    /// `update_requested(1)`
    Requested,
}

/// The sender changes its keys (RFC 9846 §4.7.3, RFC 9147 §8).
///
/// ```text
/// enum {
///     update_not_requested(0), update_requested(1), (255)
/// } KeyUpdateRequest;
///
/// struct {
///     KeyUpdateRequest request_update;
/// } KeyUpdate;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUpdate {
    /// Whether the peer is to do the same.
    pub request: KeyUpdateRequest,
}

impl Decode for KeyUpdate {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.7.3
        //# If an implementation receives any other value, it MUST
        //# terminate the connection with an "illegal_parameter" alert.
        let request = match reader.u8()? {
            0 => KeyUpdateRequest::NotRequested,
            1 => KeyUpdateRequest::Requested,
            _ => return Err(InvalidMessage::InvalidValue),
        };
        Ok(Self { request })
    }
}

impl Encode for KeyUpdate {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self.request {
            KeyUpdateRequest::NotRequested => 0,
            KeyUpdateRequest::Requested => 1,
        });
    }
}

/// A ticket for a later handshake (RFC 9846 §4.7.1). Extensions are written in the order of `present`, those
/// that it does not name in the order of the fields.
///
/// ```text
/// struct {
///     uint32 ticket_lifetime;
///     uint32 ticket_age_add;
///     opaque ticket_nonce<0..255>;
///     opaque ticket<1..2^16-1>;
///     Extension extensions<0..2^16-1>;
/// } NewSessionTicket;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSessionTicket {
    /// For how many seconds the ticket can be used.
    pub ticket_lifetime: u32,
    /// What is added to the age of the ticket to hide it.
    pub ticket_age_add: u32,
    /// What makes the key of this ticket differ from that of others.
    pub ticket_nonce: Vec<u8>,
    /// The ticket itself, not empty.
    pub ticket: Vec<u8>,
    /// early_data (RFC 9846 §4.3.10): `max_early_data_size`, how many bytes of early data the ticket allows.
    pub max_early_data_size: Option<u32>,
    /// Those without a field: custom ones, those of GREASE (RFC 8701), those that are not known.
    pub others: Vec<OtherExtension>,
    /// The types of all extensions, known or not, in order of appearance. Filled when decoded; when encoded, this is the
    /// order in which extensions are written.
    pub present: Vec<ExtensionType>,
}

impl Decode for NewSessionTicket {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        let ticket_lifetime = reader.u32()?;
        let ticket_age_add = reader.u32()?;
        let ticket_nonce = reader.vector8()?.to_vec();
        let ticket = nonempty(reader.vector16()?.to_vec())?;
        let block = extension::read_block(reader)?;
        let present = extension::types(&block);
        let (mut max_early_data_size, mut others) = (None, Vec::new());
        for (extension_type, data) in block {
            if extension_type == ExtensionType::EARLY_DATA {
                let mut data = Reader::new(data);
                max_early_data_size = Some(data.u32()?);
                data.finish()?;
            } else {
                others.push(OtherExtension::of(extension_type, data));
            }
        }
        Ok(Self { ticket_lifetime, ticket_age_add, ticket_nonce, ticket, max_early_data_size, others, present })
    }
}

impl Encode for NewSessionTicket {
    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.ticket_lifetime);
        put_u32(out, self.ticket_age_add);
        put_vector8(out, |out| out.extend_from_slice(&self.ticket_nonce));
        put_vector16(out, |out| out.extend_from_slice(&self.ticket));
        let mut block = Block::default();
        if let Some(size) = self.max_early_data_size {
            block.put(ExtensionType::EARLY_DATA, |out| put_u32(out, size));
        }
        block.put_others(&self.others);
        block.arrange(&self.present);
        block.write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use InvalidMessage as E;

    #[test]
    fn key_updates_come_back() {
        for (request, byte) in [(KeyUpdateRequest::NotRequested, 0), (KeyUpdateRequest::Requested, 1)] {
            let update = KeyUpdate { request };
            assert_eq!(update.encoded(), [byte]);
            assert_eq!(KeyUpdate::decode_all(&[byte]), Ok(update));
        }
        assert_eq!(KeyUpdate::decode_all(&[2]), Err(E::InvalidValue));
        assert_eq!(KeyUpdate::decode_all(&[]), Err(E::TooShort));
        assert_eq!(KeyUpdate::decode_all(&[0, 0]), Err(E::TrailingData));
    }

    #[test]
    fn a_ticket_comes_back() {
        let ticket = NewSessionTicket {
            ticket_lifetime: 604_800,
            ticket_age_add: 0x0102_0304,
            ticket_nonce: vec![1; 8],
            ticket: vec![2; 200],
            max_early_data_size: Some(0xffff_ffff),
            others: vec![OtherExtension { extension_type: ExtensionType(0xaaaa), data: Vec::new() }],
            present: vec![ExtensionType(0xaaaa), ExtensionType::EARLY_DATA],
        };
        let bytes = ticket.encoded();
        assert_eq!(NewSessionTicket::decode_all(&bytes), Ok(ticket));
        for len in 0..bytes.len() {
            assert_eq!(NewSessionTicket::decode_all(&bytes[..len]), Err(E::TooShort), "{len} bytes");
        }
    }

    #[test]
    fn malformed_tickets_are_refused() {
        let decode = |rest: &[u8]| NewSessionTicket::decode_all(&[&[0; 8], rest].concat()).map(|read| read.present);
        assert_eq!(decode(&[0, 0, 1, 7, 0, 0]), Ok(Vec::new()));
        assert_eq!(decode(&[0, 0, 0, 0, 0]), Err(E::EmptyVector));
        assert_eq!(decode(&[0, 0, 1, 7, 0, 0, 0]), Err(E::TrailingData));
        assert_eq!(decode(&[0, 0, 1, 7, 0, 7, 0, 42, 0, 3, 0, 0, 0]), Err(E::TooShort));
        assert_eq!(decode(&[0, 0, 1, 7, 0, 9, 0, 42, 0, 5, 0, 0, 0, 0, 0]), Err(E::TrailingData));
        assert_eq!(decode(&[0, 0, 1, 7, 0, 4, 0xaa, 0xaa, 0, 0]), Ok(vec![ExtensionType(0xaaaa)]));
    }
}
