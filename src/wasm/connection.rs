//! One connection: alone, or one of an endpoint's.

use core::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::Negotiated;
use crate::connection::{
    ClientOffer, Connection as Core, ConnectionEvent, ConnectionIdError, ConnectionState, SendError,
};
use crate::crypto::resumption::Session;
use crate::endpoint::{ConnectionHandle, Endpoint as EndpointCore};
use crate::time::Instant;
use crate::trace::Direction;
use crate::wire::connection_id::ConnectionIdUsage;
use crate::wire::registry::CertificateType;

use super::config::{Config, message_name};
use super::failure;
use super::recording::{Recording, What};
use super::scratch::{put_error, put_numbers, put_output, with_input, with_output};

/// One connection.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Connection {
    core: Place,
    recording: Recording,
}

/// Where the connection itself is kept.
#[derive(Debug)]
enum Place {
    /// Here.
    Alone(Box<Core>),
    /// In its endpoint, which may have forgotten it.
    Member { endpoint: Rc<RefCell<EndpointCore>>, handle: ConnectionHandle },
}

#[wasm_bindgen]
impl Connection {
    /// A client.
    pub fn client(
        config: &Config,
        servername: Option<String>,
        session: Option<Vec<u8>>,
        early_data: bool,
        record: u8,
        now: f64,
    ) -> Result<Connection, String> {
        let (recording, trace) = Recording::begin(What::from_bits(record));
        let session = session.map(|bytes| Session::from_bytes(&bytes)).transpose().map_err(failure::session)?;
        let offer = ClientOffer { server_name: servername, session, early_data, trace };
        Core::connect(config.client()?, offer, Instant::from_millis_f64(now))
            .map(|core| Self { core: Place::Alone(Box::new(core)), recording })
            .map_err(|error| failure::config(&error))
    }

    /// A server that asks for no cookie.
    pub fn server(config: &Config, record: u8, now: f64) -> Result<Connection, String> {
        let (recording, listener) = Recording::begin(What::from_bits(record));
        let mut core =
            Core::server(config.server()?, Instant::from_millis_f64(now)).map_err(|error| failure::config(&error))?;
        if let Some(listener) = listener {
            core.set_trace(listener);
        }
        Ok(Self { core: Place::Alone(Box::new(core)), recording })
    }

    pub(super) fn member(endpoint: Rc<RefCell<EndpointCore>>, handle: ConnectionHandle, recording: Recording) -> Self {
        Self { core: Place::Member { endpoint, handle }, recording }
    }

    /// The state: its place in `STATES` of core.ts.
    pub fn state(&self) -> u32 {
        self.read(|core| match core.state() {
            ConnectionState::Connecting => 0,
            ConnectionState::Connected => 1,
            ConnectionState::Closing => 2,
            ConnectionState::Closed => 3,
            ConnectionState::Failed => 4,
        })
        .unwrap_or(3)
    }

    /// Whether we are the server.
    #[wasm_bindgen(js_name = isServer)]
    pub fn is_server(&self) -> bool {
        self.read(Core::is_server).unwrap_or_default()
    }

    /// The cipher suite.
    pub fn cipher(&self) -> Option<String> {
        self.negotiated(|negotiated| Some(negotiated.cipher_suite.to_string()))
    }

    /// The group of the key exchange.
    pub fn group(&self) -> Option<String> {
        self.negotiated(|negotiated| negotiated.group.map(|group| group.to_string()))
    }

    /// The application protocol.
    #[wasm_bindgen(js_name = alpnProtocol)]
    pub fn alpn_protocol(&self) -> Option<String> {
        self.negotiated(|negotiated| {
            negotiated.alpn_protocol.as_ref().map(|name| String::from_utf8_lossy(name).into_owned())
        })
    }

    /// The SRTP profile.
    #[wasm_bindgen(js_name = srtpProfile)]
    pub fn srtp_profile(&self) -> Option<String> {
        self.negotiated(|negotiated| negotiated.srtp.as_ref().map(|srtp| srtp.profile.to_string()))
    }

    /// The master key identifier of SRTP.
    #[wasm_bindgen(js_name = srtpMki)]
    pub fn srtp_mki(&self) -> Option<Vec<u8>> {
        self.negotiated(|negotiated| negotiated.srtp.as_ref().map(|srtp| srtp.mki.clone()))
    }

    /// The name that the client asked for.
    pub fn servername(&self) -> Option<String> {
        self.negotiated(|negotiated| negotiated.server_name.clone())
    }

    /// How many certificates the peer presented.
    #[wasm_bindgen(js_name = peerCertificateCount)]
    pub fn peer_certificate_count(&self) -> usize {
        self.read(|core| core.peer_certificates().len()).unwrap_or_default()
    }

