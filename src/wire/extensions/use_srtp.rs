//! use_srtp (RFC 5764 §4.1.1).

use crate::codec::{Decode, Encode, Reader, put_vector8};
use crate::error::InvalidMessage;
use crate::wire::extensions::lists::{numbers, put_list16};
use crate::wire::registry::SrtpProfile;

/// What a client offers, or a server selects, for SRTP (RFC 5764 §4.1.1).
///
/// ```text
/// uint8 SRTPProtectionProfile[2];
///
/// struct {
///     SRTPProtectionProfiles SRTPProtectionProfiles;
///     opaque srtp_mki<0..255>;
/// } UseSRTPData;
///
/// SRTPProtectionProfile SRTPProtectionProfiles<2..2^16-1>;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UseSrtp {
    /// The profiles, best first; a server names exactly one.
    pub profiles: Vec<SrtpProfile>,
    /// The master key identifier, mostly empty.
    pub mki: Vec<u8>,
}

impl Decode for UseSrtp {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self { profiles: numbers(reader.vector16()?)?, mki: reader.vector8()?.to_vec() })
    }
}

impl Encode for UseSrtp {
    fn encode(&self, out: &mut Vec<u8>) {
        put_list16(out, &self.profiles);
        put_vector8(out, |out| out.extend_from_slice(&self.mki));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_come_back() {
        let offer = UseSrtp { profiles: vec![SrtpProfile::SRTP_AEAD_AES_128_GCM, SrtpProfile(5)], mki: vec![9] };
        assert_eq!(offer.encoded(), [0, 4, 0, 7, 0, 5, 1, 9]);
        assert_eq!(UseSrtp::decode_all(&offer.encoded()), Ok(offer));
    }

    #[test]
    fn malformed_offers_are_refused() {
        use InvalidMessage as E;
        assert_eq!(UseSrtp::decode_all(&[0, 0, 0]), Err(E::EmptyVector));
        assert_eq!(UseSrtp::decode_all(&[0, 1, 0, 0]), Err(E::InvalidVectorLength));
        assert_eq!(UseSrtp::decode_all(&[0, 2, 0, 7]), Err(E::TooShort));
        assert_eq!(UseSrtp::decode_all(&[0, 2, 0, 7, 0, 0]), Err(E::TrailingData));
    }
}
