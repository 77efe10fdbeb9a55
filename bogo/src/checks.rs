//! What must be so once the handshake is complete, and at the end.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use dtls_wasm::codec::Decode as _;
use dtls_wasm::connection::Connection;
use dtls_wasm::time::Instant;
use dtls_wasm::trace::{Direction, Event, Trace};
use dtls_wasm::wire::post_handshake::NewSessionTicket;
use dtls_wasm::wire::registry::{ContentType, HandshakeType};

use crate::configure::Verdict;
use crate::exchange::Failure;
use crate::flags::Flags;

/// The random of a HelloRetryRequest (RFC 9846 §4.2.3).
const RETRY_RANDOM: [u8; 4] = [0xcf, 0x21, 0xad, 0x74];
/// Where it stands in ServerHello, behind the version.
const RANDOM_OFFSET: usize = 2;

/// What a close_notify of the peer is written down as.
const GOODBYE: &str = "read alert 1 0\n";
/// Before each fragment of a handshake message (RFC 9147 §5.2).
const FRAGMENT_HEADER_LEN: usize = 12;

/// What was seen of a connection's messages.
#[derive(Default)]
struct Seen {
    retried: bool,
    tickets: usize,
    /// One of them was for early data, too.
    early_data: bool,
    /// The messages, ACKs and alerts, as BoringSSL writes them down.
    text: String,
}

impl Seen {
    /// What was received is written down once it is whole, what was sent as it is sent. Of what follows the peer's
    /// goodbye BoringSSL's shim knows nothing: it does not answer.
    fn write_down(&mut self, event: &Event<'_>) {
        if self.text.ends_with(GOODBYE) {
            return;
        }
        match event {
            Event::Message { direction: Direction::Received, msg_type, .. } => self.add("read hs", &[msg_type.0]),
            Event::Ack { direction: Direction::Received, .. } => self.add("read ack", &[]),
            Event::Alert { direction: Direction::Received, level, description } => {
                self.add("read alert", &[*level, description.0]);
            }
            Event::Record { direction: Direction::Sent, content_type, plaintext, .. } => match *content_type {
                ContentType::HANDSHAKE => self.write_fragments(plaintext),
                ContentType::ACK => self.add("write ack", &[]),
                ContentType::ALERT => self.add("write alert", plaintext),
                _ => {}
            },
            _ => {}
        }
    }

    /// Messages that are sent, each at its first byte.
    fn write_fragments(&mut self, mut fragments: &[u8]) {
        while let Some((header, rest)) = fragments.split_first_chunk::<FRAGMENT_HEADER_LEN>() {
            let [msg_type, _, _, _, _, _, offset @ .., high, middle, low] = header;
            if *offset == [0; 3] {
                self.add("write hs", &[*msg_type]);
            }
            let length = u32::from_be_bytes([0, *high, *middle, *low]);
            fragments = rest.get(length as usize..).unwrap_or_default();
        }
    }

    fn add(&mut self, what: &str, numbers: &[u8]) {
        self.text.push_str(what);
        for number in numbers {
            self.text.push_str(&format!(" {number}"));
        }
        self.text.push('\n');
    }
}

/// Listens to a connection.
pub struct Observed {
    seen: Arc<Mutex<Seen>>,
    verdict: Arc<Verdict>,
}

