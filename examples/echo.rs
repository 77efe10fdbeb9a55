//! A DTLS 1.3 echo server and a client for it, over UDP, without any framework: the whole of what drives the library.
//!
//! ```sh
//! cargo run --example echo -- server 127.0.0.1:4433
//! cargo run --example echo -- client 127.0.0.1:4433 sha-256 AB:CD:…        # the line that the server prints
//! ```

use std::error::Error;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dtls_wasm::crypto::rustcrypto::{LocalBackend, OsRandom, provider};
use dtls_wasm::endpoint::{ConnectionHandle, Endpoint, EndpointEvent, PeerAddress};
use dtls_wasm::identity::{FingerprintVerifier, KeyAlgorithm, self_signed};
use dtls_wasm::{ClientConfig, ConnectionEvent, Instant, ServerConfig};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server", address] => serve(address),
        ["client", address, algorithm, value] => greet(address, &format!("{algorithm} {value}")),
        _ => Err("usage: echo server ADDRESS | echo client ADDRESS FINGERPRINT".into()),
    }
}

fn serve(address: &str) -> Result<(), Box<dyn Error>> {
    let random = Arc::new(OsRandom);
    let identity =
        self_signed(KeyAlgorithm::P256, &["localhost"], now(), Duration::from_secs(30 * 24 * 3600), &*random)?;
    let backend = LocalBackend::new(random).with_credentials(identity.to_credentials()?);
    let config = ServerConfig::new(Arc::new(provider()), Arc::new(backend));

    let socket = UdpSocket::bind(address)?;
    println!("listening on {}, fingerprint {}", socket.local_addr()?, identity.fingerprint());
    let mut endpoint = Endpoint::new(Some(Arc::new(config)), now())?;
    drive(&mut endpoint, &socket, |endpoint, handle, event| {
        if let (ConnectionEvent::Datagram(data), Some(connection)) = (event, endpoint.connection_mut(handle)) {
            connection.send(&data)?;
        }
        Ok(true)
    })
}

fn greet(address: &str, fingerprint: &str) -> Result<(), Box<dyn Error>> {
    let verifier = FingerprintVerifier::new(vec![fingerprint.parse()?]);
    let backend = LocalBackend::new(Arc::new(OsRandom)).with_verifier(Arc::new(verifier));
    let config = ClientConfig::new(Arc::new(provider()), Arc::new(backend));

    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let mut endpoint = Endpoint::new(None, now())?;
    let server: std::net::SocketAddr = address.parse()?;
    endpoint.connect(Arc::new(config), None, PeerAddress::from(server), now())?;
    drive(&mut endpoint, &socket, |endpoint, handle, event| {
        let Some(connection) = endpoint.connection_mut(handle) else { return Ok(false) };
        match event {
            ConnectionEvent::Connected => connection.send(b"hello")?,
            ConnectionEvent::Datagram(data) => {
                println!("echo: {}", String::from_utf8_lossy(&data));
                connection.close(now());
            }
            ConnectionEvent::Failed(error) => return Err(error.into()),
            ConnectionEvent::Closed => return Ok(false),
            _ => {}
        }
        Ok(true)
    })
}

/// The loop around every endpoint: send, tell, wait, receive. `on_event` says whether to go on.
fn drive(
    endpoint: &mut Endpoint,
    socket: &UdpSocket,
    mut on_event: impl FnMut(&mut Endpoint, ConnectionHandle, ConnectionEvent) -> Result<bool, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut datagram = Vec::new();
    let mut buffer = vec![0; 65_536];
    let mut goes_on = true;
    loop {
        while let Some((handle, event)) = endpoint.poll_event() {
            if let EndpointEvent::Connection(event) = event {
                goes_on &= on_event(endpoint, handle, event)?;
            }
        }
        while let Some(to) = endpoint.poll_transmit(&mut datagram, now()) {
            let to = to.to_socket_addr().ok_or("an address that is none")?;
            socket.send_to(&datagram, to)?;
        }
        if !goes_on {
            return Ok(());
        }
        let wait = endpoint.poll_timeout().map(|at| at.saturating_duration_since(now()).max(Duration::from_millis(1)));
        socket.set_read_timeout(wait)?;
        match socket.recv_from(&mut buffer) {
            Ok((len, from)) => endpoint.handle_datagram(from.into(), &mut buffer[..len], now()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // On some systems a datagram that reached nobody is reported here; the timers deal with it.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error.into()),
        }
        endpoint.handle_timeout(now());
    }
}

/// The time, as the library wants it: microseconds since the Unix epoch.
fn now() -> Instant {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::from_micros(u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX))
}
