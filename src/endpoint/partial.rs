//! ClientHellos of which a part has arrived: the only thing that is held for an address that has proved nothing.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::address::PeerAddress;
use super::limits::ListenerLimits;
use crate::time::Instant;
use crate::wire::fragment::{FRAGMENT_HEADER_LEN, FragmentHeader};

/// The parts of hellos, at most one hello for each address, within the bounds of [`ListenerLimits`].
///
/// This is not the reassembly of a connection: here what arrives last wins, because nothing says whether a fragment
/// belongs to the hello that is being put together or to that of a client that has begun anew from the same address.
#[derive(Debug, Default)]
pub(crate) struct PartialHellos {
    hellos: BTreeMap<PeerAddress, Partial>,
    /// The addresses in the order in which their hellos began.
    ages: BTreeMap<(Instant, u64), PeerAddress>,
    bytes: usize,
    begun: u64,
    evicted: u64,
}

#[derive(Debug)]
struct Partial {
    age: (Instant, u64),
    message_seq: u16,
    length: usize,
    /// Where each piece begins, and its bytes; no two overlap.
    pieces: BTreeMap<usize, Vec<u8>>,
    /// How many bytes the pieces have.
    held: usize,
    /// How many bytes the address has sent in fragments that brought something new, their headers included.
    sent: usize,
}

/// A hello that is whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WholeHello {
    /// Its body.
    pub(crate) body: Vec<u8>,
    /// How many bytes the address has sent for it: its fragments with their headers, each counted once.
    pub(crate) sent: usize,
}

impl PartialHellos {
    /// Takes a fragment of a ClientHello from `from`. Gives the whole hello if nothing is missing any more; then nothing
    /// is held for the address.
    ///
    /// The header's lengths were checked: the fragment lies within its message, which is not longer than allowed, and is
    /// neither empty nor the whole of it.
    pub(crate) fn insert(
        &mut self,
        from: &PeerAddress,
        header: &FragmentHeader,
        body: &[u8],
        limits: &ListenerLimits,
        now: Instant,
    ) -> Option<WholeHello> {
        self.expire(now, limits);
        let length = usize::try_from(header.length).ok()?;
        let offset = usize::try_from(header.fragment_offset).ok()?;
        let contradicts = self.hellos.get(from).is_some_and(|partial| {
            partial.message_seq != header.message_seq || partial.length != length || partial.contradicts(offset, body)
        });
        if contradicts {
            self.remove(from);
        }
        let partial = match self.hellos.entry(*from) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let age = (now, self.begun);
                self.begun = self.begun.wrapping_add(1);
                self.ages.insert(age, *from);
                entry.insert(Partial::new(age, header.message_seq, length))
            }
        };
        let added = partial.add(offset, body, limits.pieces);
        self.bytes = self.bytes.saturating_add(added);
        if added > 0 {
            partial.sent = partial.sent.saturating_add(body.len()).saturating_add(FRAGMENT_HEADER_LEN);
        }
        if partial.held == partial.length {
            return self.remove(from).map(|partial| WholeHello {
                sent: partial.sent,
                body: partial.pieces.into_values().flatten().collect(),
            });
        }
        self.evict(limits);
        None
    }

    /// Forgets what is held for `from`.
    pub(crate) fn forget(&mut self, from: &PeerAddress) {
        self.remove(from);
    }

    /// How many hellos are held.
    pub(crate) fn len(&self) -> usize {
        self.hellos.len()
    }

    /// How many bytes of hellos are held.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many hellos had to go before they were whole.
    pub(crate) const fn evicted(&self) -> u64 {
        self.evicted
    }

    fn remove(&mut self, from: &PeerAddress) -> Option<Partial> {
        let partial = self.hellos.remove(from)?;
        self.ages.remove(&partial.age);
        self.bytes = self.bytes.saturating_sub(partial.held);
        Some(partial)
    }

    fn expire(&mut self, now: Instant, limits: &ListenerLimits) {
        while let Some((&(began, _), &from)) = self.ages.first_key_value() {
            if now.saturating_duration_since(began) <= limits.partial_hello_age {
                return;
            }
            self.evicted = self.evicted.saturating_add(1);
            self.remove(&from);
        }
    }

    fn evict(&mut self, limits: &ListenerLimits) {
        while self.hellos.len() > limits.partial_hellos || self.bytes > limits.partial_bytes {
            let Some((_, &from)) = self.ages.first_key_value() else { return };
            self.evicted = self.evicted.saturating_add(1);
            self.remove(&from);
        }
    }
}

impl Partial {
    const fn new(age: (Instant, u64), message_seq: u16, length: usize) -> Self {
        Self { age, message_seq, length, pieces: BTreeMap::new(), held: 0, sent: 0 }
    }

    /// Whether a byte of `body` is known to be another.
    fn contradicts(&self, offset: usize, body: &[u8]) -> bool {
        let end = offset.saturating_add(body.len());
        self.pieces.range(..end).any(|(&start, piece)| {
            let from = start.max(offset);
            let to = start.saturating_add(piece.len()).min(end);
            let ours = piece.get(from.saturating_sub(start)..to.saturating_sub(start));
            let theirs = body.get(from.saturating_sub(offset)..to.saturating_sub(offset));
            from < to && ours != theirs
        })
    }

    /// Adds the bytes of `body` that are new, as long as they make no more than `max_pieces`; says how many they were.
    fn add(&mut self, offset: usize, body: &[u8], max_pieces: usize) -> usize {
        let end = offset.saturating_add(body.len());
        let mut added = 0usize;
        let mut at = offset;
        while at < end && self.pieces.len() < max_pieces {
            // The piece that `at` lies in, or else where the next one begins.
            let covered = self.pieces.range(..=at).next_back().map(|(start, piece)| start.saturating_add(piece.len()));
            if let Some(covered) = covered.filter(|covered| *covered > at) {
                at = covered;
                continue;
            }
            let gap_end = self.pieces.range(at..).next().map_or(end, |(start, _)| end.min(*start));
            let Some(new) = body.get(at.saturating_sub(offset)..gap_end.saturating_sub(offset)) else { break };
            added = added.saturating_add(new.len());
            self.pieces.insert(at, new.to_vec());
            at = gap_end;
        }
        self.held = self.held.saturating_add(added);
        added
    }
}
