//! A DTLS implementation seen from outside.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// One connection of one DTLS implementation. All methods return at once; time passes only in the exchange.
pub trait Stack {
    /// A datagram arrived.
    fn handle_datagram(&mut self, from: SocketAddr, datagram: &[u8]);

    /// The time that [`Stack::timeout`] announced has passed.
    fn handle_timeout(&mut self);

    /// How long until [`Stack::handle_timeout`] is due, if it is.
    fn timeout(&mut self) -> Option<Duration>;

    /// The next datagram to send.
    fn poll_transmit(&mut self) -> Option<Vec<u8>>;

    /// Gives the other side another connection ID, to be used at once.
    fn replace_connection_id(&mut self) -> Result<(), String> {
        Err("this stack keeps its connection ID".to_owned())
    }

    /// Where the datagram goes that [`Stack::poll_transmit`] gave last, where the stack minds addresses.
    fn destination(&self) -> Option<SocketAddr> {
        None
    }

    /// What has happened since it was last asked.
    fn poll_happening(&mut self) -> Option<Happening>;

    /// Queues one message of application data; a message travels in one record.
    fn send(&mut self, data: &[u8]) -> Result<(), String>;

    /// Updates the sending keys, and with `request_peer` asks the other side to do the same; false: not yet, try again.
    fn update_keys(&mut self, request_peer: bool) -> Result<bool, String>;

    /// Exported keying material (RFC 9846, Section 7.5); without a context when `context` is `None`.
    fn export(&mut self, label: &str, context: Option<&[u8]>, length: usize) -> Result<Vec<u8>, String>;

    /// Begins another connection, which resumes the one before if that left something to resume. A server only forgets the
    /// connection before.
    fn again(&mut self) -> Result<(), String> {
        Err("this stack makes one connection only".to_owned())
    }

    /// Queues one message of early data; before the first call of [`Stack::poll_transmit`] of a resumed connection only.
    fn send_early(&mut self, _data: &[u8]) -> Result<(), String> {
        Err("this stack sends no early data".to_owned())
    }

    /// Asks the client for a certificate after the handshake.
    fn request_authentication(&mut self) -> Result<(), String> {
        Err("this stack authenticates in the handshake only".to_owned())
    }

    /// The epochs of reading and writing, where the stack tells them.
    fn epochs(&mut self) -> Option<(u64, u64)> {
        None
    }

    /// Sends close_notify.
    fn close(&mut self);
}

/// What a stack can tell.
#[derive(Debug)]
pub enum Happening {
    Connected(Box<Negotiated>),
    Data(Vec<u8>),
    /// A server got this as early data.
    EarlyData(Vec<u8>),
    /// The client showed this chain after the handshake.
    Authenticated(Vec<Vec<u8>>),
    CloseNotify,
    /// The stack has nothing more to say or hear after its own close.
    Closed,
    /// The other side ended the connection with this fatal alert.
    Alert(u8),
    /// The connection failed here; a sentence.
    Failed(String),
}

/// What the handshake agreed on, with registered names.
#[derive(Clone, Debug, Default)]
pub struct Negotiated {
    pub version: String,
    pub cipher: String,
    pub group: Option<String>,
    pub alpn: Option<String>,
    /// The server_name: as sent by the client, as received by the server.
    pub name: Option<String>,
    /// The other side's certificates in DER, leaf first.
    pub peer_chain: Vec<Vec<u8>>,
    /// The other side's raw public key in DER, in place of certificates.
    pub peer_key: Option<Vec<u8>>,
    /// The OCSP response that came with the other side's certificate.
    pub ocsp: Option<Vec<u8>>,
    /// The handshake resumed an earlier connection; `None`: the stack does not tell.
    pub resumed: Option<bool>,
    /// The server took the early data that this client sent; `None`: it sent none, or the stack does not tell.
    pub early: Option<bool>,
    pub srtp: Option<SrtpAgreement>,
}

/// The SRTP protection profile and, where the stack gives only these, the keys.
#[derive(Clone, Debug)]
pub struct SrtpAgreement {
    pub profile: String,
    /// `None`: the exchange exports the keys itself.
    pub keys: Option<Vec<u8>>,
}

/// Bytes that `EXTRACTOR-dtls_srtp` yields for a profile: two master keys and two salts (RFC 5764, Section 4.2; RFC 7714, Section 12).
pub fn srtp_key_length(profile: &str) -> Option<usize> {
    match profile {
        "SRTP_AES128_CM_HMAC_SHA1_80" | "SRTP_AES128_CM_HMAC_SHA1_32" => Some(2 * (16 + 14)),
        "SRTP_AEAD_AES_128_GCM" => Some(2 * (16 + 12)),
        "SRTP_AEAD_AES_256_GCM" => Some(2 * (32 + 12)),
        _ => None,
    }
}

/// The two queues of datagrams between a stack that wants to call "read" and "write" and the exchange.
#[derive(Debug, Default)]
pub struct Wire {
    pub incoming: VecDeque<Vec<u8>>,
    pub outgoing: VecDeque<Vec<u8>>,
}

impl Wire {
    /// Moves the next arrived datagram to the front of `buffer`; the part that does not fit is lost, as with a socket.
    pub fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let datagram = self.incoming.pop_front()?;
        let length = datagram.len().min(buffer.len());
        buffer[..length].copy_from_slice(&datagram[..length]);
        Some(length)
    }
}

/// The value of a name in a table of names, for flags.
pub fn by_name<T: Copy>(table: &[(&str, T)], name: &str) -> Result<T, String> {
    table
        .iter()
        .find_map(|(known, value)| (*known == name).then_some(*value))
        .ok_or_else(|| format!("'{name}' is not known to this stack"))
}

/// The name of a value in a table of names, for reports.
pub fn name_of<T: PartialEq + std::fmt::Debug>(table: &[(&str, T)], value: &T) -> String {
    table
        .iter()
        .find_map(|(name, known)| (known == value).then(|| (*name).to_owned()))
        .unwrap_or_else(|| format!("{value:?}"))
}
