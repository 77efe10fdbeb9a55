//! The records that the next ACK lists (RFC 9147 §7).

use crate::config::Limits;
use crate::wire::record::RecordNumber;

/// Numbers of records with handshake fragments that were processed or buffered, and are to be acknowledged.
#[derive(Clone, Debug, Default)]
pub struct ToAcknowledge {
    /// Ascending, each once.
    numbers: Vec<RecordNumber>,
}

impl ToAcknowledge {
    /// No record.
    pub const fn new() -> Self {
        Self { numbers: Vec::new() }
    }

    /// Adds a record. If there are more than `limits.ack_records`, those with the lowest numbers are forgotten: an ACK
    /// need not list all, and what is not acknowledged is sent again.
    pub fn add(&mut self, number: RecordNumber, limits: &Limits) {
        let Err(place) = self.numbers.binary_search(&number) else { return };
        self.numbers.insert(place, number);
        let surplus = self.numbers.len().saturating_sub(limits.ack_records);
        self.numbers.drain(..surplus);
    }

    /// Forgets all records: the ACK was sent, or the next flight acknowledges them.
    pub fn clear(&mut self) {
        self.numbers.clear();
    }

    /// Forgets all records, and the memory they needed.
    pub fn release(&mut self) {
        self.numbers = Vec::new();
    }

    /// Whether there is nothing to acknowledge.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The records, "in numerically increasing order" (RFC 9147 §7).
    pub fn numbers(&self) -> &[RecordNumber] {
        &self.numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(epoch: u64, sequence_number: u64) -> RecordNumber {
        RecordNumber { epoch, sequence_number }
    }

    #[test]
    fn numbers_ascend_and_stand_once() {
        let mut acknowledge = ToAcknowledge::new();
        for (epoch, sequence) in [(2, 1), (0, 5), (2, 0), (2, 1), (0, 5)] {
            acknowledge.add(number(epoch, sequence), &Limits::default());
        }
        assert_eq!(acknowledge.numbers(), [number(0, 5), number(2, 0), number(2, 1)]);
        acknowledge.clear();
        assert!(acknowledge.is_empty());
    }

    #[test]
    fn the_lowest_are_forgotten() {
        let limits = Limits { ack_records: 3, ..Limits::default() };
        let mut acknowledge = ToAcknowledge::new();
        for sequence in [4, 1, 3, 2, 5, 0] {
            acknowledge.add(number(3, sequence), &limits);
        }
        assert_eq!(acknowledge.numbers(), [number(3, 3), number(3, 4), number(3, 5)]);
    }
}
