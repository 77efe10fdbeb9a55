//! The server from ServerHello on (RFC 9846 §4.2.3, §4.4 and §4.5).

use std::sync::Arc;

use crate::codec::Encode as _;
use crate::config::{ClientAuth, ExtensionMessage, ServerConfig};
use crate::crypto::CipherSuiteImpl;
use crate::crypto::task::{Credentials, PresentedIdentity, Task};
use crate::error::{Error, PeerMisbehaved, TaskFailure};
use crate::flight::ReceivedMessage;
use crate::handshake::authentication::{self, Signer};
use crate::handshake::custom;
use crate::handshake::ticket::Resumption;
use crate::handshake::wait::{KeyShareResponse, Resume, Signature, Verified, Wait};
use crate::handshake::{
    Context, EPOCH_APPLICATION, EPOCH_HANDSHAKE, EPOCH_PLAINTEXT, Established, Negotiated, State, body_of,
};
use crate::schedule::exporter::ExporterSecret;
use crate::schedule::v13::{EarlySecret, HandshakeSecret, MasterSecret, TrafficSecret};
use crate::transcript::Transcript;
use crate::wire::certificate::CertificateRequest;
use crate::wire::client_hello::{KeyShareEntry, UseSrtp};
use crate::wire::encrypted_extensions::EncryptedExtensions;
use crate::wire::registry::{HandshakeType, NamedGroup, ProtocolVersion, SignatureScheme};
use crate::wire::server_hello::{ServerHello, ServerHelloExtensions};

use super::hello::Offered;

/// Our key share is being made.
pub struct AwaitKeyShare {
    /// The configuration.
    pub config: Arc<ServerConfig>,
    /// The selected suite.
    pub suite: &'static CipherSuiteImpl,
    /// The selected group.
    pub group: NamedGroup,
    /// What the client offered beyond them.
    pub offered: Offered,
    /// Our certificate.
    pub credentials: Arc<Credentials>,
    /// All messages so far.
    pub transcript: Transcript,
}

impl Resume for Box<AwaitKeyShare> {
    type Output = KeyShareResponse;

    fn resume(self, response: KeyShareResponse, cx: &mut Context<'_>) -> Result<State, Error> {
        let AwaitKeyShare { config, suite, group, offered, credentials, mut transcript } = *self;
        let hello = server_hello(&config, suite, group, response.public)?;
        transcript.add(HandshakeType::SERVER_HELLO, &hello);
        cx.send(EPOCH_PLAINTEXT, HandshakeType::SERVER_HELLO, hello)?;

        let secret = EarlySecret::new(suite).into_handshake(response.secret.expose());
        let hash = transcript.current();
        let client = secret.client_traffic(&hash);
        let server = secret.server_traffic(&hash);
        cx.log_secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", &offered.random, client.expose());
        cx.log_secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", &offered.random, server.expose());
        cx.install_read(EPOCH_HANDSHAKE, &client);
        cx.install_write(EPOCH_HANDSHAKE, &server);

        let negotiated = Negotiated {
            cipher_suite: suite.id,
            group,
            alpn_protocol: offered.alpn_protocol.clone(),
            srtp: offered.srtp.clone(),
            server_name: offered.server_name.clone(),
            peer_extensions: offered.custom.clone(),
        };
        let expected_tickets = offered.ticket_request.map(|_| offered.tickets);
        send_encrypted_extensions(&config, &negotiated, expected_tickets, &mut transcript, cx)?;
        if config.client_auth != ClientAuth::None {
            send_certificate_request(&config, &mut transcript, cx)?;
        }
        authentication::send_certificate(Some(&credentials), Vec::new(), &mut transcript, cx)?;
        let (task, scheme) = authentication::signing(&credentials, Signer::Server, &offered.schemes, &transcript)?;
        let next = AwaitSignature { config, offered, negotiated, secret, client, server, transcript, scheme };
        Ok(State::SignServer(Wait::new(task, Box::new(next))))
    }
}

