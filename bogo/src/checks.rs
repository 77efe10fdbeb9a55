//! What must be so once the handshake is complete, and at the end.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use dtls_wasm::codec::Decode as _;
use dtls_wasm::connection::Connection;
use dtls_wasm::time::Instant;
use dtls_wasm::trace::{Direction, Event, Trace};
use dtls_wasm::wire::post_handshake::NewSessionTicket;
use dtls_wasm::wire::registry::HandshakeType;

use crate::configure::Verdict;
use crate::exchange::Failure;
use crate::flags::Flags;

/// The random of a HelloRetryRequest (RFC 9846 §4.2.3).
const RETRY_RANDOM: [u8; 4] = [0xcf, 0x21, 0xad, 0x74];
/// Where it stands in ServerHello, behind the version.
const RANDOM_OFFSET: usize = 2;

/// What was seen of a connection's messages.
#[derive(Default)]
struct Seen {
    retried: bool,
    tickets: usize,
    /// One of them was for early data, too.
    early_data: bool,
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
        let Event::Message { direction, msg_type, body, .. } = event else { return };
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
    let wants_certificate = !flags.server || flags.require_client_certificate;
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
    Ok(())
}

pub fn at_end(observed: &Observed, flags: &Flags) -> Result<(), Failure> {
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
