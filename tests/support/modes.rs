//! The kinds of handshake, and of what comes after one: a table, so that every mode goes through the same losses.
//!
//! Include it with `#[path = "support/modes.rs"] mod modes;`, beside `backends` and `null`.
#![allow(dead_code)]

use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::config::{ClientAuth, ClientConfig, ServerConfig, TransportConfig};
use dtls_wasm::connection::{ClientOffer, Connection, ConnectionEvent, ConnectionState, EarlyDataStatus};
use dtls_wasm::crypto::null::NullBackend;
use dtls_wasm::crypto::psk::{HashAlgorithm, Psk, PskMode};
use dtls_wasm::crypto::resumption::{ResumptionState, Session};
use dtls_wasm::crypto::secret::SecretBytes;
use dtls_wasm::crypto::task::{Backend, Credentials, CredentialsRequest, Task, TaskOutput};
use dtls_wasm::sim::{Conditions, Network, Pair};
use dtls_wasm::ticket::{CachedTickets, LocalStrikeRegister};
use dtls_wasm::time::Instant;
use dtls_wasm::wire::connection_id::ConnectionIdUsage;
use dtls_wasm::wire::delegated_credential::DelegatedCredential;
#[cfg(feature = "certificate-compression")]
use dtls_wasm::wire::registry::CertificateCompressionAlgorithm;
use dtls_wasm::wire::registry::{CertificateType, CipherSuite, NamedGroup, SignatureScheme};

use crate::backends::{Choose, Kind, Worker, usual};
use crate::null::{self, START};

/// One row.
#[derive(Clone, Copy)]
pub struct Mode {
    /// Names it where a test fails.
    pub name: &'static str,
    /// The largest datagram.
    pub mtu: usize,
    /// What is not as by default.
    pub configure: fn(&mut ClientConfig, &mut ServerConfig),
    /// What the client has from an earlier connection with this server.
    pub session: fn(&ServerConfig) -> Option<Session>,
    /// What both sides show of themselves.
    pub shows: Choose,
    /// What the applications do once both sides are connected.
    pub act: fn(&mut Connection, &mut Connection, Instant),
    /// Whether that has had its effect, as client and server see it.
    pub acted: fn(&Worker, &Worker) -> bool,
    /// Whether one thing happens after the other. Exchanges that are outstanding together go on in any order, as their
    /// tasks are done.
    pub is_ordered: bool,
}

impl std::fmt::Debug for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const fn handshake(name: &'static str, mtu: usize, configure: fn(&mut ClientConfig, &mut ServerConfig)) -> Mode {
    Mode {
        name,
        mtu,
        configure,
        session: |_| None,
        shows: usual,
        act: |_, _, _| (),
        acted: |_, _| true,
        is_ordered: true,
    }
}

fn is_authenticated(event: &ConnectionEvent) -> bool {
    matches!(event, ConnectionEvent::PeerAuthenticated { .. })
}

