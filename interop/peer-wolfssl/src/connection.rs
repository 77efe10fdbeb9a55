//! A wolfSSL connection between two queues of datagrams.

use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::net::SocketAddr;
use std::ptr;
use std::time::{Duration, Instant};

use peer::stack::{SrtpAgreement, Wire};
use peer::{Flags, Happening, Negotiated, Role, Stack};
use wolfssl_sys as ffi;

use crate::configure::{self, SUCCESS, registered};

/// Room for the largest record's plaintext (RFC 9846, Section 5.1).
const LARGEST_PLAINTEXT: usize = 1 << 14;
/// wolfSSL counts its timer in seconds; its "quick" timer is a quarter of the current value.
const SECOND: Duration = Duration::from_secs(1);
const QUICK_PART: u32 = 4;

pub struct Wolf {
    ctx: *mut ffi::WOLFSSL_CTX,
    ssl: *mut ffi::WOLFSSL,
    /// Boxed, since wolfSSL holds its address for the callbacks.
    wire: Box<Wire>,
    flags: Flags,
    role: Role,
    /// A server waits for the certificate of a client that it asked after the handshake.
    asked: bool,
    connected: bool,
    ended: bool,
    happened: VecDeque<Happening>,
    /// wolfSSL leaves the keeping of time to its caller: when the timer that runs now was started.
    timer_started: Instant,
    sent_before: usize,
}

impl Wolf {
    pub fn new(flags: &Flags) -> Result<Self, String> {
        let ctx = configure::context(flags)?;
        let mut wire = Box::<Wire>::default();
        // SAFETY: `ctx` is live, and the box lives as long as the connection, since neither is dropped before the process ends.
        let ssl = unsafe { connection(ctx, flags, &mut wire)? };
        let mut wolf = Self {
            ctx,
            ssl,
            wire,
            flags: flags.clone(),
            role: flags.role,
            asked: false,
            connected: false,
            ended: false,
            happened: VecDeque::new(),
            timer_started: Instant::now(),
            sent_before: 0,
        };
        wolf.drive();
        Ok(wolf)
    }

    /// Lets wolfSSL do all it can with the datagrams that have arrived.
    fn drive(&mut self) {
        if !self.connected && !self.ended && self.role == Role::Server && self.flags.early > 0 {
            self.read_early();
        }
        if !self.connected && !self.ended {
            // SAFETY: `ssl` is live.
            let answer = unsafe {
                match self.role {
                    Role::Client => ffi::wolfSSL_connect(self.ssl),
                    Role::Server => ffi::wolfSSL_accept(self.ssl),
                }
            };
            if answer == SUCCESS {
                self.connected = true;
                let negotiated = self.negotiated();
                self.happened.push_back(Happening::Connected(Box::new(negotiated)));
            } else {
                self.on_error(answer, "handshake");
            }
        }
        let mut buffer = vec![0u8; LARGEST_PLAINTEXT];
        while self.connected && !self.ended {
            // SAFETY: `ssl` is live, and pointer and length describe `buffer`.
            let answer = unsafe { ffi::wolfSSL_read(self.ssl, buffer.as_mut_ptr().cast(), LARGEST_PLAINTEXT as c_int) };
            match usize::try_from(answer) {
                Ok(length) if length > 0 => self.happened.push_back(Happening::Data(buffer[..length].to_vec())),
                _ => {
                    if !self.on_error(answer, "read") {
                        break;
                    }
                }
            }
        }
    }

    /// A server that takes early data must read it before it goes on with the handshake.
    fn read_early(&mut self) {
        let mut buffer = vec![0u8; LARGEST_PLAINTEXT];
        loop {
            let mut length: c_int = 0;
            // SAFETY: `ssl` is live, and pointer and length describe `buffer`.
            let answer = unsafe {
                let room = LARGEST_PLAINTEXT as c_int;
                ffi::wolfSSL_read_early_data(self.ssl, buffer.as_mut_ptr().cast(), room, &raw mut length)
            };
            match usize::try_from(length) {
                Ok(length) if length > 0 => self.happened.push_back(Happening::EarlyData(buffer[..length].to_vec())),
                _ if answer < 0 => {
                    self.on_error(answer, "early data");
                    return;
                }
                _ => return,
            }
        }
    }

    /// Tells of the certificate that was asked for after the handshake, once it is there.
    fn look_for_certificate(&mut self) {
        let chain = self.peer_chain();
        if self.asked && !chain.is_empty() && !self.ended {
            self.asked = false;
            self.happened.push_back(Happening::Authenticated(chain));
        }
    }