impl Observed {
    pub fn listen(connection: &mut Connection, verdict: Arc<Verdict>) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        connection.set_trace(Box::new(Listener(Arc::clone(&seen))));
        Self { seen, verdict }
    }

    fn look<T>(&self, at: impl FnOnce(&Seen) -> T) -> T {
        at(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Listener(Arc<Mutex<Seen>>);

impl Trace for Listener {
    fn event(&mut self, _: Instant, event: &Event<'_>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.write_down(event);
        let Event::Message { direction, msg_type, body, .. } = event else { return };
        match *msg_type {
            HandshakeType::SERVER_HELLO => {
                seen.retried |= body.get(RANDOM_OFFSET..).is_some_and(|random| random.starts_with(&RETRY_RANDOM));
            }
            HandshakeType::NEW_SESSION_TICKET if *direction == Direction::Received => {
                seen.tickets += 1;
                let ticket = NewSessionTicket::decode_all(body);
                seen.early_data |= ticket.is_ok_and(|ticket| ticket.max_early_data_size.is_some());
            }
            _ => {}
        }
    }
}

pub fn at_handshake(
    connection: &Connection,
    observed: &Observed,
    flags: &Flags,
    is_resumption: bool,
) -> Result<(), Failure> {
    let Some(negotiated) = connection.negotiated() else { return fail("no handshake was completed") };
    let retried = observed.look(|seen| seen.retried);
    if flags.expect_hrr && !retried || flags.expect_no_hrr && retried {
        return fail(format!("there was {} HelloRetryRequest", if retried { "a" } else { "no" }));
    }
    if let Some(wanted) = &flags.expect_server_name
        && negotiated.server_name.as_ref() != Some(wanted)
    {
        return fail(format!("the server name is {:?}, not {wanted}", negotiated.server_name));
    }
    let alpn = if flags.server { &flags.select_alpn } else { &flags.expect_alpn };
    let alpn = alpn.as_ref().map(String::as_bytes).filter(|name| !name.is_empty());
    if negotiated.alpn_protocol.as_deref() != alpn {
        return fail(format!("the application protocol is {:?}, not {alpn:?}", negotiated.alpn_protocol));
    }
    let has_certificate = !connection.peer_certificates().is_empty();
    let wants_certificate = (!flags.server || flags.require_client_certificate) && negotiated.psk_identity.is_none();
    if flags.expect_no_peer_cert && has_certificate {
        return fail("the peer sent a certificate");
    }
    if !flags.expect_no_peer_cert && wants_certificate && !has_certificate {
        return fail("the peer sent no certificate");
    }
    let was_asked = observed.verdict.asked.load(Ordering::Relaxed);
    if flags.expect_verify_result && has_certificate && !was_asked && !is_resumption {
        return fail("the peer's certificate was not judged");
    }
    let is_resumed = negotiated.resumed;
    if is_resumed != (is_resumption && !flags.expect_session_miss) {
        return fail(format!("the session was {}resumed", if is_resumed { "" } else { "not " }));
    }
    if !is_resumed { came_with_certificate(observed, flags) } else { Ok(()) }
}

/// What the peer's certificate had to bring along.
fn came_with_certificate(observed: &Observed, flags: &Flags) -> Result<(), Failure> {
    let presented = observed.verdict.presented.lock().unwrap_or_else(PoisonError::into_inner);
    let (ocsp, timestamps) = presented.as_ref().map_or((None, None), |presented| {
        (presented.ocsp_response.as_ref(), presented.signed_certificate_timestamps.as_ref())
    });
    if flags.expect_ocsp_response.as_ref().is_some_and(|expected| ocsp != Some(expected)) {
        return fail("the OCSP response is another");
    }
    if flags.expect_timestamps.as_ref().is_some_and(|expected| timestamps != Some(expected)) {
        return fail("the signed certificate timestamps are others");
    }
    Ok(())
}

pub fn at_end(observed: &Observed, flags: &Flags) -> Result<(), Failure> {
    if let Some(expected) = &flags.expect_msg_callback {
        let text = observed.look(|seen| seen.text.clone());
        if text != *expected {
            return fail(format!("the messages were\n{text}and should be\n{expected}"));
        }
    }
    if flags.server {
        return Ok(());
    }
    let has_ticket = observed.look(|seen| seen.tickets > 0);
    if has_ticket == flags.expect_no_session {
        return fail(format!("the server sent {} ticket", if has_ticket { "a" } else { "no" }));
    }
    let early_data = observed.look(|seen| seen.early_data);
    if has_ticket && early_data != flags.expect_ticket_supports_early_data {
        return fail(format!("the ticket is{} for early data", if early_data { "" } else { " not" }));
    }
    Ok(())
}

fn fail<T>(why: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Failed(why.into()))
}
