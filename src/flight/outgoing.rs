//! Messages that were sent and not yet acknowledged, and the one packer of fragments into records (RFC 9147 §5.5, §7.2).

#[cfg(test)]
mod tests;

use core::ops::Range;
use std::collections::VecDeque;

use crate::codec::Encode as _;
use crate::config::Limits;
use crate::error::Exhausted;
use crate::record::{RecordLayer, SealError};
use crate::wire::fragment::{FRAGMENT_HEADER_LEN, FragmentHeader};
use crate::wire::record::RecordNumber;
use crate::wire::registry::{ContentType, HandshakeType};

use super::ranges::RangeSet;

/// Messages on their way to the peer.
///
/// Each is kept until every byte of it was acknowledged. What is to be sent (again) of each is a set of ranges, so that
/// records are made anew each time, with fresh numbers and boundaries.
#[derive(Debug)]
pub struct Outgoing {
    /// The number of the next message; 2^16 after the last.
    next_message_seq: u32,
    /// Ascending by number.
    messages: VecDeque<Message>,
    /// What was sent in which record, oldest first; at most `max_sent`.
    sent: VecDeque<SentRecord>,
    max_sent: usize,
    /// How many records were sent: what orders them.
    next_order: u64,
    /// Where the last record that was acknowledged stands in that order.
    overtaken_below: u64,
}

/// Is told of a record before it is protected: its number, its type, its content, and where it will stand in the
/// datagram.
pub type Sent<'a> = dyn FnMut(RecordNumber, ContentType, &[u8], Range<usize>) + 'a;

/// What an ACK has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acknowledged {
    /// Something was acknowledged that had not been before.
    pub anything_new: bool,
    /// The messages of which nothing is unacknowledged any more, with their numbers.
    pub finished: Vec<(HandshakeType, u16)>,
}

impl Outgoing {
    /// Nothing to send; the next message gets the number `next_message_seq`.
    pub fn new(next_message_seq: u16, limits: &Limits) -> Self {
        Self {
            next_message_seq: next_message_seq.into(),
            messages: VecDeque::new(),
            sent: VecDeque::new(),
            max_sent: limits.sent_records,
            next_order: 0,
            overtaken_below: 0,
        }
    }

    /// Adds a message, to be sent in `epoch`, and gives back its number.
    pub fn push(&mut self, epoch: u16, msg_type: HandshakeType, body: Vec<u8>) -> Result<u16, Exhausted> {
        //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-5.2
        //# Implementations MUST NOT allow message_seq to wrap, but instead MUST establish a new association,
        //# terminating the old association.
        // RFC 9147 §5.2 with erratum 8048: message_seq must not wrap.
        let message_seq = u16::try_from(self.next_message_seq).map_err(|_| Exhausted::MessageSequence)?;
        self.next_message_seq = self.next_message_seq.saturating_add(1);
        self.messages.push_back(Message::new(epoch, msg_type, message_seq, body));
        Ok(message_seq)
    }

    /// The number that the next message gets; `None` if they are used up.
    pub fn next_message_seq(&self) -> Option<u16> {
        u16::try_from(self.next_message_seq).ok()
    }

    /// Whether nothing is unacknowledged.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Whether something is to be sent now.
    pub fn has_unsent(&self) -> bool {
        self.messages.iter().any(|message| !message.unsent.is_empty())
    }

    /// Whether something of `epoch` is unacknowledged: its keys are still needed.
    pub fn needs_epoch(&self, epoch: u16) -> bool {
        self.messages.iter().any(|message| message.epoch == epoch)
    }

