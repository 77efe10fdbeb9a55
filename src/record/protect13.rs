//! Protection of DTLS 1.3 records, in place (RFC 9147 §4, §4.2.3).

use core::ops::Range;

use crate::crypto::NONCE_LEN;
use crate::schedule::v13::TrafficKeys;
use crate::wire::record::UnifiedHeader;
use crate::wire::registry::ContentType;

use super::SealError;
use super::number::reconstruct;
use super::sizes::Shape;

/// The longest content of a record (RFC 9846 §5.1).
pub const MAX_PLAINTEXT: usize = 1 << 14;

/// The longest protected record without its header: content, and at most 256 bytes for type, padding and tag
/// (RFC 9846 §5.2).
pub const MAX_CIPHERTEXT: usize = MAX_PLAINTEXT + 256;

/// How much ciphertext the record-number mask is made of.
pub const SAMPLE_LEN: usize = 16;

/// The header that we write, without the connection ID: first byte, 16 bits of sequence number, length.
pub const SEALED_HEADER_LEN: usize = 5;

/// The first byte of the header that we write, without the bits of the epoch: 16 bits of sequence number, which leave
/// room for any reordering that the replay window allows, and a length, so that another record can follow.
//= https://www.rfc-editor.org/rfc/rfc9147#section-4
//# Omitting the length field MUST only be used for the last record in a datagram.
const SEALED_FIRST_BYTE: u8 = UnifiedHeader::FIXED_BITS | UnifiedHeader::SEQUENCE_BIT | UnifiedHeader::LENGTH_BIT;

/// A record that authenticated.
pub struct Deprotected {
    /// Its full sequence number.
    pub sequence_number: u64,
    /// Where its DTLSInnerPlaintext (content, type, padding) stands in the record.
    pub inner: Range<usize>,
}

/// Why a record could not be deprotected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// There is not enough ciphertext to make the mask of.
    TooShort,
    /// It did not authenticate.
    Forged,
}

/// Removes the protection of `record`, whose header is `header`. `expected` is one plus the highest sequence number
/// that was deprotected.
///
/// After a failure the record's sequence number and ciphertext are unspecified, unless it was too short.
pub fn open(
    keys: &TrafficKeys,
    header: &UnifiedHeader,
    expected: u64,
    record: &mut [u8],
) -> Result<Deprotected, OpenError> {
    let (head, body) = record.split_at_mut_checked(header.header_len).ok_or(OpenError::TooShort)?;
    //= https://www.rfc-editor.org/rfc/rfc9147#section-4.2.3
    //# Receivers MUST reject shorter records as if they had failed deprotection, as described in Section 4.5.2.
    let sample = body.first_chunk::<SAMPLE_LEN>().ok_or(OpenError::TooShort)?;
    let mask = keys.record_number.mask(sample);

    let mut low = 0u64;
    let mut bits = 0;
    for (byte, mask) in head.iter_mut().skip(header.sequence_offset).take(header.sequence_len).zip(mask) {
        *byte ^= mask;
        low = low << 8 | u64::from(*byte);
        bits += 8;
    }
    let sequence_number = reconstruct(low, bits, expected);

    // The additional data is the header as it was before its sequence number was masked (RFC 9147 §4).
    let inner_len = keys.aead.open(&nonce(&keys.iv, sequence_number), head, body).map_err(|_| OpenError::Forged)?.len();
    Ok(Deprotected { sequence_number, inner: header.header_len..header.header_len.saturating_add(inner_len) })
}

/// Where the content type of a DTLSInnerPlaintext stands: in the last byte that is not zero. None if there is none.
///
/// How long this takes depends on the length of the padding, but that is only looked at once it has authenticated.
pub fn content_type_position(inner: &[u8]) -> Option<usize> {
    inner.iter().rposition(|byte| *byte != 0)
}

