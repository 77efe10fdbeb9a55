//! BoringSSL, through the crate `boring`.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use boring::pkey::PKey;
use boring::ssl::{
    ErrorCode, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslStream, SslVerifyMode, SslVersion,
};
use boring::x509::X509;
use boring_sys as ffi;
use foreign_types::{ForeignType, ForeignTypeRef};

use crate::{Group, Identity, Pair, Subject, Traffic};

/// Room for the largest content of a record.
const BUFFER: usize = 1 << 14;

pub struct Boring {
    client: SslContext,
    server: SslContext,
    /// The code point of the group, which is also BoringSSL's number for it.
    group: u16,
}

impl Boring {
    pub fn new(group: Group, identity: &Identity) -> Self {
        let group = match group {
            Group::X25519 => 0x001d,
            Group::P256 => 0x0017,
            Group::X25519MlKem768 => 0x11ec,
        };
        let mut client = builder();
        client.set_custom_verify_callback(SslVerifyMode::PEER, |_| Ok(()));
        let mut server = builder();
        server.set_certificate(&X509::from_der(&identity.certificate).expect("a certificate")).expect("is taken");
        server.set_private_key(&PKey::private_key_from_der(&identity.private_key).expect("a key")).expect("is taken");
        Self { client: client.build(), server: server.build(), group }
    }

    fn end(&self, is_client: bool) -> SslStream<Datagrams> {
        let ssl = Ssl::new(if is_client { &self.client } else { &self.server }).expect("a connection");
        // SAFETY: the pointer is that of a live connection, and the group is copied.
        unsafe {
            assert_eq!(ffi::SSL_set1_group_ids(ssl.as_ptr(), &raw const self.group, 1), 1);
            ffi::SSL_set_mtu(ssl.as_ptr(), 1400);
        }
        let mut stream = SslStream::new(ssl, Datagrams::default()).expect("a stream");
        // SAFETY: as above.
        unsafe {
            match is_client {
                true => ffi::SSL_set_connect_state(stream.ssl_mut().as_ptr()),
                false => ffi::SSL_set_accept_state(stream.ssl_mut().as_ptr()),
            }
        }
        stream
    }
}

fn builder() -> SslContextBuilder {
    let mut builder = SslContextBuilder::new(SslMethod::dtls()).expect("a context");
    builder.set_min_proto_version(Some(SslVersion::DTLS1_3)).expect("has it");
    builder.set_max_proto_version(Some(SslVersion::DTLS1_3)).expect("has it");
    // The others make no tickets either.
    builder.set_options(SslOptions::NO_TICKET);
    builder
}

impl Subject for Boring {
    fn name(&self) -> &'static str {
        "BoringSSL"
    }

    fn connect(&self, traffic: &mut Traffic) -> Box<dyn Pair> {
        let mut ends = Ends { client: self.end(true), server: self.end(false), buffer: Vec::new() };
        let (mut client_connected, mut server_connected) = (false, false);
        loop {
            let before = traffic.datagrams;
            client_connected = step(&mut ends.client, client_connected);
            carry(&mut ends.client, &mut ends.server, traffic);
            server_connected = step(&mut ends.server, server_connected);
            carry(&mut ends.server, &mut ends.client, traffic);
            if traffic.datagrams == before {
                break;
            }
        }
        assert!(client_connected && server_connected);
        for end in [&mut ends.client, &mut ends.server] {
            *end.get_mut() = Datagrams::default();
        }
        Box::new(ends)
    }
}

struct Ends {
    client: SslStream<Datagrams>,
    server: SslStream<Datagrams>,
    buffer: Vec<u8>,
}

impl Pair for Ends {
    fn seal(&mut self, content: &[u8], datagram: &mut Vec<u8>) {
        self.client.ssl_write(content).expect("connected");
        let queues = self.client.get_mut();
        let sealed = queues.outgoing.pop_front().expect("a datagram");
        queues.spare.push(std::mem::replace(datagram, sealed));
    }

    fn open(&mut self, datagram: &mut Vec<u8>) -> usize {
        self.buffer.resize(BUFFER, 0);
        self.server.get_mut().incoming.push_back(std::mem::take(datagram));
        let len = self.server.ssl_read(&mut self.buffer).expect("a record");
        *datagram = self.server.get_mut().spare.pop().expect("the datagram that was read");
        len
    }
}

/// Goes on with the handshake, or with what comes after it; whether it is complete.
fn step(end: &mut SslStream<Datagrams>, connected: bool) -> bool {
    if !connected {
        match end.do_handshake() {
            Ok(()) => {}
            Err(error) if error.code() == ErrorCode::WANT_READ => return false,
            Err(error) => panic!("{error}"),
        }
    }
    match end.ssl_read(&mut [0; 64]) {
        Err(error) if error.code() == ErrorCode::WANT_READ => true,
        other => panic!("{other:?}"),
    }
}

fn carry(from: &mut SslStream<Datagrams>, to: &mut SslStream<Datagrams>, traffic: &mut Traffic) {
    while let Some(datagram) = from.get_mut().outgoing.pop_front() {
        traffic.datagrams += 1;
        traffic.bytes += datagram.len();
        to.get_mut().incoming.push_back(datagram);
    }
}

/// One call of `read` or `write` is one datagram.
#[derive(Debug, Default)]
struct Datagrams {
    incoming: VecDeque<Vec<u8>>,
    outgoing: VecDeque<Vec<u8>>,
    /// Room that is used again, so that only BoringSSL's own allocations are counted.
    spare: Vec<Vec<u8>>,
}

impl Read for Datagrams {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let datagram = self.incoming.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
        let len = datagram.len().min(buffer.len());
        buffer[..len].copy_from_slice(&datagram[..len]);
        self.spare.push(datagram);
        Ok(len)
    }
}

impl Write for Datagrams {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        let mut room = self.spare.pop().unwrap_or_default();
        room.clear();
        room.extend_from_slice(datagram);
        self.outgoing.push_back(room);
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
