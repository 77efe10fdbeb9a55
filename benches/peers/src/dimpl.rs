//! dimpl, with its pure-Rust provider.

use std::sync::Arc;
use std::time::Instant;

use dimpl::crypto::Dtls13CipherSuite;
use dimpl::{Config, Dtls, DtlsCertificate, NamedGroup, Output};

use crate::{Group, Identity, Pair, Subject, Traffic};

/// Room for its largest datagram.
const BUFFER: usize = 4096;

pub struct Dimpl {
    config: Arc<Config>,
    certificate: DtlsCertificate,
    now: Instant,
}

impl Dimpl {
    /// `None` if it does not know the group.
    pub fn new(group: Group, identity: &Identity) -> Option<Self> {
        let group = match group {
            Group::X25519 => NamedGroup::X25519,
            Group::P256 => NamedGroup::Secp256r1,
            Group::X25519MlKem768 => return None,
        };
        let config = Config::builder()
            .mtu(1400)
            .require_client_certificate(false)
            .use_server_cookie(false)
            .aead_encryption_limit(1 << 40)
            .kx_groups(&[group])
            .dtls13_cipher_suites(&[Dtls13CipherSuite::AES_128_GCM_SHA256])
            .build()
            .expect("a configuration");
        let certificate =
            DtlsCertificate { certificate: identity.certificate.clone(), private_key: identity.private_key.clone() };
        Some(Self { config: Arc::new(config), certificate, now: Instant::now() })
    }

    fn end(&self, is_client: bool) -> Dtls {
        let mut dtls = Dtls::new_13(Arc::clone(&self.config), self.certificate.clone(), self.now);
        dtls.set_active(is_client);
        dtls.handle_timeout(self.now).expect("a start");
        dtls
    }
}

impl Subject for Dimpl {
    fn name(&self) -> &'static str {
        "dimpl 0.9, RustCrypto"
    }

    fn connect(&self, traffic: &mut Traffic) -> Box<dyn Pair> {
        let mut ends = Ends { client: self.end(true), server: self.end(false), buffer: vec![0; BUFFER] };
        let (mut client_connected, mut server_connected) = (false, false);
        loop {
            let before = traffic.datagrams;
            client_connected |= carry(&mut ends.client, &mut ends.server, &mut ends.buffer, traffic);
            server_connected |= carry(&mut ends.server, &mut ends.client, &mut ends.buffer, traffic);
            if traffic.datagrams == before {
                break;
            }
        }
        assert!(client_connected && server_connected);
        ends.buffer = Vec::new();
        Box::new(ends)
    }
}

struct Ends {
    client: Dtls,
    server: Dtls,
    buffer: Vec<u8>,
}

impl Pair for Ends {
    fn seal(&mut self, content: &[u8], datagram: &mut Vec<u8>) {
        self.buffer.resize(BUFFER, 0);
        self.client.send_application_data(content).expect("connected");
        datagram.clear();
        loop {
            match self.client.poll_output(&mut self.buffer) {
                Output::Packet(bytes) => datagram.extend_from_slice(bytes),
                Output::Timeout(_) => break,
                _ => {}
            }
        }
    }

    fn open(&mut self, datagram: &mut Vec<u8>) -> usize {
        self.server.handle_packet(datagram).expect("a record");
        let mut len = 0;
        loop {
            match self.server.poll_output(&mut self.buffer) {
                Output::ApplicationData(data) => len += data.len(),
                Output::Timeout(_) => return len,
                _ => {}
            }
        }
    }
}

/// Whether `from` became connected meanwhile.
fn carry(from: &mut Dtls, to: &mut Dtls, buffer: &mut [u8], traffic: &mut Traffic) -> bool {
    let mut connected = false;
    loop {
        match from.poll_output(buffer) {
            Output::Packet(datagram) => {
                traffic.datagrams += 1;
                traffic.bytes += datagram.len();
                to.handle_packet(datagram).expect("a record");
            }
            Output::Connected => connected = true,
            Output::Timeout(_) => return connected,
            _ => {}
        }
    }
}
