//! The key schedule of an Extended Key Update (draft-ietf-tls-extended-key-update): a fresh shared secret is mixed into what
//! the last stage has left.

use core::fmt;

use super::{MasterSecret, Stage, TrafficSecret};
use crate::crypto::hkdf::extract;
use crate::crypto::{CipherSuiteImpl, HashOutput, Secret};
use crate::schedule::exporter::ExporterSecret;
use crate::transcript::Transcript;
use crate::wire::registry::HandshakeType;

impl MasterSecret {
    /// What the first update begins with; `transcript` ends with the client's Finished.
    pub fn update(&self, transcript: &HashOutput) -> UpdateSecret {
        UpdateSecret::after(&self.0, *transcript)
    }

    /// `exporter_secret_0` of the exporter that follows updates; `transcript` ends with the server's Finished.
    pub fn update_exporter(&self, transcript: &HashOutput) -> ExporterSecret {
        ExporterSecret::from_secret(self.0.suite, self.0.derive(b"exporter eku", transcript))
    }
}

/// What is kept of one `main_secret` for the next: the salt that comes of it, and the hash of all that led to it.
pub struct UpdateSecret {
    suite: &'static CipherSuiteImpl,
    salt: Secret,
    transcript: HashOutput,
}

/// The secrets of one generation.
#[derive(Debug)]
pub struct Updated {
    /// `client_application_traffic_secret_N`.
    pub client: TrafficSecret,
    /// `server_application_traffic_secret_N`.
    pub server: TrafficSecret,
    /// `exporter_secret_N`.
    pub exporter: ExporterSecret,
    /// What the next generation begins with.
    pub next: UpdateSecret,
}

impl UpdateSecret {
    fn after(stage: &Stage, transcript: HashOutput) -> Self {
        let salt = stage.derive(b"derived", &stage.suite.hash.hash(&[]));
        Self { suite: stage.suite, salt, transcript }
    }

    /// The next generation. `request` and `response` are the bodies of the messages that carried the key shares.
    ///
    /// ```text
    /// transcript_hash_N+1 = Transcript-Hash(transcript_hash_N ||
    ///                                       EKU(key_update_request) ||
    ///                                       EKU(key_update_response))
    /// ```
    pub fn update(&self, shared_secret: &[u8], request: &[u8], response: &[u8]) -> Updated {
        let mut transcript = self.transcript();
        transcript.add(HandshakeType::EXTENDED_KEY_UPDATE, request);
        transcript.add(HandshakeType::EXTENDED_KEY_UPDATE, response);
        let hash = transcript.current();
        let secret = extract(self.suite.hash, self.salt.expose(), shared_secret);
        let stage = Stage { suite: self.suite, secret };
        Updated {
            client: stage.traffic(b"c ap traffic", &hash),
            server: stage.traffic(b"s ap traffic", &hash),
            exporter: ExporterSecret::from_secret(self.suite, stage.derive(b"exp master", &hash)),
            next: Self::after(&stage, hash),
        }
    }

    /// A transcript that begins with the hash of this generation: that of what follows it.
    pub fn transcript(&self) -> Transcript {
        Transcript::after_hash(self.suite, &self.transcript)
    }
}

impl fmt::Debug for UpdateSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UpdateSecret({:?}, {:?})", self.suite, self.salt)
    }
}
