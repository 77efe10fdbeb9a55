//! Offered pre-shared keys (RFC 9846 §4.3.11).

use crate::codec::{Decode, Encode, Reader, put_u32, put_vector8, put_vector16};
use crate::error::InvalidMessage;
use crate::wire::extensions::lists::nonempty;

/// One key that is offered (RFC 9846 §4.3.11).
///
/// ```text
/// struct {
///     opaque identity<1..2^16-1>;
///     uint32 obfuscated_ticket_age;
/// } PskIdentity;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PskIdentity {
    /// Its name, or a ticket; not empty.
    pub identity: Vec<u8>,
    /// The age of the ticket in milliseconds, hidden; 0 for a key that is no ticket.
    pub obfuscated_ticket_age: u32,
}

impl Decode for PskIdentity {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self { identity: nonempty(reader.vector16()?.to_vec())?, obfuscated_ticket_age: reader.u32()? })
    }
}

impl Encode for PskIdentity {
    fn encode(&self, out: &mut Vec<u8>) {
        put_vector16(out, |out| out.extend_from_slice(&self.identity));
        put_u32(out, self.obfuscated_ticket_age);
    }
}

/// pre_shared_key of a ClientHello (RFC 9846 §4.3.11).
///
/// ```text
/// opaque PskBinderEntry<32..255>;
///
/// struct {
///     PskIdentity identities<7..2^16-1>;
///     PskBinderEntry binders<33..2^16-1>;
/// } OfferedPsks;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedPsks {
    /// The keys, best first; at least one.
    pub identities: Vec<PskIdentity>,
    /// As many binders, in the same order.
    pub binders: Vec<Vec<u8>>,
}

impl OfferedPsks {
    /// How many bytes the binders take on the wire: these, at the very end of the ClientHello, they do not cover.
    pub fn binders_len(&self) -> usize {
        self.binders.iter().map(|binder| binder.len().saturating_add(1)).sum::<usize>().saturating_add(2)
    }

    /// Appends the binders as they stand on the wire.
    pub fn put_binders(&self, out: &mut Vec<u8>) {
        put_vector16(out, |out| {
            for binder in &self.binders {
                put_vector8(out, |out| out.extend_from_slice(binder));
            }
        });
    }
}

impl Decode for OfferedPsks {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        let identities = PskIdentity::decode_list(reader.vector16()?)?;
        let mut list = Reader::new(reader.vector16()?);
        let mut binders = Vec::new();
        while !list.is_empty() {
            // A binder that is shorter than any hash is left to its verification, which it fails: decrypt_error says more
            // than decode_error, and other stacks say the same.
            binders.push(nonempty(list.vector8()?.to_vec())?);
        }
        if identities.is_empty() || binders.is_empty() {
            return Err(InvalidMessage::EmptyVector);
        }
        if identities.len() != binders.len() {
            return Err(InvalidMessage::BinderCount);
        }
        Ok(Self { identities, binders })
    }
}

impl Encode for OfferedPsks {
    fn encode(&self, out: &mut Vec<u8>) {
        put_vector16(out, |out| self.identities.iter().for_each(|identity| identity.encode(out)));
        self.put_binders(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_comes_back() {
        let offer = OfferedPsks {
            identities: vec![
                PskIdentity { identity: b"ticket".to_vec(), obfuscated_ticket_age: 0x0102_0304 },
                PskIdentity { identity: b"k".to_vec(), obfuscated_ticket_age: 0 },
            ],
            binders: vec![vec![1; 32], vec![2; 48]],
        };
        let bytes = offer.encoded();
        assert_eq!(bytes[..12], [0, 19, 0, 6, b't', b'i', b'c', b'k', b'e', b't', 1, 2]);
        assert_eq!(offer.binders_len(), 2 + 33 + 49);
        let mut binders = Vec::new();
        offer.put_binders(&mut binders);
        assert_eq!(bytes[bytes.len() - offer.binders_len()..], binders);
        for len in 0..bytes.len() {
            assert!(OfferedPsks::decode_all(&bytes[..len]).is_err(), "{len} bytes");
        }
        assert_eq!(OfferedPsks::decode_all(&bytes), Ok(offer));
    }

    #[test]
    fn malformed_offers_are_refused() {
        use InvalidMessage as E;
        let decode = |identities: &[u8], binders: &[u8]| {
            let mut bytes = Vec::new();
            put_vector16(&mut bytes, |out| out.extend_from_slice(identities));
            put_vector16(&mut bytes, |out| out.extend_from_slice(binders));
            OfferedPsks::decode_all(&bytes).map(|read| read.identities.len())
        };
        let (identity, binder): (&[u8], _) = (&[0, 1, b'k', 0, 0, 0, 0], [&[32][..], &[7; 32]].concat());
        assert_eq!(decode(identity, &binder), Ok(1));
        assert_eq!(decode(&[], &binder), Err(E::EmptyVector));
        assert_eq!(decode(identity, &[]), Err(E::EmptyVector));
        assert_eq!(decode(identity, &[0]), Err(E::EmptyVector));
        assert_eq!(decode(&[0, 0, 0, 0, 0, 0], &binder), Err(E::EmptyVector));
        assert_eq!(decode(&identity[..6], &binder), Err(E::TooShort));
        assert_eq!(decode(identity, &binder[..32]), Err(E::TooShort));
        assert_eq!(decode(identity, &[&binder[..], &binder[..]].concat()), Err(E::BinderCount));
        assert_eq!(decode(&[identity, identity].concat(), &binder), Err(E::BinderCount));
    }
}