/// All modes.
pub const MODES: &[Mode] = &[
    handshake("plain", 1200, |_, _| ()),
    handshake("retry", 1200, |_, server| server.common.groups = vec![NamedGroup::SECP256R1]),
    handshake("client certificate", 1200, |_, server| server.client_auth = ClientAuth::Required),
    handshake("all, in small datagrams", 512, |_, server| {
        server.common.groups = vec![NamedGroup::SECP256R1];
        server.client_auth = ClientAuth::Required;
    }),
    Mode {
        act: |client, server, now| {
            client.provide_connection_ids(2, ConnectionIdUsage::Immediate, now).unwrap();
            server.request_connection_ids(3).unwrap();
            client.request_connection_ids(2).unwrap();
        },
        acted: |client, server| {
            let spares = (client.connection.spare_connection_ids(), server.connection.spare_connection_ids());
            let first = client.connection.own_connection_ids().first();
            spares.0 == 2
                && spares.1 >= 3
                && first.is_some_and(|first| **first != *server.connection.peer_connection_id())
        },
        ..handshake("connection IDs, given, asked for and changed", 1200, |client, server| {
            client.common.connection_ids.length = 8;
            server.common.connection_ids.length = 8;
        })
    },
    Mode {
        act: |_, server, now| {
            server.request_client_authentication(false, now).unwrap();
            server.request_client_authentication(true, now).unwrap();
        },
        acted: |_, server| server.events.iter().filter(|event| is_authenticated(event)).count() == 2,
        is_ordered: false,
        ..handshake("authentication after the handshake, twice", 1200, |client, _| client.post_handshake_auth = true)
    },
    Mode {
        act: |client, _, now| client.update_keys(true, now).unwrap(),
        acted: |client, server| client.connection.epochs() == (4, 4) && server.connection.epochs() == (4, 4),
        ..handshake("keys updated, and the peer's too", 1200, |_, _| ())
    },
    Mode {
        act: |client, server, now| {
            client.update_keys(true, now).unwrap();
            server.update_keys(true, now).unwrap();
        },
        // Whoever has its own update acknowledged before the other's request comes answers that by another one.
        acted: |client, server| {
            let (client, server) = (client.connection.epochs(), server.connection.epochs());
            client == (server.1, server.0) && client.0 >= 4 && client.1 >= 4
        },
        ..handshake("keys updated by both at once", 1200, |_, _| ())
    },
    Mode {
        act: |client, _, now| client.extended_key_update(now).unwrap(),
        acted: |client, server| has_extended(client) && has_extended(server),
        ..handshake("extended key update", 1200, enable_extended_key_update)
    },
    Mode {
        act: |client, server, now| {
            client.extended_key_update(now).unwrap();
            server.extended_key_update(now).unwrap();
        },
        acted: |client, server| has_extended(client) && has_extended(server),
        // Which of the two shares is the higher one, and so which tasks there are, depends on what was made when.
        is_ordered: false,
        ..handshake("extended key updates that cross", 512, enable_extended_key_update)
    },
    Mode {
        act: |client, server, now| {
            client.extended_key_update(now).unwrap();
            server.request_client_authentication(true, now).unwrap();
        },
        acted: |client, server| {
            has_extended(client) && has_extended(server) && server.events.iter().any(is_authenticated)
        },
        is_ordered: false,
        ..handshake("extended key update that crosses authentication", 1200, |client, server| {
            enable_extended_key_update(client, server);
            client.post_handshake_auth = true;
        })
    },
    Mode {
        act: |_, _, _| (),
        acted: |client, _| client.events.iter().filter(|event| is_session(event)).count() == 3,
        ..handshake("tickets", 1200, |client, server| {
            client.resumption = true;
            server.tickets = Some(Arc::new(CachedTickets::new(10)));
            server.ticket_count = 3;
        })
    },
    Mode {
        act: |client, server, now| {
            client.update_keys(true, now).unwrap();
            server.update_keys(true, now).unwrap();
        },
        acted: |client, server| {
            let (keys, servers) = (client.connection.epochs(), server.connection.epochs());
            let updated = keys == (servers.1, servers.0) && keys.0 >= 4 && keys.1 >= 4;
            updated && client.events.iter().filter(|event| is_session(event)).count() == 2
        },
        ..handshake("tickets that cross key updates", 1200, |client, server| {
            client.resumption = true;
            server.tickets = Some(Arc::new(CachedTickets::new(10)));
        })
    },
    Mode {
        acted: |client, server| knows_the_key(client) && knows_the_key(server),
        ..handshake("pre-shared key, the second of two", 1200, |client, server| {
            client.psks = [&b"unknown to psk"[..], b"psk256"].map(psk).to_vec();
            server.look_up_psks = true;
            server.psk_only = true;
        })
    },
    Mode {
        acted: |client, server| knows_the_key(client) && knows_the_key(server),
        ..handshake("pre-shared key, retried", 1200, |client, server| {
            client.psks = [&b"psk384"[..], b"psk256"].map(psk).to_vec();
            server.look_up_psks = true;
            server.common.groups = vec![NamedGroup::SECP256R1];
        })
    },
    Mode {
        acted: |client, server| knows_the_key(client) && knows_the_key(server),
        ..handshake("pre-shared key alone", 512, |client, server| {
            client.psks = vec![psk(b"psk384")];
            client.psk_modes = vec![PskMode::PskOnly];
            client.psk_only = true;
            server.psk_modes = vec![PskMode::PskOnly];
            server.look_up_psks = true;
        })
    },
    Mode {
        acted: |client, server| !knows_the_key(client) && !knows_the_key(server),
        ..handshake("certificate instead of a pre-shared key", 1200, |client, server| {
            client.psks = vec![psk(b"unknown to psk")];
            server.look_up_psks = true;
        })
    },
    Mode {
        session: |server| Some(session(server)),
        acted: |client, server| {
            let resumed = |side: &Worker| side.connection.negotiated().is_some_and(|negotiated| negotiated.resumed);
            let sessions = client.events.iter().filter(|event| is_session(event)).count();
            resumed(client) && resumed(server) && sessions == 2
        },
        // The age of the ticket is that at which the hello leaves, and every secret depends on it.
        is_ordered: false,
        ..handshake("resumed", 1200, |client, server| {
            client.resumption = true;
            server.tickets = Some(Arc::new(CachedTickets::new(10)));
        })
    },
    Mode {
        session: |server| Some(session(server)),
        // A hello that was lost too often is not fresh any more; then the early data is refused, and nothing else.
        acted: |client, server| match client.connection.early_data() {
            EarlyDataStatus::Accepted => {
                server.connection.early_data() == EarlyDataStatus::Accepted && early_data_of(server) <= 1
            }
            status => status == EarlyDataStatus::Rejected && early_data_of(server) == 0,
        },
        is_ordered: false,
        ..handshake("early data", 1200, |client, server| {
            client.key_shares = vec![NamedGroup::X25519];
            takes_early_data(server);
        })
    },
    Mode {
        session: |server| Some(session(server)),
        acted: |client, server| {
            client.connection.early_data() == EarlyDataStatus::Rejected && early_data_of(server) == 0
        },
        is_ordered: false,
        ..handshake("early data, refused by a retry", 1200, |_, server| {
            server.common.groups = vec![NamedGroup::SECP256R1];
            takes_early_data(server);
        })
    },
    Mode {
        shows: raw_key,
        acted: |client, server| [client, server].map(shown_by_peer) == [Some((RAW, &b"a bare key"[..], false)); 2],
        ..handshake("raw public keys", 1200, |client, server| {
            server.client_auth = ClientAuth::Required;
            for common in [&mut client.common, &mut server.common] {
                common.certificates.own_types = vec![RAW];
                common.certificates.peer_types = vec![RAW];
            }
        })
    },
    Mode {
        shows: delegate,
        act: |_, server, now| {
            server.request_client_authentication(true, now).unwrap();
        },
        acted: |client, server| {
            let stapled = |side: &Worker| {
                side.connection.peer_identity().is_some_and(|peer| peer.ocsp_response.as_deref() == Some(b"response"))
            };
            [client, server].map(shown_by_peer) == [Some((X509, &b"one of ours"[..], true)); 2]
                && stapled(client)
                && stapled(server)
        },
        ..handshake("delegated credentials, stapled, chosen by authority, now and later", 512, |client, server| {
            client.post_handshake_auth = true;
            for common in [&mut client.common, &mut server.common] {
                common.certificates.delegated_schemes = vec![SignatureScheme::ED25519];
                common.certificates.authorities = vec![AUTHORITY.to_vec()];
                common.certificates.request_ocsp = true;
            }
        })
    },
    #[cfg(feature = "certificate-compression")]
    Mode {
        shows: |_| {
            let Credentials { key, schemes, .. } = NullBackend::credentials();
            Some(Credentials::new(vec![LONG.to_vec()], key, schemes))
        },
        acted: |client, server| [client, server].map(shown_by_peer) == [Some((X509, LONG, false)); 2],
        ..handshake("compressed certificates", 512, |client, server| {
            server.client_auth = ClientAuth::Required;
            for common in [&mut client.common, &mut server.common] {
                common.certificates.compression =
                    vec![CertificateCompressionAlgorithm::BROTLI, CertificateCompressionAlgorithm::ZLIB];
            }
        })
    },
];