    /// True when there is reason to try again at once.
    fn on_error(&mut self, answer: c_int, doing: &str) -> bool {
        // SAFETY: `ssl` is live.
        let code = unsafe { ffi::wolfSSL_get_error(self.ssl, answer) };
        if code == ffi::wolfSSL_ErrorCodes_APP_DATA_READY {
            return true;
        }
        if code == ffi::WOLFSSL_ERROR_WANT_READ as c_int || code == ffi::WOLFSSL_ERROR_WANT_WRITE as c_int {
            return false;
        }
        self.ended = true;
        if code == ffi::WOLFSSL_ERROR_ZERO_RETURN as c_int {
            self.happened.push_back(Happening::CloseNotify);
            return false;
        }
        let alert = ffi::WOLFSSL_ALERT { code: -1, level: -1 };
        let mut alerts = ffi::WOLFSSL_ALERT_HISTORY { last_rx: alert, last_tx: alert };
        // SAFETY: `ssl` is live, `alerts` lives for the call, and the sentence is a static string of wolfSSL's.
        let sentence = unsafe {
            ffi::wolfSSL_get_alert_history(self.ssl, &raw mut alerts);
            CStr::from_ptr(ffi::wolfSSL_ERR_reason_error_string(code as _)).to_string_lossy().into_owned()
        };
        self.happened.push_back(match u8::try_from(alerts.last_rx.code) {
            Ok(received) if received > 0 => Happening::Alert(received),
            _ => Happening::Failed(format!("{doing}: {sentence} ({code}), alert sent {}", alerts.last_tx.code)),
        });
        false
    }

    fn negotiated(&self) -> Negotiated {
        let peer_key = self.peer_key();
        // SAFETY: `ssl` is live, and the strings are wolfSSL's for as long.
        unsafe {
            Negotiated {
                version: text(ffi::wolfSSL_get_version(self.ssl)).unwrap_or_default(),
                cipher: text(ffi::wolfSSL_get_cipher_name(self.ssl)).map(|name| registered(&name)).unwrap_or_default(),
                group: text(ffi::wolfSSL_get_curve_name(self.ssl)).map(|name| registered(&name)),
                alpn: self.alpn(),
                name: match self.role {
                    Role::Client => self.flags.name.clone(),
                    Role::Server => self.asked_name(),
                },
                // wolfSSL keeps a raw public key where it keeps certificates.
                peer_chain: if peer_key.is_some() { Vec::new() } else { self.peer_chain() },
                peer_key,
                ocsp: self.ocsp(),
                resumed: Some(ffi::wolfSSL_session_reused(self.ssl) == 1),
                early: match ffi::wolfSSL_get_early_data_status(self.ssl) {
                    _ if self.role == Role::Server => None,
                    status if status == ffi::WOLFSSL_EARLY_DATA_ACCEPTED as c_int => Some(true),
                    status if status == ffi::WOLFSSL_EARLY_DATA_REJECTED as c_int => Some(false),
                    _ => None,
                },
                srtp: ffi::wolfSSL_get_selected_srtp_profile(self.ssl)
                    .as_ref()
                    .and_then(|profile| text(profile.name))
                    .map(|name| SrtpAgreement { profile: registered(&name), keys: None }),
            }
        }
    }

    fn alpn(&self) -> Option<String> {
        let (mut name, mut length) = (ptr::null_mut::<c_char>(), 0u16);
        // SAFETY: `ssl` is live, and wolfSSL's answer points to `length` bytes of its own.
        unsafe {
            let answer = ffi::wolfSSL_ALPN_GetProtocol(self.ssl, &raw mut name, &raw mut length);
            (answer == SUCCESS)
                .then(|| bytes(name.cast(), c_int::from(length)))
                .map(|name| String::from_utf8_lossy(&name).into_owned())
        }
    }

    fn asked_name(&self) -> Option<String> {
        let mut name = ptr::null_mut::<c_void>();
        // SAFETY: as above.
        let name = unsafe {
            let length = ffi::wolfSSL_SNI_GetRequest(self.ssl, ffi::WOLFSSL_SNI_HOST_NAME as u8, &raw mut name);
            bytes(name.cast(), c_int::from(length))
        };
        (!name.is_empty()).then(|| String::from_utf8_lossy(&name).into_owned())
    }

