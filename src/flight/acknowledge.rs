//! The records that the next ACK lists (RFC 9147 §7).

use std::collections::VecDeque;

use crate::config::Limits;
use crate::wire::record::RecordNumber;

/// Numbers of records with handshake fragments that were processed or buffered, and are to be acknowledged.
#[derive(Clone, Debug, Default)]
pub struct ToAcknowledge {
    /// In the order of their arrival, each once.
    numbers: VecDeque<RecordNumber>,
}

impl ToAcknowledge {
    /// No record.
    pub const fn new() -> Self {
        Self { numbers: VecDeque::new() }
    }

    /// Adds a record. If there are more than `limits.ack_records`, those that arrived first are forgotten: an ACK need
    /// not list all, and what is not acknowledged is sent again.
    pub fn add(&mut self, number: RecordNumber, limits: &Limits) {
        if self.numbers.contains(&number) {
            return;
        }
        self.numbers.push_back(number);
        let surplus = self.numbers.len().saturating_sub(limits.ack_records);
        self.numbers.drain(..surplus);
    }

    /// Forgets all records: the ACK was sent, or the next flight acknowledges them.
    pub fn clear(&mut self) {
        self.numbers.clear();
    }

    /// Forgets all records, and the memory they needed.
    pub fn release(&mut self) {
        self.numbers = VecDeque::new();
    }

    /// Whether there is nothing to acknowledge.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Those of the records that may be listed, at most `most`, the last to arrive; "in numerically increasing order"
    /// (RFC 9147 §7).
    pub fn latest(&self, most: usize, may_be_listed: impl Fn(&RecordNumber) -> bool) -> Vec<RecordNumber> {
        let mut numbers: Vec<_> =
            self.numbers.iter().rev().filter(|number| may_be_listed(number)).take(most).copied().collect();
        numbers.sort_unstable();
        numbers
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
        assert_eq!(acknowledge.latest(9, |_| true), [number(0, 5), number(2, 0), number(2, 1)]);
        acknowledge.clear();
        assert!(acknowledge.is_empty());
    }

    #[test]
    fn the_first_to_arrive_are_forgotten() {
        let limits = Limits { ack_records: 3, ..Limits::default() };
        let mut acknowledge = ToAcknowledge::new();
        for sequence in [4, 1, 3, 2, 5, 0] {
            acknowledge.add(number(3, sequence), &limits);
        }
        assert_eq!(acknowledge.latest(9, |_| true), [number(3, 0), number(3, 2), number(3, 5)]);
    }

    #[test]
    fn what_has_no_room_is_what_arrived_first() {
        let mut acknowledge = ToAcknowledge::new();
        for (epoch, sequence) in [(2, 7), (3, 0), (2, 8), (2, 6)] {
            acknowledge.add(number(epoch, sequence), &Limits::default());
        }
        assert_eq!(acknowledge.latest(2, |number| number.epoch == 2), [number(2, 6), number(2, 8)]);
    }
}
