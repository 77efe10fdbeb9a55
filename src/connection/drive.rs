//! The one loop that changes the handshake's state.

use std::collections::VecDeque;
use std::sync::Arc;

use super::connection_ids::ConnectionIds;
use super::{Connection, ConnectionEvent, ConnectionState, Role};
use crate::crypto::task::{Task, TaskError, TaskId, TaskOutput};
use crate::error::Error;
use crate::flight::ReceivedMessage;
use crate::handshake::connected::PostHandshake;
use crate::handshake::exchange::{ExchangeId, Outcome};
use crate::handshake::{Context, EPOCH_HANDSHAKE, EPOCH_PLAINTEXT, Established, State};
use crate::time::Instant;
use crate::trace::{Direction, Event, Tracer};
use crate::wire::alert::Alert;
use crate::wire::registry::AlertDescription;

/// The tasks that are outstanding.
#[derive(Default)]
pub struct Tasks {
    next_id: u32,
    outstanding: Vec<Outstanding>,
    /// Wait for `poll_task`.
    published: VecDeque<(TaskId, Task)>,
}

/// A task that was handed out, or is about to be.
struct Outstanding {
    id: TaskId,
    owner: Owner,
    /// Its result, once it is there.
    result: Option<Result<TaskOutput, TaskError>>,
}

/// What waits for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Handshake,
    Exchange(ExchangeId),
}

impl Tasks {
    pub fn take_published(&mut self) -> Option<(TaskId, Task)> {
        self.published.pop_front()
    }

    fn issue(&mut self, owner: Owner, task: Task) -> TaskId {
        let id = TaskId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        self.outstanding.push(Outstanding { id, owner, result: None });
        self.published.push_back((id, task));
        id
    }

    /// Keeps a result for whoever waits for it; false: nobody does.
    fn finish(&mut self, id: TaskId, result: Result<TaskOutput, TaskError>) -> bool {
        let waiting = self.outstanding.iter_mut().find(|task| task.id == id && task.result.is_none());
        waiting.map(|task| task.result = Some(result)).is_some()
    }

    fn is_outstanding(&self, owner: Owner) -> bool {
        self.outstanding.iter().any(|task| task.owner == owner)
    }

    /// The result that `owner` waits for, if it is there.
    fn take_result(&mut self, owner: Owner) -> Option<Result<TaskOutput, TaskError>> {
        let place = self.outstanding.iter().position(|task| task.owner == owner && task.result.is_some())?;
        self.outstanding.swap_remove(place).result
    }

    /// Forgets the tasks of exchanges that are over.
    fn forget_exchanges(&mut self, goes_on: impl Fn(ExchangeId) -> bool) {
        let is_wanted = |owner| match owner {
            Owner::Exchange(id) => goes_on(id),
            Owner::Handshake => true,
        };
        let Self { outstanding, published, .. } = self;
        outstanding.retain(|task| is_wanted(task.owner));
        published.retain(|(id, _)| outstanding.iter().any(|task| task.id == *id));
    }

    fn abandon(&mut self) {
        self.outstanding.clear();
        self.published.clear();
    }
}

impl Connection {
    pub(super) fn finish_task(&mut self, id: TaskId, result: Result<TaskOutput, TaskError>, now: Instant) {
        let ok = result.is_ok();
        if !self.tasks.finish(id, result) {
            return;
        }
        self.tracer.tell(now, || Event::TaskFinished { id, ok });
        self.drive(now);
        self.release_held(now);
    }

    /// Goes on until the state waits for something that is not there.
    pub(super) fn drive(&mut self, now: Instant) {
        while self.handshake.is_some() {
            if !self.drive_once(now) {
                return;
            }
        }
        self.drive_established(now);
    }

    fn drive_once(&mut self, now: Instant) -> bool {
        let Some(state) = self.handshake.take() else { return false };
        let Some(task) = state.task() else {
            let Some(message) = self.incoming.pop() else {
                self.handshake = Some(state);
                return false;
            };
            self.tell_message(&message, now);
            if message.epoch == EPOCH_PLAINTEXT {
                self.answer_hello(state, &message, now);
            } else {
                self.step(now, |cx| state.handle(&message, cx));
            }
            return true;
        };
        let result = run(Owner::Handshake, task, &mut self.tasks, &self.role, &mut self.tracer, now);
        let Some(result) = result else {
            self.handshake = Some(state);
            return false;
        };
        self.step(now, |cx| state.finish(result, cx));
        true
    }

