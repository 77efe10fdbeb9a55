//! From the bits on the wire to the full sequence number (RFC 9147 §4.2.2).

/// The highest sequence number of a record (RFC 9147 §4): a plaintext header has 48 bits for it, and protected records
/// keep to the same bound, which no key lives to see.
pub const MAX_SEQUENCE_NUMBER: u64 = (1 << 48) - 1;

/// The full sequence number whose low `bits` bits are `low` and which is closest to `expected`, one plus the highest
/// sequence number that was deprotected. Of two that are equally close it is the higher.
///
/// `bits` is 8 or 16, and `low` is less than 2^`bits`.
pub fn reconstruct(low: u64, bits: u32, expected: u64) -> u64 {
    let span = 1u64 << bits;
    let ahead = low.wrapping_sub(expected) & (span - 1);
    let candidate = expected.saturating_add(ahead);
    if ahead > span / 2 || candidate > MAX_SEQUENCE_NUMBER {
        // None lies before the first `span` numbers; then the one ahead is the only one.
        candidate.checked_sub(span).unwrap_or(candidate)
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tries every number around `expected`.
    fn closest(low: u64, bits: u32, expected: u64) -> u64 {
        let span = 1u64 << bits;
        (expected.saturating_sub(span)..=expected + span)
            .filter(|number| number & (span - 1) == low)
            .min_by_key(|number| (number.abs_diff(expected), u64::MAX - number))
            .unwrap()
    }

    #[test]
    fn it_is_the_closest_number() {
        for expected in (0..260).step_by(7).chain(65_500..65_540).chain((1 << 40)..(1 << 40) + 5) {
            for low in 0..256 {
                assert_eq!(reconstruct(low, 8, expected), closest(low, 8, expected), "{low} at {expected}");
            }
        }
        for expected in [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x1_0000, 0x1_8000, 0x7fff_ffff] {
            for low in [0, 1, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff] {
                assert_eq!(reconstruct(low, 16, expected), closest(low, 16, expected), "{low} at {expected}");
            }
        }
    }

    #[test]
    fn it_never_passes_the_highest_number() {
        assert_eq!(reconstruct(3, 16, MAX_SEQUENCE_NUMBER), MAX_SEQUENCE_NUMBER - 0xfffc);
        assert_eq!(reconstruct(0xffff, 16, MAX_SEQUENCE_NUMBER + 1), MAX_SEQUENCE_NUMBER);
    }
}
