//! NewSessionTicket: what a server issues, and what a client makes of it (RFC 9846 §4.7.1).

use core::time::Duration;

use crate::codec::{Decode as _, Encode as _};
use crate::config::{ExtensionMessage, ServerConfig};
use crate::crypto::resumption::{MAX_TICKET_LIFETIME, ResumptionState, Session, TicketStore};
use crate::error::Error;
use crate::schedule::v13::ResumptionSecret;
use crate::time::Instant;
use crate::wire::client_hello::TicketRequest;
use crate::wire::extension::OtherExtension;
use crate::wire::post_handshake::NewSessionTicket;
use crate::wire::registry::{ExtensionType, HandshakeType};

use super::connected::PostHandshake;
use super::{Context, Established, custom};

/// What a connection can be resumed by: with a client until the connection ends, with a server until its tickets are
/// issued. There is none if tickets are not wanted.
#[derive(Debug)]
pub struct Resumption {
    /// Where the keys of tickets come from.
    pub secret: ResumptionSecret,
    /// How many tickets are still to be issued (server), or to be handed out (client).
    pub tickets: u8,
    /// When the peers last authenticated each other by anything but a ticket.
    pub authenticated_at: Instant,
    /// With a client, the name for which the server's certificate was verified; with a server, the name that the
    /// client asked for.
    pub server_name: Option<String>,
}

/// How many tickets a server of this configuration sends after a handshake.
//= https://www.rfc-editor.org/rfc/rfc9149#section-3
//# Servers SHOULD NOT send more tickets than requested for the
//# connection type selected by the server (new or resumed connection).
pub fn ticket_count(config: &ServerConfig, request: Option<TicketRequest>, is_resumed: bool) -> u8 {
    let asked = match request {
        None => u8::MAX,
        Some(request) if is_resumed => request.resumption_count,
        Some(request) => request.new_session_count,
    };
    if config.tickets.is_some() { config.ticket_count.min(asked) } else { 0 }
}

impl Established {
    /// Sends the tickets that are due, of those that `store` gives.
    pub fn issue_tickets(&mut self, config: &ServerConfig, cx: &mut Context<'_>) -> Result<(), Error> {
        let Some(resumption) = self.resumption.take() else { return Ok(()) };
        let Some(store) = &config.tickets else { return Ok(()) };
        for nonce in 0..resumption.tickets {
            self.issue_ticket(config, &**store, &resumption, &[nonce], cx)?;
        }
        Ok(())
    }

    fn issue_ticket(
        &self,
        config: &ServerConfig,
        store: &dyn TicketStore,
        resumption: &Resumption,
        nonce: &[u8],
        cx: &mut Context<'_>,
    ) -> Result<(), Error> {
        let random = &*config.common.provider.random;
        let mut age_add = [0; 4];
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.7.1
        //# The server MUST generate a fresh value for each ticket it sends.
        if random.fill(&mut age_add).is_err() {
            // A connection without tickets is better than none.
            return Ok(());
        }
        let state = ResumptionState {
            cipher_suite: self.negotiated.cipher_suite,
            secret: resumption.secret.psk(nonce),
            issued_at: cx.now,
            authenticated_at: resumption.authenticated_at,
            lifetime: lifetime(config.ticket_lifetime, resumption.authenticated_at, cx.now),
            age_add: u32::from_be_bytes(age_add),
            server_name: resumption.server_name.clone(),
            alpn_protocol: self.negotiated.alpn_protocol.clone(),
            peer_certificates: self.peer_certificates(),
            psk_identity: self.negotiated.psk_identity.clone(),
            max_early_data: config.max_early_data,
        };
        if state.lifetime == 0 {
            return Ok(());
        }
        let Some(ticket) = store.issue(&state, random).filter(|ticket| !ticket.is_empty()) else { return Ok(()) };
        let mut others = custom::ask(&config.common.custom_extensions, ExtensionMessage::NewSessionTicket)?;
        if let Some([extension, _]) = custom::grease(&config.common)? {
            // RFC 8701 §4.1.
            others.push(OtherExtension { extension_type: ExtensionType(extension), data: Vec::new() });
        }
        let message = NewSessionTicket {
            ticket_lifetime: state.lifetime,
            ticket_age_add: state.age_add,
            ticket_nonce: nonce.to_vec(),
            ticket,
            max_early_data_size: (state.max_early_data > 0).then_some(state.max_early_data),
            others,
            present: Vec::new(),
        };
        cx.send(self.write_epoch, HandshakeType::NEW_SESSION_TICKET, message.encoded())?;
        Ok(())
    }

    /// Takes a NewSessionTicket.
    //= https://www.rfc-editor.org/rfc/rfc9846#section-4.7.1
    //# Clients which receive a NewSessionTicket message but do
    //# not support resumption MUST silently ignore this message.
    pub(super) fn take_ticket(&mut self, body: &[u8], cx: &Context<'_>) -> Result<PostHandshake, Error> {
        let message = NewSessionTicket::decode_all(body)?;
        custom::receive(&cx.config.custom_extensions, ExtensionMessage::NewSessionTicket, &message.others)?;
        // A lifetime of zero says that the ticket is to be forgotten at once (RFC 9846 §4.7.1).
        let (Some(resumption), 1..) = (&mut self.resumption, message.ticket_lifetime) else {
            return Ok(PostHandshake::Nothing);
        };
        let Some(tickets) = resumption.tickets.checked_sub(1) else { return Ok(PostHandshake::Nothing) };
        resumption.tickets = tickets;
        let state = ResumptionState {
            cipher_suite: self.negotiated.cipher_suite,
            secret: resumption.secret.psk(&message.ticket_nonce),
            issued_at: cx.now,
            authenticated_at: resumption.authenticated_at,
            lifetime: message.ticket_lifetime.min(MAX_TICKET_LIFETIME),
            age_add: message.ticket_age_add,
            server_name: resumption.server_name.clone(),
            alpn_protocol: self.negotiated.alpn_protocol.clone(),
            peer_certificates: self.peer_certificates(),
            psk_identity: self.negotiated.psk_identity.clone(),
            max_early_data: message.max_early_data_size.unwrap_or(0),
        };
        Ok(PostHandshake::SessionReceived(Box::new(Session { ticket: message.ticket, state })))
    }
}

/// For how many seconds a ticket of the configured lifetime can be used. Tickets that come of tickets end with the week
/// that began when the peers last authenticated each other (RFC 9846 §4.7.1 recommends such a limit).
fn lifetime(configured: Duration, authenticated_at: Instant, now: Instant) -> u32 {
    let most = Duration::from_secs(MAX_TICKET_LIFETIME.into());
    let left = most.saturating_sub(now - authenticated_at);
    u32::try_from(configured.min(left).as_secs()).unwrap_or(MAX_TICKET_LIFETIME)
}
