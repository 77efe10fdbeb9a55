//! Extended Key Update (draft-ietf-tls-extended-key-update): a fresh key agreement in a running connection.
//!
//! **Experimental**: no other stack has it, and nothing but the draft's own text backs what is here.
//!
//! ```text
//! initiator                        responder
//! MakeShare (task)
//! ToRequest       -- request -->   Respond (task), or Deferred while authentication goes on
//! Requested       <-- response --  Responded
//! Agree (task)
//! reads N+1       -- finish -->    reads and writes N+1
//! Finishing       <-- ACK --
//! writes N+1
//! ```

use core::cmp::Ordering;
use core::fmt;

use super::{Exchange, ExchangeId, Exchanges, Outcome};
use crate::codec::{Decode as _, Encode as _};
use crate::crypto::task::{EphemeralKey, Task, TaskError, TaskOutput};
use crate::error::{Error, PeerMisbehaved};
use crate::flight::ReceivedMessage;
use crate::handshake::connected::{MAX_EPOCH, PostHandshake};
use crate::handshake::wait::{AgreedKey, KeyShareResponse, NewKeyShare, output_of};
use crate::handshake::{Context, EPOCH_APPLICATION, Established, Negotiated};
use crate::schedule::exporter::ExporterSecret;
use crate::schedule::v13::{MasterSecret, TrafficSecret, UpdateSecret, Updated};
use crate::transcript::Transcript;
use crate::wire::client_hello::KeyShareEntry;
use crate::wire::extended_key_update::ExtendedKeyUpdate;
use crate::wire::registry::{HandshakeType, NamedGroup};

/// What a connection keeps whose keys can be updated so.
#[derive(Debug)]
pub struct ExtendedKeyUpdates {
    /// The group of the handshake; every share is of this one.
    group: NamedGroup,
    secret: UpdateSecret,
    /// Where exported keys of the current epoch come from, and of the one before it.
    exporters: Vec<(u16, ExporterSecret)>,
    /// Initiator: the peer may still send messages of the epoch before `read_epoch`, because it has not read our finish.
    awaits_peer: bool,
    /// The keys of this epoch of ours are still needed for what was not acknowledged.
    old_write_epoch: Option<u16>,
}

impl ExtendedKeyUpdates {
    fn new(group: NamedGroup, secret: UpdateSecret, exporter: ExporterSecret) -> Self {
        let exporters = vec![(EPOCH_APPLICATION, exporter)];
        Self { group, secret, exporters, awaits_peer: false, old_write_epoch: None }
    }

    /// After a handshake, if both sides want it and there is a group to agree on keys in. `transcript` ends with the
    /// client's Finished.
    pub fn negotiated(
        negotiated: &Negotiated,
        master: &MasterSecret,
        transcript: &Transcript,
        exporter: Option<ExporterSecret>,
    ) -> Option<Box<Self>> {
        let group = negotiated.group.filter(|_| negotiated.extended_key_update)?;
        Some(Box::new(Self::new(group, master.update(&transcript.current()), exporter?)))
    }

    /// Where exported keys of `epoch` come from, if it is the current one or the one before it.
    pub fn exporter(&self, epoch: u16) -> Option<&ExporterSecret> {
        self.exporters.iter().find(|(other, _)| *other == epoch).map(|(_, exporter)| exporter)
    }
}

/// Where an update stands.
#[derive(Debug)]
pub enum Update {
    /// Initiator: our share is being made.
    MakeShare(Task),
    /// Initiator: the request may not be sent yet.
    ToRequest(EphemeralKey, KeyShareEntry),
    /// Initiator: the request was sent.
    Requested {
        /// Under this number.
        message_seq: u16,
        /// The key behind our share.
        key: EphemeralKey,
        /// Our share.
        share: KeyShareEntry,
        /// The body of the request.
        request: Vec<u8>,
    },
    /// Initiator: the shared secret is being derived.
    Agree {
        /// By this task.
        task: Task,
        /// The bodies of request and response.
        messages: [Vec<u8>; 2],
    },
    /// Initiator: finish was sent, and is not acknowledged yet.
    Finishing {
        /// Under this number.
        message_seq: u16,
        /// What we write with from then on.
        write: TrafficSecret,
        /// The peer's next request: it has read our finish, though its ACK was lost.
        next: Option<(KeyShareEntry, Vec<u8>)>,
    },
    /// Responder: it is not answered before the client has authenticated itself.
    Deferred(KeyShareEntry, Vec<u8>),
    /// Responder: our share is being made.
    Respond {
        /// By this task.
        task: Task,
        /// The body of the request.
        request: Vec<u8>,
    },
    /// Responder: the response was sent.
    Responded {
        /// Under this number.
        message_seq: u16,
        /// What finish brings into force.
        updated: Box<Updated>,
    },
}

