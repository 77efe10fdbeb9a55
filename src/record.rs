//! Records: from the bytes of a datagram to content and back, in place (RFC 9147 §4).
//!
//! Nothing here allocates for a record, and nothing here knows what the content means.

pub mod epoch;
pub mod number;
pub mod protect13;
pub mod replay;
#[cfg(test)]
mod tests;

use core::fmt;

use crate::codec::{Decode as _, Encode as _, Reader};
use crate::error::{Exhausted, PeerMisbehaved};
use crate::schedule::v13::TrafficKeys;
use crate::trace::DiscardReason;
use crate::wire::record::{PLAINTEXT_HEADER_LEN, PlaintextHeader, RecordNumber, UnifiedHeader};
use crate::wire::registry::{ContentType, ProtocolVersion};

pub use epoch::KeyUsage;
use epoch::{Outcome, ReadEpoch, WriteEpoch};
use number::MAX_SEQUENCE_NUMBER;
use protect13::{MAX_CIPHERTEXT, MAX_PLAINTEXT};
use replay::RecentNumbers;

/// The keys of both directions and what is counted under them: records in, records out.
///
/// Epoch 0, which is not protected, is there from the beginning; the others come with
/// [`Self::install_read`] and [`Self::install_write`].
pub struct RecordLayer {
    /// The numbers received in epoch 0; `None` once plaintext records are not read any more.
    plaintext_read: Option<Box<RecentNumbers>>,
    /// The next sequence number of epoch 0; `None` once plaintext records are not written any more.
    plaintext_next: Option<u64>,
    /// Ascending by epoch. Three at most are in use: the handshake's, the current one, and the one before or after it.
    read: Vec<ReadEpoch>,
    /// Ascending by epoch.
    write: Vec<WriteEpoch>,
    /// The connection ID that the peer's protected records carry; empty if none was negotiated.
    read_connection_id: Box<[u8]>,
}

impl RecordLayer {
    /// Reads and writes epoch 0 only, which begins with sequence number 0.
    pub fn new() -> Self {
        Self {
            plaintext_read: Some(Box::default()),
            plaintext_next: Some(0),
            read: Vec::new(),
            write: Vec::new(),
            read_connection_id: Box::default(),
        }
    }

    /// Continues the numbering of our plaintext records at `next_sequence`, where a stateless reply has left off.
    pub fn skip_plaintext(&mut self, next_sequence: u64) {
        if let Some(next) = &mut self.plaintext_next {
            *next = next_sequence.max(*next);
        }
    }

    /// Demands `connection_id` in every protected record of the peer (RFC 9147 §9); empty: demands that there be none.
    pub fn set_read_connection_id(&mut self, connection_id: &[u8]) {
        self.read_connection_id = connection_id.into();
    }

    /// From now on the peer's records of `epoch` (1 or more) are read with `keys`.
    pub fn install_read(&mut self, epoch: u16, keys: TrafficKeys) {
        self.discard_protected_read(epoch);
        let place = self.read.partition_point(|other| other.epoch < epoch);
        // An idle connection holds memory for the epochs it has, not for those it might have.
        self.read.reserve_exact(1);
        self.read.insert(place, ReadEpoch::new(epoch, keys));
    }

    /// From now on our records of `epoch` (1 or more) can be written with `keys`.
    pub fn install_write(&mut self, epoch: u16, keys: TrafficKeys) {
        self.discard_protected_write(epoch);
        let place = self.write.partition_point(|other| other.epoch < epoch);
        self.write.reserve_exact(1);
        self.write.insert(place, WriteEpoch::new(epoch, keys));
    }

    /// Forgets how to read the peer's records of `epoch`, and wipes its keys.
    pub fn discard_read(&mut self, epoch: u16) {
        if epoch == 0 {
            self.plaintext_read = None;
        }
        self.discard_protected_read(epoch);
    }

    /// Forgets how to write records of `epoch`, and wipes its keys.
    pub fn discard_write(&mut self, epoch: u16) {
        if epoch == 0 {
            self.plaintext_next = None;
        }
        self.discard_protected_write(epoch);
    }

