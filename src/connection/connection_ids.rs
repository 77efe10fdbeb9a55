//! Connection IDs after the handshake: given, asked for, used one after the other (RFC 9147 §9).

use std::collections::VecDeque;

use core::fmt;

use super::{Connection, ConnectionEvent, ConnectionState};
use crate::codec::Encode as _;
use crate::error::{Error, PeerMisbehaved};
use crate::handshake::ConnectionIdSelection;
use crate::time::Instant;
use crate::trace::{Direction, Event};
use crate::wire::connection_id::{ConnectionIdUsage, NewConnectionId, RequestConnectionId};
use crate::wire::registry::HandshakeType;

/// What goes on about connection IDs, once they were negotiated.
#[derive(Debug)]
pub(super) struct ConnectionIds {
    agreed: ConnectionIdSelection,
    /// Of the peer's: those that were not used yet, in the order in which they came.
    spare: VecDeque<Box<[u8]>>,
    /// For each of ours, as the record layer has them, since when the peer uses a later one.
    superseded: Vec<Option<Instant>>,
    /// A NewConnectionId that is to be sent: how many connection IDs, and what for.
    owed: Option<(u8, ConnectionIdUsage)>,
    /// A RequestConnectionId that is to be sent: how many are wanted.
    wanted: Option<u8>,
    /// A RequestConnectionId was sent and not answered.
    is_requested: bool,
    /// How often the peer has asked.
    requests: u32,
}

impl ConnectionIds {
    pub(super) fn new(agreed: ConnectionIdSelection) -> Self {
        Self {
            agreed,
            spare: VecDeque::new(),
            superseded: vec![None],
            owed: None,
            wanted: None,
            is_requested: false,
            requests: 0,
        }
    }

    /// Whether return routability checks may be used.
    pub(super) const fn may_check(&self) -> bool {
        self.agreed.return_routability
    }
}

/// A. What is so, and C. what the application wants.
impl Connection {
    /// Our own connection IDs, any of which the peer's records may carry; empty if they carry none.
    pub fn own_connection_ids(&self) -> &[Box<[u8]>] {
        self.records.read_connection_ids()
    }

    /// The connection ID that our records carry; empty if they carry none.
    pub fn peer_connection_id(&self) -> &[u8] {
        self.records.write_connection_id()
    }

    /// How many connection IDs of the peer's wait to be used.
    pub fn spare_connection_ids(&self) -> usize {
        self.connection_ids.as_ref().map_or(0, |ids| ids.spare.len())
    }

    /// Asks the peer for `count` connection IDs to use later: one for each path that may come. Not every peer answers
    /// (pion and wolfSSL 5.9.2 end the connection by unexpected_message), so this is never done unasked.
    ///
    /// # Errors
    /// While not connected, if our records carry no connection ID, or while an earlier request is not answered.
    pub fn request_connection_ids(&mut self, count: u8) -> Result<(), ConnectionIdError> {
        let ids = Self::ids_of(self.state, &mut self.connection_ids)?;
        //= https://www.rfc-editor.org/rfc/rfc9147#section-9
        //# Implementations MUST NOT send RequestConnectionId when sending an empty Connection ID.
        if ids.agreed.peer_len == 0 {
            return Err(ConnectionIdError::NotNegotiated);
        }
        //= https://www.rfc-editor.org/rfc/rfc9147#section-9
        //# Endpoints MUST NOT send a RequestConnectionId message when an existing request is still unfulfilled;
        //# this implies that endpoints need to request new CIDs well in advance.
        if ids.is_requested || ids.wanted.is_some() {
            return Err(ConnectionIdError::InProgress);
        }
        ids.wanted = Some(count);
        Ok(())
    }

    /// Gives the peer up to `count` connection IDs of ours: to use from now on, or for later. There may be no more than
    /// [`Limits::own_connection_ids`](crate::config::Limits::own_connection_ids) at the same time.
    ///
    /// # Errors
    /// While not connected, if the peer's records carry no connection ID, while earlier ones were not acknowledged, or if
    /// there is no room for one.
    pub fn provide_connection_ids(
        &mut self,
        count: u8,
        usage: ConnectionIdUsage,
        now: Instant,
    ) -> Result<(), ConnectionIdError> {
        self.forget_superseded(now);
        let room = self.room_for_own_ids();
        let is_outstanding = self.is_outstanding(HandshakeType::NEW_CONNECTION_ID);
        let ids = Self::ids_of(self.state, &mut self.connection_ids)?;
        //= https://www.rfc-editor.org/rfc/rfc9147#section-9
        //# Implementations which either did not negotiate the "connection_id" extension or which have negotiated
        //# receiving an empty CID MUST NOT send NewConnectionId.
        if ids.agreed.own_len == 0 {
            return Err(ConnectionIdError::NotNegotiated);
        }
        //= https://www.rfc-editor.org/rfc/rfc9147#section-9
        //# Endpoints MUST NOT have more than one NewConnectionId message outstanding.
        if ids.owed.is_some() || is_outstanding {
            return Err(ConnectionIdError::InProgress);
        }
        if room == 0 || count == 0 {
            return Err(ConnectionIdError::NoRoom);
        }
        ids.owed = Some((count, usage));
        Ok(())
    }

