//! The way in: where a record ends, which keys it is for, and what is in it (RFC 9147 §4.1, §4.5).

use crate::codec::{Decode as _, Reader};
use crate::error::PeerMisbehaved;
use crate::trace::DiscardReason;
use crate::wire::record::{PLAINTEXT_HEADER_LEN, PlaintextHeader, RecordNumber, UnifiedHeader};
use crate::wire::registry::ContentType;

use super::RecordLayer;
use super::epoch::{EPOCH_EARLY, Outcome};
use super::protect13::{self, MAX_CIPHERTEXT, MAX_PLAINTEXT};

impl RecordLayer {
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

    /// Finds out what the first record of `datagram` is and how long it is, or how much to discard and why.
    fn delimit(&self, datagram: &[u8]) -> (Result<Form, DiscardReason>, usize) {
        match datagram.first() {
            Some(first) if UnifiedHeader::is_announced_by(*first) => self.delimit_protected(*first, datagram),
            _ => delimit_plain(datagram),
        }
    }

    fn delimit_protected(&self, first: u8, datagram: &[u8]) -> (Result<Form, DiscardReason>, usize) {
        let has_connection_id = first & UnifiedHeader::CONNECTION_ID_BIT != 0;
        let id_len = self.connection_ids.read_len();
        //= https://www.rfc-editor.org/rfc/rfc9147#section-9.1
        //# If no CID is negotiated, then the receiver MUST reject any records it receives that contain a CID.
        if has_connection_id && id_len == 0 {
            // How long it is cannot be told, hence not where the record ends either.
            return (Err(DiscardReason::WrongConnectionId), datagram.len());
        }
        let Some(header) = UnifiedHeader::parse(datagram, id_len) else {
            return (Err(DiscardReason::Malformed), datagram.len());
        };
        let len = header.length.map_or(datagram.len(), |length| header.header_len.saturating_add(length.into()));
        //= https://www.rfc-editor.org/rfc/rfc9147#section-4.3
        //# Records MUST NOT span datagrams.
        if len > datagram.len() {
            return (Err(DiscardReason::Malformed), datagram.len());
        }
        let id = datagram.get(header.connection_id.clone()).unwrap_or_default();
        if has_connection_id && self.connection_ids.place_of(id).is_none() {
            //= https://www.rfc-editor.org/rfc/rfc9147#section-4
            //# If the second or later record has a connection ID which does not correspond to the same association used
            //# for previous records, the rest of the datagram MUST be discarded.
            return (Err(DiscardReason::WrongConnectionId), datagram.len());
        }
        //= https://www.rfc-editor.org/rfc/rfc9147#section-4
        //# If a Connection ID is negotiated, then it MUST be contained in all datagrams.
        // Else whoever rewrites the first byte could strip it. A client that sends early data cannot know it yet.
        let is_early = || self.epoch_of(header.epoch_bits) == Some(EPOCH_EARLY);
        if !has_connection_id && self.connection_ids.is_required() && !is_early() {
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
        self.compatible_hello = false;
        let wire_len = record.len();
        Ok(Opened {
            number: RecordNumber { epoch: 0, sequence_number: header.sequence_number },
            content_type: header.content_type,
            content: record.get_mut(PLAINTEXT_HEADER_LEN..).unwrap_or_default(),
            wire_len,
            connection_id: None,
            is_newest: false,
        })
    }

    /// The most recent epoch which has matching bits (RFC 9147 §4.2.2).
    fn epoch_of(&self, epoch_bits: u8) -> Option<u16> {
        self.read.iter().rev().map(|read| read.epoch).find(|epoch| epoch & 3 == u16::from(epoch_bits))
    }

    fn open_protected<'d>(
        &mut self,
        header: &UnifiedHeader,
        record: &'d mut [u8],
    ) -> Result<Opened<'d>, Discarded<'d>> {
        let wire_len = record.len();
        let connection_id = record.get(header.connection_id.clone()).and_then(|id| self.connection_ids.place_of(id));
        let epoch = self.epoch_of(header.epoch_bits);
        let is_latest = !self.read.iter().any(|read| Some(read.epoch) > epoch && read.is_used());
        let Some(keys) = self.read.iter_mut().find(|read| Some(read.epoch) == epoch) else {
            return Err(Discarded::new(DiscardReason::UnknownEpoch, record));
        };
        let epoch = u64::from(keys.epoch);
        let (sequence_number, inner, is_newest) = match keys.open(header, record) {
            Outcome::Opened { sequence_number, inner, is_highest } => (sequence_number, inner, is_highest && is_latest),
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
        let overflows = self.sizes.is_overflow(epoch, inner_bytes.len());
        match (type_position, content_type) {
            _ if overflows => Err(Discarded::misbehaved(PeerMisbehaved::RecordOverflow, record)),
            (Some(content_len), Some(content_type)) => Ok(Opened {
                number: RecordNumber { epoch, sequence_number },
                content_type,
                content: record.get_mut(inner.start..inner.start.saturating_add(content_len)).unwrap_or_default(),
                wire_len,
                connection_id,
                is_newest,
            }),
            _ => Err(Discarded::misbehaved(PeerMisbehaved::NoContentType, record)),
        }
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
    /// Which of [`RecordLayer::read_connection_ids`] it carries, if it carries one.
    pub connection_id: Option<usize>,
    /// It is protected, and no record with a higher epoch or sequence number was received before it (RFC 9146 §6).
    pub is_newest: bool,
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
        ContentType::ALERT | ContentType::HANDSHAKE | ContentType::ACK => Form::Plain(header),
        // Types that only older versions send unprotected.
        ContentType::CHANGE_CIPHER_SPEC | ContentType::APPLICATION_DATA | ContentType::HEARTBEAT => Form::Plain(header),
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
    (Ok(form), len)
}