const RAW: CertificateType = CertificateType::RAW_PUBLIC_KEY;
const X509: CertificateType = CertificateType::X509;

/// A distinguished name, which the null back end does not look into.
const AUTHORITY: &[u8] = &[0x30, 0];

/// A certificate that would not fit a datagram of 512 bytes as it is.
#[cfg(feature = "certificate-compression")]
const LONG: &[u8] = &[7; 2000];

/// The type of the peer's certificate, the certificate, and whether it was delegated.
fn shown_by_peer(side: &Worker) -> Option<(CertificateType, &[u8], bool)> {
    side.connection.peer_identity().map(|peer| (peer.certificate_type, &peer.chain[0][..], peer.is_delegated))
}

fn raw_key(request: &CredentialsRequest) -> Option<Credentials> {
    let Credentials { key, schemes, .. } = NullBackend::credentials();
    let fits = request.certificate_types.contains(&RAW);
    fits.then(|| Credentials::raw_public_key(b"a bare key".to_vec(), key, schemes))
}

/// A credential that the owner of a certificate has signed, for who trusts the right authority and takes one.
fn delegate(request: &CredentialsRequest) -> Option<Credentials> {
    let Credentials { key, schemes, .. } = NullBackend::credentials();
    let (algorithm, certificate) = (SignatureScheme::ECDSA_SECP256R1_SHA256, b"one of ours".to_vec());
    let mut credential = DelegatedCredential {
        valid_time: 1000,
        scheme: SignatureScheme::ED25519,
        public_key: b"a key for a day".to_vec(),
        algorithm,
        signature: Vec::new(),
    };
    let content = credential.signed_content(request.is_server, &certificate);
    let sign = Task::Sign { key: key.clone(), scheme: algorithm, content };
    let Some(Ok(TaskOutput::Signature(signature))) = Backend::perform(&NullBackend::new(0), &sign) else { return None };
    credential.signature = signature;
    let own = Credentials::new(vec![certificate], key.clone(), schemes)
        .with_ocsp_response(b"response".to_vec())
        .with_delegated_credential(credential, key);
    let fits = request.authorities.iter().any(|name| name == AUTHORITY) && own.scheme_for(request).is_some();
    fits.then_some(own)
}