    /// A hello came whole: it answers ours, which need not be sent again. Where only timers count, that stands from the
    /// next message on, or from our answer.
    fn answer_hello(&mut self, state: State, message: &ReceivedMessage, now: Instant) {
        if self.reacts_promptly() {
            self.acknowledge_flight(now);
            return self.step(now, |cx| state.handle(message, cx));
        }
        let first = self.outgoing.next_message_seq();
        self.step(now, |cx| state.handle(message, cx));
        if self.outgoing.next_message_seq() != first {
            self.outgoing.acknowledge_before(first);
            self.timers.retransmission.disarm();
            self.timers.retransmission.reset_backoff();
        }
    }

    /// One transition.
    pub(super) fn step(&mut self, now: Instant, transition: impl FnOnce(&mut Context<'_>) -> Result<State, Error>) {
        let mut sent = false;
        let result = transition(&mut self.context(now, &mut sent));
        self.flight_begun |= sent;
        let waits = matches!(&result, Ok(state) if state.task().is_some());
        if self.flight_begun && !(waits && self.common().transport.whole_flights) {
            self.flight_begun = false;
            //= https://www.rfc-editor.org/rfc/rfc9147#section-7
            //# During the handshake, ACKs only cover the current outstanding flight
            // What we send answers the peer's flight, and acknowledges it by itself.
            self.to_acknowledge.clear();
            self.ack_due = false;
            self.timers.reset_ack();
        }
        match result {
            Ok(State::Complete(established)) => self.complete(established, now),
            Ok(state) => {
                let name = state.name();
                self.tracer.tell(now, || Event::State { name });
                self.handshake = Some(state);
            }
            Err(error) => self.fail(error, now),
        }
    }

    fn complete(&mut self, established: Box<Established>, now: Instant) {
        self.tracer.tell(now, || Event::State { name: "complete" });
        self.tracer.tell(now, || Event::HandshakeComplete);
        self.timers.handshake = None;
        self.timers.reset_ack();
        //= https://www.rfc-editor.org/rfc/rfc9147#section-5.8.1
        //# In addition, for at least twice the default MSL defined for [RFC0793], when in the FINISHED state, the
        //# server MUST respond to retransmission of the client's final flight with a retransmit of its ACK.
        self.timers.old_epoch = Some(now + self.common().limits.old_epoch);
        // Plaintext has nothing more to say, in either direction: what was sent in it is acknowledged by what followed.
        self.records.discard_read(EPOCH_PLAINTEXT);
        self.records.discard_write(EPOCH_PLAINTEXT);
        if established.is_server {
            // The client's Finished acknowledges our whole flight; ours for it is an ACK, in the highest epoch.
            self.outgoing.acknowledge_all();
            self.timers.retransmission.disarm();
            //= https://www.rfc-editor.org/rfc/rfc9147#section-7.1
            //# All other flights MUST be ACKed.
            self.ack_due = true;
            let mut sent = false;
            self.context(now, &mut sent).discard_write(EPOCH_HANDSHAKE);
        }
        self.connection_ids = established.negotiated.connection_ids.map(|agreed| Box::new(ConnectionIds::new(agreed)));
        self.established = Some(established);
        self.state = ConnectionState::Connected;
        self.finish_early_data(now);
        self.events.push_back(ConnectionEvent::Connected);
        while let Some(data) = self.ahead.pop_front() {
            self.events.push_back(ConnectionEvent::Datagram(data));
        }
        self.issue_tickets(now);
    }

    /// Sends the tickets that the client is to have.
    fn issue_tickets(&mut self, now: Instant) {
        let Role::Server(config) = &self.role else { return };
        let config = Arc::clone(config);
        let Some(mut established) = self.established.take() else { return };
        let mut sent = false;
        let result = established.issue_tickets(&config, &mut self.context(now, &mut sent));
        self.established = Some(established);
        if let Err(error) = result {
            self.fail(error, now);
        }
    }

    /// Goes on until neither the next message nor the result of a task is there.
    fn drive_established(&mut self, now: Instant) {
        while let Some(mut established) = self.established.take() {
            let waited = !self.outgoing.is_empty();
            let step = self.step_established(&mut established, now);
            let epoch = established.read_epoch;
            self.established = Some(established);
            match step {
                Ok(None) => return,
                Ok(Some(PostHandshake::Nothing)) => {}
                Ok(Some(PostHandshake::NewConnectionIds(message))) => {
                    if let Err(error) = self.take_connection_ids(message, now) {
                        return self.fail(error, now);
                    }
                }
                Ok(Some(PostHandshake::ConnectionIdsRequested(request))) => {
                    if let Err(error) = self.take_connection_id_request(request) {
                        return self.fail(error, now);
                    }
                }
                Ok(Some(PostHandshake::SessionReceived(session))) => {
                    self.events.push_back(ConnectionEvent::SessionReceived(session));
                }
                Ok(Some(PostHandshake::ReadKeysUpdated)) => {
                    // The old keys stay until the peer was seen to use the new ones.
                    self.timers.old_epoch = None;
                    self.events.push_back(ConnectionEvent::KeysUpdated { direction: Direction::Received, epoch });
                }
                Ok(Some(PostHandshake::ExchangeDone(request, Outcome::PeerAuthenticated(peer)))) => {
                    self.events.push_back(ConnectionEvent::PeerAuthenticated { request, peer });
                }
                Ok(Some(PostHandshake::ExchangeDone(request, Outcome::PeerDeclined))) => {
                    self.events.push_back(ConnectionEvent::PeerDeclined { request });
                }
                Ok(Some(PostHandshake::ExchangeDone(_, Outcome::ReadKeysUpdated))) => {
                    self.timers.old_epoch = None;
                    self.events.push_back(ConnectionEvent::KeysUpdated { direction: Direction::Received, epoch });
                }
                Ok(Some(PostHandshake::ExchangeDone(_, Outcome::KeysUpdated))) => {
                    self.timers.old_epoch = None;
                    for direction in [Direction::Received, Direction::Sent] {
                        self.events.push_back(ConnectionEvent::KeysUpdated { direction, epoch });
                    }
                    self.events.push_back(ConnectionEvent::ExtendedKeyUpdated { epoch });
                }
                Ok(Some(PostHandshake::ExchangeDone(_, Outcome::Silent))) => {}
                Err(error) => return self.fail(error, now),
            }
            if waited && self.outgoing.is_empty() {
                // An answer acknowledged what it answers.
                self.all_acknowledged(now);
            }
        }
    }

    /// One step: `None` if there is none to take.
    fn step_established(
        &mut self,
        established: &mut Established,
        now: Instant,
    ) -> Result<Option<PostHandshake>, Error> {
        if matches!(self.state, ConnectionState::Closed | ConnectionState::Failed) {
            return Ok(None);
        }
        let mut sent = false;
        self.tasks.forget_exchanges(|id| established.exchanges.contains(id));
        established.send_exchanges(&mut self.context(now, &mut sent))?;
        let ready = established.exchanges.tasks().find_map(|(id, task)| {
            let owner = Owner::Exchange(id);
            run(owner, task, &mut self.tasks, &self.role, &mut self.tracer, now).map(|result| (id, result))
        });
        if let Some((id, result)) = ready {
            let outcome = established.finish_exchange_task(id, result, &mut self.context(now, &mut sent))?;
            return Ok(Some(outcome.map(|outcome| (id, outcome)).into()));
        }
        let Some(message) = self.incoming.pop() else { return Ok(None) };
        self.tell_message(&message, now);
        established.handle(&message, &mut self.context(now, &mut sent)).map(Some)
    }

    /// The peer acknowledged everything that was sent.
    pub(super) fn all_acknowledged(&mut self, now: Instant) {
        //= https://www.rfc-editor.org/rfc/rfc9147#section-7.2
        //# Once all the messages in a flight have been acknowledged, the implementation MUST cancel all
        //# retransmissions of that flight.
        self.timers.retransmission.disarm();
        // RFC 9147 §5.8.2 would keep a wait that was doubled until something is acknowledged that was sent only once
        // (a SHOULD). On a path that loses a third of all datagrams the waits of one flight would then add to those of
        // the next, up to minutes; as in BoringSSL, each flight begins with the first value instead.
        self.timers.retransmission.reset_backoff();
        self.tracer.tell(now, || Event::FlightAcknowledged);
        let Some(mut established) = self.established.take() else { return };
        let mut sent = false;
        let mut cx = self.context(now, &mut sent);
        cx.discard_write(EPOCH_HANDSHAKE);
        established.exchanges_acknowledged();
        let updated = established.pending_key_update.is_some();
        let extended = established.key_updates.is_some();
        let mut result = match (updated, extended) {
            (_, true) => established.update_acknowledged(&mut cx),
            (true, false) => established.next_write_epoch(&mut cx),
            (false, false) => Ok(()),
        };
        if let Some(request) = established.queued_key_update.take().filter(|_| result.is_ok()) {
            result = established.send_key_update(request, &mut cx);
        }
        let epoch = established.write_epoch;
        self.established = Some(established);
        match result {
            Err(error) => self.fail(error, now),
            Ok(()) if updated => {
                self.events.push_back(ConnectionEvent::KeysUpdated { direction: Direction::Sent, epoch });
                if extended {
                    self.events.push_back(ConnectionEvent::ExtendedKeyUpdated { epoch });
                }
            }
            Ok(()) => {}
        }
    }

    /// Ends the connection by an error, and tells the peer.
    pub(super) fn fail(&mut self, error: Error, now: Instant) {
        if matches!(self.state, ConnectionState::Closed | ConnectionState::Failed) {
            return;
        }
        self.alerts.clear();
        if let Some(description) = error.alert() {
            self.alerts.push_back(Alert::fatal(description));
        } else if error == Error::HandshakeTimedOut {
            self.push_cancellation();
        }
        self.tracer.tell(now, || Event::Closed { error: Some(&error) });
        self.events.push_back(ConnectionEvent::Failed(error.clone()));
        self.error = Some(error);
        self.end(ConnectionState::Failed);
    }

    /// Ends the connection by agreement.
    pub(super) fn closed(&mut self, now: Instant) {
        self.tracer.tell(now, || Event::Closed { error: None });
        self.events.push_back(ConnectionEvent::Closed);
        self.end(ConnectionState::Closed);
    }

    /// Gives up a handshake that is not complete (RFC 9846 §6.1: user_canceled, then close_notify).
    pub(super) fn abandon_handshake(&mut self, now: Instant) {
        self.push_cancellation();
        self.closed(now);
    }

    fn push_cancellation(&mut self) {
        self.alerts.push_back(Alert::warning(AlertDescription::USER_CANCELED));
        self.alerts.push_back(Alert::warning(AlertDescription::CLOSE_NOTIFY));
    }

    fn end(&mut self, state: ConnectionState) {
        self.state = state;
        self.handshake = None;
        self.tasks.abandon();
        self.held.clear();
        self.ahead.clear();
        self.early_queue.clear();
        self.send_queue.clear();
        self.queued_bytes = 0;
        self.to_acknowledge.clear();
        self.ack_due = false;
    }
}

/// The result of `task`, which `owner` waits for: at once, if the back end can; else the task is published, and its result
/// comes later.
fn run(
    owner: Owner,
    task: &Task,
    tasks: &mut Tasks,
    role: &Role,
    tracer: &mut Tracer,
    now: Instant,
) -> Option<Result<TaskOutput, TaskError>> {
    if tasks.is_outstanding(owner) {
        return tasks.take_result(owner);
    }
    let result = role.common().backend.perform(task);
    if result.is_none() {
        let id = tasks.issue(owner, task.clone());
        tracer.tell(now, || Event::TaskIssued { id, name: task_name(task) });
    }
    result
}

/// The name of a task, as the trace tells it.
const fn task_name(task: &Task) -> &'static str {
    match task {
        Task::GenerateKeyShare { .. } => "generate_key_share",
        Task::AgreeKey { .. } => "agree_key",
        Task::RespondKeyShare { .. } => "respond_key_share",
        Task::Sign { .. } => "sign",
        Task::VerifySignature { .. } => "verify_signature",
        Task::VerifyDelegation(_) => "verify_delegation",
        Task::SelectCredentials(_) => "select_credentials",
        Task::VerifyPeer(_) => "verify_peer",
        Task::LookUpPsk(_) => "look_up_psk",
    }
}
