//! The server from ServerHello on (RFC 9846 §4.2.3, §4.4 and §4.5).

use std::sync::Arc;

use crate::codec::Encode as _;
use crate::config::{ClientAuth, ExtensionMessage, ServerConfig};
use crate::crypto::CipherSuiteImpl;
use crate::crypto::secret::SecretBytes;
use crate::crypto::task::{Credentials, PresentedIdentity, Task, TaskError, TaskOutput};
use crate::error::{Error, PeerIncompatible, TaskFailure};
use crate::flight::ReceivedMessage;
use crate::handshake::authentication::{self, OwnAuthentication, OwnStep, PeerAuthentication, PeerStep, Signer, Terms};
use crate::handshake::connection_ids::AnsweredId;
use crate::handshake::custom;
use crate::handshake::exchange::Exchanges;
use crate::handshake::exchange::key_update::ExtendedKeyUpdates;
use crate::handshake::ticket::Resumption;
use crate::handshake::wait::{KeyShareResponse, Resume};
use crate::handshake::{
    Context, EPOCH_APPLICATION, EPOCH_HANDSHAKE, EPOCH_PLAINTEXT, Established, Negotiated, State, body_of, psk_identity,
};
use crate::schedule::exporter::ExporterSecret;
use crate::schedule::v13::{EarlySecret, HandshakeSecret, MasterSecret, TrafficSecret};
use crate::time::Instant;
use crate::transcript::Transcript;
use crate::wire::client_hello::{KeyShareEntry, UseSrtp};
use crate::wire::encrypted_extensions::EncryptedExtensions;
use crate::wire::extensions::flags::Flags;
use crate::wire::registry::{CertificateType, HandshakeType, NamedGroup, ProtocolVersion};
use crate::wire::server_hello::{ServerHello, ServerHelloExtensions};

use super::hello::Offered;
use super::psk::SelectedPsk;

/// Our key share is being made.
pub struct AwaitKeyShare {
    /// The selected group.
    pub group: NamedGroup,
    /// What goes out with it.
    pub reply: Reply,
}

impl Resume for Box<AwaitKeyShare> {
    type Output = KeyShareResponse;

    fn resume(self, response: KeyShareResponse, cx: &mut Context<'_>) -> Result<State, Error> {
        let AwaitKeyShare { group, reply } = *self;
        let share = KeyShareEntry { group, key_exchange: response.public };
        reply.send(Some((share, &response.secret)), cx)
    }
}

/// How we prove who we are.
pub enum Authentication {
    /// By this certificate.
    Certificate(Arc<Credentials>),
    /// By a pre-shared key.
    Psk(SelectedPsk),
}

/// All that our flight is made of.
pub struct Reply {
    /// The configuration.
    pub config: Arc<ServerConfig>,
    /// The selected suite.
    pub suite: &'static CipherSuiteImpl,
    /// What the client offered beyond suite and group.
    pub offered: Offered,
    /// How we prove who we are.
    pub by: Authentication,
    /// All messages so far.
    pub transcript: Transcript,
}

