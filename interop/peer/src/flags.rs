//! The one set of flags of all peers.

use std::str::FromStr;
use std::time::Duration;

pub const USAGE: &str = "\
PEER (client|server) --port N [flags]
  --cert FILE --key FILE     own certificate chain (PEM, leaf first) and private key (PEM)
  --ca FILE                  root that the other side's certificate must lead to (PEM)
  --fingerprint AB:CD:..     in place of a root: the SHA-256 of the other side's certificate, as in SDP
  --name HOST                client: the server_name sent, which the certificate must carry
  --client-auth              server: demand a client certificate
  --suites A,B               cipher suites by their registered names, most preferred first
  --groups A,B               named groups, most preferred first
  --key-shares A,B|none      client: the groups sent with a key share (default: the stack's own choice)
  --no-cookie                server: no cookie before the handshake, where the stack can do without
  --alpn A,B                 application protocols, most preferred first
  --srtp A,B                 SRTP protection profiles, most preferred first
  --export LABEL             print 32 exported bytes for LABEL with the context `interop`
  --mtu N                    largest datagram sent
  --messages N --size N      messages the client sends and gets back (default 3), bytes of each (default 32)
  --pause MS                 client: time between a message's return and the next message (default 0)
  --psk ID:HEX[:sha384]      an external pre-shared key, for SHA-256 when not said; may be given several times
  --import                   the keys are imported (RFC 9258) with the context `interop`, not used as they are
  --psk-modes A,B            psk_ke, psk_dhe_ke: how pre-shared keys are used (default: the stack's own choice)
  --tickets                  server: issue tickets; client: keep one for the next connection
  --connections N            connections one after another, each resuming the one before with --tickets (default 1)
  --early N                  client: send the first N messages of a resumed connection early; server: take early data
  --request-auth N           server: ask for a client certificate once N messages have been answered
  --post-handshake-auth      client: offer to show a certificate after the handshake
  --cid N                    connection IDs: ask for one of N bytes in what arrives, and use what the other side asks for
  --new-cids N               give the other side another connection ID, to be used at once, after N messages
  --raw-key FILE             show this public key (DER), whose private key is --key, in place of a certificate
  --peer-key FILE            the raw public key that the other side must show (DER)
  --compress A,B             certificate compression: zlib, brotli
  --ocsp FILE                server: the OCSP response to staple (DER)
  --request-ocsp             client: ask for one
  --delegated FILE           server: a delegated credential, whose private key is FILE.key; client: `any` takes them
  --pad N                    make records as long as a multiple of N bytes
  --mki HEX                  client: the SRTP master key identifier to offer
  --grease                   client: send values that nobody knows
  --permute                  client: send extensions in a random order
  --update-keys N            update the sending keys once N messages have come back (client) or been answered (server)
  --request-update           the key update asks the other side to update as well
  --close client|server      the side that closes first (default client)
  --close-grace MS           how long the other side's close_notify is waited for (default 2000)
  --keylog FILE              append the secrets in SSLKEYLOGFILE format
  --timeout MS               give up after this time (default 10000)";

/// Which end of the connection this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Client,
    Server,
}

#[derive(Clone, Debug)]
pub struct Flags {
    pub role: Role,
    pub port: u16,
    pub cert: Option<String>,
    pub key: Option<String>,
    pub ca: Option<String>,
    pub fingerprint: Option<String>,
    pub name: Option<String>,
    pub client_auth: bool,
    pub suites: Vec<String>,
    pub groups: Vec<String>,
    /// `None`: the stack's own choice. `Some` of an empty list: a ClientHello without any key share.
    pub key_shares: Option<Vec<String>>,
    pub no_cookie: bool,
    pub alpn: Vec<String>,
    pub srtp: Vec<String>,
    pub export: Option<String>,
    pub mtu: Option<usize>,
    pub messages: usize,
    pub size: usize,
    pub pause: Duration,
    pub psks: Vec<Psk>,
    pub import: bool,
    pub psk_modes: Vec<String>,
    pub tickets: bool,
    pub connections: usize,
    pub early: usize,
    pub request_auth: Option<usize>,
    pub post_handshake_auth: bool,
    /// The length of the own connection ID; `None`: no connection IDs.
    pub cid: Option<usize>,
    pub new_cids: Option<usize>,
    pub raw_key: Option<String>,
    pub peer_key: Option<String>,
    pub compress: Vec<String>,
    pub ocsp: Option<String>,
    pub request_ocsp: bool,
    pub delegated: Option<String>,
    pub pad: Option<u16>,
    pub mki: Vec<u8>,
    pub grease: bool,
    pub permute: bool,
    pub update_keys: Option<usize>,
    pub request_update: bool,
    /// The side that closes first.
    pub close: Role,
    pub close_grace: Duration,
    pub keylog: Option<String>,
    pub timeout: Duration,
}

/// An external pre-shared key.
#[derive(Clone, Debug)]
pub struct Psk {
    pub identity: String,
    pub secret: Vec<u8>,
    /// The hash that the key goes with is SHA-384, not SHA-256.
    pub sha384: bool,
}

impl FromStr for Psk {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let wrong = || format!("'{word}' is not ID:HEX or ID:HEX:sha384");
        let mut parts = word.split(':');
        let identity = parts.next().ok_or_else(wrong)?.to_owned();
        let secret = unhex(parts.next().ok_or_else(wrong)?).ok_or_else(wrong)?;
        match parts.next() {
            None => Ok(Self { identity, secret, sha384: false }),
            Some("sha384") => Ok(Self { identity, secret, sha384: true }),
            Some(_) => Err(wrong()),
        }
    }
}