fn takes_early_data(server: &mut ServerConfig) {
    server.tickets = Some(Arc::new(CachedTickets::new(10)));
    server.max_early_data = 1000;
    // Older than the ticket of an hour ago.
    server.strike_register = Some(Arc::new(LocalStrikeRegister::new(Instant::ZERO)));
}

/// How often the early data was delivered.
fn early_data_of(side: &Worker) -> usize {
    side.events.iter().filter(|event| matches!(event, ConnectionEvent::EarlyData(_))).count()
}

fn enable_extended_key_update(client: &mut ClientConfig, server: &mut ServerConfig) {
    client.common.extended_key_update = true;
    server.common.extended_key_update = true;
}

/// Both directions go on in the epoch after the first, and the application was told.
fn has_extended(side: &Worker) -> bool {
    let told = |event: &ConnectionEvent| matches!(event, ConnectionEvent::ExtendedKeyUpdated { epoch: 4 });
    side.connection.epochs() == (4, 4) && side.events.iter().any(told)
}

/// The key of the null back end by this name, or one that it does not know.
fn psk(identity: &[u8]) -> Arc<Psk> {
    let unknown = || Psk::external(identity, &[7; 32], HashAlgorithm::Sha256).unwrap();
    Arc::new(NullBackend::psk_of(identity).unwrap_or_else(unknown))
}

