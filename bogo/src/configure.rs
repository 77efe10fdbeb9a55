//! From the flags to the library's configuration.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dtls_wasm::config::{ClientAuth, ClientConfig, CommonConfig, Reactions, ServerConfig, default_key_shares};
use dtls_wasm::connection::{ClientOffer, Connection};
use dtls_wasm::crypto::rustcrypto::{LocalBackend, OsRandom, credentials, provider};
use dtls_wasm::crypto::task::{Backend, Credentials, PeerVerifier, PresentedIdentity, Task, TaskError, TaskOutput};
use dtls_wasm::error::CertificateError;
use dtls_wasm::identity::pem;
use dtls_wasm::wire::registry::{AlertDescription, NamedGroup, SignatureScheme, SrtpProfile};

use crate::exchange::{Failure, Memory};
use crate::flags::Flags;

/// What BoringSSL takes by default, and the tests with it.
const INITIAL_TIMEOUT: Duration = Duration::from_millis(400);
/// BoringSSL keeps old keys for four minutes.
const OLD_EPOCH: Duration = Duration::from_secs(4 * 60);
/// BoringSSL takes messages up to 100 KiB (`SSL_MAX_CERT_LIST_DEFAULT`).
const MAX_MESSAGE: usize = 100 * 1024;
/// BoringSSL takes fragments of seven messages, the next one included.
const MESSAGES_AHEAD: u16 = 6;
/// Without `-mtu` the runner sends, and wants back, application data in records as long as they may be.
const DATAGRAM_SIZE: usize = 16 * 1024 + 256;

/// BoringSSL sends two tickets.
const TICKETS: u8 = 2;

const PROFILES: &[(&str, SrtpProfile)] = &[
    ("SRTP_AES128_CM_SHA1_80", SrtpProfile::SRTP_AES128_CM_HMAC_SHA1_80),
    ("SRTP_AES128_CM_SHA1_32", SrtpProfile::SRTP_AES128_CM_HMAC_SHA1_32),
    ("SRTP_AEAD_AES_128_GCM", SrtpProfile::SRTP_AEAD_AES_128_GCM),
    ("SRTP_AEAD_AES_256_GCM", SrtpProfile::SRTP_AEAD_AES_256_GCM),
];

/// What became of the peer's certificate.
#[derive(Debug, Default)]
pub struct Verdict {
    pub asked: AtomicBool,
}

/// A connection before its first datagram, and what its checks need to know.
pub struct Configured {
    pub connection: Connection,
    pub backend: Arc<LocalBackend>,
    pub verdict: Arc<Verdict>,
}

pub fn connection(flags: &Flags, memory: &mut Memory) -> Result<Configured, Failure> {
    let verdict = Arc::new(Verdict::default());
    let backend = Arc::new(local_backend(flags, &verdict)?);
    let connection = if flags.server {
        Connection::server(Arc::new(server(flags, &backend, memory)?), memory.now())
    } else {
        let session = memory.session.take();
        let offer = ClientOffer { server_name: flags.host_name.clone(), session, ..ClientOffer::default() };
        Connection::connect(Arc::new(client(flags, &backend)?), offer, memory.now())
    };
    let connection = connection.map_err(|error| Failure::Unimplemented(error.to_string()))?;
    Ok(Configured { connection, backend, verdict })
}

fn client(flags: &Flags, backend: &Arc<LocalBackend>) -> Result<ClientConfig, Failure> {
    let mut common = common(flags, backend)?;
    common.alpn_protocols = flags.advertise_alpn.clone();
    let key_shares = default_key_shares(&common.groups);
    let mut config = ClientConfig::new(Arc::clone(&common.provider), Arc::clone(&common.backend));
    config.common = common;
    config.key_shares = key_shares;
    config.resumption = true;
    config.verify_on_resumption = flags.reverify_on_resume;
    Ok(config)
}

fn server(flags: &Flags, backend: &Arc<LocalBackend>, memory: &mut Memory) -> Result<ServerConfig, Failure> {
    let mut common = common(flags, backend)?;
    common.alpn_protocols = flags.select_alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    if flags.reject_alpn {
        common.alpn_protocols = vec![b"a name that nobody has".to_vec()];
    }
    let mut config = ServerConfig::new(Arc::clone(&common.provider), Arc::clone(&common.backend));
    config.common = common;
    if !flags.no_ticket {
        config.tickets = Some(memory.tickets(&config)?);
        config.ticket_count = if flags.skip_ticket { 0 } else { TICKETS };
    }
    config.acknowledge_server_name = !flags.no_server_name_ack;
    config.client_auth = match (flags.require_client_certificate, flags.verify_peer) {
        (true, _) => ClientAuth::Required,
        (false, true) => ClientAuth::Optional,
        (false, false) => ClientAuth::None,
    };
    Ok(config)
}

