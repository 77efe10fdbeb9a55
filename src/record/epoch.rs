//! The keys of one epoch and direction, with all that is counted under them.

use core::ops::Range;

use crate::crypto::AeadLimits;
use crate::schedule::v13::TrafficKeys;
use crate::wire::record::UnifiedHeader;
use crate::wire::registry::ContentType;

use super::SealError;
use super::number::MAX_SEQUENCE_NUMBER;
use super::protect13::{self, OpenError};
use super::replay::ReplayWindow;
use super::sizes::Shape;

/// The epoch of early data (RFC 9147 §6.1), in which a client sends nothing but application data.
pub const EPOCH_EARLY: u16 = 1;

/// What one epoch of the peer is read with.
pub(super) struct ReadEpoch {
    pub(super) epoch: u16,
    keys: TrafficKeys,
    window: ReplayWindow,
    /// How many records failed to authenticate under these keys.
    forged: u64,
}

/// What became of a record.
pub(super) enum Outcome {
    /// It authenticated and is new; its DTLSInnerPlaintext stands here.
    ///
    /// `is_highest`: no record of a higher number was received in this epoch.
    Opened { sequence_number: u64, inner: Range<usize>, is_highest: bool },
    /// It authenticated, but was received before or is too old to tell.
    Replayed,
    /// It cannot be deprotected for want of ciphertext.
    TooShort,
    /// It did not authenticate. `limit_exceeded`: more failed than the AEAD can bear.
    Forged { limit_exceeded: bool },
}

impl ReadEpoch {
    pub(super) fn new(epoch: u16, keys: TrafficKeys) -> Self {
        //= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.1
        //# The received record counter for an epoch MUST be initialized to zero when that epoch is first used.
        Self { epoch, keys, window: ReplayWindow::default(), forged: 0 }
    }

    /// Deprotects `record` in place and moves the replay window.
    pub(super) fn open(&mut self, header: &UnifiedHeader, record: &mut [u8]) -> Outcome {
        match protect13::open(&self.keys, header, self.window.next(), record) {
            //= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.1
            //# For each received record, the receiver MUST verify that the record contains a sequence number that
            //# does not duplicate the sequence number of any other record received in that epoch during the
            //# lifetime of the association.
            // The check comes after deprotection, so that its time tells nothing of the masked number (RFC 9147 §4.5.1).
            Ok(deprotected) if !self.window.is_new(deprotected.sequence_number) => Outcome::Replayed,
            Ok(deprotected) => {
                //= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.1
                //# The window MUST NOT be updated due to a received record until that record has been deprotected
                //# successfully.
                let is_highest = deprotected.sequence_number >= self.window.next();
                self.window.mark(deprotected.sequence_number);
                Outcome::Opened { sequence_number: deprotected.sequence_number, inner: deprotected.inner, is_highest }
            }
            Err(OpenError::TooShort) => Outcome::TooShort,
            Err(OpenError::Forged) => {
                //= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.3
                //# Implementations MUST count the number of received packets that fail authentication with each key.
                self.forged = self.forged.saturating_add(1);
                Outcome::Forged { limit_exceeded: self.forged > self.keys.suite.aead.limits().integrity }
            }
        }
    }

    /// Whether a record was received in this epoch.
    pub(super) fn is_used(&self) -> bool {
        self.window.next() > 0
    }

    /// How many records failed to authenticate, and the bounds.
    pub(super) fn usage(&self) -> KeyUsage {
        KeyUsage { used: self.forged, limits: self.keys.suite.aead.limits() }
    }
}

/// What one epoch of ours is written with.
pub(super) struct WriteEpoch {
    pub(super) epoch: u16,
    keys: TrafficKeys,
    /// The next sequence number, which is also how many records these keys have protected.
    next: u64,
}

/// How far the use of one key has gone (RFC 9147 §4.5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    /// How many records were protected (writing), or failed to authenticate (reading).
    pub used: u64,
    /// How many may.
    pub limits: AeadLimits,
}

impl WriteEpoch {
    pub(super) fn new(epoch: u16, keys: TrafficKeys) -> Self {
        Self { epoch, keys, next: 0 }
    }

    /// The sequence number of the next record, if these keys may protect another one.
    pub(super) fn next_number(&self) -> Result<u64, SealError> {
        //= https://www.rfc-editor.org/rfc/rfc9147#section-4.2.1
        //# Implementations MUST either abandon an association or rekey prior to allowing the sequence number to wrap.
        if self.next > MAX_SEQUENCE_NUMBER || self.next >= self.keys.suite.aead.limits().confidentiality {
            return Err(SealError::Exhausted);
        }
        Ok(self.next)
    }

    /// One past the highest sequence number that was used.
    pub(super) const fn end(&self) -> u64 {
        self.next
    }

    /// Appends a record to `datagram`, and gives back its sequence number.
    pub(super) fn seal(
        &mut self,
        shape: Shape<'_>,
        content_type: ContentType,
        datagram: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<u64, SealError> {
        let number = self.next_number()?;
        // Counted even if sealing fails: no nonce can then be used twice.
        self.next = number.saturating_add(1);
        protect13::seal(&self.keys, (self.epoch, number), shape, content_type, datagram, write)?;
        Ok(number)
    }

    /// How many bytes a record of `content_len` bytes of content has on the wire, without its connection ID.
    pub(super) fn sealed_len(&self, content_len: usize) -> usize {
        protect13::sealed_len(content_len, self.keys.suite.aead.tag_len())
    }

    pub(super) fn usage(&self) -> KeyUsage {
        KeyUsage { used: self.next, limits: self.keys.suite.aead.limits() }
    }

    /// Goes on with `next`, to test what happens near the end.
    #[cfg(test)]
    pub(super) fn set_next(&mut self, next: u64) {
        self.next = next;
    }
}
