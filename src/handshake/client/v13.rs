//! The client after ServerHello (RFC 9846 §4.4 and §4.5).

use crate::codec::Decode as _;
use crate::config::{ExtensionMessage, RECORD_SIZE_LIMITS};
use crate::crypto::CipherSuiteImpl;
use crate::crypto::task::{PresentedIdentity, Task, TaskError, TaskOutput};
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::flight::ReceivedMessage;
use crate::handshake::authentication::{
    self, Asked, OwnAuthentication, OwnStep, PeerAuthentication, PeerStep, Signer, Terms,
};
use crate::handshake::exchange::Exchanges;
use crate::handshake::exchange::key_update::ExtendedKeyUpdates;
use crate::handshake::ticket::Resumption;
use crate::handshake::{
    Context, EPOCH_APPLICATION, Established, Negotiated, SrtpSelection, State, body_of, custom, psk_identity,
};
use crate::schedule::v13::{HandshakeSecret, MasterSecret, TrafficSecret};
use crate::time::Instant;
use crate::transcript::Transcript;
use crate::wire::certificate::CertificateRequest;
use crate::wire::encrypted_extensions::EncryptedExtensions;
use crate::wire::extensions::flags::Flags;
use crate::wire::registry::{CertificateType, ExtensionType, HandshakeType, NamedGroup};

use super::hello::Offer;
use super::psk::OfferedPsk;

/// The keys of the handshake, from ServerHello to Finished.
pub struct HandshakeKeys {
    /// The suite.
    pub suite: &'static CipherSuiteImpl,
    /// The group, if keys were agreed on.
    pub group: Option<NamedGroup>,
    /// The pre-shared key that the server selected.
    pub psk: Option<OfferedPsk>,
    /// Where the master secret comes from.
    pub secret: HandshakeSecret,
    /// Protects what the client sends.
    pub client: TrafficSecret,
    /// Protects what the server sends.
    pub server: TrafficSecret,
    /// All messages so far.
    pub transcript: Transcript,
}

/// ServerHello arrived.
pub struct ExpectEncryptedExtensions {
    /// What we offered.
    pub offer: Offer,
    /// The keys.
    pub keys: HandshakeKeys,
}

impl ExpectEncryptedExtensions {
    /// Takes EncryptedExtensions.
    pub fn handle(self, message: &ReceivedMessage, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self { offer, mut keys } = self;
        let body = body_of(message, HandshakeType::ENCRYPTED_EXTENSIONS)?;
        let extensions = EncryptedExtensions::decode_all(body)?;
        let theirs = extensions.record_size_limit;
        let is_taken = extensions.early_data;
        let negotiated = negotiated(&offer, &keys, extensions)?;
        match &offer.early {
            Some(early) if is_taken => early.accept(keys.suite, negotiated.alpn_protocol.as_deref(), cx)?,
            _ => cx.settle_early_data(false),
        }
        if let (Some(ours), Some(theirs)) = (offer.config.common.record_size_limit, theirs) {
            // RFC 8449 §4: a client may refuse a limit above that of the protocol; a server must not.
            if !RECORD_SIZE_LIMITS.contains(&theirs) {
                return Err(PeerMisbehaved::InvalidRecordSizeLimit.into());
            }
            cx.records.set_size_limits(ours, theirs);
        }
        keys.transcript.add(HandshakeType::ENCRYPTED_EXTENSIONS, body);
        let psk = keys.psk.take();
        let mut progress = Progress { offer, keys, negotiated, peer: None, authenticated_at: None, asked: None };
        if let Some(psk) = psk {
            // The key proves who the server is: no certificate follows, and none may be asked for (RFC 9846 §4.4.2).
            if let Some(resumed) = psk.resumed {
                progress.authenticated_at = Some(resumed.authenticated_at);
                let peer = resumed.into_peer(true);
                if let Some(peer) = peer.clone().filter(|_| progress.offer.config.verify_on_resumption) {
                    let terms = Terms {
                        signer: Signer::Server,
                        certificate_type: progress.negotiated.server_certificate_type,
                        is_optional: false,
                        server_name: peer.server_name.clone(),
                        request_context: Vec::new(),
                    };
                    let machine = PeerAuthentication::again(terms, PresentedIdentity { now: cx.now, ..peer });
                    return Ok(State::VerifyServer(Box::new(VerifyServer { progress, machine })));
                }
                progress.peer = peer.map(Box::new);
            }
            return Ok(State::ExpectServerFinished(Box::new(ExpectFinished(progress))));
        }
        Ok(State::ExpectCertificateOrRequest(Box::new(ExpectCertificateOrRequest(progress))))
    }
}