/// Appends a protected record of this epoch and sequence number to `datagram`; `write` appends its content. On error the
/// datagram is as before.
pub(super) fn seal(
    keys: &TrafficKeys,
    number: (u16, u64),
    shape: Shape<'_>,
    content_type: ContentType,
    datagram: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>),
) -> Result<(), SealError> {
    let start = datagram.len();
    let (epoch, sequence_number) = number;
    let [.., epoch_low] = epoch.to_be_bytes();
    let connection_id_bit = if shape.connection_id.is_empty() { 0 } else { UnifiedHeader::CONNECTION_ID_BIT };
    datagram.push(SEALED_FIRST_BYTE | connection_id_bit | epoch_low & UnifiedHeader::EPOCH_MASK);
    datagram.extend_from_slice(shape.connection_id);
    let [.., high, low] = sequence_number.to_be_bytes();
    datagram.extend_from_slice(&[high, low, 0, 0]);
    let content_start = datagram.len();
    write(datagram);
    let sealed = protect(keys, sequence_number, content_type, datagram, start..content_start, shape);
    if sealed.is_err() {
        datagram.truncate(start);
    }
    sealed
}

fn protect(
    keys: &TrafficKeys,
    sequence_number: u64,
    content_type: ContentType,
    datagram: &mut Vec<u8>,
    header: Range<usize>,
    shape: Shape<'_>,
) -> Result<(), SealError> {
    let content_start = header.end;
    let content_len = datagram.len().checked_sub(content_start).ok_or(SealError::TooLong)?;
    if content_len > MAX_PLAINTEXT {
        return Err(SealError::TooLong);
    }
    let tag_len = keys.suite.aead.tag_len();
    let room = shape.room.saturating_sub(header.len().saturating_add(tag_len));
    let inner_len = shape.sizes.inner_len(inner_len(content_len, tag_len), room);
    let length = u16::try_from(inner_len.saturating_add(tag_len)).map_err(|_| SealError::TooLong)?;
    datagram.push(content_type.0);
    let tag_start = content_start.saturating_add(inner_len);
    datagram.resize(tag_start.saturating_add(tag_len), 0);

    let record = datagram.get_mut(header.start..).ok_or(SealError::TooLong)?;
    let (head, body) = record.split_at_mut_checked(header.len()).ok_or(SealError::TooLong)?;
    let [_, .., _, _, length_high, length_low] = head else { return Err(SealError::TooLong) };
    [*length_high, *length_low] = length.to_be_bytes();
    let (inner, tag) = body.split_at_mut_checked(inner_len).ok_or(SealError::TooLong)?;
    keys.aead.seal(&nonce(&keys.iv, sequence_number), head, inner, tag).map_err(|_| SealError::TooLong)?;

    let sample = body.first_chunk::<SAMPLE_LEN>().ok_or(SealError::TooLong)?;
    let [high_mask, low_mask] = keys.record_number.mask(sample);
    let [_, .., high, low, _, _] = head else { return Err(SealError::TooLong) };
    *high ^= high_mask;
    *low ^= low_mask;
    Ok(())
}

/// The length of a DTLSInnerPlaintext that we make for `content_len` bytes of content.
///
//= https://www.rfc-editor.org/rfc/rfc9147#section-4.2.3
//# Senders MUST pad short plaintexts out (using the conventional record padding mechanism) in order to make a
//# suitable-length ciphertext.
fn inner_len(content_len: usize, tag_len: usize) -> usize {
    content_len.saturating_add(1).max(SAMPLE_LEN.saturating_sub(tag_len))
}

/// How many bytes a record of `content_len` bytes of content has on the wire, without its connection ID.
pub fn sealed_len(content_len: usize, tag_len: usize) -> usize {
    SEALED_HEADER_LEN.saturating_add(inner_len(content_len, tag_len)).saturating_add(tag_len)
}

/// The nonce of one record (RFC 9846 §5.3). The epoch has no part in it (RFC 9147 §4 with erratum 8141).
fn nonce(iv: &[u8; NONCE_LEN], sequence_number: u64) -> [u8; NONCE_LEN] {
    let mut nonce = *iv;
    if let Some(last) = nonce.last_chunk_mut::<8>() {
        *last = (u64::from_be_bytes(*last) ^ sequence_number).to_be_bytes();
    }
    nonce
}
