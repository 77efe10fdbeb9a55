//! Tells several listeners.

use super::{Event, Trace};
use crate::time::Instant;

/// Several listeners as one. Secrets reach only those who ask for them.
#[derive(Default)]
pub struct Tee {
    listeners: Vec<Box<dyn Trace>>,
}

impl Tee {
    /// All of `listeners`, told in this order.
    pub const fn new(listeners: Vec<Box<dyn Trace>>) -> Self {
        Self { listeners }
    }

    /// Adds a listener.
    pub fn add(&mut self, listener: Box<dyn Trace>) {
        self.listeners.push(listener);
    }
}

impl Trace for Tee {
    fn event(&mut self, at: Instant, event: &Event<'_>) {
        let is_secret = matches!(event, Event::Secret { .. });
        for listener in &mut self.listeners {
            if !is_secret || listener.wants_secrets() {
                listener.event(at, event);
            }
        }
    }

    fn wants_secrets(&self) -> bool {
        self.listeners.iter().any(|listener| listener.wants_secrets())
    }
}
