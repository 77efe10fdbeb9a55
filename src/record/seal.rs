//! The way out: numbers, lengths and protection of our records (RFC 9147 §4).

use core::fmt;

use crate::codec::Encode as _;
use crate::error::Exhausted;
use crate::wire::record::{PLAINTEXT_HEADER_LEN, PlaintextHeader, RecordNumber};
use crate::wire::registry::{ContentType, ProtocolVersion};

use super::RecordLayer;
use super::epoch::WriteEpoch;
use super::number::MAX_SEQUENCE_NUMBER;
use super::protect13::MAX_PLAINTEXT;
use super::sizes::Shape;

impl RecordLayer {
    /// How many bytes of content a record of `epoch` can have that is to have at most `room` bytes on the wire. Also 0
    /// if not even an empty one fits, or if the epoch cannot be written.
    pub fn max_plaintext(&self, epoch: u16, room: usize) -> usize {
        let overhead = match self.sealed_len(epoch, 0) {
            Some(overhead) if overhead <= room => overhead,
            _ => return 0,
        };
        // With a short tag, short contents are padded and the overhead is less than it seems; then a few bytes of room
        // are not used.
        //= https://www.rfc-editor.org/rfc/rfc9147#section-4.4
        //# However, the upper layer protocol MUST NOT write any record that exceeds the maximum record size of 2^14
        //# bytes.
        let longest = if epoch == 0 { MAX_PLAINTEXT } else { self.sizes.max_content() };
        room.saturating_sub(overhead).min(longest)
    }

    /// How many bytes a record of `epoch` with `content_len` bytes of content has on the wire. None if the epoch
    /// cannot be written.
    pub fn sealed_len(&self, epoch: u16, content_len: usize) -> Option<usize> {
        match epoch {
            0 => self.plaintext_next.map(|_| PLAINTEXT_HEADER_LEN.saturating_add(content_len)),
            _ => {
                let id_len = self.connection_ids.to_write(epoch).len();
                self.write_epoch_of(epoch).map(|write| write.sealed_len(content_len).saturating_add(id_len))
            }
        }
    }

    /// The number that the next record of `epoch` will have, or why there will be none.
    pub fn next_number(&self, epoch: u16) -> Result<RecordNumber, SealError> {
        let sequence_number = match epoch {
            0 => match self.plaintext_next.ok_or(SealError::NoKeys)? {
                //= https://www.rfc-editor.org/rfc/rfc9147#section-4
                //# Plaintext records MUST NOT be sent with sequence numbers that would exceed 2^48-1, so the upper
                //# 16 bits will always be 0.
                exhausted if exhausted > MAX_SEQUENCE_NUMBER => return Err(SealError::Exhausted),
                next => next,
            },
            _ => self.write_epoch_of(epoch).ok_or(SealError::NoKeys)?.next_number()?,
        };
        Ok(RecordNumber { epoch: epoch.into(), sequence_number })
    }

    /// Appends one record of `epoch` to `datagram` and gives back its number; `write` appends its content, at most
    /// 2^14 bytes. On error the datagram is as before.
    ///
    /// Allocates nothing if the datagram has room.
    pub fn seal(
        &mut self,
        epoch: u16,
        content_type: ContentType,
        datagram: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<RecordNumber, SealError> {
        self.seal_within(epoch, content_type, datagram, 0, write)
    }

    /// The same, and pads the record as was decided, so that the datagram has at most `limit` bytes. The padding alone is
    /// bounded by `limit`, not the content.
    pub fn seal_within(
        &mut self,
        epoch: u16,
        content_type: ContentType,
        datagram: &mut Vec<u8>,
        limit: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<RecordNumber, SealError> {
        if epoch == 0 {
            return self.seal_plain(content_type, datagram, write);
        }
        let keys = self.write.iter_mut().rev().find(|write| write.epoch == epoch).ok_or(SealError::NoKeys)?;
        let connection_id = self.connection_ids.to_write(epoch);
        let shape = Shape { connection_id, sizes: &self.sizes, room: limit.saturating_sub(datagram.len()) };
        let sequence_number = keys.seal(shape, content_type, datagram, write)?;
        Ok(RecordNumber { epoch: epoch.into(), sequence_number })
    }

    /// Whether we may have sent a record of this number: an ACK of any other is a lie. Of epochs whose keys were
    /// discarded nothing is known, and every number counts as sent.
    pub fn may_have_sent(&self, number: RecordNumber) -> bool {
        let Ok(epoch) = u16::try_from(number.epoch) else { return false };
        if epoch > self.write_epoch() {
            return false;
        }
        let end = match epoch {
            0 => self.plaintext_next,
            _ => self.write_epoch_of(epoch).map(WriteEpoch::end),
        };
        end.is_none_or(|end| number.sequence_number < end)
    }

    fn seal_plain(
        &mut self,
        content_type: ContentType,
        datagram: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<RecordNumber, SealError> {
        let number = self.next_number(0)?;
        let start = datagram.len();
        let header = PlaintextHeader {
            content_type,
            //= https://www.rfc-editor.org/rfc/rfc9147#section-4
            //# legacy_record_version: This value MUST be set to {254, 253} for all records other than the initial
            //# ClientHello (i.e., one not generated after a HelloRetryRequest), where it may also be {254, 255} for
            //# compatibility purposes.
            version: if self.compatible_hello { ProtocolVersion::DTLS_1_0 } else { ProtocolVersion::DTLS_1_2 },
            epoch: 0,
            sequence_number: number.sequence_number,
            length: 0,
        };
        header.encode(datagram);
        write(datagram);
        let content_len = datagram.len().checked_sub(start.saturating_add(PLAINTEXT_HEADER_LEN));
        let length = content_len.filter(|len| *len <= MAX_PLAINTEXT).and_then(|len| u16::try_from(len).ok());
        let length_field = datagram.get_mut(start..).and_then(|record| record.get_mut(11..PLAINTEXT_HEADER_LEN));
        let (Some(length), Some(length_field)) = (length, length_field) else {
            datagram.truncate(start);
            return Err(SealError::TooLong);
        };
        length_field.copy_from_slice(&length.to_be_bytes());
        self.plaintext_next = Some(number.sequence_number.saturating_add(1));
        Ok(number)
    }
}

/// Why a record was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// There are no keys for its epoch.
    NoKeys,
    /// The sequence numbers of its epoch are used up, or its keys have protected as many records as they may.
    Exhausted,
    /// Its content is longer than 2^14 bytes.
    TooLong,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKeys => f.write_str("there are no keys for the epoch"),
            Self::Exhausted => fmt::Display::fmt(&crate::error::Error::from(Exhausted::SequenceNumber), f),
            Self::TooLong => write!(f, "the content of a record is longer than {MAX_PLAINTEXT} bytes"),
        }
    }
}

impl core::error::Error for SealError {}
