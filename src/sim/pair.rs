//! Two nodes, a network between them, and the clock of all three.

use super::network::{Network, Side};
use crate::time::Instant;

/// Something that takes part in a simulation: a connection, an endpoint, or a harness around one.
pub trait Node {
    /// A datagram arrived.
    fn handle_datagram(&mut self, datagram: &mut [u8], now: Instant);
    /// The time that [`Node::poll_timeout`] named has come.
    fn handle_timeout(&mut self, now: Instant);
    /// Fills `datagram` with the next one to send, or gives `false`.
    fn poll_transmit(&mut self, datagram: &mut Vec<u8>, now: Instant) -> bool;
    /// When [`Node::handle_timeout`] wants to be called, if it does.
    fn poll_timeout(&self) -> Option<Instant>;
}

/// Two nodes with a network between them. Time passes only here, and only as far as the next thing that happens.
#[derive(Clone, Debug)]
pub struct Pair<A, B> {
    /// The node at [`Side::A`].
    pub a: A,
    /// The node at [`Side::B`].
    pub b: B,
    /// What lies between them.
    pub network: Network,
    now: Instant,
}

/// Steps in a row without any passing of time after which a run counts as spinning: a flight of 64 KiB in datagrams of
/// 256 bytes, sent both ways and every datagram duplicated, has fewer than 1,100.
const STEPS_AT_ONE_INSTANT: u32 = 4096;

impl<A: Node, B: Node> Pair<A, B> {
    /// Begins at `now`.
    pub const fn new(a: A, b: B, network: Network, now: Instant) -> Self {
        Self { a, b, network, now }
    }

    /// The time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Puts on the network all that the nodes have to send.
    pub fn flush(&mut self) {
        transmit(&mut self.a, Side::A, &mut self.network, self.now);
        transmit(&mut self.b, Side::B, &mut self.network, self.now);
    }

    /// When the next thing happens, if anything will: a datagram arrives, or a node's time comes. Nodes must be flushed.
    pub fn next_event(&self) -> Option<Instant> {
        [self.network.next_delivery(), self.a.poll_timeout(), self.b.poll_timeout()].into_iter().flatten().min()
    }

    /// Lets one thing happen, if it does so by `deadline`; says whether it did. Otherwise it is `deadline` now.
    pub fn step(&mut self, deadline: Instant) -> bool {
        self.flush();
        let Some(at) = self.next_event().filter(|at| *at <= deadline) else {
            self.now = self.now.max(deadline);
            return false;
        };
        self.now = self.now.max(at);
        if let Some((to, mut bytes)) = self.network.deliver(self.now) {
            match to {
                Side::A => self.a.handle_datagram(&mut bytes, self.now),
                Side::B => self.b.handle_datagram(&mut bytes, self.now),
            }
        } else if self.a.poll_timeout().is_some_and(|due| due <= self.now) {
            self.a.handle_timeout(self.now);
        } else {
            self.b.handle_timeout(self.now);
        }
        self.flush();
        true
    }

    /// Lets things happen until `done`, until nothing more will, or until `deadline`.
    pub fn run(&mut self, deadline: Instant, mut done: impl FnMut(&mut A, &mut B) -> bool) -> Outcome {
        let mut began = self.now;
        let mut steps = 0u32;
        self.flush();
        loop {
            if done(&mut self.a, &mut self.b) {
                self.flush();
                return Outcome::Done;
            }
            self.flush();
            if self.next_event().is_none() {
                return Outcome::Idle;
            }
            if !self.step(deadline) {
                return Outcome::DeadlinePassed;
            }
            if self.now > began {
                began = self.now;
                steps = 0;
            }
            steps = steps.saturating_add(1);
            if steps > STEPS_AT_ONE_INSTANT {
                return Outcome::Spinning;
            }
        }
    }

    /// Lets things happen until nothing more will, or until `deadline`.
    pub fn run_until_idle(&mut self, deadline: Instant) -> Outcome {
        self.run(deadline, |_, _| false)
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What was waited for is so.
    Done,
    /// Nothing is under way, and no node waits for a time.
    Idle,
    /// It is the deadline, and more would happen later.
    DeadlinePassed,
    /// Time does not pass any more: a node sends without end, or its timer stays due however often it is called.
    Spinning,
}

fn transmit(node: &mut impl Node, side: Side, network: &mut Network, now: Instant) {
    let mut datagram = Vec::new();
    // A node that sends without end would otherwise never let go.
    for _ in 0..STEPS_AT_ONE_INSTANT {
        if !node.poll_transmit(&mut datagram, now) {
            return;
        }
        network.send(side, core::mem::take(&mut datagram), now);
    }
}
