//! Records: from the bytes of a datagram to content and back, in place (RFC 9147 §4).
//!
//! Nothing here allocates for a record, and nothing here knows what the content means.

pub mod connection_id;
pub mod epoch;
pub mod number;
pub mod open;
pub mod protect13;
pub mod replay;
pub mod seal;
pub mod sizes;
#[cfg(test)]
mod tests;

use core::fmt;

use crate::schedule::v13::TrafficKeys;

use connection_id::ConnectionIds;
pub use epoch::KeyUsage;
use epoch::{EPOCH_EARLY, ReadEpoch, WriteEpoch};
pub use open::{Discarded, Opened};
use replay::RecentNumbers;
pub use seal::SealError;
use sizes::Sizes;

/// The keys of both directions and what is counted under them: records in, records out.
///
/// Epoch 0, which is not protected, is there from the beginning; the others come with
/// [`Self::install_read`] and [`Self::install_write`].
pub struct RecordLayer {
    /// The numbers received in epoch 0; `None` once plaintext records are not read any more.
    plaintext_read: Option<Box<RecentNumbers>>,
    /// The next sequence number of epoch 0; `None` once plaintext records are not written any more.
    plaintext_next: Option<u64>,
    /// Whether our plaintext records say that they are of DTLS 1.0, until one of the peer's was read.
    compatible_hello: bool,
    /// Ascending by epoch. Three at most are in use: the handshake's, the current one, and the one before or after it.
    read: Vec<ReadEpoch>,
    /// Ascending by epoch.
    write: Vec<WriteEpoch>,
    /// What protected records carry in their headers.
    connection_ids: ConnectionIds,
    sizes: Sizes,
}

impl RecordLayer {
    /// Reads and writes epoch 0 only, which begins with sequence number 0.
    pub fn new() -> Self {
        Self {
            plaintext_read: Some(Box::default()),
            plaintext_next: Some(0),
            compatible_hello: false,
            read: Vec::new(),
            write: Vec::new(),
            connection_ids: ConnectionIds::default(),
            sizes: Sizes::new(),
        }
    }

    /// Continues the numbering of our plaintext records at `next_sequence`, where a stateless reply has left off.
    pub fn skip_plaintext(&mut self, next_sequence: u64) {
        if let Some(next) = &mut self.plaintext_next {
            *next = next_sequence.max(*next);
        }
    }

    /// Whether our plaintext records say that they are of DTLS 1.0, until one of the peer's was read.
    pub fn set_compatible_hello(&mut self, compatible: bool) {
        self.compatible_hello = compatible;
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

    /// The lowest epoch, but for plaintext, that can be read.
    pub fn oldest_read_epoch(&self) -> Option<u16> {
        self.read.first().map(|read| read.epoch)
    }

    /// The highest epoch that can be written, but for that of early data, in which there are no ACKs, and no alerts that
    /// a server could read which does not take early data.
    //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-7
    //# The exception is that implementations MUST NOT send ACK records in epoch 1 (early data). If the highest
    //# current sending epoch is epoch 1 (early data),
    //# implementations MUST use epoch 0 (unencrypted) to send ACK records.
    pub fn write_epoch(&self) -> u16 {
        self.write.last().map(|write| write.epoch).filter(|epoch| *epoch != EPOCH_EARLY).unwrap_or(0)
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
