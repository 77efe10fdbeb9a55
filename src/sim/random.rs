//! The simulator's own source of chance.

/// A small deterministic generator (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
///
/// Not for cryptography: three outputs are enough to foresee all others.
#[derive(Clone, Debug)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// The sequence of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A sequence that depends on `seed` and on `name`, so that things with different names do not share their luck.
    pub const fn named(seed: u64, name: u64) -> Self {
        let mut of_name = Self::new(name);
        Self::new(seed ^ of_name.next_u64())
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next number in `0.0..1.0`.
    pub fn next_f64(&mut self) -> f64 {
        // 53 bits are what the mantissa of a double holds.
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The next number in `0..bound`, or zero if `bound` is zero. The bias of the remainder does not matter here.
    pub const fn below(&mut self, bound: u64) -> u64 {
        match self.next_u64().checked_rem(bound) {
            Some(number) => number,
            None => 0,
        }
    }
}