    /// One of them, DER.
    #[wasm_bindgen(js_name = peerCertificate)]
    pub fn peer_certificate(&self, index: usize) -> Vec<u8> {
        self.read(|core| core.peer_certificates().get(index).cloned()).flatten().unwrap_or_default()
    }

    /// Whether an earlier connection was resumed.
    pub fn resumed(&self) -> bool {
        self.negotiated(|negotiated| Some(negotiated.resumed)).unwrap_or_default()
    }

    /// The identity of the pre-shared key that was used.
    #[wasm_bindgen(js_name = pskIdentity)]
    pub fn psk_identity(&self) -> Option<Vec<u8>> {
        self.negotiated(|negotiated| negotiated.psk_identity.clone())
    }

    /// An extension of the peer's that was accepted: its number, the name of its message and its data in the scratch;
    /// `undefined` behind the last one.
    #[wasm_bindgen(js_name = peerExtension)]
    pub fn peer_extension(&self, index: usize) -> Option<String> {
        self.negotiated(|negotiated| {
            let extension = negotiated.peer_extensions.get(index)?;
            put_numbers(extension.extension_type.0.into(), 0);
            put_output(extension.data.clone());
            Some(message_name(extension.message).to_owned())
        })
    }

    /// Whether the peer showed a raw public key in place of certificates.
    #[wasm_bindgen(js_name = peerHasRawKey)]
    pub fn peer_has_raw_key(&self) -> bool {
        self.read(|core| {
            core.peer_identity().is_some_and(|peer| peer.certificate_type == CertificateType::RAW_PUBLIC_KEY)
        })
        .unwrap_or_default()
    }

    /// The OCSP response of the peer.
    #[wasm_bindgen(js_name = ocspResponse)]
    pub fn ocsp_response(&self) -> Option<Vec<u8>> {
        self.read(|core| core.peer_identity().and_then(|peer| peer.ocsp_response.clone())).flatten()
    }

    /// The certificate timestamps of the peer.
    #[wasm_bindgen(js_name = certificateTimestamps)]
    pub fn certificate_timestamps(&self) -> Option<Vec<u8>> {
        self.read(|core| core.peer_identity().and_then(|peer| peer.signed_certificate_timestamps.clone())).flatten()
    }

    /// Our connection IDs, each behind its length.
    #[wasm_bindgen(js_name = ownConnectionIds)]
    pub fn own_connection_ids(&self) -> Vec<u8> {
        let ids = |core: &Core| {
            core.own_connection_ids()
                .iter()
                .flat_map(|id| u8::try_from(id.len()).into_iter().chain(id.to_vec()))
                .collect()
        };
        self.read(ids).unwrap_or_default()
    }

    /// The connection ID that our records carry.
    #[wasm_bindgen(js_name = peerConnectionId)]
    pub fn peer_connection_id(&self) -> Vec<u8> {
        self.read(|core| core.peer_connection_id().to_vec()).unwrap_or_default()
    }

    /// Asks the peer for connection IDs.
    #[wasm_bindgen(js_name = requestConnectionIds)]
    pub fn request_connection_ids(&mut self, count: u8) -> Result<(), String> {
        self.connection_ids(|core| core.request_connection_ids(count))
    }

    /// Gives the peer connection IDs, to use at once or later.
    #[wasm_bindgen(js_name = provideConnectionIds)]
    pub fn provide_connection_ids(&mut self, count: u8, immediate: bool, now: f64) -> Result<(), String> {
        let usage = if immediate { ConnectionIdUsage::Immediate } else { ConnectionIdUsage::Spare };
        self.connection_ids(|core| core.provide_connection_ids(count, usage, Instant::from_millis_f64(now)))
    }

    /// Goes over to the next connection ID of the peer's.
    #[wasm_bindgen(js_name = useNextConnectionId)]
    pub fn use_next_connection_id(&mut self, now: f64) -> Result<(), String> {
        self.connection_ids(|core| core.use_next_connection_id(Instant::from_millis_f64(now)))
    }

    /// How many bytes one `send` may carry.
    #[wasm_bindgen(js_name = maxSendSize)]
    pub fn max_send_size(&self) -> usize {
        self.read(Core::max_send_size).unwrap_or_default()
    }

    /// The epoch in which the peer sends.
    #[wasm_bindgen(js_name = readEpoch)]
    pub fn read_epoch(&self) -> u16 {
        self.read(|core| core.epochs().0).unwrap_or_default()
    }

    /// The epoch in which we send.
    #[wasm_bindgen(js_name = writeEpoch)]
    pub fn write_epoch(&self) -> u16 {
        self.read(|core| core.epochs().1).unwrap_or_default()
    }

