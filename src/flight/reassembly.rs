//! Handshake messages out of fragments (RFC 9147 §5.5).
//!
//! What is held is in proportion to what was received, never to what a header promises.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::config::Limits;
use crate::error::PeerMisbehaved;
use crate::wire::fragment::FragmentHeader;
use crate::wire::registry::HandshakeType;

use super::ReceivedMessage;

/// Puts messages together and hands them out in order.
#[derive(Debug)]
pub struct Reassembly {
    /// The number of the message that is handed out next (`next_receive_seq` of RFC 9147 §5.2); 2^16 after the last.
    next: u32,
    /// What was received of that message.
    front: Option<Incoming>,
    /// What was received of those behind it; at most `limits.messages_ahead`, and no memory if there is none.
    ahead: VecDeque<Option<Incoming>>,
}

/// What became of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// Something of it was not known, and is held now.
    New,
    /// All of it was known: its message was handed out already, or its bytes are held.
    Duplicate,
    /// It was not taken, for it is too far ahead or there is no room. It must not be acknowledged.
    Dropped,
}

impl Reassembly {
    /// Begins with message `next_message_seq`.
    pub fn new(next_message_seq: u16) -> Self {
        Self { next: next_message_seq.into(), front: None, ahead: VecDeque::new() }
    }

    /// Takes a fragment: its header and the `fragment_length` bytes that follow it, received in a record of `epoch`.
    ///
    /// Fragments may come in any order, repeatedly, and cut in different places each time. An error is the peer's
    /// fault and ends the connection.
    pub fn insert(
        &mut self,
        header: &FragmentHeader,
        body: &[u8],
        epoch: u16,
        limits: &Limits,
    ) -> Result<Inserted, PeerMisbehaved> {
        let fragment = Fragment::check(header, body, epoch)?;
        let Some(ahead) = u32::from(header.message_seq).checked_sub(self.next) else {
            //= https://www.rfc-editor.org/rfc/rfc9147#section-5.2
            //# If the sequence number is less than next_receive_seq, the message MUST be discarded.
            return Ok(Inserted::Duplicate);
        };
        if ahead > u32::from(limits.messages_ahead) {
            return Ok(Inserted::Dropped);
        }
        if fragment.message_len > limits.handshake_message {
            return Err(PeerMisbehaved::MessageTooLong);
        }
        let Ok(place) = usize::try_from(ahead) else { return Ok(Inserted::Dropped) };

        //= https://www.rfc-editor.org/rfc/rfc9147#section-5.5
        //# When a DTLS implementation receives a handshake message fragment corresponding to the next expected
        //# handshake message sequence number, it MUST process it, either by buffering it until it has the entire
        //# handshake message or by processing any in-order portions of the message.
        let (slot, room) = match place.checked_sub(1) {
            None => (&mut self.front, limits.handshake_message),
            Some(place) => {
                let room = room_ahead(&self.ahead, limits);
                if self.ahead.len() <= place {
                    self.ahead.resize_with(place.saturating_add(1), || None);
                }
                match self.ahead.get_mut(place) {
                    Some(slot) => (slot, room),
                    None => return Ok(Inserted::Dropped),
                }
            }
        };
        match slot {
            Some(incoming) => incoming.add(&fragment, room, limits.fragments),
            None if fragment.is_pointless() => Ok(Inserted::Duplicate),
            None if fragment.bytes.len() > room => Ok(Inserted::Dropped),
            None => {
                *slot = Some(Incoming::begin(&fragment));
                Ok(Inserted::New)
            }
        }
    }

    /// The next message, if all of it was received.
    pub fn pop(&mut self) -> Option<ReceivedMessage> {
        let message_seq = u16::try_from(self.next).ok()?;
        let body = self.front.as_mut()?.whole.take()?;
        let incoming = self.front.take()?;
        self.front = self.ahead.pop_front().flatten();
        if self.ahead.iter().all(Option::is_none) {
            self.ahead = VecDeque::new();
        }
        self.next = self.next.saturating_add(1);
        Some(ReceivedMessage { msg_type: incoming.msg_type, message_seq, epoch: incoming.epoch, body })
    }

