//! The addresses of one connection's peer: a connection knows paths by number alone.

use super::address::PeerAddress;
use super::connections::{Connections, Entry};
use super::slots::ConnectionHandle;
use crate::connection::PathId;

/// Addresses beside the one in use that are kept for a connection: one that is being checked, one that was left, and two
/// that the next datagrams may come from.
const MOST_OTHERS: usize = 4;

/// The addresses of a peer.
#[derive(Debug, Default)]
pub(super) struct PeerPaths {
    /// The path of the address in use.
    current: PathId,
    others: Vec<(PathId, PeerAddress)>,
    /// How many numbers were given away.
    given: u64,
}

impl Entry {
    /// The address of a path.
    pub(super) fn address_of(&self, path: PathId) -> Option<PeerAddress> {
        if path == self.paths.current {
            return Some(self.address);
        }
        self.paths.others.iter().find(|(other, _)| *other == path).map(|(_, address)| *address)
    }

    /// The path of an address, which is given a number if it has none; `None` if there are too many that are in use.
    pub(super) fn path_of(&mut self, address: &PeerAddress) -> Option<PathId> {
        if *address == self.address {
            return Some(self.paths.current);
        }
        if let Some((path, _)) = self.paths.others.iter().find(|(_, other)| other == address) {
            return Some(*path);
        }
        if self.paths.others.len() >= MOST_OTHERS {
            let unused = |(path, _): &(PathId, PeerAddress)| !self.connection.is_path_in_use(*path);
            let place = self.paths.others.iter().position(unused)?;
            self.paths.others.remove(place);
        }
        self.paths.given = self.paths.given.saturating_add(1);
        let path = PathId(self.paths.given);
        self.paths.others.push((path, *address));
        Some(path)
    }
}

impl Connections {
    /// Brings the routes up to date with the connection's own connection IDs and its path.
    pub(super) fn reroute(&mut self, handle: ConnectionHandle) {
        let Some(entry) = self.slots.get_mut(handle) else { return };
        let ids = entry.connection.own_connection_ids();
        if entry.ids != ids {
            let gone = core::mem::replace(&mut entry.ids, ids.to_vec());
            gone.iter().for_each(|id| self.routes.remove_id(id, handle));
            entry.ids.iter().for_each(|id| self.routes.add_id(id, handle));
        }
        let path = entry.connection.path();
        if path == entry.paths.current {
            return;
        }
        let Some(place) = entry.paths.others.iter().position(|(other, _)| *other == path) else { return };
        let (_, address) = entry.paths.others.swap_remove(place);
        let old = core::mem::replace(&mut entry.address, address);
        entry.paths.others.push((core::mem::replace(&mut entry.paths.current, path), old));
        self.routes.remove(&old, handle);
        // Whoever has that address already keeps it: the one that has moved is found by its connection ID.
        if self.routes.find(&address).is_none() {
            self.routes.set_current(address, handle);
        }
    }

    /// The connection that `datagram` is for by its connection ID, if it is none of those that `from` has.
    pub(super) fn find_elsewhere(&self, from: &PeerAddress, datagram: &[u8]) -> Option<ConnectionHandle> {
        let handle = self.routes.find_by_id(datagram)?;
        let rest = datagram.get(1..).unwrap_or_default();
        let owns = |other: ConnectionHandle| {
            self.get(other).is_some_and(|entry| entry.ids.iter().any(|id| rest.starts_with(id)))
        };
        let is_known_here = self.routes.find(from).is_some_and(|known| known.iter().any(owns));
        (!is_known_here).then_some(handle)
    }
}