    /// Whether the peer's records of `epoch` can be read.
    pub fn can_read(&self, epoch: u16) -> bool {
        match epoch {
            0 => self.plaintext_read.is_some(),
            _ => self.read.iter().any(|read| read.epoch == epoch),
        }
    }

    /// Whether records of `epoch` can be written.
    pub fn can_write(&self, epoch: u16) -> bool {
        match epoch {
            0 => self.plaintext_next.is_some(),
            _ => self.write_epoch_of(epoch).is_some(),
        }
    }

    /// The highest epoch that can be read.
    pub fn read_epoch(&self) -> u16 {
        self.read.last().map_or(0, |read| read.epoch)
    }

    /// The highest epoch that can be written.
    pub fn write_epoch(&self) -> u16 {
        self.write.last().map_or(0, |write| write.epoch)
    }

    /// Takes the first record off `datagram`, which is not empty, and deprotects it in place. Also gives back what
    /// follows it: call again until that is empty.
    ///
    /// A record that cannot be used does not lose those behind it, unless it does not tell where it ends.
    pub fn open_next<'d>(&mut self, datagram: &'d mut [u8]) -> (Result<Opened<'d>, Discarded<'d>>, &'d mut [u8]) {
        let (form, wire_len) = self.delimit(datagram);
        let (record, rest) = datagram.split_at_mut(wire_len.min(datagram.len()));
        let opened = match form {
            Ok(Form::Plain(header)) => self.open_plain(&header, record),
            Ok(Form::Protected(header)) => self.open_protected(&header, record),
            Err(reason) => Err(Discarded::new(reason, record)),
        };
        (opened, rest)
    }

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
        room.saturating_sub(overhead).min(MAX_PLAINTEXT)
    }

    /// How many bytes a record of `epoch` with `content_len` bytes of content has on the wire. None if the epoch
    /// cannot be written.
    pub fn sealed_len(&self, epoch: u16, content_len: usize) -> Option<usize> {
        match epoch {
            0 => self.plaintext_next.map(|_| PLAINTEXT_HEADER_LEN.saturating_add(content_len)),
            _ => self.write_epoch_of(epoch).map(|write| write.sealed_len(content_len)),
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
        if epoch == 0 {
            return self.seal_plain(content_type, datagram, write);
        }
        let keys = self.write.iter_mut().rev().find(|write| write.epoch == epoch).ok_or(SealError::NoKeys)?;
        let sequence_number = keys.seal(content_type, datagram, write)?;
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

    /// How many records the keys of `epoch` have protected, and how many they may.
    pub fn write_usage(&self, epoch: u16) -> Option<KeyUsage> {
        self.write_epoch_of(epoch).map(WriteEpoch::usage)
    }

    /// How many records have failed to authenticate in `epoch`, and how many may.
    pub fn read_usage(&self, epoch: u16) -> Option<KeyUsage> {
        self.read.iter().find(|read| read.epoch == epoch).map(ReadEpoch::usage)
    }

    fn write_epoch_of(&self, epoch: u16) -> Option<&WriteEpoch> {
        self.write.iter().rev().find(|write| write.epoch == epoch)
    }

    fn discard_protected_read(&mut self, epoch: u16) {
        self.read.retain(|read| read.epoch != epoch);
        self.read.shrink_to_fit();
    }

    fn discard_protected_write(&mut self, epoch: u16) {
        self.write.retain(|write| write.epoch != epoch);
        self.write.shrink_to_fit();
    }

    /// Finds out what the first record of `datagram` is and how long it is, or how much to discard and why.
    fn delimit(&self, datagram: &[u8]) -> (Result<Form, DiscardReason>, usize) {
        match datagram.first() {
            Some(first) if UnifiedHeader::is_announced_by(*first) => self.delimit_protected(*first, datagram),
            _ => delimit_plain(datagram),
        }
    }

    fn delimit_protected(&self, first: u8, datagram: &[u8]) -> (Result<Form, DiscardReason>, usize) {
        let has_connection_id = first & UnifiedHeader::CONNECTION_ID_BIT != 0;
        //= https://www.rfc-editor.org/rfc/rfc9147#section-9.1
        //# If no CID is negotiated, then the receiver MUST reject any records it receives that contain a CID.
        if has_connection_id && self.read_connection_id.is_empty() {
            // How long it is cannot be told, hence not where the record ends either.
            return (Err(DiscardReason::WrongConnectionId), datagram.len());
        }
        let Some(header) = UnifiedHeader::parse(datagram, self.read_connection_id.len()) else {
            return (Err(DiscardReason::Malformed), datagram.len());
        };
        let len = header.length.map_or(datagram.len(), |length| header.header_len.saturating_add(length.into()));
        //= https://www.rfc-editor.org/rfc/rfc9147#section-4.3
        //# Records MUST NOT span datagrams.
        if len > datagram.len() {
            return (Err(DiscardReason::Malformed), datagram.len());
        }
        if has_connection_id && datagram.get(header.connection_id.clone()) != Some(&*self.read_connection_id) {
            //= https://www.rfc-editor.org/rfc/rfc9147#section-4
            //# If the second or later record has a connection ID which does not correspond to the same association used
            //# for previous records, the rest of the datagram MUST be discarded.
            return (Err(DiscardReason::WrongConnectionId), datagram.len());
        }
        if !has_connection_id && !self.read_connection_id.is_empty() {
            return (Err(DiscardReason::WrongConnectionId), len);
        }
        if len.saturating_sub(header.header_len) > MAX_CIPHERTEXT {
            return (Err(DiscardReason::TooLong), len);
        }
        (Ok(Form::Protected(header)), len)
    }

    fn open_plain<'d>(&mut self, header: &PlaintextHeader, record: &'d mut [u8]) -> Result<Opened<'d>, Discarded<'d>> {
        let Some(recent) = &mut self.plaintext_read else {
            return Err(Discarded::new(DiscardReason::PlaintextAfterKeys, record));
        };
        if !recent.insert(header.sequence_number) {
            return Err(Discarded::new(DiscardReason::Replayed, record));
        }
        let wire_len = record.len();
        Ok(Opened {
            number: RecordNumber { epoch: 0, sequence_number: header.sequence_number },
            content_type: header.content_type,
            content: record.get_mut(PLAINTEXT_HEADER_LEN..).unwrap_or_default(),
            wire_len,
        })
    }

    fn open_protected<'d>(
        &mut self,
        header: &UnifiedHeader,
        record: &'d mut [u8],
    ) -> Result<Opened<'d>, Discarded<'d>> {
        let wire_len = record.len();
        // RFC 9147 §4.2.2: the most recent epoch which has matching bits.
        let matches = |read: &&mut ReadEpoch| read.epoch & 3 == u16::from(header.epoch_bits);
        let Some(keys) = self.read.iter_mut().rev().find(matches) else {
            return Err(Discarded::new(DiscardReason::UnknownEpoch, record));
        };
        let epoch = u64::from(keys.epoch);
        let (sequence_number, inner) = match keys.open(header, record) {
            Outcome::Opened { sequence_number, inner } => (sequence_number, inner),
            Outcome::Replayed => return Err(Discarded::new(DiscardReason::Replayed, record)),
            Outcome::TooShort => return Err(Discarded::new(DiscardReason::Malformed, record)),
            Outcome::Forged { limit_exceeded } => {
                let misbehaved = limit_exceeded.then_some(PeerMisbehaved::TooManyForgedRecords);
                return Err(Discarded { misbehaved, ..Discarded::new(DiscardReason::Forged, record) });
            }
        };

        let inner_bytes = record.get(inner.clone()).unwrap_or_default();
        let type_position = protect13::content_type_position(inner_bytes);
        let content_type = type_position.and_then(|position| inner_bytes.get(position).copied()).map(ContentType);
        // RFC 9846 §5.4: the whole DTLSInnerPlaintext, padding included, may have 2^14 + 1 bytes.
        let overflows = inner_bytes.len() > MAX_PLAINTEXT + 1;
        match (type_position, content_type) {
            _ if overflows => Err(Discarded::misbehaved(PeerMisbehaved::RecordOverflow, record)),
            (Some(content_len), Some(content_type)) => Ok(Opened {
                number: RecordNumber { epoch, sequence_number },
                content_type,
                content: record.get_mut(inner.start..inner.start.saturating_add(content_len)).unwrap_or_default(),
                wire_len,
            }),
            _ => Err(Discarded::misbehaved(PeerMisbehaved::NoContentType, record)),
        }
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
            version: ProtocolVersion::DTLS_1_2,
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

impl Default for RecordLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RecordLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordLayer")
            .field("reads_plaintext", &self.plaintext_read.is_some())
            .field("writes_plaintext", &self.plaintext_next.is_some())
            .field("read", &self.read.iter().map(|read| read.epoch).collect::<Vec<_>>())
            .field("write", &self.write.iter().map(|write| write.epoch).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A record that can be used.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'d> {
    /// Its full number.
    pub number: RecordNumber,
    /// Its type, the inner one if it was protected.
    pub content_type: ContentType,
    /// Its content, without type and padding.
    pub content: &'d mut [u8],
    /// Its length in the datagram, in bytes.
    pub wire_len: usize,
}

//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-4.5.2
//# An endpoint MUST discard a record which cannot be processed at the record layer.
/// A record that cannot be used, and is to be ignored (RFC 9147 §4.5.2).
#[derive(Debug, PartialEq, Eq)]
pub struct Discarded<'d> {
    /// Why.
    pub reason: DiscardReason,
    /// Its length in the datagram, in bytes.
    pub wire_len: usize,
    /// Its bytes. As they arrived if the reason is [`DiscardReason::UnknownEpoch`], so that it can be held until there
    /// are keys; unspecified otherwise.
    pub record: &'d [u8],
    //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-4.5.2
    //# Records that are successfully decoded and deprotected can be assumed to be valid and errors in the contents
    //# of records MUST be regarded as originating from the peer.
    /// What the peer did wrong, if the record authenticated and its content is at fault, or if there were too many
    /// forged ones: the connection ends.
    pub misbehaved: Option<PeerMisbehaved>,
}