    /// The pinned key, when wolfSSL says that the other side proved to have it: it does not give the key itself.
    fn peer_key(&self) -> Option<Vec<u8>> {
        let mut kind: c_int = 0;
        // SAFETY: `ssl` is live.
        unsafe {
            match self.role {
                Role::Client => ffi::wolfSSL_get_negotiated_server_cert_type(self.ssl, &raw mut kind),
                Role::Server => ffi::wolfSSL_get_negotiated_client_cert_type(self.ssl, &raw mut kind),
            }
        };
        let raw = kind == ffi::WOLFSSL_CERT_TYPE_RPK as c_int;
        self.flags.peer_key.as_ref().filter(|_| raw).and_then(|file| std::fs::read(file).ok())
    }

    fn ocsp(&self) -> Option<Vec<u8>> {
        let mut response = ptr::null_mut();
        // SAFETY: `ssl` is live, and owns the response.
        unsafe {
            let length = ffi::wolfSSL_get_tlsext_status_ocsp_resp(self.ssl, &raw mut response);
            Some(bytes(response, c_int::try_from(length).unwrap_or(0))).filter(|response| !response.is_empty())
        }
    }

    fn peer_chain(&self) -> Vec<Vec<u8>> {
        // SAFETY: `ssl` is live, and wolfSSL owns the chain and the bytes of each of its certificates.
        unsafe {
            let chain = ffi::wolfSSL_get_peer_chain(self.ssl);
            if chain.is_null() {
                return Vec::new();
            }
            (0..ffi::wolfSSL_get_chain_count(chain))
                .map(|index| {
                    bytes(ffi::wolfSSL_get_chain_cert(chain, index), ffi::wolfSSL_get_chain_length(chain, index))
                })
                .collect()
        }
    }

    fn timer(&self) -> Duration {
        // SAFETY: `ssl` is live.
        let (seconds, quick) = unsafe {
            (ffi::wolfSSL_dtls_get_current_timeout(self.ssl), ffi::wolfSSL_dtls13_use_quick_timeout(self.ssl) == 1)
        };
        let whole = SECOND * u32::try_from(seconds).unwrap_or(1).max(1);
        if quick { whole / QUICK_PART } else { whole }
    }
}

impl Stack for Wolf {
    fn handle_datagram(&mut self, _from: SocketAddr, datagram: &[u8]) {
        self.timer_started = Instant::now();
        self.wire.incoming.push_back(datagram.to_vec());
        self.drive();
        self.look_for_certificate();
    }

    fn handle_timeout(&mut self) {
        self.timer_started = Instant::now();
        // SAFETY: `ssl` is live.
        unsafe { ffi::wolfSSL_dtls_got_timeout(self.ssl) };
        self.drive();
    }

    fn timeout(&mut self) -> Option<Duration> {
        if self.role == Role::Server && self.sent_before == 0 {
            return None;
        }
        Some(self.timer().saturating_sub(self.timer_started.elapsed()))
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        let datagram = self.wire.outgoing.pop_front()?;
        self.sent_before += 1;
        Some(datagram)
    }

    fn poll_happening(&mut self) -> Option<Happening> {
        self.happened.pop_front()
    }

    fn send(&mut self, data: &[u8]) -> Result<(), String> {
        let length = c_int::try_from(data.len()).map_err(|error| error.to_string())?;
        // SAFETY: `ssl` is live, and pointer and length describe `data`.
        match unsafe { ffi::wolfSSL_write(self.ssl, data.as_ptr().cast(), length) } {
            written if written > 0 => Ok(()),
            answer => Err(format!("write: wolfSSL answered {answer}")),
        }
    }

    /// wolfSSL asks for the other side's update by its own rule: whenever it is not answering one and has not asked yet.
    fn update_keys(&mut self, request_peer: bool) -> Result<bool, String> {
        if !request_peer {
            return Err("wolfSSL always asks for the other side's update".to_owned());
        }
        // SAFETY: `ssl` is live.
        match unsafe { ffi::wolfSSL_update_keys(self.ssl) } {
            SUCCESS => Ok(true),
            answer => Err(format!("wolfSSL refused the key update ({answer})")),
        }
    }

    fn export(&mut self, label: &str, context: Option<&[u8]>, length: usize) -> Result<Vec<u8>, String> {
        let mut exported = vec![0; length];
        // SAFETY: `ssl` is live, and each pointer is followed by the length of what it points to.
        let answer = unsafe {
            ffi::wolfSSL_export_keying_material(
                self.ssl,
                exported.as_mut_ptr(),
                length,
                label.as_ptr().cast(),
                label.len(),
                context.map_or(ptr::null(), <[u8]>::as_ptr),
                context.map_or(0, <[u8]>::len),
                c_int::from(context.is_some()),
            )
        };
        if answer == SUCCESS { Ok(exported) } else { Err(format!("export: wolfSSL answered {answer}")) }
    }

