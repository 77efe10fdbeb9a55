//! The three kinds of back end: synchronous, deferred, and adversarial; and the harness that runs tasks for a connection.
//!
//! Include it with `#[path = "support/backends.rs"] mod backends;`.
#![allow(dead_code)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::connection::{Connection, ConnectionEvent};
use dtls_wasm::crypto::null::NullBackend;
use dtls_wasm::crypto::secret::SecretBytes;
use dtls_wasm::crypto::task::{Backend, Credentials, CredentialsRequest, Task, TaskError, TaskId, TaskOutput};
use dtls_wasm::sim::{Node, SplitMix64};
use dtls_wasm::time::Instant;

/// When the results of tasks come, and what comes besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The back end does everything on the spot; the harness has nothing to do.
    Synchronous,
    /// Every task leaves the connection, and its result comes so much later.
    Deferred(Duration),
    /// Every task leaves the connection. Its result comes after any time up to two seconds, and again and again after
    /// that; results of tasks that never were come between.
    Adversarial,
}

impl Kind {
    /// What the configuration of a connection gets; `seed` decides the key shares.
    pub fn backend(self, seed: u64) -> Arc<dyn Backend> {
        self.backend_that_shows(seed, usual)
    }

    /// The same, with credentials of its own.
    pub fn backend_that_shows(self, seed: u64, choose: Choose) -> Arc<dyn Backend> {
        match self {
            Self::Synchronous => Arc::new(Owner { inner: NullBackend::new(seed), choose }),
            Self::Deferred(_) | Self::Adversarial => Arc::new(Nobody),
        }
    }
}

/// A back end that can do nothing.
struct Nobody;

impl Backend for Nobody {
    fn perform(&self, _: &Task) -> Option<Result<TaskOutput, TaskError>> {
        None
    }
}

/// Chooses what is shown to a peer.
pub type Choose = fn(&CredentialsRequest) -> Option<Credentials>;

/// What the null back end has, wherever it fits.
pub fn usual(request: &CredentialsRequest) -> Option<Credentials> {
    Some(NullBackend::credentials()).filter(|own| request.certificate_types.contains(&own.certificate_type))
}

/// The null back end, with credentials of its own.
struct Owner {
    inner: NullBackend,
    choose: Choose,
}

impl Backend for Owner {
    fn perform(&self, task: &Task) -> Option<Result<TaskOutput, TaskError>> {
        match task {
            Task::SelectCredentials(request) => Some(Ok(TaskOutput::Credentials((self.choose)(request).map(Arc::new)))),
            _ => Backend::perform(&self.inner, task),
        }
    }
}

/// A connection and somebody who runs its tasks.
pub struct Worker {
    /// The connection.
    pub connection: Connection,
    /// What it told of.
    pub events: VecDeque<ConnectionEvent>,
    /// How many tasks left it.
    pub tasks: u32,
    /// What comes of the task with this number instead of its result.
    pub instead: Option<(u32, Result<TaskOutput, TaskError>)>,
    kind: Kind,
    inner: Owner,
    random: SplitMix64,
    due: BTreeMap<(Instant, u64), (TaskId, Result<TaskOutput, TaskError>)>,
    results: u64,
}

impl Worker {
    /// `seed` decides the key shares, as it does for [`Kind::backend`], and what an adversary does.
    pub fn new(connection: Connection, kind: Kind, seed: u64, now: Instant) -> Self {
        let mut worker = Self {
            connection,
            events: VecDeque::new(),
            tasks: 0,
            instead: None,
            kind,
            inner: Owner { inner: NullBackend::new(seed), choose: usual },
            random: SplitMix64::named(seed, 0xad),
            due: BTreeMap::new(),
            results: 0,
        };
        worker.work(now);
        worker
    }

    /// With credentials of its own, chosen by `choose`. Nobody asks for any before the first datagram.
    pub fn showing(self, choose: Choose) -> Self {
        Self { inner: Owner { choose, ..self.inner }, ..self }
    }

    /// Takes what the connection asks and tells.
    fn work(&mut self, now: Instant) {
        while let Some((id, task)) = self.connection.poll_task() {
            let mut result = Backend::perform(&self.inner, &task).expect("the null back end does everything");
            if let Some((_, instead)) = self.instead.clone().filter(|(number, _)| *number == self.tasks) {
                result = instead;
            }
            self.tasks += 1;
            match self.kind {
                Kind::Synchronous => panic!("{task:?} was left over"),
                Kind::Deferred(Duration::ZERO) => self.connection.handle_task(id, result, now),
                Kind::Deferred(delay) => self.schedule(now + delay, id, result),
                Kind::Adversarial => self.scheme(id, &result, now),
            }
        }
        self.events.extend(std::iter::from_fn(|| self.connection.poll_event()));
    }

    fn schedule(&mut self, at: Instant, id: TaskId, result: Result<TaskOutput, TaskError>) {
        self.due.insert((at, self.results), (id, result));
        self.results += 1;
    }

    fn scheme(&mut self, id: TaskId, result: &Result<TaskOutput, TaskError>, now: Instant) {
        let mut later = |at: Instant| at + Duration::from_micros(self.random.below(2_000_000));
        let at = later(now);
        let (again, and_again, odd) = (later(at), later(at), later(now));
        let foreign = TaskId(id.0.wrapping_add(1 + self.random.below(u64::from(u32::MAX)) as u32));
        self.schedule(at, id, result.clone());
        self.schedule(again, id, result.clone());
        self.schedule(and_again, id, Err(TaskError::Failed));
        self.schedule(odd, foreign, Ok(TaskOutput::SharedSecret(SecretBytes::new(vec![1; 32]))));
        self.schedule(odd, foreign, Err(TaskError::Rejected));
    }
}

impl Node for Worker {
    fn handle_datagram(&mut self, datagram: &mut [u8], now: Instant) {
        self.connection.handle_datagram(datagram, now);
        self.work(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        while let Some(first) = self.due.first_entry().filter(|first| first.key().0 <= now) {
            let (id, result) = first.remove();
            self.connection.handle_task(id, result, now);
        }
        if self.connection.poll_timeout().is_some_and(|at| at <= now) {
            self.connection.handle_timeout(now);
        }
        self.work(now);
    }

    fn poll_transmit(&mut self, datagram: &mut Vec<u8>, now: Instant) -> bool {
        let sends = self.connection.poll_transmit(datagram, now);
        self.work(now);
        sends
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let result = self.due.first_key_value().map(|((at, _), _)| *at);
        self.connection.poll_timeout().into_iter().chain(result).min()
    }
}