    /// Goes over to the next connection ID of the peer's, so that what follows cannot be linked to what was before.
    ///
    /// # Errors
    /// While not connected, or if there is none.
    pub fn use_next_connection_id(&mut self, now: Instant) -> Result<(), ConnectionIdError> {
        let next = Self::ids_of(self.state, &mut self.connection_ids)?.spare.pop_front();
        self.change_connection_id(next.ok_or(ConnectionIdError::NoSpare)?, now);
        Ok(())
    }
}

impl Connection {
    fn ids_of(
        state: ConnectionState,
        ids: &mut Option<Box<ConnectionIds>>,
    ) -> Result<&mut ConnectionIds, ConnectionIdError> {
        match (state, ids) {
            (ConnectionState::Connected, Some(ids)) => Ok(ids),
            //= https://www.rfc-editor.org/rfc/rfc9147#section-9
            //# Endpoints MUST NOT send either of these messages if they did not negotiate a CID.
            (ConnectionState::Connected, None) => Err(ConnectionIdError::NotNegotiated),
            _ => Err(ConnectionIdError::NotConnected),
        }
    }

    /// The next spare connection ID, if there is one.
    pub(super) fn take_spare_connection_id(&mut self) -> Option<Box<[u8]>> {
        self.connection_ids.as_mut()?.spare.pop_front()
    }

    /// From now on our records carry `connection_id`.
    pub(super) fn change_connection_id(&mut self, connection_id: Box<[u8]>, now: Instant) {
        self.tracer.tell(now, || Event::ConnectionIdUsed { direction: Direction::Sent, connection_id: &connection_id });
        self.records.set_write_connection_id(connection_id);
    }

    /// Takes the peer's NewConnectionId.
    pub(super) fn take_connection_ids(&mut self, message: NewConnectionId, now: Instant) -> Result<(), Error> {
        let misplaced = PeerMisbehaved::UnexpectedMessage(HandshakeType::NEW_CONNECTION_ID);
        let limits = &self.role.common().limits;
        let longest = self.role.common().longest_peer_connection_id();
        //= https://www.rfc-editor.org/rfc/rfc9147#section-9
        //# Implementations which detect a violation of these rules MUST terminate the connection with an
        //# "unexpected_message" alert. If an implementation receives these messages when CIDs were not negotiated,
        //# it MUST abort the connection with an "unexpected_message" alert.
        let ids = self.connection_ids.as_mut().filter(|ids| ids.agreed.peer_len > 0).ok_or(misplaced)?;
        let NewConnectionId { cids, usage } = message;
        // An empty one would be the other form of record, which was not agreed on.
        if cids.iter().any(Vec::is_empty) {
            return Err(PeerMisbehaved::InvalidConnectionId.into());
        }
        let mut new: Vec<Box<[u8]>> =
            cids.into_iter().filter(|id| id.len() <= longest).map(Vec::into_boxed_slice).collect();
        let mut immediate = None;
        if usage == ConnectionIdUsage::Immediate {
            //= https://www.rfc-editor.org/rfc/rfc9147#section-9
            //# If usage is set to "cid_immediate", then one of the new CIDs MUST be used immediately for all future
            //# records.
            if new.is_empty() {
                return Err(PeerMisbehaved::InvalidConnectionId.into());
            }
            immediate = Some(new.remove(0));
            // "For all future records": the earlier ones are no choice any more.
            ids.spare.clear();
        } else {
            ids.is_requested = false;
        }
        // RFC 9147 §9: who gets more than it wants to keep "MAY simply discard any extra CIDs".
        for id in new {
            let is_known = ids.spare.contains(&id) || *id == *self.records.write_connection_id();
            if !is_known && ids.spare.len() < limits.spare_connection_ids {
                ids.spare.push_back(id);
            }
        }
        let spare = ids.spare.len();
        if let Some(immediate) = immediate {
            self.change_connection_id(immediate, now);
        }
        self.events.push_back(ConnectionEvent::ConnectionIdsReceived { spare });
        Ok(())
    }

    /// Takes the peer's RequestConnectionId.
    pub(super) fn take_connection_id_request(&mut self, request: RequestConnectionId) -> Result<(), Error> {
        let misplaced = PeerMisbehaved::UnexpectedMessage(HandshakeType::REQUEST_CONNECTION_ID);
        let most = self.role.common().limits.connection_id_requests;
        let ids = self.connection_ids.as_mut().filter(|ids| ids.agreed.own_len > 0).ok_or(misplaced)?;
        ids.requests = ids.requests.saturating_add(1);
        // While an answer has not even been sent there is no reason to ask again: the earlier request is unfulfilled.
        let is_unfulfilled = matches!(ids.owed, Some((_, ConnectionIdUsage::Spare)));
        if is_unfulfilled || ids.requests > most {
            return Err(PeerMisbehaved::TooManyConnectionIdsRequested.into());
        }
        if ids.owed.is_none() {
            ids.owed = Some((request.num_cids, ConnectionIdUsage::Spare));
        }
        Ok(())
    }

