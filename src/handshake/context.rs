//! What a state of the handshake may do to the world.

use super::early::EarlyData;
use crate::config::CommonConfig;
use crate::crypto::psk::Psk;
use crate::error::Error;
use crate::flight::outgoing::Outgoing;
use crate::record::RecordLayer;
use crate::schedule::v13::TrafficSecret;
use crate::time::Instant;
use crate::trace::{Direction, Event, Tracer};
use crate::wire::registry::HandshakeType;

/// The epoch of hellos (RFC 9147 §6.1).
pub const EPOCH_PLAINTEXT: u16 = 0;
/// The epoch of the rest of the handshake (RFC 9147 §6.1).
pub const EPOCH_HANDSHAKE: u16 = 2;
/// The first epoch of application data (RFC 9147 §6.1).
pub const EPOCH_APPLICATION: u16 = 3;

/// The parts of a connection that a state may touch.
pub struct Context<'a> {
    /// The time of the input that is being handled.
    pub now: Instant,
    /// What was decided before the connection began.
    pub config: &'a CommonConfig,
    /// Where keys go.
    pub records: &'a mut RecordLayer,
    /// Where messages go.
    pub outgoing: &'a mut Outgoing,
    /// Who is told.
    pub tracer: &'a mut Tracer,
    /// Where early data stands.
    pub early_data: &'a mut EarlyData,
    /// Set when a message was sent: a new flight acknowledges the peer's last one by itself (RFC 9147 §5.8).
    pub sent: &'a mut bool,
}

impl Context<'_> {
    /// Queues a message to be sent, and gives back its message_seq.
    pub fn send(&mut self, epoch: u16, msg_type: HandshakeType, body: Vec<u8>) -> Result<u16, Error> {
        #[cfg(test)]
        let (msg_type, body) = match tampering::tamper(msg_type, body) {
            Some(tampered) => tampered,
            None => return Ok(0),
        };
        let (now, traced) = (self.now, self.tracer.is_active().then(|| body.clone()));
        let message_seq = self.outgoing.push(epoch, msg_type, body)?;
        if let Some(body) = traced {
            let direction = Direction::Sent;
            self.tracer.tell(now, || Event::Message { direction, msg_type, message_seq, epoch, body: &body });
        }
        *self.sent = true;
        Ok(message_seq)
    }

    /// Begins to read `epoch` under the keys of `secret`.
    pub fn install_read(&mut self, epoch: u16, secret: &TrafficSecret) {
        self.records.install_read(epoch, secret.keys());
        self.tracer.tell(self.now, || Event::KeyInstalled { direction: Direction::Received, epoch });
    }

    /// Begins to write `epoch` under the keys of `secret`.
    pub fn install_write(&mut self, epoch: u16, secret: &TrafficSecret) {
        self.records.install_write(epoch, secret.keys());
        self.tracer.tell(self.now, || Event::KeyInstalled { direction: Direction::Sent, epoch });
    }

    /// Wipes the keys that read `epoch`.
    pub fn discard_read(&mut self, epoch: u16) {
        if self.records.can_read(epoch) {
            self.records.discard_read(epoch);
            self.tracer.tell(self.now, || Event::KeyDiscarded { direction: Direction::Received, epoch });
        }
    }

    /// Wipes the keys that write `epoch`.
    pub fn discard_write(&mut self, epoch: u16) {
        if self.records.can_write(epoch) {
            self.records.discard_write(epoch);
            self.tracer.tell(self.now, || Event::KeyDiscarded { direction: Direction::Sent, epoch });
        }
    }

    /// Tells which pre-shared key was selected.
    pub fn tell_psk(&mut self, psk: &Psk) {
        self.tracer.tell(self.now, || Event::PskSelected { kind: psk.kind(), identity: psk.identity() });
    }

    /// Tells a secret to a listener that asks for secrets.
    pub fn log_secret(&mut self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        self.tracer.tell_secret(self.now, label, client_random, secret);
    }
}

/// Lets a test stand in for a peer that breaks the rules: it changes messages after they were written and hashed.
#[cfg(test)]
pub mod tampering {
    use std::cell::RefCell;

    use crate::wire::registry::HandshakeType;

    type Message = (HandshakeType, Vec<u8>);
    type Tamper = Box<dyn FnMut(HandshakeType, Vec<u8>) -> Option<Message>>;

    thread_local! {
        static TAMPER: RefCell<Option<Tamper>> = const { RefCell::new(None) };
    }

    /// From now on `tamper` decides, on this thread, what is sent for each message; `None`: nothing.
    pub fn set(tamper: impl FnMut(HandshakeType, Vec<u8>) -> Option<Message> + 'static) {
        TAMPER.set(Some(Box::new(tamper)));
    }

    /// From now on messages stay as they are.
    pub fn clear() {
        TAMPER.set(None);
    }

    pub(super) fn tamper(msg_type: HandshakeType, body: Vec<u8>) -> Option<Message> {
        TAMPER.with_borrow_mut(|tamper| match tamper {
            Some(tamper) => tamper(msg_type, body),
            None => Some((msg_type, body)),
        })
    }
}
