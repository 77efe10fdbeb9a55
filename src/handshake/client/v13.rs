//! The client after ServerHello (RFC 9846 §4.4 and §4.5).

use crate::codec::Decode as _;
use crate::config::ExtensionMessage;
use crate::crypto::CipherSuiteImpl;
use crate::crypto::task::{CredentialsRequest, PresentedIdentity, Task};
use crate::error::{Error, InvalidMessage, PeerIncompatible, PeerMisbehaved};
use crate::flight::ReceivedMessage;
use crate::handshake::authentication::{self, Signer};
use crate::handshake::custom;
use crate::handshake::ticket::{MAX_TICKETS_TAKEN, Resumption};
use crate::handshake::wait::{Resume, SelectedCredentials, Signature, Verified, Wait};
use crate::handshake::{Context, EPOCH_APPLICATION, Established, Negotiated, SrtpSelection, State, body_of};
use crate::schedule::v13::{HandshakeSecret, MasterSecret, TrafficSecret};
use crate::transcript::Transcript;
use crate::wire::certificate::CertificateRequest;
use crate::wire::encrypted_extensions::EncryptedExtensions;
use crate::wire::registry::{ExtensionType, HandshakeType, NamedGroup, SignatureScheme};

use super::hello::Offer;

/// The keys of the handshake, from ServerHello to Finished.
pub struct HandshakeKeys {
    /// The suite.
    pub suite: &'static CipherSuiteImpl,
    /// The group.
    pub group: NamedGroup,
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
    pub fn handle(self, message: &ReceivedMessage) -> Result<State, Error> {
        let Self { offer, mut keys } = self;
        let body = body_of(message, HandshakeType::ENCRYPTED_EXTENSIONS)?;
        let extensions = EncryptedExtensions::decode_all(body)?;
        let negotiated = negotiated(&offer, &keys, extensions)?;
        keys.transcript.add(HandshakeType::ENCRYPTED_EXTENSIONS, body);
        let progress = Progress { offer, keys, negotiated, peer_certificates: Vec::new(), request: None };
        Ok(State::ExpectCertificateOrRequest(Box::new(ExpectCertificateOrRequest(progress))))
    }
}

fn negotiated(offer: &Offer, keys: &HandshakeKeys, extensions: EncryptedExtensions) -> Result<Negotiated, Error> {
    use ExtensionType as E;
    // supported_groups is for information (RFC 9846 §4.3.7); the others answer what we offered.
    let allowed: Vec<_> = [E::SERVER_NAME, E::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, E::USE_SRTP, E::TICKET_REQUEST]
        .into_iter()
        .filter(|extension| offer.offers(*extension))
        .chain([E::SUPPORTED_GROUPS])
        .chain(
            extensions.others.iter().map(|other| other.extension_type).filter(|other| offer.arrangement.offers(*other)),
        )
        .collect();
    offer.check_extensions(&extensions.present, &allowed)?;
    let common = &offer.config.common;
    if extensions.alpn.as_ref().is_some_and(|protocol| !common.alpn_protocols.contains(protocol)) {
        return Err(PeerMisbehaved::SelectedUnofferedProtocol.into());
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
            if !selected.mki.is_empty() {
                return Err(PeerMisbehaved::SrtpMkiMismatch.into());
            }
            Some(SrtpSelection { profile, mki: selected.mki })
        }
    };
    let message = ExtensionMessage::EncryptedExtensions;
    let peer_extensions = custom::receive(&common.custom_extensions, message, &extensions.others)?;
    Ok(Negotiated {
        cipher_suite: keys.suite.id,
        group: keys.group,
        alpn_protocol: extensions.alpn,
        srtp,
        server_name: offer.server_name.clone(),
        peer_extensions,
    })
}

/// What the states from EncryptedExtensions to Finished carry along.
struct Progress {
    offer: Offer,
    keys: HandshakeKeys,
    negotiated: Negotiated,
    peer_certificates: Vec<Vec<u8>>,
    /// The server asked for a certificate, which it can verify by these schemes.
    request: Option<Vec<SignatureScheme>>,
}