    /// The type and number of each message that is not yet acknowledged as a whole, ascending.
    pub fn unacknowledged(&self) -> impl Iterator<Item = (HandshakeType, u16)> + '_ {
        self.messages.iter().map(|message| (message.msg_type, message.message_seq))
    }

    /// How many bytes of messages are held.
    pub fn buffered(&self) -> usize {
        self.messages.iter().map(|message| message.body.len()).sum()
    }

    /// Appends as many records with unsent fragments to `datagram` as fit, so that it has at most `limit` bytes; true
    /// if there was at least one. Messages of one epoch share a record.
    ///
    /// `sent` is told of each record.
    pub fn pack(
        &mut self,
        records: &mut RecordLayer,
        datagram: &mut Vec<u8>,
        limit: usize,
        sent: &mut Sent<'_>,
    ) -> Result<bool, SealError> {
        let mut packed = false;
        while let Some(epoch) = self.messages.iter().find(|message| !message.unsent.is_empty()).map(|m| m.epoch) {
            let number = records.next_number(epoch)?;
            let start = datagram.len();
            //= https://www.rfc-editor.org/rfc/rfc9147#section-4.3
            //# Each DTLS record MUST fit within a single datagram.
            let room = records.max_plaintext(epoch, limit.saturating_sub(start));
            //= https://www.rfc-editor.org/rfc/rfc9147#section-5.5
            //# Each handshake message fragment that is placed into a record MUST be delivered in a single UDP
            //# datagram.
            let plan = self.plan(epoch, room);
            if plan.is_empty() {
                break;
            }
            let content_len = plan.iter().map(Carried::len).sum();
            let room = limit.saturating_sub(start);
            let wire_len = records.padded_len(epoch, content_len, room).ok_or(SealError::NoKeys)?;
            records.seal_within(epoch, ContentType::HANDSHAKE, datagram, limit, |datagram| {
                let content_start = datagram.len();
                for carried in &plan {
                    self.write(carried, datagram);
                }
                let content = datagram.get(content_start..).unwrap_or_default();
                sent(number, ContentType::HANDSHAKE, content, start..start.saturating_add(wire_len));
            })?;
            self.remember(number, plan);
            packed = true;
        }
        Ok(packed)
    }

    /// Takes the numbers of an ACK. Numbers that are not known, or are known to be acknowledged, change nothing.
    pub fn acknowledge(&mut self, numbers: &[RecordNumber]) -> Acknowledged {
        let mut anything_new = false;
        //= https://www.rfc-editor.org/rfc/rfc9147#section-7.2
        //# Implementations MUST treat a record as having been acknowledged if it appears in any ACK; this prevents
        //# spurious retransmission in cases where a flight is very large and the receiver is forced to elide
        //# acknowledgements for records which have already been ACKed.
        for number in numbers {
            let Some(place) = self.sent.iter().position(|sent| sent.number == *number) else { continue };
            let Some(sent) = self.sent.remove(place) else { continue };
            self.overtaken_below = self.overtaken_below.max(sent.order);
            for carried in sent.carried {
                let Some(message) = self.messages.iter_mut().find(|m| m.message_seq == carried.message_seq) else {
                    continue;
                };
                message.unsent.remove(carried.units.clone());
                anything_new |= message.acknowledged.insert(carried.units);
            }
        }
        let mut finished = Vec::new();
        if anything_new {
            self.messages.retain(|message| {
                let is_finished = message.is_acknowledged();
                if is_finished {
                    finished.push((message.msg_type, message.message_seq));
                }
                !is_finished
            });
            self.release_if_empty();
        }
        Acknowledged { anything_new, finished }
    }

    /// Whether a record of this number carried fragments that are still remembered.
    pub fn was_sent(&self, number: RecordNumber) -> bool {
        self.sent.iter().any(|sent| sent.number == number)
    }

    /// Everything is acknowledged.
    ///
    //= https://www.rfc-editor.org/rfc/rfc9147#section-7.2
    //# As noted above, the receipt of any record responding to a given flight MUST be taken as an implicit
    //# acknowledgement for the entire flight to which it is responding.
    pub fn acknowledge_all(&mut self) {
        self.messages.clear();
        self.release_if_empty();
    }

    /// The message with this number is acknowledged.
    pub fn acknowledge_message(&mut self, message_seq: u16) {
        self.messages.retain(|message| message.message_seq != message_seq);
        self.release_if_empty();
    }

    /// Every message before `message_seq` is acknowledged.
    pub fn acknowledge_before(&mut self, message_seq: Option<u16>) {
        self.messages.retain(|message| message_seq.is_none_or(|first| message.message_seq >= first));
        self.release_if_empty();
    }

    /// Every message of `epoch` or below is acknowledged.
    pub fn acknowledge_through(&mut self, epoch: u16) {
        self.messages.retain(|message| message.epoch > epoch);
        self.release_if_empty();
    }

    /// What was sent before some record that is acknowledged, and is not acknowledged itself, is to be sent again: it was
    /// overtaken, while what was sent after that record may still be under way (as QUIC does, RFC 9002 §6.1). Each
    /// record is judged once, so that further ACKs do not send it yet again.
    pub fn resend_overtaken(&mut self) {
        // In order of sending, which is not that of their numbers: a hello that is sent again has a lower epoch than
        // what was sent before it.
        let overtaken = self.sent.iter_mut().filter(|sent| sent.order < self.overtaken_below && !sent.is_lost);
        for sent in overtaken {
            sent.is_lost = true;
            for carried in &sent.carried {
                if let Some(message) = self.messages.iter_mut().find(|m| m.message_seq == carried.message_seq) {
                    message.unsent.insert(carried.units.clone());
                    message.acknowledged.iter().for_each(|range| message.unsent.remove(range));
                }
            }
        }
    }

    /// Whatever is unacknowledged is to be sent again.
    pub fn resend(&mut self) {
        for message in &mut self.messages {
            message.unsent = message.unacknowledged();
        }
        for sent in &mut self.sent {
            sent.is_lost = true;
        }
    }

    /// Chooses what a record of at most `room` bytes of content carries: unsent ranges of messages of `epoch`, in
    /// order. A datagram is filled to its last byte: the fewer there are of a flight, the fewer are lost.
    fn plan(&self, epoch: u16, room: usize) -> Vec<Carried> {
        let mut plan = Vec::new();
        let mut room = room;
        let unsent = self.messages.iter().skip_while(|message| message.unsent.is_empty());
        for message in unsent.take_while(|message| message.epoch == epoch) {
            for units in message.unsent.iter() {
                let Some(body_room) = room.checked_sub(FRAGMENT_HEADER_LEN) else { return plan };
                let bytes = message.bytes_of(&units);
                let fits = bytes.len() <= body_room;
                if !fits && body_room == 0 {
                    return plan;
                }
                //= https://www.rfc-editor.org/rfc/rfc9147#section-5.5
                //# The ranges MUST NOT overlap.
                let units = if fits { units } else { units.start..units.start.saturating_add(body_room) };
                let carried = Carried { message_seq: message.message_seq, bytes: message.bytes_of(&units), units };
                room = room.saturating_sub(carried.len());
                plan.push(carried);
                if !fits {
                    return plan;
                }
            }
        }
        plan
    }

    /// Appends one fragment.
    fn write(&self, carried: &Carried, out: &mut Vec<u8>) {
        let Some(message) = self.messages.iter().find(|message| message.message_seq == carried.message_seq) else {
            return;
        };
        let header = FragmentHeader {
            msg_type: message.msg_type,
            length: uint24(message.body.len()),
            message_seq: message.message_seq,
            fragment_offset: uint24(carried.bytes.start),
            fragment_length: uint24(carried.bytes.len()),
        };
        header.encode(out);
        out.extend_from_slice(message.body.get(carried.bytes.clone()).unwrap_or_default());
    }

    fn remember(&mut self, number: RecordNumber, carried: Vec<Carried>) {
        for carried in &carried {
            if let Some(message) = self.messages.iter_mut().find(|m| m.message_seq == carried.message_seq) {
                message.unsent.remove(carried.units.clone());
            }
        }
        self.sent.push_back(SentRecord { number, order: self.next_order, carried, is_lost: false });
        self.next_order = self.next_order.saturating_add(1);
        while self.sent.len() > self.max_sent {
            self.sent.pop_front();
        }
    }

    /// An idle connection holds no memory for messages.
    fn release_if_empty(&mut self) {
        if self.messages.is_empty() {
            self.messages = VecDeque::new();
            self.sent = VecDeque::new();
        }
    }
}