impl Reply {
    /// Sends ServerHello and what follows it; with our key share and the secret agreed on, if there are any.
    pub fn send(self, share: Option<(KeyShareEntry, &SecretBytes)>, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self { config, suite, offered, by, mut transcript } = self;
        let (share, shared) = share.unzip();
        let group = share.as_ref().map(|share| share.group);
        let psk = match &by {
            Authentication::Psk(selected) => Some(selected),
            Authentication::Certificate(_) => None,
        };
        let connection_id = AnsweredId::new(&config.common, &offered.connection_id, cx)?;
        let connection_ids = connection_id.as_ref().map(|answer| answer.selection);
        let hello = server_hello(&config, suite, share, psk.map(|selected| selected.index), connection_id)?;
        transcript.add(HandshakeType::SERVER_HELLO, &hello);
        cx.send(EPOCH_PLAINTEXT, HandshakeType::SERVER_HELLO, hello)?;

        let early = match psk {
            Some(selected) => EarlySecret::with_psk(suite, selected.psk.expose()),
            None => EarlySecret::new(suite),
        };
        let secret = match shared {
            Some(shared) => early.into_handshake(shared.expose()),
            None => early.into_handshake_without_exchange(),
        };
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
            resumed: psk.is_some_and(|selected| selected.resumed.is_some()),
            psk_identity: psk.and_then(|selected| psk_identity(&selected.psk, selected.resumed.as_ref())),
            early_data: offered.early_data,
            connection_ids,
            client_certificate_type: match psk {
                Some(_) => offered.client_certificate_types.first().copied().unwrap_or_default(),
                None => client_certificate_type(&config, &offered)?,
            },
            server_certificate_type: match &by {
                Authentication::Certificate(credentials) => credentials.certificate_type,
                Authentication::Psk(_) => CertificateType::X509,
            },
            // Without a group there is nothing to agree on again.
            extended_key_update: offered.extended_key_update && config.common.extended_key_update && group.is_some(),
            peer_extensions: offered.custom.clone(),
        };
        let expected_tickets = offered.ticket_request.map(|_| offered.tickets);
        if let (Some(ours), Some(theirs)) = (config.common.record_size_limit, offered.record_size_limit) {
            cx.records.set_size_limits(ours, theirs);
        }
        send_encrypted_extensions(&config, &offered, &negotiated, expected_tickets, &mut transcript, cx)?;
        let flight = Flight { config, offered, negotiated, secret, client, server, transcript };
        match by {
            Authentication::Certificate(credentials) => flight.send_certificate(&credentials, cx),
            Authentication::Psk(selected) => {
                //= https://www.rfc-editor.org/rfc/rfc9846#section-4.4.2
                //# Servers which are authenticating with a resumption PSK MUST NOT send the
                //# CertificateRequest message in the main handshake
                let mut progress = flight.finish(cx)?;
                if let Some(resumed) = selected.resumed {
                    progress.authenticated_at = Some(resumed.authenticated_at);
                    progress.peer = resumed.into_peer(false).map(Box::new);
                }
                Ok(State::ExpectClientFinished(Box::new(ExpectFinished(progress))))
            }
        }
    }
}

fn server_hello(
    config: &ServerConfig,
    suite: &'static CipherSuiteImpl,
    key_share: Option<KeyShareEntry>,
    selected_psk: Option<u16>,
    connection_id: Option<AnsweredId>,
) -> Result<Vec<u8>, Error> {
    let mut random = [0; 32];
    config.common.provider.random.fill(&mut random).map_err(|_| TaskFailure::NoRandomBytes)?;
    let mut extensions = ServerHelloExtensions {
        supported_version: Some(ProtocolVersion::DTLS_1_3),
        key_share,
        selected_psk,
        ..ServerHelloExtensions::default()
    };
    if let Some(connection_id) = connection_id {
        connection_id.write(&mut extensions);
    }
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
        extensions,
    }
    .encoded())
}

/// Whether the client may be asked for a certificate, in the handshake or after it.
fn may_ask(config: &ServerConfig, offered: &Offered) -> bool {
    config.client_auth != ClientAuth::None || offered.post_handshake_auth
}

/// The type of certificate that the client is to show, if it may be asked for one (RFC 7250 §4.2).
fn client_certificate_type(config: &ServerConfig, offered: &Offered) -> Result<CertificateType, Error> {
    match offered.client_certificate_types.first() {
        _ if !may_ask(config, offered) => Ok(CertificateType::X509),
        Some(best) => Ok(*best),
        None => Err(PeerIncompatible::NoCertificateType.into()),
    }
}

