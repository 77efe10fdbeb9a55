//! How a server keeps what its clients resume (RFC 9846 §4.7.1), and how it sees to it that early data is taken once.
//!
//! [`SealedTickets`] put all of it, encrypted, into the ticket and keep nothing; [`CachedTickets`] keep it, and let each
//! ticket be used once. Both are a [`TicketStore`](crate::crypto::resumption::TicketStore), as whatever a server brings of
//! its own. A [`StrikeRegister`] remembers whose early data was taken.

mod cache;
mod sealed;
mod strike;
#[cfg(test)]
mod tests;

pub use cache::CachedTickets;
pub use sealed::{SealedTickets, TicketKey};
pub use strike::{EarlyDataRefusal, EarlyHello, LocalStrikeRegister, StrikeRegister};

/// The content of `mutex`. A thread that panicked while it held the lock has left nothing half done: each change to
/// what is kept here is one call of a collection.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
