//! What is kept of a connection, as bytes: inside a ticket, or in a client's store.

use core::fmt;

use super::{ResumptionState, Session};
use crate::codec::{Reader, put_u32, put_u64, put_vector8, put_vector16, put_vector24};
use crate::crypto::MAX_HASH_LEN;
use crate::crypto::psk::HashAlgorithm;
use crate::crypto::secret::SecretBytes;
use crate::error::InvalidMessage;
use crate::time::Instant;
use crate::wire::registry::CipherSuite;

/// The form of the bytes. Another form gets another number, and bytes of a number that is not known are refused: a
/// session that cannot be read costs one full handshake.
const VERSION: u8 = 1;

/// More than everything but ticket, PSK identity and certificates takes: 6 + 64 + 4 + 8 + 8 + 4 + 4 + 4 + 256 + 256 + 2
/// bytes.
const FIXED_LEN: usize = 640;

impl Session {
    /// The session as bytes, to be kept until the server is connected to again. They hold a secret, with which whoever
    /// has it can pass for this client until the ticket is too old: keep them as you would keep a password.
    ///
    /// ```text
    /// struct {
    ///     uint8 version = 1;
    ///     ResumptionState state;
    ///     opaque ticket<1..2^16-1>;
    /// } Session;
    /// ```
    pub fn to_bytes(&self) -> SecretBytes {
        let mut out = self.state.begin(self.ticket.len());
        self.state.write(&mut out);
        put_vector16(&mut out, |out| out.extend_from_slice(&self.ticket));
        SecretBytes::new(out)
    }

    /// The session that [`to_bytes`](Self::to_bytes) gave these bytes for.
    ///
    /// # Errors
    /// If they are of another version of this library that writes another form, or are damaged. Connect without a
    /// session then.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SessionError> {
        match bytes.first() {
            Some(&VERSION) => {}
            Some(&version) => return Err(SessionError::UnknownVersion(version)),
            None => return Err(SessionError::Malformed),
        }
        Self::read(bytes).map_err(|_| SessionError::Malformed)
    }

    fn read(bytes: &[u8]) -> Result<Self, InvalidMessage> {
        let mut reader = Reader::new(bytes);
        let state = ResumptionState::read(&mut reader)?;
        let ticket = reader.vector16()?.to_vec();
        reader.finish()?;
        if ticket.is_empty() {
            return Err(InvalidMessage::EmptyVector);
        }
        Ok(Self { ticket, state })
    }
}

impl ResumptionState {
    /// The state as bytes, which hold a secret.
    ///
    /// ```text
    /// struct {
    ///     uint8 version = 1;
    ///     CipherSuite cipher_suite;
    ///     opaque secret<1..64>;
    ///     uint64 issued_at;                    /* microseconds */
    ///     uint64 authenticated_at;             /* microseconds */
    ///     uint32 lifetime;                     /* seconds */
    ///     uint32 age_add;
    ///     uint32 max_early_data;
    ///     opaque server_name<0..255>;          /* empty: none */
    ///     opaque alpn_protocol<0..255>;        /* empty: none */
    ///     opaque psk_identity<0..2^16-1>;      /* empty: none */
    ///     opaque peer_certificates<0..2^24-1>; /* opaque certificate<1..2^24-1>, one after the other */
    /// } ResumptionState;
    /// ```
    pub(crate) fn to_bytes(&self) -> SecretBytes {
        let mut out = self.begin(0);
        self.write(&mut out);
        SecretBytes::new(out)
    }

