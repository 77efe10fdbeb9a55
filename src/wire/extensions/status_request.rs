//! status_request (RFC 6066 §8, RFC 9846 §4.5.1.1) and signed_certificate_timestamp (RFC 6962 §3.3).

use crate::codec::{Reader, put_vector16, put_vector24};
use crate::error::InvalidMessage;
use crate::wire::extensions::lists::nonempty;

/// `CertificateStatusType` `ocsp`.
const OCSP: u8 = 1;

/// A request for an OCSP response, from whichever responder.
///
/// ```text
/// struct {
///     CertificateStatusType status_type;
///     select (status_type) {
///         case ocsp: OCSPStatusRequest;
///     } request;
/// } CertificateStatusRequest;
///
/// struct {
///     ResponderID responder_id_list<0..2^16-1>;
///     Extensions  request_extensions;
/// } OCSPStatusRequest;
/// ```
pub(crate) const OCSP_REQUEST: [u8; 5] = [OCSP, 0, 0, 0, 0];

/// Whether a ClientHello asks for an OCSP response, which has to be well-formed then. Other kinds of status are not known.
pub(crate) fn asks_for_ocsp(data: &[u8]) -> Result<bool, InvalidMessage> {
    let mut reader = Reader::new(data);
    let [status_type] = reader.array()?;
    if status_type != OCSP {
        return Ok(false);
    }
    reader.vector16()?;
    reader.vector16()?;
    reader.finish()?;
    Ok(true)
}

/// The OCSP response in a CertificateEntry.
///
/// ```text
/// struct {
///     CertificateStatusType status_type;
///     select (status_type) {
///         case ocsp: opaque OCSPResponse<1..2^24-1>;
///     } response;
/// } CertificateStatus;
/// ```
pub(crate) fn read_ocsp_response(data: &[u8]) -> Result<Vec<u8>, InvalidMessage> {
    let mut reader = Reader::new(data);
    if reader.array()? != [OCSP] {
        return Err(InvalidMessage::InvalidValue);
    }
    let response = nonempty(reader.vector24()?.to_vec())?;
    reader.finish()?;
    Ok(response)
}

/// Appends what [`read_ocsp_response`] reads.
pub(crate) fn put_ocsp_response(out: &mut Vec<u8>, response: &[u8]) {
    out.push(OCSP);
    put_vector24(out, |out| out.extend_from_slice(response));
}

/// Checks `SignedCertificateTimestampList`, and gives it back as it stands:
///
/// ```text
/// opaque SerializedSCT<1..2^16-1>;
/// struct {
///     SerializedSCT sct_list <1..2^16-1>;
/// } SignedCertificateTimestampList;
/// ```
pub(crate) fn read_timestamps(data: &[u8]) -> Result<Vec<u8>, InvalidMessage> {
    let mut reader = Reader::new(data);
    let list = nonempty(reader.vector16()?.to_vec())?;
    reader.finish()?;
    let mut list = Reader::new(&list);
    while !list.is_empty() {
        nonempty(list.vector16()?.to_vec())?;
    }
    Ok(data.to_vec())
}

/// A `SignedCertificateTimestampList` of `timestamps`, each of them a `SerializedSCT`.
pub fn timestamp_list(timestamps: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    put_vector16(&mut out, |out| {
        timestamps.iter().for_each(|timestamp| put_vector16(out, |out| out.extend_from_slice(timestamp)));
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_responses_are_told_from_nonsense() {
        use InvalidMessage as E;
        assert_eq!(asks_for_ocsp(&OCSP_REQUEST), Ok(true));
        assert_eq!(asks_for_ocsp(&[1, 0, 1, 7, 0, 1, 8]), Ok(true));
        assert_eq!(asks_for_ocsp(&[2, 9]), Ok(false));
        assert_eq!(asks_for_ocsp(&[1, 0, 0, 0]), Err(E::TooShort));
        assert_eq!(asks_for_ocsp(&[1, 0, 0, 0, 0, 0]), Err(E::TrailingData));
        assert_eq!(asks_for_ocsp(&[]), Err(E::TooShort));
        let mut response = Vec::new();
        put_ocsp_response(&mut response, b"response");
        assert_eq!(read_ocsp_response(&response), Ok(b"response".to_vec()));
        assert_eq!(read_ocsp_response(&[1, 0, 0, 0]), Err(E::EmptyVector));
        assert!(read_ocsp_response(&[2, 0, 0, 1, 7]).is_err());
        response.push(0);
        assert_eq!(read_ocsp_response(&response), Err(E::TrailingData));
    }

    #[test]
    fn timestamps_are_told_from_nonsense() {
        use InvalidMessage as E;
        let list = timestamp_list(&[b"one", b"two"]);
        assert_eq!(list, b"\0\x0a\0\x03one\0\x03two");
        assert_eq!(read_timestamps(&list), Ok(list.clone()));
        assert_eq!(read_timestamps(&[0, 0]), Err(E::EmptyVector));
        assert_eq!(read_timestamps(&[0, 2, 0, 0]), Err(E::EmptyVector));
        assert_eq!(read_timestamps(&[0, 3, 0, 2, 1]), Err(E::TooShort));
        assert_eq!(read_timestamps(&[0, 3, 0, 1, 1, 1]), Err(E::TrailingData));
    }
}