impl Update {
    /// The task that it waits for, if it waits for one.
    pub const fn task(&self) -> Option<&Task> {
        match self {
            Self::MakeShare(task) | Self::Agree { task, .. } | Self::Respond { task, .. } => Some(task),
            _ => None,
        }
    }
}

impl Exchanges {
    /// The update that goes on, if there is one.
    pub fn update(&self) -> Option<&Update> {
        self.list.iter().find_map(|(_, exchange)| match exchange {
            Exchange::Update(update) => Some(update),
            _ => None,
        })
    }

    fn take_update(&mut self) -> Option<(ExchangeId, Update)> {
        let place = self.list.iter().position(|(_, exchange)| matches!(exchange, Exchange::Update(_)))?;
        match self.list.remove(place) {
            (id, Exchange::Update(update)) => Some((id, update)),
            _ => None,
        }
    }

    fn put_update(&mut self, id: ExchangeId, update: Update) {
        self.list.push((id, Exchange::Update(update)));
    }
}

impl Established {
    /// Begins an update.
    pub fn begin_extended_key_update(&mut self) -> Result<(), ExtendedKeyUpdateError> {
        use ExtendedKeyUpdateError as E;
        let updates = self.key_updates.as_ref().ok_or(E::NotNegotiated)?;
        // The draft, §4: while one is in progress, no other is begun.
        if self.exchanges.update().is_some() || self.pending_key_update.is_some() {
            return Err(E::InProgress);
        }
        // The draft, §9.3.1: neither while a client is authenticating itself.
        if self.is_authenticating() {
            return Err(E::Authenticating);
        }
        if self.read_epoch.max(self.write_epoch) == MAX_EPOCH {
            return Err(E::Exhausted);
        }
        let task = Task::GenerateKeyShare { group: updates.group };
        self.exchanges.begin(Exchange::Update(Update::MakeShare(task)));
        Ok(())
    }

    /// Whether a request for a certificate is unanswered.
    fn is_authenticating(&self) -> bool {
        if self.is_server {
            self.exchanges.requests().next().is_some()
        } else {
            self.exchanges.unsent_answers().next().is_some()
        }
    }

    /// Whether a message of `epoch` may come now.
    pub fn may_receive(&self, epoch: u16) -> bool {
        let awaits_peer = self.key_updates.as_ref().is_some_and(|updates| updates.awaits_peer);
        epoch == self.read_epoch || awaits_peer && epoch.checked_add(1) == Some(self.read_epoch)
    }

    /// A message of `epoch` came: if it is one of the new epoch, none of the old one follows.
    pub fn note_epoch(&mut self, epoch: u16) {
        if epoch == self.read_epoch
            && let Some(updates) = &mut self.key_updates
        {
            updates.awaits_peer = false;
        }
    }

    /// Sends what an update has to send, if that may be sent now.
    pub fn send_update(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        if self.is_authenticating() {
            return Ok(());
        }
        match self.exchanges.take_update() {
            Some((id, Update::ToRequest(key, share))) => {
                let request = ExtendedKeyUpdate::Request(share.clone()).encoded();
                let message_seq = self.send_step(request.clone(), cx)?;
                self.exchanges.put_update(id, Update::Requested { message_seq, key, share, request });
            }
            Some((id, Update::Deferred(share, request))) => self.exchanges.put_update(id, respond(share, request)),
            Some((id, other)) => self.exchanges.put_update(id, other),
            None => {}
        }
        Ok(())
    }

    fn send_step(&self, body: Vec<u8>, cx: &mut Context<'_>) -> Result<u16, Error> {
        cx.send(self.write_epoch, HandshakeType::EXTENDED_KEY_UPDATE, body)
    }