    /// The peer has used the connection ID at this place in the newest record.
    pub(super) fn note_connection_id(&mut self, place: usize, now: Instant) {
        let Some(ids) = &mut self.connection_ids else { return };
        // RFC 9147 §9: they are mostly used in the order in which they were given.
        for (other, since) in ids.superseded.iter_mut().enumerate() {
            *since = if other < place { since.or(Some(now)) } else { None };
        }
    }

    /// Queues what is to be said about connection IDs, as soon as it may be said.
    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.8.4
    //# implementations MUST NOT send KeyUpdate, NewConnectionId, or RequestConnectionId messages if an earlier message of the same type has not yet been acknowledged.
    pub(super) fn send_connection_ids(&mut self, now: Instant) -> Result<(), Error> {
        let Some(epoch) = self.epoch_of_new_messages() else { return Ok(()) };
        let Some(ids) = &mut self.connection_ids else { return Ok(()) };
        let (owed, wanted) = (ids.owed, ids.wanted);
        let mut sent = false;
        if let Some(num_cids) = wanted
            && !self.is_outstanding(HandshakeType::REQUEST_CONNECTION_ID)
        {
            let body = RequestConnectionId { num_cids }.encoded();
            self.context(now, &mut sent).send(epoch, HandshakeType::REQUEST_CONNECTION_ID, body)?;
            if let Some(ids) = &mut self.connection_ids {
                (ids.wanted, ids.is_requested) = (None, true);
            }
        }
        if let Some((count, usage)) = owed
            && !self.is_outstanding(HandshakeType::NEW_CONNECTION_ID)
        {
            self.forget_superseded(now);
            let cids = self.make_connection_ids(count);
            if let Some(ids) = &mut self.connection_ids {
                ids.owed = None;
                ids.superseded.resize(self.records.read_connection_ids().len(), None);
            }
            // None at all is an answer, but nothing to change over to.
            if usage == ConnectionIdUsage::Spare || !cids.is_empty() {
                let body = NewConnectionId { cids, usage }.encoded();
                self.context(now, &mut sent).send(epoch, HandshakeType::NEW_CONNECTION_ID, body)?;
            }
        }
        Ok(())
    }

    /// The epoch in which a new message may be sent now: after a KeyUpdate only in the next one.
    fn epoch_of_new_messages(&self) -> Option<u16> {
        let established = self.established.as_ref().filter(|_| self.state == ConnectionState::Connected)?;
        established.pending_key_update.is_none().then_some(established.write_epoch)
    }

    pub(super) fn is_outstanding(&self, msg_type: HandshakeType) -> bool {
        self.outgoing.unacknowledged().any(|(other, _)| other == msg_type)
    }

    fn room_for_own_ids(&self) -> usize {
        self.common().limits.own_connection_ids.saturating_sub(self.records.read_connection_ids().len())
    }

    /// Makes and accepts up to `count` connection IDs.
    fn make_connection_ids(&mut self, count: u8) -> Vec<Vec<u8>> {
        let wanted = self.room_for_own_ids().min(count.into());
        let mut made = Vec::new();
        for _ in 0..wanted {
            let common = self.role.common();
            let Some(id) = common.connection_ids.generate(&*common.provider.random) else { break };
            // Short ones may repeat; then there are fewer.
            if !self.records.read_connection_ids().iter().any(|other| **other == *id) {
                self.records.add_read_connection_id(&id);
                made.push(id);
            }
        }
        made
    }

    /// Lets go of connection IDs of ours that the peer has not used for so long that none of its records can be under way.
    fn forget_superseded(&mut self, now: Instant) {
        let age = self.common().limits.old_epoch;
        let Some(ids) = &mut self.connection_ids else { return };
        while let Some(place) = ids.superseded.iter().position(|since| since.is_some_and(|since| now - since >= age)) {
            ids.superseded.remove(place);
            self.records.retire_read_connection_id(place);
        }
    }
}

/// Why nothing was done about connection IDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionIdError {
    /// The handshake is not complete, or the connection is over.
    NotConnected,
    /// Records of that direction carry no connection ID.
    NotNegotiated,
    /// An earlier message of this kind was not acknowledged or answered yet.
    InProgress,
    /// There are as many connection IDs as the limits allow.
    NoRoom,
    /// The peer has given none that was not used yet.
    NoSpare,
}

impl fmt::Display for ConnectionIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "connection IDs can be changed only while connected",
            Self::NotNegotiated => "no connection IDs were negotiated for this direction",
            Self::InProgress => "the last message about connection IDs was not answered yet; wait for it",
            Self::NoRoom => "there are as many connection IDs as the limits allow; give at least one, and not too many",
            Self::NoSpare => "the peer has given no connection ID that was not used yet; request some",
        })
    }
}

impl core::error::Error for ConnectionIdError {}
