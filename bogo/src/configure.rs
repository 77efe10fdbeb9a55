//! From the flags to the library's configuration.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dtls_wasm::config::{ClientAuth, ClientConfig, CommonConfig, Reactions, ServerConfig, default_key_shares};
use dtls_wasm::connection::{ClientOffer, Connection};
use dtls_wasm::crypto::rustcrypto::{LocalBackend, OsRandom, provider};
use dtls_wasm::crypto::task::{Backend, PeerVerifier, PresentedIdentity, Task, TaskError, TaskOutput};
use dtls_wasm::error::CertificateError;
use dtls_wasm::wire::registry::{AlertDescription, CertificateType, NamedGroup, SignatureScheme, SrtpProfile};

use crate::credentials::Wallet;
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
    /// What came with it.
    pub presented: Mutex<Option<PresentedIdentity>>,
}

/// A connection before its first datagram, and what its checks need to know.
pub struct Configured {
    pub connection: Connection,
    pub backend: Arc<Wallet>,
    pub verdict: Arc<Verdict>,
}

pub fn connection(flags: &Flags, memory: &mut Memory) -> Result<Configured, Failure> {
    let verdict = Arc::new(Verdict::default());
    let backend = Arc::new(Wallet::new(flags, local_backend(flags, &verdict))?);
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

fn client(flags: &Flags, backend: &Arc<Wallet>) -> Result<ClientConfig, Failure> {
    let mut common = common(flags, backend)?;
    common.alpn_protocols = flags.advertise_alpn.clone();
    let key_shares = default_key_shares(&common.groups);
    let mut config = ClientConfig::new(Arc::clone(&common.provider), Arc::clone(&common.backend));
    config.common = common;
    config.key_shares = key_shares;
    config.resumption = true;
    config.verify_on_resumption = flags.reverify_on_resume;
    config.psks = backend.psks().map(|(_, psk)| Arc::clone(psk)).collect();
    // BoringSSL's clients that have keys take certificates only if they were told to verify them.
    config.psk_only = !config.psks.is_empty() && !flags.verify_peer;
    Ok(config)
}

fn server(flags: &Flags, backend: &Arc<Wallet>, memory: &mut Memory) -> Result<ServerConfig, Failure> {
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
    config.look_up_psks = backend.psks().next().is_some();
    config.acknowledge_server_name = !flags.no_server_name_ack;
    config.client_auth = match (flags.require_client_certificate, flags.verify_peer) {
        (true, _) => ClientAuth::Required,
        (false, true) => ClientAuth::Optional,
        (false, false) => ClientAuth::None,
    };
    Ok(config)
}

fn common(flags: &Flags, wallet: &Arc<Wallet>) -> Result<CommonConfig, Failure> {
    let backend: Arc<dyn Backend> = match flags.private_key_delay_ms {
        0 => Arc::clone(wallet) as Arc<dyn Backend>,
        _ => Arc::new(SlowKey(Arc::clone(wallet))),
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
    common.certificates.own_types = own_types(flags, wallet);
    common.certificates.request_ocsp = flags.enable_ocsp_stapling;
    common.certificates.request_timestamps = flags.enable_timestamps;
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

/// BoringSSL's servers know both types of certificate, whichever they have; its clients offer what they have.
fn own_types(flags: &Flags, wallet: &Wallet) -> Vec<CertificateType> {
    let told: Vec<_> = flags.available_client_cert_types.iter().copied().map(CertificateType).collect();
    let types = match flags.server {
        true => vec![CertificateType::X509, CertificateType::RAW_PUBLIC_KEY],
        false if told.is_empty() => wallet.types(),
        false => told,
    };
    if types.is_empty() { vec![CertificateType::X509] } else { types }
}

fn local_backend(flags: &Flags, verdict: &Arc<Verdict>) -> LocalBackend {
    let rejects = flags.verify_fail && (flags.verify_peer || flags.require_client_certificate);
    let verifier = Verifier {
        verdict: Arc::clone(verdict),
        // BoringSSL's callbacks differ in the alert.
        alert: match () {
            () if rejects && flags.custom_verify => Some(AlertDescription::CERTIFICATE_UNKNOWN),
            () if rejects => Some(AlertDescription::HANDSHAKE_FAILURE),
            () if flags.fail_ocsp_callback => Some(AlertDescription::BAD_CERTIFICATE_STATUS_RESPONSE),
            () => None,
        },
    };
    LocalBackend::new(Arc::new(OsRandom)).with_verifier(Arc::new(verifier))
}

/// Accepts every certificate, or none.
struct Verifier {
    verdict: Arc<Verdict>,
    /// The alert to refuse it with.
    alert: Option<AlertDescription>,
}

impl PeerVerifier for Verifier {
    fn verify(&self, presented: &PresentedIdentity) -> Option<Result<(), CertificateError>> {
        self.verdict.asked.store(true, Ordering::Relaxed);
        if let Ok(mut place) = self.verdict.presented.lock() {
            *place = Some(presented.clone());
        }
        Some(self.alert.map_or(Ok(()), |alert| Err(CertificateError::RejectedBy(alert))))
    }
}

/// Leaves signatures to the exchange, which lets time pass before it makes them.
struct SlowKey(Arc<Wallet>);

impl Backend for SlowKey {
    fn perform(&self, task: &Task) -> Option<Result<TaskOutput, TaskError>> {
        match task {
            Task::Sign { .. } => None,
            other => self.0.perform(other),
        }
    }
}