fn server_hello(
    config: &ServerConfig,
    suite: &'static CipherSuiteImpl,
    group: NamedGroup,
    key_exchange: Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let mut random = [0; 32];
    config.common.provider.random.fill(&mut random).map_err(|_| TaskFailure::NoRandomBytes)?;
    Ok(ServerHello {
        legacy_version: ProtocolVersion::DTLS_1_2,
        random,
        //= https://www.rfc-editor.org/rfc/rfc9147#section-5
        //# DTLS servers MUST NOT echo the "legacy_session_id" value from the client
        //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-5
        //# DTLS servers MUST NOT send ChangeCipherSpec messages when negotiating DTLS 1.3. Additionally, the
        //# "legacy_session_id_echo" field of the ServerHello message, described in Section 4.1.3 of [TLS13], MUST
        //# be empty in DTLS 1.3. DTLS 1.3 servers MUST NOT echo the "legacy_session_id" value from the ClientHello.
        legacy_session_id_echo: Vec::new(),
        cipher_suite: suite.id,
        extensions: ServerHelloExtensions {
            supported_version: Some(ProtocolVersion::DTLS_1_3),
            key_share: Some(KeyShareEntry { group, key_exchange }),
            ..ServerHelloExtensions::default()
        },
    }
    .encoded())
}

fn send_encrypted_extensions(
    config: &ServerConfig,
    negotiated: &Negotiated,
    expected_tickets: Option<u8>,
    transcript: &mut Transcript,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    let extensions = EncryptedExtensions {
        alpn: negotiated.alpn_protocol.clone(),
        use_srtp: negotiated.srtp.as_ref().map(|srtp| UseSrtp { profiles: vec![srtp.profile], mki: srtp.mki.clone() }),
        server_name_ack: negotiated.server_name.is_some(),
        //= https://www.rfc-editor.org/rfc/rfc9149#section-3
        //# A server that supports and uses a client "ticket_request" extension
        //# MUST also send the "ticket_request" extension in the
        //# EncryptedExtensions message.
        ticket_request: expected_tickets.filter(|_| config.tickets.is_some()),
        others: custom::answer(
            &config.common.custom_extensions,
            ExtensionMessage::EncryptedExtensions,
            ExtensionMessage::ClientHello,
            &negotiated.peer_extensions,
        )?,
        ..EncryptedExtensions::default()
    };
    authentication::send(HandshakeType::ENCRYPTED_EXTENSIONS, extensions.encoded(), transcript, cx)
}

fn send_certificate_request(
    config: &ServerConfig,
    transcript: &mut Transcript,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    let request = CertificateRequest {
        signature_algorithms: config.common.signature_schemes.clone(),
        ..CertificateRequest::default()
    };
    authentication::send(HandshakeType::CERTIFICATE_REQUEST, request.encoded(), transcript, cx)
}

/// Our CertificateVerify is being signed. What precedes it is on its way already.
pub struct AwaitSignature {
    config: Arc<ServerConfig>,
    offered: Offered,
    negotiated: Negotiated,
    secret: HandshakeSecret,
    client: TrafficSecret,
    server: TrafficSecret,
    transcript: Transcript,
    scheme: SignatureScheme,
}

impl Resume for Box<AwaitSignature> {
    type Output = Signature;

    fn resume(self, Signature(signature): Signature, cx: &mut Context<'_>) -> Result<State, Error> {
        let AwaitSignature { config, offered, negotiated, secret, client, server, mut transcript, scheme } = *self;
        authentication::send_certificate_verify(scheme, signature, &mut transcript, cx)?;
        authentication::send_finished(&server, &mut transcript, cx)?;

        let master = secret.into_master();
        let hash = transcript.current();
        let application = ApplicationKeys {
            client: master.client_traffic(&hash),
            server: master.server_traffic(&hash),
            exporter: master.exporter(&hash),
            master,
        };
        cx.log_secret("CLIENT_TRAFFIC_SECRET_0", &offered.random, application.client.expose());
        cx.log_secret("SERVER_TRAFFIC_SECRET_0", &offered.random, application.server.expose());
        cx.log_secret("EXPORTER_SECRET", &offered.random, application.exporter.expose());
        cx.install_write(EPOCH_APPLICATION, &application.server);

        let asks = config.client_auth != ClientAuth::None;
        let progress =
            Progress { config, offered, negotiated, client, application, transcript, peer_certificates: Vec::new() };
        Ok(if asks {
            State::ExpectClientCertificate(Box::new(ExpectCertificate(progress)))
        } else {
            State::ExpectClientFinished(Box::new(ExpectFinished(progress)))
        })
    }
}

/// The keys of application data and exporters.
struct ApplicationKeys {
    client: TrafficSecret,
    server: TrafficSecret,
    exporter: ExporterSecret,
    master: MasterSecret,
}