fn negotiated(offer: &Offer, keys: &HandshakeKeys, extensions: EncryptedExtensions) -> Result<Negotiated, Error> {
    use ExtensionType as E;
    // supported_groups is for information (RFC 9846 §4.3.7); the others answer what we offered.
    let allowed: Vec<_> = [
        E::SERVER_NAME,
        E::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
        E::USE_SRTP,
        E::TICKET_REQUEST,
        E::EARLY_DATA,
        E::RECORD_SIZE_LIMIT,
        E::CLIENT_CERTIFICATE_TYPE,
        E::SERVER_CERTIFICATE_TYPE,
        E::TLS_FLAGS,
    ]
    .into_iter()
    .filter(|extension| offer.offers(*extension))
    .chain([E::SUPPORTED_GROUPS])
    .chain(extensions.others.iter().map(|other| other.extension_type).filter(|other| offer.arrangement.offers(*other)))
    .collect();
    offer.check_extensions(&extensions.present, &allowed)?;
    let common = &offer.config.common;
    if extensions.alpn.as_ref().is_some_and(|protocol| !common.alpn_protocols.contains(protocol)) {
        return Err(PeerMisbehaved::SelectedUnofferedProtocol.into());
    }
    // draft-ietf-tls-tlsflags: a server sets no flag that the client did not.
    if extensions.flags.as_ref().is_some_and(|flags| !flags.is_within(&Flags::of(Flags::EXTENDED_KEY_UPDATE))) {
        return Err(PeerMisbehaved::UnofferedFlag.into());
    }
    let srtp = match extensions.use_srtp {
        None if common.require_srtp => return Err(PeerIncompatible::NoSrtpProfile.into()),
        None => None,
        Some(selected) => {
            // RFC 5764 §4.1.1: exactly one of the offered profiles, and our MKI or none.
            let [profile] = selected.profiles[..] else {
                return Err(PeerMisbehaved::SelectedUnofferedSrtpProfile.into());
            };
            if !common.srtp_profiles.contains(&profile) {
                return Err(PeerMisbehaved::SelectedUnofferedSrtpProfile.into());
            }
            //= https://www.rfc-editor.org/rfc/rfc5764#section-4.1.3
            //# If the client detects a nonzero-length MKI in the server's response
            //# that is different than the one the client offered, then the client
            //# MUST abort the handshake and SHOULD send an invalid_parameter alert.
            if !selected.mki.is_empty() && selected.mki != common.srtp_mki {
                return Err(PeerMisbehaved::SrtpMkiMismatch.into());
            }
            Some(SrtpSelection { profile, mki: selected.mki })
        }
    };
    let types = &common.certificates;
    let client_certificate_type = select_type(extensions.client_certificate_type, &types.own_types)?;
    let server_certificate_type = select_type(extensions.server_certificate_type, &types.peer_types)?;
    let message = ExtensionMessage::EncryptedExtensions;
    let peer_extensions = custom::receive(&common.custom_extensions, message, &extensions.others)?;
    Ok(Negotiated {
        cipher_suite: keys.suite.id,
        group: keys.group,
        alpn_protocol: extensions.alpn,
        srtp,
        server_name: offer.server_name.clone(),
        resumed: keys.psk.as_ref().is_some_and(|psk| psk.resumed.is_some()),
        psk_identity: keys.psk.as_ref().and_then(|psk| psk_identity(&psk.psk, psk.resumed.as_ref())),
        early_data: extensions.early_data,
        connection_ids: offer.connection_ids,
        client_certificate_type,
        server_certificate_type,
        extended_key_update: extensions.flags.is_some_and(|flags| flags.contains(Flags::EXTENDED_KEY_UPDATE)),
        peer_extensions,
    })
}

/// The type that the server selected, of those that we offered (RFC 7250 §4.2); X.509 where it says nothing.
fn select_type(selected: Option<CertificateType>, offered: &[CertificateType]) -> Result<CertificateType, Error> {
    match selected {
        Some(selected) if !offered.contains(&selected) => Err(PeerMisbehaved::SelectedUnofferedCertificateType.into()),
        selected => Ok(selected.unwrap_or_default()),
    }
}

