//! Which bytes of a message: a set of positions, held as ranges.

use core::ops::Range;

/// A set of positions as ascending ranges that neither overlap nor touch.
///
/// Its size is that of its gaps: one range while bytes are sent and acknowledged in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeSet {
    ranges: Vec<Range<usize>>,
}

impl RangeSet {
    /// The set of no position.
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// The set of all positions of `range`.
    pub fn from_range(range: Range<usize>) -> Self {
        let mut set = Self::new();
        set.insert(range);
        set
    }

    /// Whether no position is in the set.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The lowest range.
    pub fn first(&self) -> Option<Range<usize>> {
        self.ranges.first().cloned()
    }

    /// The ranges, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.ranges.iter().cloned()
    }

    /// Adds all positions of `range`; false if all were there already.
    pub fn insert(&mut self, range: Range<usize>) -> bool {
        if range.is_empty() {
            return false;
        }
        // Those that touch or overlap `range`.
        let from = self.ranges.partition_point(|other| other.end < range.start);
        let until = self.ranges.partition_point(|other| other.start <= range.end);
        let touched = self.ranges.get(from..until).unwrap_or_default();
        if touched.iter().any(|other| other.start <= range.start && range.end <= other.end) {
            return false;
        }
        let start = touched.first().map_or(range.start, |first| first.start.min(range.start));
        let end = touched.last().map_or(range.end, |last| last.end.max(range.end));
        self.ranges.splice(from..until, core::iter::once(start..end));
        true
    }

    /// Takes all positions of `range` out of the set.
    pub fn remove(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let from = self.ranges.partition_point(|other| other.end <= range.start);
        let until = self.ranges.partition_point(|other| other.start < range.end);
        if from >= until {
            return;
        }
        let overlapped = self.ranges.get(from..until).unwrap_or_default();
        let left = overlapped.first().map(|first| first.start..range.start).filter(|left| !left.is_empty());
        let right = overlapped.last().map(|last| range.end..last.end).filter(|right| !right.is_empty());
        self.ranges.splice(from..until, left.into_iter().chain(right));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_equals_a_set_of_positions() {
        let mut random = 7u64;
        let mut next_random = |bound: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(random >> 33).unwrap() % bound
        };
        for _ in 0..300 {
            let mut set = RangeSet::new();
            let mut model = BTreeSet::new();
            for _ in 0..60 {
                let start = next_random(50);
                let range = start..start + next_random(12);
                if next_random(3) > 0 {
                    let grew = !range.clone().all(|position| model.contains(&position));
                    model.extend(range.clone());
                    assert_eq!(set.insert(range), grew);
                } else {
                    model.retain(|position| !range.contains(position));
                    set.remove(range);
                }
                assert_eq!(set.iter().flatten().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
                assert!(set.ranges.windows(2).all(|pair| pair[0].end < pair[1].start), "{set:?}");
                assert!(set.ranges.iter().all(|range| !range.is_empty()));
            }
        }
    }
}
