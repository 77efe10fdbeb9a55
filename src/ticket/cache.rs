//! Tickets that are names only, for what the server keeps.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::lock;
use crate::crypto::SecureRandom;
use crate::crypto::resumption::{ResumptionState, TicketStore};
use crate::time::Instant;

/// Stateful tickets: 32 random bytes that name an entry of a bounded table. Each can be used once, after which its secret
/// is gone, so that even a handshake without a key exchange has forward secrecy (RFC 9846 §8.1).
pub struct CachedTickets {
    capacity: usize,
    entries: Mutex<Entries>,
    refused: AtomicU64,
}

type Name = [u8; NAME_LEN];

/// Nobody guesses 256 random bits.
const NAME_LEN: usize = 32;

#[derive(Default)]
struct Entries {
    by_name: BTreeMap<Name, Entry>,
    /// Their names, oldest first.
    by_age: BTreeMap<u64, Name>,
    next: u64,
}

struct Entry {
    state: ResumptionState,
    number: u64,
}

impl CachedTickets {
    /// How many tickets are kept by default: some 200 bytes each, without client certificates 2 MB in all.
    pub const DEFAULT_CAPACITY: usize = 10_000;

    /// Keeps up to `capacity` tickets. One more takes the place of the oldest.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, entries: Mutex::default(), refused: AtomicU64::new(0) }
    }

    /// How many tickets are kept.
    pub fn len(&self) -> usize {
        lock(&self.entries).by_name.len()
    }

    /// Whether no ticket is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many tickets were offered that are not kept.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn look_up(&self, ticket: &[u8], now: Instant) -> Option<ResumptionState> {
        let name: Name = ticket.try_into().ok()?;
        let mut entries = lock(&self.entries);
        let state = &entries.by_name.get(&name)?.state;
        if !state.is_fresh(now) {
            entries.remove(&name);
            return None;
        }
        Some(state.clone())
    }
}

impl TicketStore for CachedTickets {
    fn issue(&self, state: &ResumptionState, random: &dyn SecureRandom) -> Option<Vec<u8>> {
        let mut name = [0; NAME_LEN];
        random.fill(&mut name).ok()?;
        lock(&self.entries).insert(name, state.clone(), self.capacity).then(|| name.to_vec())
    }

    fn open(&self, ticket: &[u8], now: Instant) -> Option<ResumptionState> {
        let state = self.look_up(ticket, now);
        if state.is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        state
    }

    fn redeem(&self, ticket: &[u8], _: Instant) -> bool {
        ticket.try_into().is_ok_and(|name: Name| lock(&self.entries).remove(&name))
    }
}

impl fmt::Debug for CachedTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedTickets")
            .field("capacity", &self.capacity)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Entries {
    fn insert(&mut self, name: Name, state: ResumptionState, capacity: usize) -> bool {
        if capacity == 0 {
            return false;
        }
        self.remove(&name);
        while self.by_name.len() >= capacity {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.by_name.remove(&oldest);
        }
        let number = self.next;
        self.next = number.wrapping_add(1);
        self.by_name.insert(name, Entry { state, number });
        self.by_age.insert(number, name);
        true
    }

    fn remove(&mut self, name: &Name) -> bool {
        let entry = self.by_name.remove(name);
        if let Some(entry) = &entry {
            self.by_age.remove(&entry.number);
        }
        entry.is_some()
    }
}