    /// Goes on with the result of the task of an update.
    pub fn finish_update_task(
        &mut self,
        result: Result<TaskOutput, TaskError>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Outcome>, Error> {
        let (Some((id, update)), Some(updates)) = (self.exchanges.take_update(), &mut self.key_updates) else {
            return Ok(None);
        };
        let group = updates.group;
        let (next, outcome) = match update {
            Update::MakeShare(task) => {
                let NewKeyShare { key, public } = output_of(&task, result)?;
                (Update::ToRequest(key, KeyShareEntry { group, key_exchange: public }), None)
            }
            Update::Agree { task, messages: [request, response] } => {
                let AgreedKey(shared) = output_of(&task, result)?;
                let updated = updates.secret.update(shared.expose(), &request, &response);
                // Still under the old keys.
                let message_seq = self.send_step(ExtendedKeyUpdate::Finish.encoded(), cx)?;
                let write = self.read_updated(updated, cx)?;
                if let Some(updates) = &mut self.key_updates {
                    updates.awaits_peer = true;
                }
                // Whatever is sent next is sent under the new keys.
                self.pending_key_update = Some(message_seq);
                (Update::Finishing { message_seq, write, next: None }, Some(Outcome::ReadKeysUpdated))
            }
            Update::Respond { task, request } => {
                let KeyShareResponse { public, secret } = output_of(&task, result)?;
                let share = KeyShareEntry { group, key_exchange: public };
                let response = ExtendedKeyUpdate::Response(share).encoded();
                let updated = Box::new(updates.secret.update(secret.expose(), &request, &response));
                let message_seq = self.send_step(response, cx)?;
                (Update::Responded { message_seq, updated }, None)
            }
            other => (other, None),
        };
        self.exchanges.put_update(id, next);
        Ok(outcome)
    }

    /// Takes a step of the peer's.
    pub fn take_update(&mut self, message: &ReceivedMessage, cx: &mut Context<'_>) -> Result<PostHandshake, Error> {
        let unexpected = PeerMisbehaved::UnexpectedMessage(message.msg_type);
        let group = self.key_updates.as_ref().ok_or(unexpected)?.group;
        let step = ExtendedKeyUpdate::decode_all(&message.body)?;
        if let ExtendedKeyUpdate::Request(share) | ExtendedKeyUpdate::Response(share) = &step
            && share.group != group
        {
            return Err(PeerMisbehaved::KeyShareOfWrongGroup.into());
        }
        match (step, self.exchanges.take_update()) {
            (ExtendedKeyUpdate::Request(share), current) => {
                self.take_request(share, current, message)?;
                Ok(PostHandshake::Nothing)
            }
            (ExtendedKeyUpdate::Response(share), Some((id, Update::Requested { message_seq, key, request, .. }))) => {
                // The response acknowledges the request.
                cx.outgoing.acknowledge_message(message_seq);
                let task = Task::AgreeKey { group, key, peer: share.key_exchange };
                self.exchanges.put_update(id, Update::Agree { task, messages: [request, message.body.clone()] });
                Ok(PostHandshake::Nothing)
            }
            (ExtendedKeyUpdate::Finish, Some((id, Update::Responded { message_seq, updated }))) => {
                cx.outgoing.acknowledge_message(message_seq);
                let write = self.read_updated(*updated, cx)?;
                self.write_updated(write, cx)?;
                Ok(PostHandshake::ExchangeDone(id, Outcome::KeysUpdated))
            }
            _ => Err(unexpected.into()),
        }
    }

    fn take_request(
        &mut self,
        share: KeyShareEntry,
        current: Option<(ExchangeId, Update)>,
        message: &ReceivedMessage,
    ) -> Result<(), Error> {
        let unexpected = Err(PeerMisbehaved::UnexpectedMessage(message.msg_type).into());
        let is_new_epoch = message.epoch == self.read_epoch;
        match current {
            // Ours was not sent yet: that of the peer takes its place.
            None | Some((_, Update::MakeShare(_) | Update::ToRequest(..))) => {}
            // The draft, §5: of two that cross, the lower one is ignored.
            Some((id, Update::Requested { message_seq, key, share: ours, request })) => {
                match share.key_exchange.cmp(&ours.key_exchange) {
                    Ordering::Equal => return unexpected,
                    Ordering::Less => {
                        let requested = Update::Requested { message_seq, key, share: ours, request };
                        self.exchanges.put_update(id, requested);
                        return Ok(());
                    }
                    Ordering::Greater => {}
                }
            }
            Some((id, Update::Finishing { message_seq, write, next: None })) if is_new_epoch => {
                let next = Some((share, message.body.clone()));
                self.exchanges.put_update(id, Update::Finishing { message_seq, write, next });
                return Ok(());
            }
            Some(_) => return unexpected,
        }
        if self.read_epoch.max(self.write_epoch) == MAX_EPOCH {
            return Err(PeerMisbehaved::TooManyKeyUpdates.into());
        }
        let update = match (self.is_authenticating(), self.is_server) {
            (false, _) => respond(share, message.body.clone()),
            // The draft, §9.3.1: the request crossed ours for a certificate, and waits for the client's answer.
            (true, true) => Update::Deferred(share, message.body.clone()),
            // A server that waits for our answer may not begin.
            (true, false) => return unexpected,
        };
        self.exchanges.begin(Exchange::Update(update));
        Ok(())
    }

    /// From now on the peer's records are read under the keys of the next generation; gives back what ours are written with.
    fn read_updated(&mut self, updated: Updated, cx: &mut Context<'_>) -> Result<TrafficSecret, Error> {
        let Updated { client, server, exporter, next } = updated;
        let (read, write) = if self.is_server { (client, server) } else { (server, client) };
        self.advance_read(read, cx)?;
        let epoch = self.read_epoch;
        let label = format!("EXPORTER_SECRET_{}", epoch.saturating_sub(EPOCH_APPLICATION));
        cx.log_secret(&label, &self.client_random, exporter.expose());
        if let Some(updates) = &mut self.key_updates {
            updates.exporters.insert(0, (epoch, exporter));
            updates.exporters.truncate(2);
            // The draft, §9.1: what is authenticated from now on is bound to the new keys.
            self.post_handshake_auth = self.post_handshake_auth.take().map(|_| next.transcript());
            updates.secret = next;
        }
        Ok(write)
    }

    /// From now on our records are written under the keys of `next`. What was not acknowledged yet keeps its own.
    fn write_updated(&mut self, next: TrafficSecret, cx: &mut Context<'_>) -> Result<(), Error> {
        let old = self.write_epoch;
        if let Some(updates) = &mut self.key_updates {
            updates.old_write_epoch = cx.outgoing.needs_epoch(old).then_some(old);
        }
        self.advance_write(next, cx)
    }

    /// Everything that we sent was acknowledged: finish too, if there is one.
    pub fn update_acknowledged(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        if let Some(old) = self.key_updates.as_mut().and_then(|updates| updates.old_write_epoch.take()) {
            cx.discard_write(old);
        }
        let (write, next) = match self.exchanges.take_update() {
            Some((_, Update::Finishing { write, next, .. })) => (write, next),
            Some((id, other)) => {
                self.exchanges.put_update(id, other);
                return Ok(());
            }
            None => return Ok(()),
        };
        self.write_updated(write, cx)?;
        if let Some((share, request)) = next {
            self.exchanges.begin(Exchange::Update(respond(share, request)));
        }
        Ok(())
    }

    /// What an update that waits for an ACK of its finish need not wait for any more: the peer sends under the new keys.
    pub fn acknowledge_finish(&mut self, epoch: u16, cx: &mut Context<'_>) {
        if let Some(Update::Finishing { message_seq, .. }) = self.exchanges.update()
            && epoch == self.read_epoch
        {
            cx.outgoing.acknowledge_message(*message_seq);
        }
    }
}

fn respond(share: KeyShareEntry, request: Vec<u8>) -> Update {
    Update::Respond { task: Task::RespondKeyShare { group: share.group, peer: share.key_exchange }, request }
}

/// Why no update was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtendedKeyUpdateError {
    /// The handshake is not complete, or the connection is over.
    NotConnected,
    /// It was not negotiated: both sides have to offer it, and the handshake must have agreed on keys in a group.
    NotNegotiated,
    /// One is going on, begun by us or by the peer.
    InProgress,
    /// The client is being asked for a certificate.
    Authenticating,
    /// The epochs of this connection are used up.
    Exhausted,
}

impl fmt::Display for ExtendedKeyUpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "keys can be updated only while connected",
            Self::NotNegotiated => "extended key update was not negotiated; both sides have to enable it",
            Self::InProgress => "an extended key update is going on; wait for it",
            Self::Authenticating => "the client is being asked for a certificate; wait for its answer",
            Self::Exhausted => "the epochs of this connection are used up; make a new one",
        })
    }
}

impl core::error::Error for ExtendedKeyUpdateError {}
