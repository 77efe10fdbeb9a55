//! The key schedule of RFC 9846 §7.1 with the label prefix of RFC 9147 §5.9.
//!
//! ```text
//! PSK --> EarlySecret --shared secret--> HandshakeSecret --> MasterSecret
//!           | binder, traffic, exporter    | traffic            | traffic, exporter, resumption
//! ```
//!
//! Each stage is used up by the step to the next, so that no secret outlives its use.

mod update;

use core::fmt;

use super::exporter::ExporterSecret;
use crate::crypto::hkdf::{expand_label, extract};
use crate::crypto::psk::PskKind;
use crate::crypto::secret::SecretBytes;
use crate::crypto::{
    AeadError, AeadKey, CipherSuiteImpl, HashOutput, MAX_HASH_LEN, NONCE_LEN, RecordNumberKey, Secret,
};

pub use update::{UpdateSecret, Updated};

/// What stands for a pre-shared key, and for the last input of the schedule: as many zeros as the hash is long.
const ZEROS: [u8; MAX_HASH_LEN] = [0; MAX_HASH_LEN];

/// The first stage.
#[derive(Debug)]
pub struct EarlySecret(Stage);

impl EarlySecret {
    /// The stage without a pre-shared key.
    pub fn new(suite: &'static CipherSuiteImpl) -> Self {
        Self(Stage { suite, secret: extract(suite.hash, &[], zeros(suite)) })
    }

    /// The stage with the pre-shared key `psk`. Of `suite` only the hash matters until keys are derived.
    pub fn with_psk(suite: &'static CipherSuiteImpl, psk: &[u8]) -> Self {
        Self(Stage { suite, secret: extract(suite.hash, &[], psk) })
    }

    /// The binder of a key of this `kind` (RFC 9846 §4.3.11.2); `transcript` ends with the ClientHello, cut off before its
    /// binders.
    pub fn binder(&self, kind: PskKind, transcript: &HashOutput) -> HashOutput {
        let label: &[u8] = match kind {
            PskKind::External => b"ext binder",
            //= https://www.rfc-editor.org/rfc/rfc9258#section-5.2
            //# Imported PSKs use the string "imp binder" rather than "ext binder" or
            //# "res binder" when deriving binder_key.
            PskKind::Imported => b"imp binder",
            PskKind::Resumption => b"res binder",
        };
        let hash = self.0.suite.hash;
        self.0.traffic(label, &hash.hash(&[])).finished(transcript)
    }

    /// `client_early_traffic_secret`; `transcript` is the ClientHello.
    pub fn client_traffic(&self, transcript: &HashOutput) -> TrafficSecret {
        self.0.traffic(b"c e traffic", transcript)
    }

    /// `early_exporter_secret`; `transcript` is the ClientHello.
    pub fn exporter(&self, transcript: &HashOutput) -> ExporterSecret {
        ExporterSecret::from_secret(self.0.suite, self.0.derive(b"e exp master", transcript))
    }

    /// The next stage, from what the key exchange gave.
    pub fn into_handshake(self, shared_secret: &[u8]) -> HandshakeSecret {
        HandshakeSecret(self.0.next(shared_secret))
    }

    /// The next stage without a key exchange (`psk_ke`).
    pub fn into_handshake_without_exchange(self) -> HandshakeSecret {
        HandshakeSecret(self.0.next(zeros(self.0.suite)))
    }
}

/// The stage from ServerHello to Finished.
#[derive(Debug)]
pub struct HandshakeSecret(Stage);

impl HandshakeSecret {
    /// `client_handshake_traffic_secret`; `transcript` ends with ServerHello.
    pub fn client_traffic(&self, transcript: &HashOutput) -> TrafficSecret {
        self.0.traffic(b"c hs traffic", transcript)
    }

    /// `server_handshake_traffic_secret`; `transcript` ends with ServerHello.
    pub fn server_traffic(&self, transcript: &HashOutput) -> TrafficSecret {
        self.0.traffic(b"s hs traffic", transcript)
    }

    /// The next stage.
    pub fn into_master(self) -> MasterSecret {
        MasterSecret(self.0.next(zeros(self.0.suite)))
    }
}

/// The stage that everything after the handshake comes from.
#[derive(Debug)]
pub struct MasterSecret(Stage);

impl MasterSecret {
    /// `client_application_traffic_secret_0`; `transcript` ends with the server's Finished.
    pub fn client_traffic(&self, transcript: &HashOutput) -> TrafficSecret {
        self.0.traffic(b"c ap traffic", transcript)
    }

    /// `server_application_traffic_secret_0`; `transcript` ends with the server's Finished.
    pub fn server_traffic(&self, transcript: &HashOutput) -> TrafficSecret {
        self.0.traffic(b"s ap traffic", transcript)
    }

    /// `exporter_secret`; `transcript` ends with the server's Finished.
    pub fn exporter(&self, transcript: &HashOutput) -> ExporterSecret {
        ExporterSecret::from_secret(self.0.suite, self.0.derive(b"exp master", transcript))
    }

    /// `resumption_secret`; `transcript` ends with the client's Finished.
    pub fn resumption(&self, transcript: &HashOutput) -> ResumptionSecret {
        ResumptionSecret { suite: self.0.suite, secret: self.0.derive(b"res master", transcript) }
    }
}

/// Where the keys of tickets come from.
pub struct ResumptionSecret {
    suite: &'static CipherSuiteImpl,
    secret: Secret,
}