/// What the states from EncryptedExtensions to Finished carry along.
struct Progress {
    offer: Offer,
    keys: HandshakeKeys,
    negotiated: Negotiated,
    peer: Option<Box<PresentedIdentity>>,
    /// When the server proved who it is, if it was in an earlier connection.
    authenticated_at: Option<Instant>,
    /// The server asked for a certificate.
    asked: Option<Asked>,
}

/// EncryptedExtensions arrived.
pub struct ExpectCertificateOrRequest(Progress);

impl ExpectCertificateOrRequest {
    /// Takes CertificateRequest, once, or Certificate.
    pub fn handle(self, message: &ReceivedMessage, cx: &Context<'_>) -> Result<State, Error> {
        let Self(mut progress) = self;
        if message.msg_type == HandshakeType::CERTIFICATE_REQUEST && progress.asked.is_none() {
            let request = CertificateRequest::decode_all(&message.body)?;
            let custom = &progress.offer.config.common.custom_extensions;
            let received = custom::receive(custom, ExtensionMessage::CertificateRequest, &request.others)?;
            progress.negotiated.peer_extensions.extend(received);
            let asked = Asked::by_request(request, progress.negotiated.client_certificate_type)?;
            // RFC 9846 §4.4.2: in the handshake the context has zero length.
            if !asked.request_context.is_empty() {
                return Err(PeerMisbehaved::InvalidCertificateRequestContext.into());
            }
            progress.asked = Some(asked);
            progress.keys.transcript.add(HandshakeType::CERTIFICATE_REQUEST, &message.body);
            return Ok(State::ExpectCertificateOrRequest(Box::new(Self(progress))));
        }
        // RFC 7250 §4.2: what was not negotiated is X.509, which we may not want.
        let certificate_type = progress.negotiated.server_certificate_type;
        if !progress.offer.config.common.certificates.peer_types.contains(&certificate_type) {
            return Err(PeerIncompatible::NoCertificateType.into());
        }
        let machine = PeerAuthentication::new(Terms {
            signer: Signer::Server,
            certificate_type,
            is_optional: false,
            server_name: progress.offer.peer_name.clone(),
            request_context: Vec::new(),
        });
        VerifyServer { progress, machine }.handle(message, cx)
    }
}

/// The server proves who it is.
pub struct VerifyServer {
    progress: Progress,
    machine: PeerAuthentication,
}

impl VerifyServer {
    /// The task that it waits for; `None`: it waits for a message.
    pub const fn task(&self) -> Option<&Task> {
        self.machine.task()
    }

    /// Where it stands, as the trace tells it.
    pub const fn name(&self) -> &'static str {
        self.machine.name()
    }

    /// Takes Certificate or CertificateVerify.
    pub fn handle(self, message: &ReceivedMessage, cx: &Context<'_>) -> Result<State, Error> {
        let Self { mut progress, machine } = self;
        let step = machine.handle(message, &mut progress.keys.transcript, cx)?;
        Ok(Self::next(progress, step))
    }

    /// Goes on with the result of its task.
    pub fn finish(self, result: Result<TaskOutput, TaskError>) -> Result<State, Error> {
        let step = self.machine.finish(result)?;
        Ok(Self::next(self.progress, step))
    }

    fn next(progress: Progress, step: PeerStep) -> State {
        match step {
            PeerStep::Waits(machine) => State::VerifyServer(Box::new(Self { progress, machine })),
            PeerStep::Done(peer) => {
                State::ExpectServerFinished(Box::new(ExpectFinished(Progress { peer, ..progress })))
            }
        }
    }
}

/// The server proved who it is.
pub struct ExpectFinished(Progress);

impl ExpectFinished {
    /// Takes Finished.
    pub fn handle(self, message: &ReceivedMessage, cx: &mut Context<'_>) -> Result<State, Error> {
        let Progress { offer, keys, negotiated, peer, authenticated_at, asked } = self.0;
        let HandshakeKeys { secret, client, server, mut transcript, .. } = keys;
        authentication::verify_finished(&server, body_of(message, HandshakeType::FINISHED)?, &mut transcript)?;

        let master = secret.into_master();
        let application = ApplicationKeys::new(master, &transcript, &offer, cx);
        // From here on the server may send application data, and retransmissions of what was before.
        cx.install_read(EPOCH_APPLICATION, &application.server);
        let authenticated_at = authenticated_at.unwrap_or(cx.now);
        let ending = Ending { offer, negotiated, peer, authenticated_at, client, application, transcript };
        let Some(asked) = asked else {
            return ending.finish(cx);
        };
        let machine = OwnAuthentication::select(asked);
        Ok(State::SignClient(Box::new(SignClient { ending, machine })))
    }
}