    /// The number of the message that is handed out next; 2^16 - 1 also after the last.
    pub fn next_message_seq(&self) -> u16 {
        u16::try_from(self.next).unwrap_or(u16::MAX)
    }

    /// Whether nothing is held, neither parts of messages nor whole ones.
    pub fn is_empty(&self) -> bool {
        self.held().next().is_none()
    }

    /// Whether some message is held in part.
    pub fn has_partial(&self) -> bool {
        self.held().any(|incoming| incoming.whole.is_none())
    }

    /// Whether something is held that lies behind a gap: a sign of loss or reordering (RFC 9147 §7.1).
    pub fn has_gap(&self) -> bool {
        let front_has_gap = self.front.as_ref().is_some_and(Incoming::has_gap);
        let front_is_whole = self.front.as_ref().is_some_and(|incoming| incoming.whole.is_some());
        front_has_gap || !front_is_whole && self.ahead.iter().any(Option::is_some)
    }

    /// How many bytes of messages are held.
    pub fn buffered(&self) -> usize {
        self.held().map(Incoming::len).sum()
    }

    fn held(&self) -> impl Iterator<Item = &Incoming> {
        self.front.iter().chain(self.ahead.iter().flatten())
    }
}

/// How many bytes may still be held of messages behind the next one, of which `ahead` are held.
///
/// The longest possible next message always has room: otherwise those behind it, which were acknowledged and will not
/// be sent again, could shut it out for ever.
fn room_ahead(ahead: &VecDeque<Option<Incoming>>, limits: &Limits) -> usize {
    let held: usize = ahead.iter().flatten().map(Incoming::len).sum();
    limits.reassembly.saturating_sub(limits.handshake_message).saturating_sub(held)
}

/// A fragment whose header does not contradict itself.
struct Fragment<'a> {
    msg_type: HandshakeType,
    epoch: u16,
    message_len: usize,
    start: usize,
    bytes: &'a [u8],
}

impl<'a> Fragment<'a> {
    fn check(header: &FragmentHeader, bytes: &'a [u8], epoch: u16) -> Result<Self, PeerMisbehaved> {
        let len = |value: u32| usize::try_from(value).map_err(|_| PeerMisbehaved::FragmentMismatch);
        let message_len = len(header.length)?;
        let start = len(header.fragment_offset)?;
        let end = start.checked_add(bytes.len()).ok_or(PeerMisbehaved::FragmentMismatch)?;
        if len(header.fragment_length)? != bytes.len() || end > message_len {
            return Err(PeerMisbehaved::FragmentMismatch);
        }
        Ok(Self { msg_type: header.msg_type, epoch, message_len, start, bytes })
    }

    fn end(&self) -> usize {
        self.start.saturating_add(self.bytes.len())
    }

    /// Whether it brings nothing, for it has no bytes though its message has.
    fn is_pointless(&self) -> bool {
        self.bytes.is_empty() && self.message_len > 0
    }
}

/// What was received of one message.
#[derive(Debug)]
struct Incoming {
    msg_type: HandshakeType,
    epoch: u16,
    message_len: usize,
    /// The message, once nothing is missing.
    whole: Option<Vec<u8>>,
    /// Until then: its pieces, ascending; they neither overlap nor touch.
    pieces: Vec<Piece>,
}

/// Consecutive bytes of a message.
#[derive(Debug)]
struct Piece {
    start: usize,
    bytes: Vec<u8>,
}

impl Piece {
    fn end(&self) -> usize {
        self.start.saturating_add(self.bytes.len())
    }
}

impl Incoming {
    /// Begins a message with its first fragment. One that is the whole message is stored with a single allocation.
    fn begin(fragment: &Fragment<'_>) -> Self {
        let bytes = fragment.bytes.to_vec();
        let (whole, pieces) = if bytes.len() == fragment.message_len {
            (Some(bytes), Vec::new())
        } else {
            (None, vec![Piece { start: fragment.start, bytes }])
        };
        Self { msg_type: fragment.msg_type, epoch: fragment.epoch, message_len: fragment.message_len, whole, pieces }
    }