impl<'d> Discarded<'d> {
    fn new(reason: DiscardReason, record: &'d [u8]) -> Self {
        Self { reason, wire_len: record.len(), record, misbehaved: None }
    }

    fn misbehaved(misbehaved: PeerMisbehaved, record: &'d [u8]) -> Self {
        Self { misbehaved: Some(misbehaved), ..Self::new(DiscardReason::Malformed, record) }
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

/// The two forms of a record.
enum Form {
    Plain(PlaintextHeader),
    Protected(UnifiedHeader),
}

/// The same as [`RecordLayer::delimit`] for a record whose first byte is a content type (RFC 9147 §4.1).
fn delimit_plain(datagram: &[u8]) -> (Result<Form, DiscardReason>, usize) {
    let Ok(header) = PlaintextHeader::decode(&mut Reader::new(datagram)) else {
        return (Err(DiscardReason::Malformed), datagram.len());
    };
    let len = PLAINTEXT_HEADER_LEN.saturating_add(header.length.into());
    let form = match header.content_type {
        ContentType::ALERT | ContentType::HANDSHAKE | ContentType::ACK => Ok(Form::Plain(header)),
        // Types that only older versions send unprotected; their header is the same, so that what follows is found.
        ContentType::CHANGE_CIPHER_SPEC | ContentType::APPLICATION_DATA | ContentType::HEARTBEAT => {
            Err(DiscardReason::Unexpected)
        }
        _ => return (Err(DiscardReason::Malformed), datagram.len()),
    };
    if len > datagram.len() {
        return (Err(DiscardReason::Malformed), datagram.len());
    }
    if header.epoch != 0 {
        // Only older versions protect such records.
        return (Err(DiscardReason::Malformed), len);
    }
    if usize::from(header.length) > MAX_PLAINTEXT {
        return (Err(DiscardReason::TooLong), len);
    }
    (form, len)
}