    /// What [`to_bytes`](Self::to_bytes) gave.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidMessage> {
        let mut reader = Reader::new(bytes);
        let state = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(state)
    }

    /// An empty buffer with room for everything: a vector that grows leaves copies of the secret behind.
    fn begin(&self, ticket_len: usize) -> Vec<u8> {
        let chain = self.peer_certificates.iter().map(|der| der.len().saturating_add(3));
        let identity = self.psk_identity.as_ref().map_or(0, Vec::len);
        let names = FIXED_LEN.saturating_add(ticket_len).saturating_add(identity);
        Vec::with_capacity(chain.fold(names, usize::saturating_add))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.extend_from_slice(&self.cipher_suite.0.to_be_bytes());
        put_vector8(out, |out| out.extend_from_slice(self.secret.expose()));
        put_u64(out, self.issued_at.as_micros());
        put_u64(out, self.authenticated_at.as_micros());
        put_u32(out, self.lifetime);
        put_u32(out, self.age_add);
        put_u32(out, self.max_early_data);
        put_vector8(out, |out| out.extend_from_slice(self.server_name.as_deref().unwrap_or_default().as_bytes()));
        put_vector8(out, |out| out.extend_from_slice(self.alpn_protocol.as_deref().unwrap_or_default()));
        put_vector16(out, |out| out.extend_from_slice(self.psk_identity.as_deref().unwrap_or_default()));
        put_vector24(out, |out| {
            self.peer_certificates.iter().for_each(|der| put_vector24(out, |out| out.extend_from_slice(der)));
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        if reader.u8()? != VERSION {
            return Err(InvalidMessage::InvalidValue);
        }
        let cipher_suite = CipherSuite(reader.u16()?);
        let secret = reader.vector8()?;
        // The key is as long as the hash of its suite; of a suite that we do not know only the bounds are certain.
        let expected = HashAlgorithm::of_suite(cipher_suite).map(HashAlgorithm::output_len);
        if secret.is_empty() || secret.len() > MAX_HASH_LEN || expected.is_some_and(|len| len != secret.len()) {
            return Err(InvalidMessage::InvalidVectorLength);
        }
        Ok(Self {
            cipher_suite,
            secret: SecretBytes::new(secret.to_vec()),
            issued_at: Instant::from_micros(reader.u64()?),
            authenticated_at: Instant::from_micros(reader.u64()?),
            lifetime: reader.u32()?,
            age_add: reader.u32()?,
            max_early_data: reader.u32()?,
            server_name: read_name(reader.vector8()?)?,
            alpn_protocol: Some(reader.vector8()?.to_vec()).filter(|protocol| !protocol.is_empty()),
            psk_identity: Some(reader.vector16()?.to_vec()).filter(|identity| !identity.is_empty()),
            peer_certificates: read_chain(reader.vector24()?)?,
        })
    }
}

fn read_name(name: &[u8]) -> Result<Option<String>, InvalidMessage> {
    let name = core::str::from_utf8(name).map_err(|_| InvalidMessage::InvalidName)?;
    Ok(Some(name.to_owned()).filter(|name| !name.is_empty()))
}

fn read_chain(bytes: &[u8]) -> Result<Vec<Vec<u8>>, InvalidMessage> {
    let mut reader = Reader::new(bytes);
    let mut chain = Vec::new();
    while !reader.is_empty() {
        let certificate = reader.vector24()?;
        if certificate.is_empty() {
            return Err(InvalidMessage::EmptyVector);
        }
        chain.push(certificate.to_vec());
    }
    Ok(chain)
}

/// Why bytes are no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// They have a form that this version of the library does not know.
    UnknownVersion(u8),
    /// They are not what `to_bytes` gave.
    Malformed,
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVersion(version) => {
                write!(f, "the session has the unknown form {version}; connect without it")
            }
            Self::Malformed => f.write_str("the session is damaged; connect without it"),
        }
    }
}

impl core::error::Error for SessionError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        let state = ResumptionState {
            cipher_suite: CipherSuite::TLS_AES_256_GCM_SHA384,
            secret: SecretBytes::new(vec![7; 48]),
            issued_at: Instant::from_micros(1_800_000_000_123_456),
            authenticated_at: Instant::from_micros(1_799_999_000_000_000),
            lifetime: 7200,
            age_add: 0xfedc_ba98,
            server_name: Some("example.org".to_owned()),
            alpn_protocol: Some(b"coap".to_vec()),
            peer_certificates: vec![vec![1; 300], vec![2; 70_000]],
            psk_identity: Some(vec![3; 300]),
            max_early_data: 16_384,
        };
        Session { ticket: vec![9; 200], state }
    }

    #[test]
    fn a_session_comes_back() {
        for session in [session(), Session { ticket: vec![1], state: bare() }] {
            let bytes = session.to_bytes();
            assert_eq!(Session::from_bytes(bytes.expose()), Ok(session));
        }
    }

    fn bare() -> ResumptionState {
        let (server_name, alpn_protocol, psk_identity) = (None, None, None);
        let peer_certificates = Vec::new();
        ResumptionState { server_name, alpn_protocol, peer_certificates, psk_identity, ..session().state }
    }

    #[test]
    fn no_part_of_a_session_is_taken_for_one() {
        let session = Session { ticket: vec![9; 40], state: bare() };
        let bytes = session.to_bytes();
        for len in 0..bytes.expose().len() {
            assert_eq!(Session::from_bytes(&bytes.expose()[..len]), Err(SessionError::Malformed), "{len} bytes");
        }
        let longer = [bytes.expose(), &[0]].concat();
        assert_eq!(Session::from_bytes(&longer), Err(SessionError::Malformed));
        assert_eq!(Session::from_bytes(&[2; 100]), Err(SessionError::UnknownVersion(2)));
    }

    #[test]
    fn bytes_that_are_taken_for_a_session_are_those_of_that_session() {
        let session = Session { ticket: vec![9; 40], state: bare() };
        let bytes = session.to_bytes();
        let mut taken = 0;
        for at in 0..bytes.expose().len() {
            for change in [1, 0x80, 0xff] {
                let mut changed = bytes.expose().to_vec();
                changed[at] ^= change;
                if let Ok(read) = Session::from_bytes(&changed) {
                    assert_eq!(read.to_bytes().expose(), changed, "byte {at}");
                    assert_ne!(read, session);
                    taken += 1;
                }
            }
        }
        assert!(taken > 100, "{taken}: nothing guards the content, only the form");
    }

    #[test]
    fn a_session_fits_its_suite() {
        let mut session = session();
        session.state.secret = SecretBytes::new(vec![7; 32]);
        let bytes = session.to_bytes();
        assert_eq!(Session::from_bytes(bytes.expose()), Err(SessionError::Malformed));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let mut session = session();
        session.state.secret = SecretBytes::new(vec![0xab; 48]);
        let printed = format!("{session:?}");
        assert!(!printed.contains("171") && !printed.contains("abab"), "{printed}");
    }
}