    /// How many bytes are held.
    fn len(&self) -> usize {
        self.held().map(|(_, bytes)| bytes.len()).sum()
    }

    fn has_gap(&self) -> bool {
        self.pieces.len() > 1 || self.pieces.first().is_some_and(|piece| piece.start > 0)
    }

    /// All bytes that are held, with their offsets.
    fn held(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let whole = self.whole.iter().map(|whole| (0, whole.as_slice()));
        whole.chain(self.pieces.iter().map(|piece| (piece.start, piece.bytes.as_slice())))
    }

    /// Takes a further fragment, if it brings at most `room` bytes and leaves at most `max_pieces` pieces.
    fn add(&mut self, fragment: &Fragment<'_>, room: usize, max_pieces: usize) -> Result<Inserted, PeerMisbehaved> {
        if (fragment.msg_type, fragment.message_len) != (self.msg_type, self.message_len) {
            return Err(PeerMisbehaved::FragmentMismatch);
        }
        if fragment.epoch != self.epoch {
            return Err(PeerMisbehaved::MessageAcrossKeyChange);
        }
        let known = self.count_known(fragment)?;
        let fresh = fragment.bytes.len().saturating_sub(known);
        if fresh == 0 {
            return Ok(Inserted::Duplicate);
        }
        let touches = |piece: &Piece| piece.start <= fragment.end() && fragment.start <= piece.end();
        if fresh > room || self.pieces.len() >= max_pieces && !self.pieces.iter().any(touches) {
            return Ok(Inserted::Dropped);
        }
        self.merge(fragment);
        if let [piece] = self.pieces.as_mut_slice()
            && piece.bytes.len() == self.message_len
        {
            self.whole = Some(core::mem::take(&mut piece.bytes));
            self.pieces = Vec::new();
        }
        Ok(Inserted::New)
    }

    /// How many bytes of `fragment` are held already. An error if they are not the same.
    fn count_known(&self, fragment: &Fragment<'_>) -> Result<usize, PeerMisbehaved> {
        let mut known = 0usize;
        for (offset, bytes) in self.held() {
            let start = offset.max(fragment.start);
            let end = offset.saturating_add(bytes.len()).min(fragment.end());
            let Some(overlap) = end.checked_sub(start) else { continue };
            let held = bytes.get(start.saturating_sub(offset)..end.saturating_sub(offset));
            let received = fragment.bytes.get(start.saturating_sub(fragment.start)..end.saturating_sub(fragment.start));
            if held != received {
                //= https://www.rfc-editor.org/rfc/rfc9147#section-5.5
                //# Receivers MAY check that retransmitted bytes are identical and SHOULD abort the handshake with an
                //# "illegal_parameter" alert if the value of a byte changes.
                return Err(PeerMisbehaved::FragmentMismatch);
            }
            known = known.saturating_add(overlap);
        }
        Ok(known)
    }

    /// Joins `fragment` with the pieces that it touches or overlaps.
    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.5
    //# DTLS implementations MUST be able to handle overlapping fragment ranges.
    fn merge(&mut self, fragment: &Fragment<'_>) {
        let place = self.pieces.partition_point(|piece| piece.end() < fragment.start);
        let mut merged = match self.pieces.get(place) {
            Some(piece) if piece.start <= fragment.start => self.pieces.remove(place),
            _ => Piece { start: fragment.start, bytes: Vec::new() },
        };
        loop {
            // What the fragment has between the end of what is merged and the next piece.
            let gap_end = self.pieces.get(place).map_or(fragment.end(), |next| next.start.min(fragment.end()));
            let from = merged.end().saturating_sub(fragment.start);
            let until = gap_end.saturating_sub(fragment.start);
            merged.bytes.extend_from_slice(fragment.bytes.get(from..until).unwrap_or_default());
            match self.pieces.get(place) {
                Some(next) if next.start == merged.end() => {
                    let next = self.pieces.remove(place);
                    merged.bytes.extend_from_slice(&next.bytes);
                }
                _ => break,
            }
        }
        self.pieces.insert(place, merged);
    }
}