/// The keys of application data and exporters, which do not depend on the client's last flight.
struct ApplicationKeys {
    client: TrafficSecret,
    server: TrafficSecret,
    exporter: crate::schedule::exporter::ExporterSecret,
    master: MasterSecret,
    update_exporter: Option<crate::schedule::exporter::ExporterSecret>,
}

impl ApplicationKeys {
    fn new(master: MasterSecret, transcript: &Transcript, offer: &Offer, cx: &mut Context<'_>) -> Self {
        let hash = transcript.current();
        let keys = Self {
            client: master.client_traffic(&hash),
            server: master.server_traffic(&hash),
            exporter: master.exporter(&hash),
            update_exporter: cx.config.extended_key_update.then(|| master.update_exporter(&hash)),
            master,
        };
        cx.log_secret("CLIENT_TRAFFIC_SECRET_0", &offer.random, keys.client.expose());
        cx.log_secret("SERVER_TRAFFIC_SECRET_0", &offer.random, keys.server.expose());
        cx.log_secret("EXPORTER_SECRET", &offer.random, keys.exporter.expose());
        keys
    }
}

/// Only our last flight is missing.
struct Ending {
    offer: Offer,
    negotiated: Negotiated,
    peer: Option<Box<PresentedIdentity>>,
    authenticated_at: Instant,
    /// Protects our last flight.
    client: TrafficSecret,
    application: ApplicationKeys,
    transcript: Transcript,
}

impl Ending {
    fn finish(mut self, cx: &mut Context<'_>) -> Result<State, Error> {
        authentication::send_finished(&self.client, &mut self.transcript, cx)?;
        cx.install_write(EPOCH_APPLICATION, &self.application.client);
        // What a session remembers of a peer is a chain of certificates: a raw key is asked for anew.
        let is_raw = self.peer.as_ref().is_some_and(|peer| peer.certificate_type != CertificateType::X509);
        let resumption = (self.offer.config.resumption && !is_raw).then(|| {
            Box::new(Resumption {
                secret: self.application.master.resumption(&self.transcript.current()),
                tickets: cx.config.limits.tickets,
                authenticated_at: self.authenticated_at,
                server_name: self.offer.peer_name.clone(),
            })
        });
        let ApplicationKeys { master, update_exporter, .. } = &mut self.application;
        let key_updates =
            ExtendedKeyUpdates::negotiated(&self.negotiated, master, &self.transcript, update_exporter.take());
        let may_be_asked = self.offer.config.post_handshake_auth && self.negotiated.psk_identity.is_none();
        Ok(State::Complete(Box::new(Established {
            negotiated: self.negotiated,
            peer: self.peer,
            exporter: self.application.exporter,
            read_secret: self.application.server,
            write_secret: self.application.client,
            read_epoch: EPOCH_APPLICATION,
            write_epoch: EPOCH_APPLICATION,
            pending_key_update: None,
            queued_key_update: None,
            is_server: false,
            client_random: self.offer.random,
            resumption,
            post_handshake_auth: may_be_asked.then_some(self.transcript),
            key_updates,
            exchanges: Exchanges::default(),
        })))
    }
}

/// We prove who we are.
pub struct SignClient {
    ending: Ending,
    machine: OwnAuthentication,
}

impl SignClient {
    /// The task that it waits for.
    pub const fn task(&self) -> &Task {
        self.machine.task()
    }

    /// Where it stands, as the trace tells it.
    pub const fn name(&self) -> &'static str {
        self.machine.name()
    }

    /// Goes on with the result of its task.
    pub fn finish(self, result: Result<TaskOutput, TaskError>, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self { mut ending, machine } = self;
        let mut out = Vec::new();
        let step = machine.finish(result, &mut ending.transcript, cx, &mut out)?;
        authentication::send_all(out, cx)?;
        match step {
            OwnStep::Waits(machine) => Ok(State::SignClient(Box::new(Self { ending, machine }))),
            OwnStep::Done => ending.finish(cx),
        }
    }
}