impl ResumptionSecret {
    /// A secret that is known already.
    pub fn new(suite: &'static CipherSuiteImpl, secret: &[u8]) -> Self {
        Self { suite, secret: Secret::new(secret) }
    }

    /// The pre-shared key of the ticket with this `ticket_nonce` (RFC 9846 §4.7.1).
    pub fn psk(&self, ticket_nonce: &[u8]) -> SecretBytes {
        let hash = self.suite.hash;
        let psk = expand_label(hash, self.secret.expose(), b"resumption", ticket_nonce, hash.output_len());
        SecretBytes::new(psk.expose().to_vec())
    }

    /// The suite of the connection.
    pub const fn suite(&self) -> &'static CipherSuiteImpl {
        self.suite
    }
}

impl fmt::Debug for ResumptionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResumptionSecret({:?}, {:?})", self.suite, self.secret)
    }
}

/// The secret that the keys of one epoch and one direction come from.
pub struct TrafficSecret {
    suite: &'static CipherSuiteImpl,
    secret: Secret,
}

impl TrafficSecret {
    /// A secret that is known already, from a key log for example.
    pub fn new(suite: &'static CipherSuiteImpl, secret: &[u8]) -> Self {
        Self { suite, secret: Secret::new(secret) }
    }

    /// The keys that protect records (RFC 9846 §7.3) and their numbers (RFC 9147 §4.2.3).
    pub fn keys(&self) -> TrafficKeys {
        let (suite, aead) = (self.suite, self.suite.aead);
        let expand = |label: &[u8], len| expand_label(suite.hash, self.secret.expose(), label, &[], len);
        // A suite whose AEAD refuses a key of the length that it asked for contradicts itself; its keys refuse all.
        TrafficKeys {
            suite,
            aead: aead.aead_key(expand(b"key", aead.key_len()).expose()).unwrap_or_else(|| Box::new(NoKey)),
            record_number: aead
                .record_number_key(expand(b"sn", aead.key_len()).expose())
                .unwrap_or_else(|| Box::new(NoKey)),
            iv: expand(b"iv", NONCE_LEN).expose().try_into().unwrap_or_default(),
        }
    }

    /// The secret of the next epoch (RFC 9846 §7.2).
    pub fn next(&self) -> Self {
        let len = self.suite.hash.output_len();
        Self {
            suite: self.suite,
            secret: expand_label(self.suite.hash, self.secret.expose(), b"traffic upd", &[], len),
        }
    }

    /// The `verify_data` of a Finished (RFC 9846 §4.5.3).
    pub fn finished(&self, transcript: &HashOutput) -> HashOutput {
        let hash = self.suite.hash;
        let key = expand_label(hash, self.secret.expose(), b"finished", &[], hash.output_len());
        hash.hmac(key.expose(), &[transcript.as_slice()])
    }

    /// The suite it is for.
    pub const fn suite(&self) -> &'static CipherSuiteImpl {
        self.suite
    }

    /// The secret itself. Whoever asks for it is responsible for the copy.
    pub fn expose(&self) -> &[u8] {
        self.secret.expose()
    }
}

impl fmt::Debug for TrafficSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrafficSecret({:?}, {:?})", self.suite, self.secret)
    }
}

/// The keys of one epoch and one direction.
pub struct TrafficKeys {
    /// The suite they are for.
    pub suite: &'static CipherSuiteImpl,
    /// Protects records.
    pub aead: Box<dyn AeadKey>,
    /// Masks record numbers.
    pub record_number: Box<dyn RecordNumberKey>,
    /// Joined with the sequence number to make the nonce (RFC 9846 §5.3).
    pub iv: [u8; NONCE_LEN],
}

impl fmt::Debug for TrafficKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrafficKeys({:?})", self.suite)
    }
}

/// One of the three stages.
struct Stage {
    suite: &'static CipherSuiteImpl,
    secret: Secret,
}

impl Stage {
    /// The stage that follows when `input` is mixed in.
    fn next(&self, input: &[u8]) -> Self {
        let hash = self.suite.hash;
        let salt = self.derive(b"derived", &hash.hash(&[]));
        Self { suite: self.suite, secret: extract(hash, salt.expose(), input) }
    }

    /// `Derive-Secret`, of a transcript that is hashed already.
    fn derive(&self, label: &[u8], transcript: &HashOutput) -> Secret {
        let hash = self.suite.hash;
        expand_label(hash, self.secret.expose(), label, transcript.as_slice(), hash.output_len())
    }

    fn traffic(&self, label: &[u8], transcript: &HashOutput) -> TrafficSecret {
        TrafficSecret { suite: self.suite, secret: self.derive(label, transcript) }
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.suite, f)
    }
}

fn zeros(suite: &CipherSuiteImpl) -> &'static [u8] {
    ZEROS.get(..suite.hash.output_len()).unwrap_or(&ZEROS)
}

/// The key of a suite that refused its own key: nothing is protected with it, and nothing opens.
struct NoKey;

impl AeadKey for NoKey {
    fn seal(&self, _: &[u8; NONCE_LEN], _: &[u8], _: &mut [u8], _: &mut [u8]) -> Result<(), AeadError> {
        Err(AeadError)
    }

    fn open<'a>(&self, _: &[u8; NONCE_LEN], _: &[u8], _: &'a mut [u8]) -> Result<&'a mut [u8], AeadError> {
        Err(AeadError)
    }
}

impl RecordNumberKey for NoKey {
    fn mask(&self, _: &[u8; 16]) -> [u8; 2] {
        [0; 2]
    }
}