fn knows_the_key(side: &Worker) -> bool {
    side.connection.negotiated().is_some_and(|negotiated| negotiated.psk_identity.is_some())
}

/// What a client kept of an hour ago.
fn session(server: &ServerConfig) -> Session {
    let then = Instant::from_micros(START.as_micros() - 3_600_000_000);
    let state = ResumptionState {
        cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
        secret: SecretBytes::new(vec![5; 32]),
        issued_at: then,
        authenticated_at: then,
        lifetime: 24 * 60 * 60,
        age_add: 0xffff_fff0,
        server_name: Some("example.org".to_owned()),
        alpn_protocol: None,
        peer_certificates: vec![b"a certificate".to_vec()],
        psk_identity: None,
        max_early_data: server.max_early_data,
    };
    let ticket = server.tickets.as_ref().unwrap().issue(&state, &*server.common.provider.random).unwrap();
    Session { ticket, state }
}

const fn is_session(event: &ConnectionEvent) -> bool {
    matches!(event, ConnectionEvent::SessionReceived(_))
}

/// A client at A and a server at B.
pub type Handshake = Pair<Worker, Worker>;

impl Mode {
    /// Both sides, as nothing has been sent yet; `change` is the last to touch their configurations.
    pub fn begin(
        &self,
        kind: Kind,
        seed: u64,
        conditions: Conditions,
        change: impl Fn(&mut TransportConfig),
    ) -> Handshake {
        let mut client = null::client(seed);
        let mut server = null::server(!seed);
        client.common.backend = kind.backend_that_shows(seed, self.shows);
        server.common.backend = kind.backend_that_shows(!seed, self.shows);
        (self.configure)(&mut client, &mut server);
        for transport in [&mut client.common.transport, &mut server.common.transport] {
            transport.max_datagram_size = self.mtu;
            change(transport);
        }
        let offer = ClientOffer {
            server_name: Some("example.org".to_owned()),
            session: (self.session)(&server),
            early_data: server.max_early_data > 0,
            ..ClientOffer::default()
        };
        let has_early_data = offer.early_data;
        let mut client = Connection::connect(Arc::new(client), offer, START).unwrap();
        if has_early_data {
            client.send_early(b"early").unwrap();
        }
        let server = Connection::server(Arc::new(server), START).unwrap();
        Pair::new(
            Worker::new(client, kind, seed, START).showing(self.shows),
            Worker::new(server, kind, !seed, START).showing(self.shows),
            Network::new(seed, conditions),
            START,
        )
    }
}

/// Nothing but the defaults.
pub fn as_it_is(_: &mut TransportConfig) {}

/// What keeps bad luck from being taken for a peer that is gone.
pub fn patient(transport: &mut TransportConfig) {
    transport.max_timeout = Duration::from_secs(4);
    transport.max_retransmissions = 1000;
    transport.handshake_timeout = Duration::from_secs(3600);
}

/// Nothing is lost, and every datagram takes 10 ms.
pub fn perfect() -> Conditions {
    Conditions { delay: Duration::from_millis(10), ..Conditions::default() }
}

/// 30 % loss, and duplicates and datagrams that are overtaken on top.
pub fn bad() -> Conditions {
    Conditions {
        loss: 0.3,
        duplicate: 0.1,
        reorder: 0.3,
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(15),
        mtu: usize::MAX,
    }
}

/// Whether the handshake is complete.
pub fn is_connected(worker: &Worker) -> bool {
    worker.connection.state() == ConnectionState::Connected
}
