//! The transcript hash (RFC 9846 §4.1), over messages as TLS frames them (RFC 9147 §5.2).

use core::fmt;

use crate::codec::put_vector24;
use crate::crypto::{CipherSuiteImpl, Hash, HashContext, HashOutput};
use crate::wire::registry::HandshakeType;

/// The messages of a handshake whose hash is not negotiated yet.
#[derive(Clone, Default)]
pub struct TranscriptBuffer {
    messages: Vec<u8>,
}

impl TranscriptBuffer {
    /// No messages.
    pub const fn new() -> Self {
        Self { messages: Vec::new() }
    }

    /// Adds a message.
    pub fn add(&mut self, msg_type: HandshakeType, body: &[u8]) {
        self.messages.push(msg_type.0);
        put_vector24(&mut self.messages, |out| out.extend_from_slice(body));
    }

    /// The hash of what was added: of the first ClientHello, if nothing else was.
    pub fn hash_client_hello(&self, suite: &'static CipherSuiteImpl) -> HashOutput {
        suite.hash.hash(&self.messages)
    }

    /// Goes on with the hash of `suite`, now that it is known.
    pub fn into_transcript(self, suite: &'static CipherSuiteImpl) -> Transcript {
        let mut hash = suite.hash.start();
        hash.update(&self.messages);
        Transcript { hash }
    }

    /// Goes on with the hash of `suite` after the first ClientHello, which is all that was added, was answered by a
    /// HelloRetryRequest, which is to be added next.
    pub fn into_transcript_after_retry(self, suite: &'static CipherSuiteImpl) -> Transcript {
        Transcript::after_retry(suite, &self.hash_client_hello(suite))
    }
}

impl fmt::Debug for TranscriptBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TranscriptBuffer({} bytes)", self.messages.len())
    }
}

/// The hash of a first ClientHello that is cut off before its binders, whose list is `binders_len` bytes long
/// (RFC 9846 §4.3.11.2): the hash of the pre-shared key, because the suite is not negotiated yet.
pub fn hash_truncated_hello(hash: &dyn Hash, body: &[u8], binders_len: usize) -> HashOutput {
    let mut context = hash.start();
    update_with_truncated_hello(&mut *context, body, binders_len);
    context.current()
}

/// The length of the message stays that of the whole.
fn update_with_truncated_hello(hash: &mut dyn HashContext, body: &[u8], binders_len: usize) {
    let [_, length @ ..] = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    hash.update(&[HandshakeType::CLIENT_HELLO.0]);
    hash.update(&length);
    hash.update(body.get(..body.len().saturating_sub(binders_len)).unwrap_or(body));
}

/// The hash of the messages of a handshake.
pub struct Transcript {
    hash: Box<dyn HashContext>,
}

impl Transcript {
    /// A transcript that begins with a ClientHello of which only the hash is known, because it was answered by a
    /// HelloRetryRequest. The HelloRetryRequest is to be added next.
    ///
    /// A synthetic message stands for that ClientHello, so that a server need not keep it (RFC 9846 §4.1):
    ///
    /// ```text
    /// message_hash || 00 00 Hash.length || Hash(ClientHello1)
    /// ```
    pub fn after_retry(suite: &'static CipherSuiteImpl, client_hello1_hash: &HashOutput) -> Self {
        let mut transcript = Self { hash: suite.hash.start() };
        transcript.add(HandshakeType::MESSAGE_HASH, client_hello1_hash.as_slice());
        transcript
    }

    /// A transcript that begins with a hash of what was before.
    pub fn after_hash(suite: &'static CipherSuiteImpl, before: &HashOutput) -> Self {
        let mut hash = suite.hash.start();
        hash.update(before.as_slice());
        Self { hash }
    }

    /// Adds a message.
    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.2
    //# In DTLS 1.3, the message transcript is computed over the original TLS
    //# 1.3-style Handshake messages without the message_seq,
    //# fragment_offset, and fragment_length values.
    pub fn add(&mut self, msg_type: HandshakeType, body: &[u8]) {
        let [_, length @ ..] = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
        self.hash.update(&[msg_type.0]);
        self.hash.update(&length);
        self.hash.update(body);
    }

    /// The hash of all that was added until now.
    pub fn current(&self) -> HashOutput {
        self.hash.current()
    }

    /// The hash of all that was added until now and of a ClientHello that is cut off before its binders, whose list is
    /// `binders_len` bytes long (RFC 9846 §4.3.11.2).
    pub fn with_truncated_hello(&self, body: &[u8], binders_len: usize) -> HashOutput {
        let mut hash = self.hash.fork();
        update_with_truncated_hello(&mut *hash, body, binders_len);
        hash.current()
    }

    /// A copy that goes its own way.
    pub fn fork(&self) -> Self {
        Self { hash: self.hash.fork() }
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transcript({:?})", self.current())
    }
}