fn common(flags: &Flags, backend: &Arc<LocalBackend>) -> Result<CommonConfig, Failure> {
    let backend: Arc<dyn Backend> = match flags.private_key_delay_ms {
        0 => Arc::clone(backend) as Arc<dyn Backend>,
        _ => Arc::new(SlowKey(Arc::clone(backend))),
    };
    let mut common = CommonConfig::new(Arc::new(provider()), backend);
    if !flags.curves.is_empty() {
        common.groups = flags.curves.iter().copied().map(NamedGroup).collect();
    }
    if !flags.verify_prefs.is_empty() {
        common.signature_schemes = flags.verify_prefs.iter().copied().map(SignatureScheme).collect();
    }
    for name in &flags.srtp_profiles {
        let known = PROFILES.iter().find(|(known, _)| known == name);
        let (_, profile) = known.ok_or_else(|| Failure::Unimplemented(format!("the SRTP profile {name}")))?;
        common.srtp_profiles.push(*profile);
    }
    common.grease = flags.grease;
    common.permute_extensions = flags.permute_extensions;
    let transport = &mut common.transport;
    transport.max_datagram_size = flags.mtu.unwrap_or(DATAGRAM_SIZE);
    transport.initial_timeout =
        flags.initial_timeout_ms.map_or(INITIAL_TIMEOUT, |millis| Duration::from_millis(millis.into()));
    transport.reactions = Reactions::Timed;
    transport.path_mtu_known = true;
    transport.whole_flights = true;
    transport.path_is_authentic = true;
    transport.compatible_hello = true;
    // BoringSSL leaves it to its caller how long a handshake may take.
    transport.handshake_timeout = Duration::from_secs(u32::MAX.into());
    let limits = &mut common.limits;
    limits.old_epoch = OLD_EPOCH;
    limits.messages_ahead = MESSAGES_AHEAD;
    limits.handshake_message = flags.max_cert_list.unwrap_or(MAX_MESSAGE);
    limits.reassembly = 4 * limits.handshake_message;
    limits.fragments = limits.handshake_message;
    limits.certificate_chain = limits.handshake_message;
    Ok(common)
}

fn local_backend(flags: &Flags, verdict: &Arc<Verdict>) -> Result<LocalBackend, Failure> {
    let verifier = Verifier {
        verdict: Arc::clone(verdict),
        rejects: flags.verify_fail && (flags.verify_peer || flags.require_client_certificate),
        custom: flags.custom_verify,
    };
    let backend = LocalBackend::new(Arc::new(OsRandom)).with_verifier(Arc::new(verifier));
    let (Some(cert), Some(key)) = (&flags.cert_file, &flags.key_file) else { return Ok(backend) };
    Ok(backend.with_credentials(load(cert, key)?))
}

fn load(cert: &str, key: &str) -> Result<Credentials, Failure> {
    let chain = pem::certificates(&text(cert)?).map_err(|error| Failure::Failed(format!("{cert}: {error}")))?;
    let private = pem::private_key(&text(key)?).map_err(|error| Failure::Failed(format!("{key}: {error}")))?;
    credentials(chain, &private).map_err(|error| Failure::Unimplemented(format!("{key}: {error}")))
}

fn text(path: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::Failed(format!("{path}: {error}")))
}

/// Accepts every certificate, or none.
struct Verifier {
    verdict: Arc<Verdict>,
    rejects: bool,
    /// BoringSSL's two callbacks differ in the alert.
    custom: bool,
}

impl PeerVerifier for Verifier {
    fn verify(&self, _: &PresentedIdentity) -> Option<Result<(), CertificateError>> {
        self.verdict.asked.store(true, Ordering::Relaxed);
        Some(match (self.rejects, self.custom) {
            (false, _) => Ok(()),
            (true, true) => Err(CertificateError::RejectedBy(AlertDescription::CERTIFICATE_UNKNOWN)),
            (true, false) => Err(CertificateError::RejectedBy(AlertDescription::HANDSHAKE_FAILURE)),
        })
    }
}

/// Leaves signatures to the exchange, which lets time pass before it makes them.
struct SlowKey(Arc<LocalBackend>);

impl Backend for SlowKey {
    fn perform(&self, task: &Task) -> Option<Result<TaskOutput, TaskError>> {
        match task {
            Task::Sign { .. } => None,
            other => self.0.perform(other),
        }
    }
}
