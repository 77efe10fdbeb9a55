//! Which records were received before (RFC 9147 §4.5.1).

/// How many numbers below the highest one the window tells apart: the 256 of BoringSSL. At 100,000 records a second,
/// which is 1 Gbit/s of full datagrams, a record may then be overtaken for 2.5 ms.
pub const WINDOW: u64 = 256;

/// One word more than the window has bits, so that the word that is being filled never holds bits that still count.
const WORDS: usize = 5;

/// The sliding window of one epoch: a ring of bits, one for each number.
///
/// Nothing moves it but [`Self::mark`], which is called when a record has authenticated.
#[derive(Clone, Debug, Default)]
pub struct ReplayWindow {
    /// One past the highest number that was marked; 0 if none was.
    next: u64,
    words: [u64; WORDS],
}

impl ReplayWindow {
    /// One past the highest number that was marked.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Whether a record of this number was not received before, as far as can be told; false for all that lie left of
    /// the window.
    pub fn is_new(&self, number: u64) -> bool {
        if number >= self.next {
            return true;
        }
        // Here `number` < `next`, so the distance is at least 1.
        let distance = self.next - number;
        distance <= WINDOW && self.words.get(word_of(number)).is_some_and(|word| word & bit_of(number) == 0)
    }

    /// Remembers `number`, and moves the window if it is the highest until now.
    pub fn mark(&mut self, number: u64) {
        if number >= self.next {
            let first_fresh = self.next.div_ceil(64);
            let last_fresh = number / 64;
            for block in (first_fresh..=last_fresh).take(WORDS) {
                // When more than the whole ring is passed over, every word is cleared, whichever come first.
                if let Some(word) = self.words.get_mut(word_of(block.wrapping_mul(64))) {
                    *word = 0;
                }
            }
            self.next = number.saturating_add(1);
        }
        if let Some(word) = self.words.get_mut(word_of(number)) {
            *word |= bit_of(number);
        }
    }
}

fn word_of(number: u64) -> usize {
    // The remainder is less than `WORDS`.
    (number / 64 % WORDS as u64) as usize
}

fn bit_of(number: u64) -> u64 {
    1 << (number % 64)
}

/// How many numbers of plaintext records are remembered: more than a peer uses before there are keys, with every one
/// of its flights sent again several times.
const RECENT: usize = 32;

/// The numbers of the plaintext records that were received last.
///
/// Epoch 0 has no window: anyone can send a plaintext record, and one with a high number would move the window past
/// all that the peer is going to send. Remembering exact numbers finds duplicates all the same.
#[derive(Clone, Debug)]
pub struct RecentNumbers {
    /// A ring; a free place holds [`FREE`].
    numbers: [u64; RECENT],
    oldest: usize,
}

/// No record has this number: they have 48 bits.
const FREE: u64 = u64::MAX;

impl RecentNumbers {
    /// Remembers `number` in place of the oldest; false if it was there already.
    pub fn insert(&mut self, number: u64) -> bool {
        if self.numbers.contains(&number) {
            return false;
        }
        if let Some(place) = self.numbers.get_mut(self.oldest) {
            *place = number;
        }
        self.oldest = (self.oldest + 1) % RECENT;
        true
    }
}

impl Default for RecentNumbers {
    fn default() -> Self {
        Self { numbers: [FREE; RECENT], oldest: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    //= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.1
    //# For each received record, the receiver MUST verify that the record contains a sequence number that does not
    //# duplicate the sequence number of any other record received in that epoch during the lifetime of the
    //# association.
    #[test]
    fn it_equals_a_set() {
        let mut random = 1u64;
        let mut next_random = |bound: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % bound
        };
        for round in 0..200 {
            let mut window = ReplayWindow::default();
            let mut seen = BTreeSet::new();
            let mut highest = 0u64;
            let spread = [3, 70, 300, 1000, 100_000][round % 5];
            for _ in 0..2000 {
                let number = (highest + next_random(spread)).saturating_sub(next_random(600));
                let next = seen.last().map_or(0, |last: &u64| last + 1);
                let expected = !seen.contains(&number) && number + WINDOW >= next;
                assert_eq!(window.is_new(number), expected, "{number}, next is {next}");
                assert_eq!(window.next(), next);
                if expected {
                    window.mark(number);
                    seen.insert(number);
                    highest = highest.max(number);
                }
            }
        }
    }

    #[test]
    fn the_edges_of_the_window() {
        let mut window = ReplayWindow::default();
        window.mark(1000);
        assert!(!window.is_new(1000));
        assert!(window.is_new(1001 - WINDOW));
        assert!(!window.is_new(1000 - WINDOW));
        assert!(window.is_new(u64::MAX));
    }

    #[test]
    fn a_high_plaintext_number_does_not_lock_out_the_others() {
        let mut recent = RecentNumbers::default();
        assert!(recent.insert((1 << 48) - 1));
        assert!(recent.insert(0));
        assert!(!recent.insert(0));
        assert!(!recent.insert((1 << 48) - 1));
    }
}
