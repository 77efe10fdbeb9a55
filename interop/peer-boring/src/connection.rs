//! A BoringSSL connection between two queues of datagrams.
//!
//! BoringSSL's own memory BIOs join datagrams; `SslStream` over [`Datagrams`] keeps one call of `read` or `write` to one
//! datagram.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use boring::ssl::{ErrorCode, NameType, SslContext, SslRef, SslSession, SslStream};
use boring_sys as ffi;
use foreign_types::ForeignTypeRef;
use peer::stack::{SrtpAgreement, Wire, name_of};
use peer::{Flags, Happening, Negotiated, Role, Stack};

use crate::configure::{self, Kept};
use crate::credentials;

/// Room for the largest record's plaintext (RFC 9846, Section 5.1).
const LARGEST_PLAINTEXT: usize = 1 << 14;
/// BoringSSL reports a received alert as a reason of this plus the alert's code (`SSL_AD_REASON_OFFSET`).
const ALERT_REASONS: i32 = 1_000;

#[derive(Debug, Default)]
struct Datagrams(Wire);

impl Read for Datagrams {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Datagrams {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.0.outgoing.push_back(datagram.to_vec());
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub struct Boring {
    context: SslContext,
    flags: Flags,
    /// What the connection before left to resume.
    kept: Kept,
    stream: SslStream<Datagrams>,
    connected: bool,
    ended: bool,
    happened: VecDeque<Happening>,
}

impl Boring {
    pub fn new(flags: &Flags) -> Result<Self, String> {
        let kept = Kept::default();
        let context = configure::context(flags, &kept)?;
        let stream = stream(&context, flags, None)?;
        let mut boring = Self {
            context,
            flags: flags.clone(),
            kept,
            stream,
            connected: false,
            ended: false,
            happened: VecDeque::new(),
        };
        boring.drive();
        Ok(boring)
    }

    /// Lets BoringSSL do all it can with the datagrams that have arrived.
    fn drive(&mut self) {
        if !self.connected && !self.ended {
            match self.stream.do_handshake() {
                Ok(()) => {
                    self.connected = true;
                    let negotiated = self.negotiated();
                    self.happened.push_back(Happening::Connected(Box::new(negotiated)));
                }
                Err(error) => self.on_error(&error),
            }
        }
        let mut buffer = vec![0; LARGEST_PLAINTEXT];
        while self.connected && !self.ended {
            match self.stream.ssl_read(&mut buffer) {
                Ok(length) => self.happened.push_back(Happening::Data(buffer[..length].to_vec())),
                Err(error) if error.code() == ErrorCode::WANT_READ => break,
                Err(error) => self.on_error(&error),
            }
        }
    }

    fn on_error(&mut self, error: &boring::ssl::Error) {
        let alert = error
            .ssl_error()
            .and_then(|stack| stack.errors().first())
            .and_then(|first| u8::try_from(i32::from(first.reason_code() as i16) - ALERT_REASONS).ok());
        match (error.code(), alert) {
            (ErrorCode::WANT_READ | ErrorCode::WANT_WRITE, _) => return,
            (ErrorCode::ZERO_RETURN, _) => self.happened.push_back(Happening::CloseNotify),
            (_, Some(code)) => self.happened.push_back(Happening::Alert(code)),
            _ => self.happened.push_back(Happening::Failed(error.to_string())),
        }
        self.ended = true;
    }

    fn negotiated(&self) -> Negotiated {
        let ssl = self.stream.ssl();
        Negotiated {
            version: ssl.version_str().to_owned(),
            cipher: ssl.current_cipher().and_then(|cipher| cipher.standard_name()).unwrap_or("none").to_owned(),
            group: ssl.curve().map(|code| name_of(configure::GROUPS, &code)),
            alpn: ssl.selected_alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
            name: match self.flags.role {
                Role::Client => self.flags.name.clone(),
                Role::Server => ssl.servername(NameType::HOST_NAME).map(str::to_owned),
            },
            peer_chain: self.peer_chain(ssl),
            peer_key: credentials::peer_key(ssl),
            ocsp: ssl.ocsp_status().map(<[u8]>::to_vec),
            resumed: Some(ssl.session_reused()),
            early: None,
            srtp: ssl
                .selected_srtp_profile()
                .map(|profile| SrtpAgreement { profile: configure::registered_profile(profile.name()), keys: None }),
        }
    }