/// What the states that wait for the client's last flight carry along.
struct Progress {
    config: Arc<ServerConfig>,
    offered: Offered,
    negotiated: Negotiated,
    /// Protects the client's last flight.
    client: TrafficSecret,
    application: ApplicationKeys,
    transcript: Transcript,
    peer_certificates: Vec<Vec<u8>>,
}

/// A certificate was asked for.
pub struct ExpectCertificate(Progress);

impl ExpectCertificate {
    /// Takes Certificate, which may be empty if it is not required.
    pub fn handle(self, message: &ReceivedMessage) -> Result<State, Error> {
        let Self(mut progress) = self;
        let body = body_of(message, HandshakeType::CERTIFICATE)?;
        progress.peer_certificates = authentication::read_certificate(body, &progress.config.common.limits)?;
        progress.transcript.add(HandshakeType::CERTIFICATE, body);
        if !progress.peer_certificates.is_empty() {
            return Ok(State::ExpectClientCertificateVerify(Box::new(ExpectCertificateVerify(progress))));
        }
        if progress.config.client_auth == ClientAuth::Required {
            return Err(PeerMisbehaved::NoCertificate.into());
        }
        Ok(State::ExpectClientFinished(Box::new(ExpectFinished(progress))))
    }
}

/// The client's chain arrived.
pub struct ExpectCertificateVerify(Progress);

impl ExpectCertificateVerify {
    /// Takes CertificateVerify.
    pub fn handle(self, message: &ReceivedMessage, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self(mut progress) = self;
        let body = body_of(message, HandshakeType::CERTIFICATE_VERIFY)?;
        let offered = &progress.config.common.signature_schemes;
        let (chain, transcript) = (&progress.peer_certificates, &progress.transcript);
        let task = authentication::verification(body, Signer::Client, chain, offered, transcript)?;
        progress.transcript.add(HandshakeType::CERTIFICATE_VERIFY, body);
        let presented = PresentedIdentity {
            chain: progress.peer_certificates.clone(),
            server_name: None,
            is_server: false,
            now: cx.now,
        };
        let next = Box::new(AwaitSignatureVerified { progress, presented });
        Ok(State::VerifyClientSignature(Wait::new(task, next)))
    }
}

/// The client's signature is being checked.
pub struct AwaitSignatureVerified {
    progress: Progress,
    presented: PresentedIdentity,
}

impl Resume for Box<AwaitSignatureVerified> {
    type Output = Verified;

    fn resume(self, _: Verified, _: &mut Context<'_>) -> Result<State, Error> {
        let AwaitSignatureVerified { progress, presented } = *self;
        let task = Task::VerifyPeer(presented);
        Ok(State::VerifyClient(Wait::new(task, Box::new(AwaitPeerVerified(progress)))))
    }
}

/// The client's chain is being judged.
pub struct AwaitPeerVerified(Progress);

impl Resume for Box<AwaitPeerVerified> {
    type Output = Verified;

    fn resume(self, _: Verified, _: &mut Context<'_>) -> Result<State, Error> {
        Ok(State::ExpectClientFinished(Box::new(ExpectFinished(self.0))))
    }
}

/// Only the client's Finished is missing.
pub struct ExpectFinished(Progress);

impl ExpectFinished {
    /// Takes Finished.
    pub fn handle(self, message: &ReceivedMessage, cx: &mut Context<'_>) -> Result<State, Error> {
        let Progress { offered, negotiated, client, application, mut transcript, peer_certificates, .. } = self.0;
        authentication::verify_finished(&client, body_of(message, HandshakeType::FINISHED)?, &mut transcript)?;
        cx.install_read(EPOCH_APPLICATION, &application.client);
        let resumption = (offered.tickets > 0).then(|| {
            Box::new(Resumption {
                secret: application.master.resumption(&transcript.current()),
                tickets: offered.tickets,
                authenticated_at: cx.now,
                server_name: negotiated.server_name.clone(),
            })
        });
        Ok(State::Complete(Box::new(Established {
            negotiated,
            peer_certificates,
            exporter: application.exporter,
            read_secret: application.client,
            write_secret: application.server,
            read_epoch: EPOCH_APPLICATION,
            write_epoch: EPOCH_APPLICATION,
            pending_key_update: None,
            is_server: true,
            client_random: offered.random,
            resumption,
        })))
    }
}