    /// The counters, as JSON.
    pub fn stats(&self) -> String {
        let members = self.read(|core| {
            let stats = core.stats();
            [
                ("datagramsSent", stats.datagrams_sent),
                ("datagramsReceived", stats.datagrams_received),
                ("bytesSent", stats.bytes_sent),
                ("bytesReceived", stats.bytes_received),
                ("recordsReceived", stats.records_received),
                ("recordsDiscarded", stats.records_discarded),
                ("recordsForged", stats.records_forged),
                ("recordsReplayed", stats.records_replayed),
                ("flightsRetransmitted", stats.flights_retransmitted),
                ("acksSent", stats.acks_sent),
                ("acksReceived", stats.acks_received),
            ]
            .map(|(name, count)| format!("\"{name}\":{count}"))
            .join(",")
        });
        format!("{{{}}}", members.unwrap_or_default())
    }

    /// A datagram arrived: the first `length` bytes of the input.
    #[wasm_bindgen(js_name = handleDatagram)]
    pub fn handle_datagram(&mut self, length: usize, now: f64) {
        with_input(length, |datagram| self.write(|core| core.handle_datagram(datagram, Instant::from_millis_f64(now))));
    }

    /// The time has come that `pollTimeout` named.
    #[wasm_bindgen(js_name = handleTimeout)]
    pub fn handle_timeout(&mut self, now: f64) {
        self.write(|core| core.handle_timeout(Instant::from_millis_f64(now)));
    }

    /// Queues the first `length` bytes of the input; says what became of it: its place in `SEND_RESULTS` of core.ts.
    pub fn send(&mut self, length: usize) -> u32 {
        let result = with_input(length, |data| self.write(|core| core.send(data)));
        match result {
            Some(Ok(())) => 0,
            Some(Err(SendError::NotConnected)) => 1,
            Some(Err(SendError::TooLarge { .. })) => 2,
            Some(Err(SendError::Full { .. })) => 3,
            Some(Err(SendError::Closed)) | None => 4,
        }
    }

    /// Queues the first `length` bytes of the input as early data.
    #[wasm_bindgen(js_name = sendEarly)]
    pub fn send_early(&mut self, length: usize) -> Result<(), String> {
        match with_input(length, |data| self.write(|core| core.send_early(data))) {
            Some(result) => result.map_err(failure::send_early),
            None => Err(gone()),
        }
    }

    /// How many bytes of early data may still be sent.
    #[wasm_bindgen(js_name = earlyDataLeft)]
    pub fn early_data_left(&self) -> usize {
        self.read(Core::early_data_left).unwrap_or_default()
    }

    /// Keying material.
    #[wasm_bindgen(js_name = exportKeyingMaterial)]
    pub fn export_keying_material(&self, label: &str, context: &[u8], length: usize) -> Result<Vec<u8>, String> {
        let mut out = vec![0; length];
        match self.read(|core| core.export_keying_material(label, context, &mut out)) {
            Some(Ok(())) => Ok(out),
            Some(Err(error)) => Err(failure::export(&error)),
            None => Err(gone()),
        }
    }

    /// An SRTP master key or salt, of what we send or of what the peer sends.
    #[wasm_bindgen(js_name = srtpKey)]
    pub fn srtp_key(&self, local: bool, salt: bool) -> Vec<u8> {
        let key = self.read(|core| {
            let keys = core.srtp_keys()?;
            Some(match (core.is_server() == local, salt) {
                (true, false) => keys.server_key.clone(),
                (true, true) => keys.server_salt.clone(),
                (false, false) => keys.client_key.clone(),
                (false, true) => keys.client_salt.clone(),
            })
        });
        key.flatten().unwrap_or_default()
    }

    /// Replaces the keys that we send with.
    #[wasm_bindgen(js_name = updateKeys)]
    pub fn update_keys(&mut self, request_peer: bool, now: f64) -> Result<(), String> {
        match self.write(|core| core.update_keys(request_peer, Instant::from_millis_f64(now))) {
            Some(result) => result.map_err(failure::update_keys),
            None => Err(gone()),
        }
    }

    /// Agrees on new keys afresh.
    #[wasm_bindgen(js_name = extendedKeyUpdate)]
    pub fn extended_key_update(&mut self, now: f64) -> Result<(), String> {
        self.write(|core| core.extended_key_update(Instant::from_millis_f64(now)))
            .ok_or_else(gone)?
            .map_err(failure::extended_key_update)
    }

    /// Servers: asks the client for a certificate; gives the number of the request.
    #[wasm_bindgen(js_name = requestCertificate)]
    pub fn request_certificate(&mut self, is_optional: bool, now: f64) -> Result<u32, String> {
        let now = Instant::from_millis_f64(now);
        match self.write(|core| core.request_client_authentication(is_optional, now)) {
            Some(result) => result.map(|request| request.0).map_err(failure::request_authentication),
            None => Err(gone()),
        }
    }

