//! The connection IDs that records carry, each way (RFC 9146 §3, RFC 9147 §9).

use super::RecordLayer;
use super::epoch::EPOCH_EARLY;

/// Which connection IDs records carry.
#[derive(Debug, Default)]
pub(super) struct ConnectionIds {
    /// Those that the peer's records may carry, in the order in which it learned them, all of one length; empty if they
    /// carry none.
    read: Vec<Box<[u8]>>,
    /// Whether they must carry one. A client does not know before ServerHello.
    is_required: bool,
    /// The one that our records carry; empty if they carry none.
    write: Box<[u8]>,
}

impl ConnectionIds {
    /// How many bytes those of the peer's records have.
    pub(super) fn read_len(&self) -> usize {
        self.read.first().map_or(0, |id| id.len())
    }

    /// Whether the peer's records must carry one.
    pub(super) fn is_required(&self) -> bool {
        self.is_required
    }

    /// Where `id` stands among those that the peer's records may carry.
    pub(super) fn place_of(&self, id: &[u8]) -> Option<usize> {
        self.read.iter().position(|other| **other == *id)
    }

    /// The one that our records of `epoch` carry: none in early data, whose sender cannot know one of the server's yet.
    pub(super) fn to_write(&self, epoch: u16) -> &[u8] {
        if epoch > EPOCH_EARLY { &self.write } else { &[] }
    }
}

impl RecordLayer {
    /// Accepts `connection_id` in protected records of the peer, which does not know yet whether it will use it.
    pub fn offer_read_connection_id(&mut self, connection_id: &[u8]) {
        self.set_read_connection_id(connection_id);
        self.connection_ids.is_required = false;
    }

    /// Demands `connection_id` in every protected record of the peer (RFC 9147 §9), but for those of early data; empty:
    /// demands that there be none.
    pub fn set_read_connection_id(&mut self, connection_id: &[u8]) {
        self.connection_ids.read = if connection_id.is_empty() { Vec::new() } else { vec![connection_id.into()] };
        self.connection_ids.is_required = !connection_id.is_empty();
    }

    /// Accepts `connection_id` beside those that are in use already, and has the length of.
    pub fn add_read_connection_id(&mut self, connection_id: &[u8]) {
        let fits = connection_id.len() == self.connection_ids.read_len();
        if fits && self.connection_ids.place_of(connection_id).is_none() {
            self.connection_ids.read.push(connection_id.into());
        }
    }

    /// Accepts the connection ID at this place of [`Self::read_connection_ids`] no more, unless it is the last one.
    pub fn retire_read_connection_id(&mut self, place: usize) {
        if self.connection_ids.read.len() > 1 && place < self.connection_ids.read.len() {
            self.connection_ids.read.remove(place);
        }
    }

    /// The connection IDs that the peer's records may carry, in the order in which it learned them.
    pub fn read_connection_ids(&self) -> &[Box<[u8]>] {
        &self.connection_ids.read
    }

    /// From now on our protected records carry `connection_id`; empty: none. Gives back what they carried before.
    pub fn set_write_connection_id(&mut self, connection_id: Box<[u8]>) -> Box<[u8]> {
        core::mem::replace(&mut self.connection_ids.write, connection_id)
    }

    /// The connection ID that our protected records carry; empty: none.
    pub fn write_connection_id(&self) -> &[u8] {
        &self.connection_ids.write
    }
}