impl Flags {
    /// The context of imported keys.
    pub const IMPORT_CONTEXT: &[u8] = b"interop";

    /// Reads the words after the program's name.
    pub fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let role = role(&words.next().unwrap_or_default())?;
        let mut flags = Self::new(role);
        while let Some(word) = words.next() {
            flags.set(&word, &mut words)?;
        }
        if flags.port == 0 {
            return Err("--port is missing".to_owned());
        }
        Ok(flags)
    }

    fn new(role: Role) -> Self {
        Self {
            role,
            port: 0,
            cert: None,
            key: None,
            ca: None,
            fingerprint: None,
            name: None,
            client_auth: false,
            suites: Vec::new(),
            groups: Vec::new(),
            key_shares: None,
            no_cookie: false,
            alpn: Vec::new(),
            srtp: Vec::new(),
            export: None,
            mtu: None,
            messages: 3,
            size: 32,
            pause: Duration::ZERO,
            psks: Vec::new(),
            import: false,
            psk_modes: Vec::new(),
            tickets: false,
            connections: 1,
            early: 0,
            request_auth: None,
            post_handshake_auth: false,
            cid: None,
            new_cids: None,
            raw_key: None,
            peer_key: None,
            compress: Vec::new(),
            ocsp: None,
            request_ocsp: false,
            delegated: None,
            pad: None,
            mki: Vec::new(),
            grease: false,
            permute: false,
            update_keys: None,
            request_update: false,
            close: Role::Client,
            close_grace: Duration::from_millis(2_000),
            keylog: None,
            timeout: Duration::from_millis(10_000),
        }
    }

    fn set(&mut self, word: &str, rest: &mut impl Iterator<Item = String>) -> Result<(), String> {
        let mut value = || rest.next().ok_or_else(|| format!("{word} wants a value"));
        match word {
            "--port" => self.port = number(&value()?)?,
            "--cert" => self.cert = Some(value()?),
            "--key" => self.key = Some(value()?),
            "--ca" => self.ca = Some(value()?),
            "--fingerprint" => self.fingerprint = Some(value()?),
            "--name" => self.name = Some(value()?),
            "--client-auth" => self.client_auth = true,
            "--suites" => self.suites = list(&value()?),
            "--groups" => self.groups = list(&value()?),
            "--key-shares" => self.key_shares = Some(list(&value()?)),
            "--no-cookie" => self.no_cookie = true,
            "--alpn" => self.alpn = list(&value()?),
            "--srtp" => self.srtp = list(&value()?),
            "--export" => self.export = Some(value()?),
            "--mtu" => self.mtu = Some(number(&value()?)?),
            "--messages" => self.messages = number(&value()?)?,
            "--size" => self.size = number(&value()?)?,
            "--pause" => self.pause = Duration::from_millis(number(&value()?)?),
            "--psk" => self.psks.push(value()?.parse()?),
            "--import" => self.import = true,
            "--psk-modes" => self.psk_modes = list(&value()?),
            "--tickets" => self.tickets = true,
            "--connections" => self.connections = number(&value()?)?,
            "--early" => self.early = number(&value()?)?,
            "--request-auth" => self.request_auth = Some(number(&value()?)?),
            "--post-handshake-auth" => self.post_handshake_auth = true,
            "--cid" => self.cid = Some(number(&value()?)?),
            "--new-cids" => self.new_cids = Some(number(&value()?)?),
            "--raw-key" => self.raw_key = Some(value()?),
            "--peer-key" => self.peer_key = Some(value()?),
            "--compress" => self.compress = list(&value()?),
            "--ocsp" => self.ocsp = Some(value()?),
            "--request-ocsp" => self.request_ocsp = true,
            "--delegated" => self.delegated = Some(value()?),
            "--pad" => self.pad = Some(number(&value()?)?),
            "--mki" => self.mki = unhex(&value()?).ok_or("--mki wants hexadecimal digits")?,
            "--grease" => self.grease = true,
            "--permute" => self.permute = true,
            "--update-keys" => self.update_keys = Some(number(&value()?)?),
            "--request-update" => self.request_update = true,
            "--close" => self.close = self::role(&value()?)?,
            "--close-grace" => self.close_grace = Duration::from_millis(number(&value()?)?),
            "--keylog" => self.keylog = Some(value()?),
            "--timeout" => self.timeout = Duration::from_millis(number(&value()?)?),
            _ => return Err(format!("unknown flag {word}")),
        }
        Ok(())
    }
}

fn role(word: &str) -> Result<Role, String> {
    match word {
        "client" => Ok(Role::Client),
        "server" => Ok(Role::Server),
        _ => Err(format!("expected client or server, found '{word}'")),
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

fn number<T: FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("'{word}' is not a number that fits here"))
}

fn list(word: &str) -> Vec<String> {
    word.split(',').filter(|part| !part.is_empty() && *part != "none").map(str::to_owned).collect()
}