    fn again(&mut self) -> Result<(), String> {
        // SAFETY: `ssl` and `ctx` are live; the connection before is let go of, and its session is kept by the new one.
        unsafe {
            let session = ffi::wolfSSL_get1_session(self.ssl);
            ffi::wolfSSL_free(self.ssl);
            *self.wire = Wire::default();
            self.ssl = connection(self.ctx, &self.flags, &mut self.wire)?;
            if self.role == Role::Client && self.flags.tickets && !session.is_null() {
                configure::check(ffi::wolfSSL_set_session(self.ssl, session), "session")?;
            }
        }
        self.connected = false;
        self.ended = false;
        self.happened.clear();
        self.sent_before = 0;
        self.timer_started = Instant::now();
        if self.role == Role::Server || self.flags.early == 0 {
            self.drive();
        }
        Ok(())
    }

    fn send_early(&mut self, data: &[u8]) -> Result<(), String> {
        let length = c_int::try_from(data.len()).map_err(|error| error.to_string())?;
        let mut written: c_int = 0;
        // SAFETY: `ssl` is live, and pointer and length describe `data`.
        let answer = unsafe { ffi::wolfSSL_write_early_data(self.ssl, data.as_ptr().cast(), length, &raw mut written) };
        if written == length { Ok(()) } else { Err(format!("early data: wolfSSL answered {answer}")) }
    }

    fn request_authentication(&mut self) -> Result<(), String> {
        self.asked = true;
        // SAFETY: `ssl` is live.
        match unsafe { ffi::wolfSSL_request_certificate(self.ssl) } {
            SUCCESS => Ok(()),
            answer => Err(format!("wolfSSL did not ask for a certificate ({answer})")),
        }
    }

    fn close(&mut self) {
        // SAFETY: `ssl` is live.
        unsafe { ffi::wolfSSL_shutdown(self.ssl) };
    }
}

/// A new connection that has not yet begun.
///
/// # Safety
///
/// `ctx` is live, and `wire` outlives the connection.
unsafe fn connection(ctx: *mut ffi::WOLFSSL_CTX, flags: &Flags, wire: &mut Wire) -> Result<*mut ffi::WOLFSSL, String> {
    let context: *mut c_void = ptr::from_mut(wire).cast();
    // SAFETY: `ssl` is live, and the wire outlives it, as the caller promises.
    unsafe {
        let ssl = configure::connection(ctx, flags)?;
        ffi::wolfSSL_SSLSetIORecv(ssl, Some(receive));
        ffi::wolfSSL_SSLSetIOSend(ssl, Some(send));
        ffi::wolfSSL_SetIOReadCtx(ssl, context);
        ffi::wolfSSL_SetIOWriteCtx(ssl, context);
        Ok(ssl)
    }
}

/// # Safety
///
/// `string` is null or a terminated string.
unsafe fn text(string: *const c_char) -> Option<String> {
    // SAFETY: as the caller promises.
    (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned())
}

/// # Safety
///
/// `start` is null or points to `length` bytes.
unsafe fn bytes(start: *const u8, length: c_int) -> Vec<u8> {
    match usize::try_from(length) {
        // SAFETY: as the caller promises.
        Ok(length) if !start.is_null() => unsafe { std::slice::from_raw_parts(start, length) }.to_vec(),
        _ => Vec::new(),
    }
}

unsafe extern "C" fn receive(_ssl: *mut ffi::WOLFSSL, buffer: *mut c_char, size: c_int, context: *mut c_void) -> c_int {
    // SAFETY: the context is the `Wire` that `Wolf::new` gave, and wolfSSL's buffer has `size` bytes.
    let (wire, buffer) = unsafe {
        (
            &mut *context.cast::<Wire>(),
            std::slice::from_raw_parts_mut(buffer.cast::<u8>(), usize::try_from(size).unwrap_or(0)),
        )
    };
    wire.read(buffer)
        .and_then(|length| c_int::try_from(length).ok())
        .unwrap_or(ffi::IOerrors_WOLFSSL_CBIO_ERR_WANT_READ)
}

unsafe extern "C" fn send(_ssl: *mut ffi::WOLFSSL, datagram: *mut c_char, size: c_int, context: *mut c_void) -> c_int {
    // SAFETY: the context is the `Wire` that `Wolf::new` gave, and the datagram has `size` bytes.
    let (wire, datagram) = unsafe {
        (
            &mut *context.cast::<Wire>(),
            std::slice::from_raw_parts(datagram.cast::<u8>(), usize::try_from(size).unwrap_or(0)),
        )
    };
    wire.outgoing.push_back(datagram.to_vec());
    size
}