    /// Begins to close.
    pub fn close(&mut self, now: f64) {
        self.write(|core| core.close(Instant::from_millis_f64(now)));
    }

    /// Closes at once.
    #[wasm_bindgen(js_name = closeNow)]
    pub fn close_now(&mut self, now: f64) {
        self.write(|core| core.close_now(Instant::from_millis_f64(now)));
    }

    /// The next event that was recorded, as JSON.
    #[wasm_bindgen(js_name = pollTrace)]
    pub fn poll_trace(&self) -> Option<String> {
        self.recording.next_event()
    }

    /// The next line of the key log.
    #[wasm_bindgen(js_name = pollKeyLog)]
    pub fn poll_key_log(&self) -> Option<String> {
        self.recording.next_key_line()
    }

    /// Puts the next datagram to send in the output; says whether there is one.
    #[wasm_bindgen(js_name = pollTransmit)]
    pub fn poll_transmit(&mut self, now: f64) -> bool {
        with_output(|datagram| self.write(|core| core.poll_transmit(datagram, Instant::from_millis_f64(now))))
            .unwrap_or_default()
    }

    /// The next event: what it is, with its parts in the scratch.
    #[wasm_bindgen(js_name = pollEvent)]
    pub fn poll_event(&mut self) -> u32 {
        self.write(Core::poll_event).flatten().map_or(0, give_event)
    }

    /// When `handleTimeout` is to be called.
    #[wasm_bindgen(js_name = pollTimeout)]
    pub fn poll_timeout(&self) -> Option<f64> {
        self.read(Core::poll_timeout).flatten().map(Instant::as_millis_f64)
    }
}

impl Connection {
    fn read<T>(&self, use_it: impl FnOnce(&Core) -> T) -> Option<T> {
        match &self.core {
            Place::Alone(core) => Some(use_it(core)),
            Place::Member { endpoint, handle } => endpoint.try_borrow().ok()?.connection(*handle).map(use_it),
        }
    }

    fn write<T>(&mut self, use_it: impl FnOnce(&mut Core) -> T) -> Option<T> {
        match &mut self.core {
            Place::Alone(core) => Some(use_it(core)),
            Place::Member { endpoint, handle } => endpoint.try_borrow_mut().ok()?.connection_mut(*handle).map(use_it),
        }
    }

    fn connection_ids(
        &mut self,
        command: impl FnOnce(&mut Core) -> Result<(), ConnectionIdError>,
    ) -> Result<(), String> {
        self.write(command).ok_or_else(gone)?.map_err(failure::connection_ids)
    }

    fn negotiated<T>(&self, use_it: impl FnOnce(&Negotiated) -> Option<T>) -> Option<T> {
        self.read(|core| core.negotiated().and_then(use_it)).flatten()
    }
}

/// Gives an event out: its number as `eventOf` in core.ts knows it, its parts in the scratch.
pub(super) fn give_event(event: ConnectionEvent) -> u32 {
    match event {
        ConnectionEvent::Connected => 1,
        ConnectionEvent::Datagram(data) => {
            put_output(data);
            2
        }
        ConnectionEvent::KeysUpdated { direction, epoch } => {
            put_numbers(u32::from(direction == Direction::Received), epoch.into());
            3
        }
        ConnectionEvent::PeerClosed => 4,
        ConnectionEvent::Closed => 5,
        ConnectionEvent::Failed(error) => {
            put_error(&error);
            6
        }
        ConnectionEvent::PeerAuthenticated { request, .. } => {
            put_numbers(request.0, 0);
            10
        }
        ConnectionEvent::PeerDeclined { request } => {
            put_numbers(request.0, 0);
            11
        }
        ConnectionEvent::EarlyData(data) => {
            put_output(data);
            12
        }
        ConnectionEvent::EarlyDataAccepted => 13,
        ConnectionEvent::EarlyDataRejected => 14,
        ConnectionEvent::NewPath { .. } => 15,
        ConnectionEvent::PathChanged { .. } => 16,
        ConnectionEvent::PathRejected { .. } => 17,
        ConnectionEvent::ConnectionIdsReceived { spare } => {
            put_numbers(u32::try_from(spare).unwrap_or(u32::MAX), 0);
            18
        }
        ConnectionEvent::ExtendedKeyUpdated { epoch } => {
            put_numbers(epoch.into(), 0);
            19
        }
        // 7 and 8 are the endpoint's own.
        ConnectionEvent::SessionReceived(session) => {
            put_output(session.to_bytes().expose().to_vec());
            9
        }
    }
}

fn gone() -> String {
    failure::thrown("ERR_DTLS_CLOSED", "the connection is closed")
}