/// EncryptedExtensions arrived.
pub struct ExpectCertificateOrRequest(Progress);

impl ExpectCertificateOrRequest {
    /// Takes CertificateRequest, once, or Certificate.
    pub fn handle(self, message: &ReceivedMessage) -> Result<State, Error> {
        let Self(mut progress) = self;
        if message.msg_type == HandshakeType::CERTIFICATE_REQUEST && progress.request.is_none() {
            let request = CertificateRequest::decode_all(&message.body)?;
            // RFC 9846 §4.4.2: in the handshake the context has zero length.
            if !request.request_context.is_empty() {
                return Err(PeerMisbehaved::InvalidCertificateRequestContext.into());
            }
            if request.signature_algorithms.is_empty() {
                return Err(PeerMisbehaved::MissingExtension(ExtensionType::SIGNATURE_ALGORITHMS).into());
            }
            progress.request = Some(request.signature_algorithms);
            progress.keys.transcript.add(HandshakeType::CERTIFICATE_REQUEST, &message.body);
            return Ok(State::ExpectCertificateOrRequest(Box::new(Self(progress))));
        }
        let body = body_of(message, HandshakeType::CERTIFICATE)?;
        progress.peer_certificates = authentication::read_certificate(body, &progress.offer.config.common.limits)?;
        if progress.peer_certificates.is_empty() {
            // RFC 9846 §4.5.1.2: an empty chain from the server is a decode_error.
            return Err(InvalidMessage::EmptyVector.into());
        }
        progress.keys.transcript.add(HandshakeType::CERTIFICATE, body);
        Ok(State::ExpectServerCertificateVerify(Box::new(ExpectCertificateVerify(progress))))
    }
}

/// The server's chain arrived.
pub struct ExpectCertificateVerify(Progress);

impl ExpectCertificateVerify {
    /// Takes CertificateVerify.
    pub fn handle(self, message: &ReceivedMessage, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self(mut progress) = self;
        let body = body_of(message, HandshakeType::CERTIFICATE_VERIFY)?;
        let offered = &progress.offer.config.common.signature_schemes;
        let (chain, transcript) = (&progress.peer_certificates, &progress.keys.transcript);
        let task = authentication::verification(body, Signer::Server, chain, offered, transcript)?;
        progress.keys.transcript.add(HandshakeType::CERTIFICATE_VERIFY, body);
        let presented = PresentedIdentity {
            chain: progress.peer_certificates.clone(),
            server_name: progress.offer.peer_name.clone(),
            is_server: true,
            now: cx.now,
        };
        let next = Box::new(AwaitSignatureVerified { progress, presented });
        Ok(State::VerifyServerSignature(Wait::new(task, next)))
    }
}

/// The server's signature is being checked.
pub struct AwaitSignatureVerified {
    progress: Progress,
    presented: PresentedIdentity,
}

impl Resume for Box<AwaitSignatureVerified> {
    type Output = Verified;

    fn resume(self, _: Verified, _: &mut Context<'_>) -> Result<State, Error> {
        let AwaitSignatureVerified { progress, presented } = *self;
        let task = Task::VerifyPeer(presented);
        Ok(State::VerifyServer(Wait::new(task, Box::new(AwaitPeerVerified(progress)))))
    }
}

/// The server's chain is being judged.
pub struct AwaitPeerVerified(Progress);

impl Resume for Box<AwaitPeerVerified> {
    type Output = Verified;

    fn resume(self, _: Verified, _: &mut Context<'_>) -> Result<State, Error> {
        Ok(State::ExpectServerFinished(Box::new(ExpectFinished(self.0))))
    }
}

/// The server proved who it is.
pub struct ExpectFinished(Progress);