fn send_encrypted_extensions(
    config: &ServerConfig,
    offered: &Offered,
    negotiated: &Negotiated,
    expected_tickets: Option<u8>,
    transcript: &mut Transcript,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    let by_certificate = negotiated.psk_identity.is_none() && !negotiated.resumed;
    // RFC 7250 §4.2: the types of certificates that are shown, or may be asked for, are answered where they were asked.
    let answers_client = offered.negotiates_types.0 && may_ask(config, offered);
    let answers_server = offered.negotiates_types.1 && by_certificate;
    let extensions = EncryptedExtensions {
        alpn: negotiated.alpn_protocol.clone(),
        use_srtp: negotiated.srtp.as_ref().map(|srtp| UseSrtp { profiles: vec![srtp.profile], mki: srtp.mki.clone() }),
        flags: negotiated.extended_key_update.then(|| Flags::of(Flags::EXTENDED_KEY_UPDATE)),
        record_size_limit: offered.record_size_limit.and(config.common.record_size_limit),
        early_data: negotiated.early_data,
        //= https://www.rfc-editor.org/rfc/rfc6066#section-3
        //# When resuming a session, the server MUST NOT
        //# include a server_name extension in the server hello.
        server_name_ack: negotiated.server_name.is_some() && config.acknowledge_server_name && !negotiated.resumed,
        client_certificate_type: answers_client.then_some(negotiated.client_certificate_type),
        server_certificate_type: answers_server.then_some(negotiated.server_certificate_type),
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

/// Our CertificateVerify is being signed. What precedes it is on its way already.
pub struct SignServer {
    flight: Flight,
    machine: OwnAuthentication,
}

impl SignServer {
    /// The task that it waits for.
    pub const fn task(&self) -> &Task {
        self.machine.task()
    }

    /// Goes on with the result of its task.
    pub fn finish(self, result: Result<TaskOutput, TaskError>, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self { mut flight, machine } = self;
        let mut out = Vec::new();
        let step = machine.finish(result, &mut flight.transcript, cx, &mut out)?;
        authentication::send_all(out, cx)?;
        match step {
            OwnStep::Waits(machine) => Ok(State::SignServer(Box::new(Self { flight, machine }))),
            OwnStep::Done => flight.finish(cx).map(Progress::expect_client),
        }
    }
}

/// Our flight, of which EncryptedExtensions was sent last.
struct Flight {
    config: Arc<ServerConfig>,
    offered: Offered,
    negotiated: Negotiated,
    secret: HandshakeSecret,
    client: TrafficSecret,
    server: TrafficSecret,
    transcript: Transcript,
}

impl Flight {
    fn send_certificate(mut self, credentials: &Arc<Credentials>, cx: &mut Context<'_>) -> Result<State, Error> {
        if self.config.client_auth != ClientAuth::None {
            let request = authentication::certificate_request(&self.config.common, Vec::new())?;
            authentication::send(HandshakeType::CERTIFICATE_REQUEST, request.encoded(), &mut self.transcript, cx)?;
        }
        let asked = self.offered.asked.clone();
        let mut out = Vec::new();
        let transcript = &mut self.transcript;
        let machine = OwnAuthentication::show(credentials, Signer::Server, asked, transcript, cx, &mut out)?;
        authentication::send_all(out, cx)?;
        Ok(State::SignServer(Box::new(SignServer { flight: self, machine })))
    }

    /// Sends Finished.
    fn finish(self, cx: &mut Context<'_>) -> Result<Progress, Error> {
        let Self { config, offered, negotiated, secret, client, server, mut transcript } = self;
        authentication::send_finished(&server, &mut transcript, cx)?;

        let master = secret.into_master();
        let hash = transcript.current();
        let application = ApplicationKeys {
            client: master.client_traffic(&hash),
            server: master.server_traffic(&hash),
            exporter: master.exporter(&hash),
            update_exporter: negotiated.extended_key_update.then(|| master.update_exporter(&hash)),
            master,
        };
        cx.log_secret("CLIENT_TRAFFIC_SECRET_0", &offered.random, application.client.expose());
        cx.log_secret("SERVER_TRAFFIC_SECRET_0", &offered.random, application.server.expose());
        cx.log_secret("EXPORTER_SECRET", &offered.random, application.exporter.expose());
        cx.install_write(EPOCH_APPLICATION, &application.server);

        let (peer, authenticated_at) = (None, None);
        Ok(Progress { config, offered, negotiated, client, application, transcript, peer, authenticated_at })
    }
}

/// The keys of application data and exporters.
struct ApplicationKeys {
    client: TrafficSecret,
    server: TrafficSecret,
    exporter: ExporterSecret,
    master: MasterSecret,
    update_exporter: Option<ExporterSecret>,
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
    peer: Option<Box<PresentedIdentity>>,
    /// When the client proved who it is, if it was in an earlier connection.
    authenticated_at: Option<Instant>,
}

impl Progress {
    /// The client's flight begins with its certificate, if that was asked for.
    fn expect_client(self) -> State {
        let client_auth = self.config.client_auth;
        if client_auth == ClientAuth::None {
            return State::ExpectClientFinished(Box::new(ExpectFinished(self)));
        }
        let machine = PeerAuthentication::new(Terms {
            signer: Signer::Client,
            certificate_type: self.negotiated.client_certificate_type,
            is_optional: client_auth == ClientAuth::Optional,
            server_name: None,
            request_context: Vec::new(),
        });
        State::VerifyClient(Box::new(VerifyClient { progress: self, machine }))
    }
}

/// A certificate was asked for: the client proves who it is.
pub struct VerifyClient {
    progress: Progress,
    machine: PeerAuthentication,
}

impl VerifyClient {
    /// The task that it waits for; `None`: it waits for a message.
    pub const fn task(&self) -> Option<&Task> {
        self.machine.task()
    }

    /// Where it stands, as the trace tells it.
    pub const fn name(&self) -> &'static str {
        self.machine.name()
    }

    /// Takes Certificate, which may be empty if it is not required, or CertificateVerify.
    pub fn handle(self, message: &ReceivedMessage, cx: &Context<'_>) -> Result<State, Error> {
        let Self { mut progress, machine } = self;
        let step = machine.handle(message, &mut progress.transcript, cx)?;
        Ok(Self::next(progress, step))
    }

    /// Goes on with the result of its task.
    pub fn finish(self, result: Result<TaskOutput, TaskError>) -> Result<State, Error> {
        let step = self.machine.finish(result)?;
        Ok(Self::next(self.progress, step))
    }

    fn next(progress: Progress, step: PeerStep) -> State {
        match step {
            PeerStep::Waits(machine) => State::VerifyClient(Box::new(Self { progress, machine })),
            PeerStep::Done(peer) => {
                State::ExpectClientFinished(Box::new(ExpectFinished(Progress { peer, ..progress })))
            }
        }
    }
}

/// Only the client's Finished is missing.
pub struct ExpectFinished(Progress);

impl ExpectFinished {
    /// Takes Finished.
    pub fn handle(self, message: &ReceivedMessage, cx: &mut Context<'_>) -> Result<State, Error> {
        let Progress { offered, negotiated, client, application, mut transcript, peer, authenticated_at, .. } = self.0;
        authentication::verify_finished(&client, body_of(message, HandshakeType::FINISHED)?, &mut transcript)?;
        cx.install_read(EPOCH_APPLICATION, &application.client);
        // What a ticket remembers of a peer is a chain of certificates: a raw key is asked for anew.
        let is_raw = peer.as_ref().is_some_and(|peer| peer.certificate_type != CertificateType::X509);
        let resumption = (offered.tickets > 0 && !is_raw).then(|| {
            Box::new(Resumption {
                secret: application.master.resumption(&transcript.current()),
                tickets: offered.tickets,
                authenticated_at: authenticated_at.unwrap_or(cx.now),
                server_name: negotiated.server_name.clone(),
            })
        });
        let key_updates =
            ExtendedKeyUpdates::negotiated(&negotiated, &application.master, &transcript, application.update_exporter);
        let may_ask = offered.post_handshake_auth && negotiated.psk_identity.is_none();
        Ok(State::Complete(Box::new(Established {
            negotiated,
            peer,
            exporter: application.exporter,
            read_secret: application.client,
            write_secret: application.server,
            read_epoch: EPOCH_APPLICATION,
            write_epoch: EPOCH_APPLICATION,
            pending_key_update: None,
            queued_key_update: None,
            is_server: true,
            client_random: offered.random,
            resumption,
            //= https://www.rfc-editor.org/rfc/rfc9846#section-4.4.2
            //# servers which are authenticating with an external PSK
            //# MUST NOT send the CertificateRequest message in the main handshake
            //# or request post-handshake authentication.
            post_handshake_auth: may_ask.then_some(transcript),
            key_updates,
            exchanges: Exchanges::default(),
        })))
    }
}