    /// BoringSSL's chain holds the leaf on a client but not on a server.
    fn peer_chain(&self, ssl: &SslRef) -> Vec<Vec<u8>> {
        let der = |certificate: &boring::x509::X509Ref| certificate.to_der().unwrap_or_default();
        let mut chain: Vec<_> = match self.flags.role {
            Role::Client => Vec::new(),
            Role::Server => ssl.peer_certificate().iter().map(|leaf| der(leaf)).collect(),
        };
        chain.extend(ssl.peer_cert_chain().into_iter().flatten().map(der));
        chain
    }
}

/// A new connection that has not yet begun.
fn stream(context: &SslContext, flags: &Flags, session: Option<&SslSession>) -> Result<SslStream<Datagrams>, String> {
    let ssl = configure::ssl(context, flags)?;
    let mut stream = SslStream::new(ssl, Datagrams::default()).map_err(|error| error.to_string())?;
    // SAFETY: the pointer is that of a live connection, and the session is of the same context.
    unsafe {
        match flags.role {
            Role::Client => ffi::SSL_set_connect_state(stream.ssl_mut().as_ptr()),
            Role::Server => ffi::SSL_set_accept_state(stream.ssl_mut().as_ptr()),
        }
        if let Some(session) = session {
            stream.ssl_mut().set_session(session).map_err(|error| error.to_string())?;
        }
    }
    Ok(stream)
}

impl Stack for Boring {
    fn handle_datagram(&mut self, _from: SocketAddr, datagram: &[u8]) {
        self.stream.get_mut().0.incoming.push_back(datagram.to_vec());
        self.drive();
    }

    fn handle_timeout(&mut self) {
        // SAFETY: the pointer is that of a live connection.
        unsafe { ffi::DTLSv1_handle_timeout(self.stream.ssl_mut().as_ptr()) };
        self.drive();
    }

    fn timeout(&mut self) -> Option<Duration> {
        let mut left = ffi::timeval { tv_sec: 0, tv_usec: 0 };
        // SAFETY: the pointers are those of a live connection and of `left`.
        let running = unsafe { ffi::DTLSv1_get_timeout(self.stream.ssl().as_ptr(), &mut left) };
        (running == 1).then(|| {
            Duration::from_secs(u64::try_from(left.tv_sec).unwrap_or(0))
                + Duration::from_micros(u64::try_from(left.tv_usec).unwrap_or(0))
        })
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.stream.get_mut().0.outgoing.pop_front()
    }

    fn poll_happening(&mut self) -> Option<Happening> {
        self.happened.pop_front()
    }

    fn send(&mut self, data: &[u8]) -> Result<(), String> {
        self.stream.ssl_write(data).map(drop).map_err(|error| format!("write: {error}"))
    }

    fn update_keys(&mut self, request_peer: bool) -> Result<bool, String> {
        // SAFETY: the pointer is that of a live connection.
        match unsafe { ffi::SSL_key_update(self.stream.ssl_mut().as_ptr(), i32::from(request_peer)) } {
            1 => {
                self.drive();
                Ok(true)
            }
            _ => Err("BoringSSL refused the key update".to_owned()),
        }
    }

    fn export(&mut self, label: &str, context: Option<&[u8]>, length: usize) -> Result<Vec<u8>, String> {
        let mut exported = vec![0; length];
        self.stream
            .ssl()
            .export_keying_material(&mut exported, label, context)
            .map_err(|error| format!("export: {error}"))?;
        Ok(exported)
    }

    fn again(&mut self) -> Result<(), String> {
        let session = self.kept.lock().ok().and_then(|mut kept| kept.take());
        self.stream = stream(&self.context, &self.flags, session.as_ref())?;
        self.connected = false;
        self.ended = false;
        self.happened.clear();
        self.drive();
        Ok(())
    }

    fn epochs(&mut self) -> Option<(u64, u64)> {
        let ssl = self.stream.ssl().as_ptr();
        // SAFETY: the pointer is that of a live connection.
        let (read, write) = unsafe { (ffi::SSL_get_dtls_read_epoch(ssl), ffi::SSL_get_dtls_write_epoch(ssl)) };
        Some((u64::from(read), u64::from(write)))
    }

    fn close(&mut self) {
        let _ = self.stream.shutdown();
    }
}