/// One message, and what became of its bytes.
///
/// Sets of bytes are kept in *units*: the bytes of the body, or a single unit for a message without body, which would
/// otherwise be acknowledged before it is sent.
#[derive(Debug)]
struct Message {
    //= https://www.rfc-editor.org/rfc/rfc9147#section-4.2.1
    //# Implementations MUST send retransmissions of lost messages using the same epoch and keying material as the
    //# original transmission.
    epoch: u16,
    msg_type: HandshakeType,
    message_seq: u16,
    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.5
    //# Senders MUST NOT change handshake message bytes upon retransmission.
    body: Vec<u8>,
    /// What is to be sent (again).
    unsent: RangeSet,
    acknowledged: RangeSet,
}

impl Message {
    fn new(epoch: u16, msg_type: HandshakeType, message_seq: u16, body: Vec<u8>) -> Self {
        let unsent = RangeSet::from_range(0..body.len().max(1));
        Self { epoch, msg_type, message_seq, body, unsent, acknowledged: RangeSet::new() }
    }

    fn units(&self) -> Range<usize> {
        0..self.body.len().max(1)
    }

    /// The bytes of the body that `units` stand for.
    fn bytes_of(&self, units: &Range<usize>) -> Range<usize> {
        units.start.min(self.body.len())..units.end.min(self.body.len())
    }

    fn is_acknowledged(&self) -> bool {
        self.acknowledged.first() == Some(self.units())
    }

    fn unacknowledged(&self) -> RangeSet {
        let mut rest = RangeSet::from_range(self.units());
        for acknowledged in self.acknowledged.iter() {
            rest.remove(acknowledged);
        }
        rest
    }
}

/// A record that carried fragments.
#[derive(Debug)]
struct SentRecord {
    number: RecordNumber,
    /// How many such records were sent before it.
    order: u64,
    carried: Vec<Carried>,
    /// Its content was judged lost, and queued to be sent again.
    is_lost: bool,
}

/// A fragment that is to be, or was, in a record.
#[derive(Debug)]
struct Carried {
    message_seq: u16,
    units: Range<usize>,
    bytes: Range<usize>,
}

impl Carried {
    /// Its length in the record, header included.
    fn len(&self) -> usize {
        FRAGMENT_HEADER_LEN.saturating_add(self.bytes.len())
    }
}

/// A length or offset of a fragment. No message of ours comes near 2^24 bytes: the longest is a Certificate, whose
/// vectors of that bound the codec keeps; and a saturated length is one that the peer refuses.
fn uint24(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX).min(0xff_ffff)
}
