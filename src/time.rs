//! Time as an input: the core never reads a clock.

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

/// A point in time, in microseconds on the caller's clock.
///
/// The clock must not run backwards. It should be anchored at the Unix epoch, because certificate validity and
/// cookie age are judged by it: `performance.timeOrigin + performance.now()` in JavaScript, or a monotonic clock plus
/// the wall-clock time at which it was started. An instant that lies before one that was handed in earlier is
/// harmless: timers then simply fire later.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The start of the clock.
    pub const ZERO: Self = Self(0);

    /// `micros` microseconds after the start of the clock.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// `millis` milliseconds after the start of the clock, as JavaScript counts time.
    ///
    /// Anything that is not a time (negative, infinite, not a number) is the start of the clock.
    pub fn from_millis_f64(millis: f64) -> Self {
        // A float-to-integer `as` saturates, and maps NaN to zero.
        Self((millis * 1000.0) as u64)
    }

    /// Microseconds since the start of the clock.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Milliseconds since the start of the clock, as JavaScript counts time.
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Whole seconds since the start of the clock: Unix time, if the clock is anchored there.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The time `duration` after this one, or the end of time.
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        self.saturating_add(duration)
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_time_is_the_start_of_the_clock() {
        for odd in [f64::NAN, f64::NEG_INFINITY, -1.0] {
            assert_eq!(Instant::from_millis_f64(odd), Instant::ZERO);
        }
        assert_eq!(Instant::from_millis_f64(f64::INFINITY).as_micros(), u64::MAX);
        assert_eq!(Instant::from_millis_f64(1.5).as_micros(), 1500);
    }

    #[test]
    fn arithmetic_saturates() {
        let late = Instant::from_micros(u64::MAX - 1);
        assert_eq!((late + Duration::from_secs(1)).as_micros(), u64::MAX);
        assert_eq!(Instant::ZERO - late, Duration::ZERO);
    }
}