impl ExpectFinished {
    /// Takes Finished.
    pub fn handle(self, message: &ReceivedMessage, cx: &mut Context<'_>) -> Result<State, Error> {
        let Progress { offer, keys, negotiated, peer_certificates, request } = self.0;
        let HandshakeKeys { secret, client, server, mut transcript, .. } = keys;
        authentication::verify_finished(&server, body_of(message, HandshakeType::FINISHED)?, &mut transcript)?;

        let master = secret.into_master();
        let application = ApplicationKeys::new(master, &transcript, &offer, cx);
        // From here on the server may send application data, and retransmissions of what was before.
        cx.install_read(EPOCH_APPLICATION, &application.server);
        let ending = Ending { offer, negotiated, peer_certificates, client, application, transcript };
        let Some(schemes) = request else {
            return ending.finish(cx);
        };
        let task = Task::SelectCredentials(CredentialsRequest {
            server_name: None,
            schemes: schemes.clone(),
            is_server: false,
        });
        Ok(State::SelectClientCredentials(Wait::new(task, Box::new(AwaitCredentials { ending, schemes }))))
    }
}

/// The keys of application data and exporters, which do not depend on the client's last flight.
struct ApplicationKeys {
    client: TrafficSecret,
    server: TrafficSecret,
    exporter: crate::schedule::exporter::ExporterSecret,
    master: MasterSecret,
}

impl ApplicationKeys {
    fn new(master: MasterSecret, transcript: &Transcript, offer: &Offer, cx: &mut Context<'_>) -> Self {
        let hash = transcript.current();
        let keys = Self {
            client: master.client_traffic(&hash),
            server: master.server_traffic(&hash),
            exporter: master.exporter(&hash),
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
    peer_certificates: Vec<Vec<u8>>,
    /// Protects our last flight.
    client: TrafficSecret,
    application: ApplicationKeys,
    transcript: Transcript,
}

impl Ending {
    fn finish(mut self, cx: &mut Context<'_>) -> Result<State, Error> {
        authentication::send_finished(&self.client, &mut self.transcript, cx)?;
        cx.install_write(EPOCH_APPLICATION, &self.application.client);
        let resumption = self.offer.config.resumption.then(|| {
            Box::new(Resumption {
                secret: self.application.master.resumption(&self.transcript.current()),
                tickets: MAX_TICKETS_TAKEN,
                authenticated_at: cx.now,
                server_name: self.offer.peer_name.clone(),
            })
        });
        Ok(State::Complete(Box::new(Established {
            negotiated: self.negotiated,
            peer_certificates: self.peer_certificates,
            exporter: self.application.exporter,
            read_secret: self.application.server,
            write_secret: self.application.client,
            read_epoch: EPOCH_APPLICATION,
            write_epoch: EPOCH_APPLICATION,
            pending_key_update: None,
            is_server: false,
            client_random: self.offer.random,
            resumption,
        })))
    }
}

/// Our certificate is being chosen.
pub struct AwaitCredentials {
    ending: Ending,
    schemes: Vec<SignatureScheme>,
}

impl Resume for Box<AwaitCredentials> {
    type Output = SelectedCredentials;

    fn resume(self, SelectedCredentials(selected): SelectedCredentials, cx: &mut Context<'_>) -> Result<State, Error> {
        let AwaitCredentials { mut ending, schemes } = *self;
        authentication::send_certificate(selected.as_deref(), Vec::new(), &mut ending.transcript, cx)?;
        let Some(credentials) = selected else {
            return ending.finish(cx);
        };
        let (task, scheme) = authentication::signing(&credentials, Signer::Client, &schemes, &ending.transcript)?;
        Ok(State::SignClient(Wait::new(task, Box::new(AwaitSignature { ending, scheme }))))
    }
}

/// Our CertificateVerify is being signed.
pub struct AwaitSignature {
    ending: Ending,
    scheme: SignatureScheme,
}

impl Resume for Box<AwaitSignature> {
    type Output = Signature;

    fn resume(self, Signature(signature): Signature, cx: &mut Context<'_>) -> Result<State, Error> {
        let AwaitSignature { mut ending, scheme } = *self;
        authentication::send_certificate_verify(scheme, signature, &mut ending.transcript, cx)?;
        ending.finish(cx)
    }
}
