//! Which connection a datagram is for.

use std::collections::BTreeMap;

use super::address::PeerAddress;
use super::slots::ConnectionHandle;
use crate::wire::record::UnifiedHeader;

/// Connections by address and by connection ID (RFC 9146, RFC 9147 §9): a datagram says by its first byte whether it
/// carries one.
#[derive(Debug, Default)]
pub(super) struct Routes {
    by_address: BTreeMap<PeerAddress, Associations>,
    by_connection_id: BTreeMap<Box<[u8]>, ConnectionHandle>,
    /// How many connection IDs there are of each length: the wire does not tell it.
    lengths: BTreeMap<usize, usize>,
}

/// The connections with one address: one, and for a while perhaps one more (RFC 9147 §5.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Associations {
    /// The one that the address has.
    pub(super) current: ConnectionHandle,
    /// The one that takes its place if its handshake is completed.
    pub(super) candidate: Option<ConnectionHandle>,
}

impl Associations {
    /// Those that there are, the candidate first.
    pub(super) fn iter(self) -> impl Iterator<Item = ConnectionHandle> {
        self.candidate.into_iter().chain([self.current])
    }
}

impl Routes {
    pub(super) fn find(&self, address: &PeerAddress) -> Option<Associations> {
        self.by_address.get(address).copied()
    }

    /// The connection whose connection ID stands in the first record of `datagram`.
    pub(super) fn find_by_id(&self, datagram: &[u8]) -> Option<ConnectionHandle> {
        let (first, rest) = datagram.split_first()?;
        if !UnifiedHeader::is_announced_by(*first) || first & UnifiedHeader::CONNECTION_ID_BIT == 0 {
            return None;
        }
        // The longest first: a shorter one may be the beginning of it, by chance.
        self.lengths.keys().rev().find_map(|len| self.by_connection_id.get(rest.get(..*len)?)).copied()
    }

    /// `handle` can be found by `id`, unless another connection has the same: then it is found by its address alone.
    pub(super) fn add_id(&mut self, id: &[u8], handle: ConnectionHandle) {
        if !self.by_connection_id.contains_key(id) {
            self.by_connection_id.insert(id.into(), handle);
            let count = self.lengths.entry(id.len()).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// `handle` cannot be found by `id` any more.
    pub(super) fn remove_id(&mut self, id: &[u8], handle: ConnectionHandle) {
        if self.by_connection_id.get(id) != Some(&handle) {
            return;
        }
        self.by_connection_id.remove(id);
        if let Some(count) = self.lengths.get_mut(&id.len()) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.lengths.remove(&id.len());
            }
        }
    }

    /// Makes `handle` the only connection with `address`.
    pub(super) fn set_current(&mut self, address: PeerAddress, handle: ConnectionHandle) {
        self.by_address.insert(address, Associations { current: handle, candidate: None });
    }

    /// Puts `handle` beside the connection that `address` has.
    pub(super) fn set_candidate(&mut self, address: PeerAddress, handle: ConnectionHandle) {
        self.by_address
            .entry(address)
            .and_modify(|associations| associations.candidate = Some(handle))
            .or_insert(Associations { current: handle, candidate: None });
    }

    /// `handle` is not a connection with `address` any more; its candidate, if there is one, takes its place.
    pub(super) fn remove(&mut self, address: &PeerAddress, handle: ConnectionHandle) {
        let Some(associations) = self.by_address.get_mut(address) else { return };
        if associations.candidate == Some(handle) {
            associations.candidate = None;
        } else if associations.current == handle {
            match associations.candidate.take() {
                Some(candidate) => associations.current = candidate,
                None => {
                    self.by_address.remove(address);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_takes_the_place_of_the_current_one_and_the_last_one_out_closes_the_door() {
        let address = PeerAddress::new(&[1]).unwrap();
        let [first, second] = [1, 2].map(ConnectionHandle::from_u64);
        let mut routes = Routes::default();
        assert_eq!(routes.find(&address), None);
        routes.set_current(address, first);
        routes.set_candidate(address, second);
        assert_eq!(routes.find(&address).unwrap().iter().collect::<Vec<_>>(), [second, first]);
        routes.remove(&address, first);
        assert_eq!(routes.find(&address), Some(Associations { current: second, candidate: None }));
        routes.remove(&address, first);
        routes.remove(&address, second);
        assert_eq!(routes.find(&address), None);

        routes.set_current(address, first);
        routes.set_candidate(address, second);
        routes.remove(&address, second);
        assert_eq!(routes.find(&address), Some(Associations { current: first, candidate: None }));
    }
}
