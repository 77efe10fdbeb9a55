//! Exchanges after the handshake: what takes several steps, goes on beside application data, and may wait for the
//! outside.
//!
//! Each exchange waits for exactly one thing: the peer's next message, the result of one task, or the moment at which its
//! own messages may be sent. Several go on at the same time, and messages never wait for the tasks of an exchange: what
//! the peer sends is taken in its order, so that a KeyUpdate, for one, is in force at once.

use crate::crypto::task::{PresentedIdentity, Task, TaskError, TaskOutput};
use crate::error::Error;

use super::{Context, Established};

pub mod client_auth;
pub mod key_update;

use client_auth::{Answer, Request};
use key_update::Update;

/// Names an exchange of one connection. None is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(pub u32);

/// The exchanges that go on, oldest first.
#[derive(Debug, Default)]
pub struct Exchanges {
    next_id: u32,
    list: Vec<(ExchangeId, Exchange)>,
    /// Server: whose messages the client is in the middle of.
    being_answered: Option<ExchangeId>,
}

/// One of them.
#[derive(Debug)]
pub enum Exchange {
    /// Client: it was asked for a certificate.
    Answer(Answer),
    /// Server: it asked for a certificate.
    Request(Request),
    /// Both: keys are being updated by a fresh agreement.
    Update(Update),
}

/// What came of a step.
#[derive(Debug)]
pub enum Step {
    /// The exchange goes on.
    Waits(Exchange),
    /// It is over.
    Done(Outcome),
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Without anything that the application would see.
    Silent,
    /// The client proved who it is.
    PeerAuthenticated(Box<PresentedIdentity>),
    /// The client has no certificate for us.
    PeerDeclined,
    /// The peer's records are read under fresh keys; ours follow once it has acknowledged that.
    ReadKeysUpdated,
    /// Both sides' records are protected by fresh keys.
    KeysUpdated,
}

impl Exchange {
    /// The task that it waits for, if it waits for one.
    pub const fn task(&self) -> Option<&Task> {
        match self {
            Self::Answer(answer) => answer.task(),
            Self::Request(request) => request.task(),
            Self::Update(update) => update.task(),
        }
    }

    /// Goes on with the result of its task.
    fn finish(self, result: Result<TaskOutput, TaskError>, cx: &Context<'_>) -> Result<Step, Error> {
        match self {
            Self::Answer(answer) => answer.finish(result, cx),
            Self::Request(request) => request.finish(result),
            // Updates need more than themselves: `finish_exchange_task` asks for them first.
            update @ Self::Update(_) => Ok(Step::Waits(update)),
        }
    }
}

impl Exchanges {
    /// The exchanges that wait for a task, and the tasks.
    pub fn tasks(&self) -> impl Iterator<Item = (ExchangeId, &Task)> {
        self.list.iter().filter_map(|(id, exchange)| Some((*id, exchange.task()?)))
    }

    /// Whether `id` goes on.
    pub fn contains(&self, id: ExchangeId) -> bool {
        self.list.iter().any(|(other, _)| *other == id)
    }

    /// Begins an exchange.
    pub fn begin(&mut self, exchange: Exchange) -> ExchangeId {
        let id = ExchangeId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        self.list.push((id, exchange));
        id
    }

    /// Takes one step with the exchange `id`; `None`: there is none.
    fn step(
        &mut self,
        id: ExchangeId,
        step: impl FnOnce(Exchange) -> Result<Step, Error>,
    ) -> Result<Option<Outcome>, Error> {
        let Some(place) = self.list.iter().position(|(other, _)| *other == id) else { return Ok(None) };
        let (_, exchange) = self.list.remove(place);
        Ok(match step(exchange)? {
            Step::Waits(exchange) => {
                self.list.insert(place, (id, exchange));
                None
            }
            Step::Done(outcome) => Some(outcome),
        })
    }
}

impl Established {
    /// Whether messages may be sent now.
    //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-8
    //# After sending KeyUpdate in an epoch, implementations MUST NOT send any new post-handshake messages in
    //# that epoch.
    pub const fn may_send_messages(&self) -> bool {
        self.pending_key_update.is_none()
    }

    /// Goes on with the exchange whose task is done.
    pub fn finish_exchange_task(
        &mut self,
        id: ExchangeId,
        result: Result<TaskOutput, TaskError>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Outcome>, Error> {
        if self.exchanges.list.iter().any(|(other, exchange)| *other == id && matches!(exchange, Exchange::Update(_))) {
            return self.finish_update_task(result, cx);
        }
        let outcome = self.exchanges.step(id, |exchange| exchange.finish(result, cx))?;
        if let Some(Outcome::PeerAuthenticated(peer)) = &outcome {
            self.peer = Some(peer.clone());
        }
        Ok(outcome)
    }

    /// Sends what exchanges have to send, if that may be sent now.
    pub fn send_exchanges(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        if !self.may_send_messages() {
            return Ok(());
        }
        // A peer that never acknowledges makes us hold no more than so many answers.
        let mut room = cx.config.limits.authentication_requests.saturating_sub(self.exchanges.sent_answers());
        for (_, exchange) in &mut self.exchanges.list {
            match exchange {
                Exchange::Answer(answer) if answer.is_ready() && room > 0 => {
                    room = room.saturating_sub(1);
                    answer.send(self.write_epoch, &self.write_secret, cx)?;
                }
                Exchange::Answer(_) | Exchange::Update(_) => {}
                Exchange::Request(request) => request.send(self.write_epoch, cx)?,
            }
        }
        self.send_update(cx)
    }

    /// Everything that we sent was acknowledged.
    pub fn exchanges_acknowledged(&mut self) {
        self.exchanges.list.retain(|(_, exchange)| !matches!(exchange, Exchange::Answer(answer) if answer.is_sent()));
    }
}
