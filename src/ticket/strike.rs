//! Early data is taken once only (RFC 9846 §8).

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;

use super::lock;
use crate::crypto::resumption::ResumptionState;
use crate::time::Instant;

/// Remembers the ClientHellos whose early data was taken. Servers that accept the same tickets must ask the same register,
/// or each of them takes the same early data once.
pub trait StrikeRegister: Send + Sync + fmt::Debug {
    /// Whether the early data of `hello` may be taken; `Ok` only for the first of equal hellos.
    ///
    /// # Errors
    /// Whenever it is not certain that it is the first: the handshake then goes on without the early data.
    fn admit(&self, hello: &EarlyHello<'_>, now: Instant) -> Result<(), EarlyDataRefusal>;
}

/// A ClientHello with early data, whose binder was verified.
#[derive(Clone, Copy, Debug)]
pub struct EarlyHello<'a> {
    /// The binder that was verified. It covers the whole ClientHello but the binders, and cannot be made without the
    /// ticket's secret, so that a copy has the same, and no other hello has (RFC 9846 §8.2).
    pub binder: &'a [u8],
    /// When its ticket was issued.
    pub ticket_issued: Instant,
    /// When the client sent it, by its own account.
    pub sent: Instant,
}

impl<'a> EarlyHello<'a> {
    /// A hello with this `binder` for a ticket of this `state`, whose age it gives as `obfuscated_age` (RFC 9846
    /// §4.3.11.1).
    pub fn new(binder: &'a [u8], state: &ResumptionState, obfuscated_age: u32) -> Self {
        let age = Duration::from_millis(obfuscated_age.wrapping_sub(state.age_add).into());
        Self { binder, ticket_issued: state.issued_at, sent: state.issued_at + age }
    }
}

/// Why early data was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EarlyDataRefusal {
    /// The server takes none, or the ticket allows none.
    Disabled,
    /// The ticket was not the first PSK that was offered, or was not accepted.
    NotFirstPsk,
    /// A HelloRetryRequest was sent, for a cookie or a key share.
    Retried,
    /// Suite, application protocol or server name differ from those of the ticket's connection.
    OtherParameters,
    /// The hello was sent too long ago, or in the future.
    NotFresh,
    /// It was seen before.
    Repeated,
    /// The register remembers as many as it can.
    RegisterFull,
    /// The hello could have been seen before the register was started.
    RegisterStarted,
}

impl EarlyDataRefusal {
    /// A name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::NotFirstPsk => "not_first_psk",
            Self::Retried => "retried",
            Self::OtherParameters => "other_parameters",
            Self::NotFresh => "not_fresh",
            Self::Repeated => "repeated",
            Self::RegisterFull => "register_full",
            Self::RegisterStarted => "register_started",
        }
    }
}

/// A register within this process: a bounded set of binders, remembered for as long as a copy of their hello could still
/// count as fresh.
///
/// It fails closed. When it is full no early data is taken until it has room again. A hello that may have been sent
/// before it was started (a restart forgets all binders) is refused, unless its ticket is younger than the register.
pub struct LocalStrikeRegister {
    window: Duration,
    capacity: usize,
    started: Instant,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    binders: BTreeSet<Vec<u8>>,
    /// What was seen, and when it can be forgotten, in that order.
    by_expiry: VecDeque<(Instant, Vec<u8>)>,
}

impl LocalStrikeRegister {
    /// How far the time of sending may be from that of arrival, by default: ten seconds, which RFC 9846 §8.3 gives for
    /// the differences between clocks and between round-trip times on the Internet.
    pub const DEFAULT_WINDOW: Duration = Duration::from_secs(10);

    /// How many hellos are remembered by default: 65,536, which is 3,276 a second with the default window, at some 200
    /// bytes each 13 MB in all.
    pub const DEFAULT_CAPACITY: usize = 65_536;

    /// A register that starts at `now`.
    pub fn new(now: Instant) -> Self {
        Self::with_bounds(Self::DEFAULT_WINDOW, Self::DEFAULT_CAPACITY, now)
    }

    /// A register that starts at `now` and remembers at most `capacity` hellos, each for twice `window`.
    pub fn with_bounds(window: Duration, capacity: usize, now: Instant) -> Self {
        Self { window, capacity, started: now, seen: Mutex::default() }
    }

    /// How many hellos are remembered.
    pub fn len(&self) -> usize {
        lock(&self.seen).binders.len()
    }

    /// Whether no hello is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl StrikeRegister for LocalStrikeRegister {
    fn admit(&self, hello: &EarlyHello<'_>, now: Instant) -> Result<(), EarlyDataRefusal> {
        // RFC 9846 §8.3: how far the expected time of arrival is from the real one, in either direction.
        if (now - hello.sent).max(hello.sent - now) > self.window {
            return Err(EarlyDataRefusal::NotFresh);
        }
        // RFC 9846 §8.2: nothing that was taken before the start can come again. A hello was fresh then if it was sent
        // up to a window later; but no ticket was used before it was issued.
        if hello.ticket_issued <= self.started && hello.sent <= self.started + self.window {
            return Err(EarlyDataRefusal::RegisterStarted);
        }
        let mut seen = lock(&self.seen);
        while seen.by_expiry.front().is_some_and(|(expiry, _)| *expiry < now) {
            if let Some((_, binder)) = seen.by_expiry.pop_front() {
                seen.binders.remove(&binder);
            }
        }
        if seen.binders.contains(hello.binder) {
            return Err(EarlyDataRefusal::Repeated);
        }
        if seen.binders.len() >= self.capacity {
            return Err(EarlyDataRefusal::RegisterFull);
        }
        // It was sent up to a window from now, and stays fresh for a window after that.
        let expiry = now + self.window.saturating_mul(2);
        seen.binders.insert(hello.binder.to_vec());
        seen.by_expiry.push_back((expiry, hello.binder.to_vec()));
        Ok(())
    }
}

impl fmt::Debug for LocalStrikeRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalStrikeRegister")
            .field("window", &self.window)
            .field("capacity", &self.capacity)
            .field("started", &self.started)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
