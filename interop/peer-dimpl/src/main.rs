//! Interoperability peer: dimpl, a DTLS implementation in Rust.
//!
//! It tells neither cipher suite nor group, has no exporter of its own but SRTP's, sends no alerts but close_notify, and updates
//! keys only by its own count; what it cannot do it refuses, so that a test can name the reason.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::crypto::Dtls13CipherSuite;
use dimpl::{Config, Dtls, DtlsCertificate, NamedGroup, Output, SrtpProfile};
use peer::stack::{SrtpAgreement, by_name, name_of};
use peer::{Flags, Happening, Negotiated, Role, Stack, credentials};

const GROUPS: &[(&str, NamedGroup)] =
    &[("secp256r1", NamedGroup::Secp256r1), ("secp384r1", NamedGroup::Secp384r1), ("x25519", NamedGroup::X25519)];

const SUITES: &[(&str, Dtls13CipherSuite)] = &[
    ("TLS_AES_128_GCM_SHA256", Dtls13CipherSuite::AES_128_GCM_SHA256),
    ("TLS_AES_256_GCM_SHA384", Dtls13CipherSuite::AES_256_GCM_SHA384),
    ("TLS_CHACHA20_POLY1305_SHA256", Dtls13CipherSuite::CHACHA20_POLY1305_SHA256),
];

const PROFILES: &[(&str, SrtpProfile)] = &[
    ("SRTP_AES128_CM_HMAC_SHA1_80", SrtpProfile::AES128_CM_SHA1_80),
    ("SRTP_AEAD_AES_128_GCM", SrtpProfile::AEAD_AES_128_GCM),
    ("SRTP_AEAD_AES_256_GCM", SrtpProfile::AEAD_AES_256_GCM),
];

/// First size of the buffer for output; dimpl says when it wants more.
const FIRST_BUFFER: usize = 2_048;

fn main() -> ExitCode {
    peer::main(|flags| Ok(Box::new(Dimpl::new(flags)?)))
}

struct Dimpl {
    dtls: Dtls,
    buffer: Vec<u8>,
    due: Option<Instant>,
    outgoing: VecDeque<Vec<u8>>,
    happened: VecDeque<Happening>,
    /// dimpl tells the parts of what was agreed one by one; they are handed on together, after `Connected`.
    negotiated: Negotiated,
    connected: bool,
    announced: bool,
}

impl Dimpl {
    fn new(flags: &Flags) -> Result<Self, String> {
        let chain = credentials::own_chain(flags)?;
        let certificate = DtlsCertificate {
            certificate: chain.into_iter().next().ok_or("dimpl always needs a certificate")?,
            private_key: credentials::own_key(flags)?,
        };
        let mut dtls = Dtls::new_13(Arc::new(config(flags)?), certificate, Instant::now());
        dtls.set_active(flags.role == Role::Client);
        let mut dimpl = Self {
            dtls,
            buffer: vec![0; FIRST_BUFFER],
            due: None,
            outgoing: VecDeque::new(),
            happened: VecDeque::new(),
            negotiated: Negotiated {
                version: "DTLSv1.3".to_owned(),
                cipher: "untold".to_owned(),
                ..Negotiated::default()
            },
            connected: false,
            announced: false,
        };
        dimpl.handle_timeout();
        Ok(dimpl)
    }

    fn drive(&mut self) {
        loop {
            match self.dtls.poll_output(&mut self.buffer) {
                Output::Packet(datagram) => self.outgoing.push_back(datagram.to_vec()),
                Output::BufferTooSmall { needed } => self.buffer.resize(needed, 0),
                Output::Timeout(at) => {
                    self.due = Some(at);
                    break;
                }
                Output::Connected => self.connected = true,
                Output::PeerCert(leaf) => self.negotiated.peer_chain = vec![leaf.to_vec()],
                Output::KeyingMaterial(keys, profile) => {
                    let profile = name_of(PROFILES, &profile);
                    self.negotiated.srtp = Some(SrtpAgreement { profile, keys: Some(keys.to_vec()) });
                }
                Output::ApplicationData(data) => self.happened.push_back(Happening::Data(data.to_vec())),
                Output::CloseNotify => self.happened.push_back(Happening::CloseNotify),
                _ => {}
            }
        }
        if self.connected && !self.announced {
            self.announced = true;
            self.happened.push_front(Happening::Connected(Box::new(self.negotiated.clone())));
        }
    }

    fn note<T>(&mut self, answer: Result<T, dimpl::Error>) {
        if let Err(error) = answer {
            self.happened.push_back(Happening::Failed(format!("{error:?}")));
        }
    }
}

fn config(flags: &Flags) -> Result<Config, String> {
    let refused = [
        (!flags.alpn.is_empty(), "ALPN"),
        (flags.name.is_some() && flags.role == Role::Client, "server_name"),
        (flags.export.is_some(), "an exporter"),
        (flags.update_keys.is_some(), "a call for key updates"),
        (flags.keylog.is_some(), "a key log"),
        (flags.key_shares.is_some(), "a choice of key shares"),
    ];
    if let Some((_, what)) = refused.iter().find(|(asked, _)| *asked) {
        return Err(format!("dimpl does not have {what}"));
    }
    let mut config =
        Config::builder().require_client_certificate(flags.client_auth).use_server_cookie(!flags.no_cookie);
    if let Some(mtu) = flags.mtu {
        config = config.mtu(mtu);
    }
    if !flags.suites.is_empty() {
        let suites = flags.suites.iter().map(|name| by_name(SUITES, name)).collect::<Result<Vec<_>, _>>()?;
        config = config.dtls13_cipher_suites(&suites);
    }
    if !flags.groups.is_empty() {
        let groups = flags.groups.iter().map(|name| by_name(GROUPS, name)).collect::<Result<Vec<_>, _>>()?;
        config = config.kx_groups(&groups);
    }
    config.build().map_err(|error| format!("{error:?}"))
}

impl Stack for Dimpl {
    fn handle_datagram(&mut self, _from: SocketAddr, datagram: &[u8]) {
        let answer = self.dtls.handle_packet(datagram);
        self.note(answer);
        self.drive();
    }

    fn handle_timeout(&mut self) {
        let answer = self.dtls.handle_timeout(Instant::now());
        self.note(answer);
        self.drive();
    }

    fn timeout(&mut self) -> Option<Duration> {
        self.due.map(|due| due.saturating_duration_since(Instant::now()))
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.outgoing.pop_front()
    }

    fn poll_happening(&mut self) -> Option<Happening> {
        self.happened.pop_front()
    }

    fn send(&mut self, data: &[u8]) -> Result<(), String> {
        self.dtls.send_application_data(data).map_err(|error| format!("{error:?}"))?;
        self.drive();
        Ok(())
    }

    fn update_keys(&mut self, _request_peer: bool) -> Result<bool, String> {
        Err("dimpl updates keys only by its own count".to_owned())
    }

    fn export(&mut self, _label: &str, _context: Option<&[u8]>, _length: usize) -> Result<Vec<u8>, String> {
        Err("dimpl exports nothing but SRTP keys".to_owned())
    }

    fn close(&mut self) {
        let answer = self.dtls.close();
        self.note(answer);
        self.drive();
    }
}
