//! Flights: handshake messages from and to fragments, and what makes them arrive (RFC 9147 §5.2 to §5.8, §7).
//!
//! Nothing here knows what a message means: only its type byte, its number and its bytes.

pub mod acknowledge;
pub mod outgoing;
pub mod ranges;
pub mod reassembly;
pub mod retransmit;

pub use acknowledge::ToAcknowledge;
pub use outgoing::{Acknowledged, Outgoing, Sent};
pub use reassembly::{Inserted, Reassembly};
pub use retransmit::{Retransmission, RetransmitDecision};

use crate::wire::registry::HandshakeType;

/// A handshake message that was received whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// Its type.
    pub msg_type: HandshakeType,
    /// Its number.
    pub message_seq: u16,
    /// The epoch that all of it was received in.
    pub epoch: u16,
    /// Its body, without any header.
    pub body: Vec<u8>,
}
