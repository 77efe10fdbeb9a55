//! application_layer_protocol_negotiation (RFC 7301 §3.1).
//!
//! ```text
//! opaque ProtocolName<1..2^8-1>;
//!
//! struct {
//!     ProtocolName protocol_name_list<2..2^16-1>
//! } ProtocolNameList;
//! ```

use crate::codec::{Reader, put_vector8, put_vector16};
use crate::error::InvalidMessage;
use crate::wire::extensions::lists::nonempty;

/// All of `data` as names of protocols: at least one.
pub(crate) fn read_protocols(data: &[u8]) -> Result<Vec<Vec<u8>>, InvalidMessage> {
    let mut reader = Reader::new(data);
    let mut list = Reader::new(reader.vector16()?);
    reader.finish()?;
    let mut protocols = Vec::new();
    while !list.is_empty() {
        protocols.push(nonempty(list.vector8()?.to_vec())?);
    }
    if protocols.is_empty() { Err(InvalidMessage::EmptyVector) } else { Ok(protocols) }
}

/// All of `data` as the name of the one protocol that a server selected.
///
/// RFC 7301 §3.1: the server's list "MUST contain exactly one "ProtocolName"".
pub(crate) fn read_selected_protocol(data: &[u8]) -> Result<Vec<u8>, InvalidMessage> {
    <[Vec<u8>; 1]>::try_from(read_protocols(data)?)
        .map(|[protocol]| protocol)
        .map_err(|_| InvalidMessage::InvalidVectorLength)
}

/// Appends names of protocols.
pub(crate) fn put_protocols<'a>(out: &mut Vec<u8>, protocols: impl IntoIterator<Item = &'a [u8]>) {
    put_vector16(out, |out| {
        for protocol in protocols {
            put_vector8(out, |out| out.extend_from_slice(protocol));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        let mut out = Vec::new();
        put_protocols(&mut out, [&b"webrtc"[..], b"h3"]);
        assert_eq!(out, b"\x00\x0a\x06webrtc\x02h3");
        assert_eq!(read_protocols(&out), Ok(vec![b"webrtc".to_vec(), b"h3".to_vec()]));
        assert_eq!(read_selected_protocol(b"\x00\x03\x02h3"), Ok(b"h3".to_vec()));
    }

    #[test]
    fn malformed_lists_are_refused() {
        use InvalidMessage as E;
        assert_eq!(read_protocols(&[0, 0]), Err(E::EmptyVector));
        assert_eq!(read_protocols(&[0, 1, 0]), Err(E::EmptyVector));
        assert_eq!(read_protocols(&[0, 2, 2, 0]), Err(E::TooShort));
        assert_eq!(read_protocols(&[0, 2, 1, 7, 7]), Err(E::TrailingData));
        assert_eq!(read_selected_protocol(&[0, 4, 1, 7, 1, 8]), Err(E::InvalidVectorLength));
    }
}
