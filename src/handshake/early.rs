//! Early data (0-RTT): who may send how much of it, and whether it counts (RFC 9846 §4.3.10, RFC 9147 §5.6).

use crate::crypto::HashOutput;
use crate::schedule::exporter::ExporterSecret;
use crate::schedule::v13::{EarlySecret, TrafficSecret};
use crate::ticket::EarlyDataRefusal;
use crate::trace::Event;

use super::Context;

/// The epoch of early data (RFC 9147 §6.1), which only a client sends in.
pub const EPOCH_EARLY: u16 = crate::record::epoch::EPOCH_EARLY;

/// What became of the early data of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EarlyDataStatus {
    /// The client has offered none.
    #[default]
    NotOffered,
    /// The client has offered some, and the server has not answered yet.
    Offered,
    /// The server takes it.
    Accepted,
    /// The server does not take it: it was sent in vain.
    Rejected,
}

/// Where the early data of a connection stands.
#[derive(Debug, Default)]
pub struct EarlyData {
    /// What became of it.
    pub status: EarlyDataStatus,
    /// How many bytes may still be sent, or received.
    pub left: u32,
    /// Where exported keys come from until the handshake is complete.
    pub exporter: Option<Box<ExporterSecret>>,
}

impl Context<'_> {
    /// Client: early data is offered, `limit` bytes at most.
    pub fn offer_early_data(&mut self, limit: u32) {
        *self.early_data = EarlyData { status: EarlyDataStatus::Offered, left: limit, exporter: None };
    }

    /// Client: the ClientHello whose hash is `hello` is on its way, and early data may follow.
    pub fn begin_early_data(&mut self, secret: &EarlySecret, hello: &HashOutput, random: &[u8; 32]) {
        let traffic = self.early_traffic(secret, hello, random);
        self.install_write(EPOCH_EARLY, &traffic);
    }

    /// Client: the server has decided. Nothing more is sent in vain.
    pub fn settle_early_data(&mut self, is_accepted: bool) {
        if self.early_data.status != EarlyDataStatus::Offered {
            return;
        }
        if is_accepted {
            self.early_data.status = EarlyDataStatus::Accepted;
        } else {
            *self.early_data = EarlyData { status: EarlyDataStatus::Rejected, left: 0, exporter: None };
            self.discard_write(EPOCH_EARLY);
        }
        self.tracer.tell(self.now, || Event::EarlyData { is_accepted, reason: None });
    }

    /// Server: early data is taken, `limit` bytes at most.
    pub fn accept_early_data(&mut self, limit: u32, secret: &EarlySecret, hello: &HashOutput, random: &[u8; 32]) {
        *self.early_data = EarlyData { status: EarlyDataStatus::Accepted, left: limit, exporter: None };
        let traffic = self.early_traffic(secret, hello, random);
        self.install_read(EPOCH_EARLY, &traffic);
        self.tracer.tell(self.now, || Event::EarlyData { is_accepted: true, reason: None });
    }

    /// Server: early data that was offered is not taken. Its records are discarded for want of keys.
    pub fn refuse_early_data(&mut self, reason: EarlyDataRefusal) {
        *self.early_data = EarlyData { status: EarlyDataStatus::Rejected, left: 0, exporter: None };
        self.tracer.tell(self.now, || Event::EarlyData { is_accepted: false, reason: Some(reason.name()) });
    }

    fn early_traffic(&mut self, secret: &EarlySecret, hello: &HashOutput, random: &[u8; 32]) -> TrafficSecret {
        let traffic = secret.client_traffic(hello);
        self.log_secret("CLIENT_EARLY_TRAFFIC_SECRET", random, traffic.expose());
        let exporter = secret.exporter(hello);
        self.log_secret("EARLY_EXPORTER_SECRET", random, exporter.expose());
        self.early_data.exporter = Some(Box::new(exporter));
        traffic
    }
}
