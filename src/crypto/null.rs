//! Cryptography without any security, for fuzzing and simulation: fast, deterministic, and blind to nothing but chance.
//!
//! Lengths on the wire are those of the real algorithms, so that datagrams split where they would. Damage is still
//! noticed, because tags, signatures and Finished are checksums; an adversary makes them as easily as we do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::psk::{HashAlgorithm, Psk};
use super::task::{Backend, Credentials, EphemeralKey, PskRequest, SigningKeyRef, Task, TaskError, TaskOutput};
use super::{
    AeadAlgorithm, AeadError, AeadKey, AeadLimits, CipherSuiteImpl, CryptoProvider, Hash, HashContext, HashOutput,
    NONCE_LEN, NoRandomBytes, RecordNumberKey, SecureRandom,
};
use crate::crypto::secret::SecretBytes;
use crate::wire::registry::{CipherSuite, NamedGroup, SignatureScheme};

/// Length of a tag, as of every AEAD of TLS 1.3 that browsers use.
const TAG_LEN: usize = 16;

/// The number that the null backend's only private key goes by.
const KEY_NUMBER: u32 = 0;

/// The provider; `seed` decides every random byte.
pub fn provider(seed: u64) -> CryptoProvider {
    CryptoProvider {
        suites: vec![&SHA256_SIZED, &SHA384_SIZED, &CHACHA_SIZED],
        groups: vec![NamedGroup::X25519MLKEM768, NamedGroup::X25519, NamedGroup::SECP256R1],
        schemes: vec![SignatureScheme::ECDSA_SECP256R1_SHA256, SignatureScheme::ED25519],
        random: Arc::new(NullRandom::new(seed)),
    }
}

static SHA256_SIZED: CipherSuiteImpl = CipherSuiteImpl {
    id: CipherSuite::TLS_AES_128_GCM_SHA256,
    hash: &NullHash { output_len: 32 },
    aead: &NullAead { key_len: 16 },
};

static SHA384_SIZED: CipherSuiteImpl = CipherSuiteImpl {
    id: CipherSuite::TLS_AES_256_GCM_SHA384,
    hash: &NullHash { output_len: 48 },
    aead: &NullAead { key_len: 32 },
};

static CHACHA_SIZED: CipherSuiteImpl = CipherSuiteImpl {
    id: CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
    hash: &NullHash { output_len: 32 },
    aead: &NullAead { key_len: 32 },
};

/// Runs every task at once, and accepts every certificate.
#[derive(Debug)]
pub struct NullBackend {
    random: NullRandom,
}

impl NullBackend {
    /// A back end; `seed` decides every key share.
    pub const fn new(seed: u64) -> Self {
        Self { random: NullRandom::new(seed) }
    }

    /// The only credentials it has.
    pub fn credentials() -> Credentials {
        let schemes = vec![SignatureScheme::ECDSA_SECP256R1_SHA256, SignatureScheme::ED25519];
        let chain = vec![b"a certificate of the null provider".to_vec()];
        Credentials::new(chain, SigningKeyRef::Foreign(KEY_NUMBER), schemes)
    }

    fn perform(&self, task: &Task) -> Result<TaskOutput, TaskError> {
        match task {
            Task::GenerateKeyShare { group } => {
                let (client_len, _) = share_lens(*group).ok_or(TaskError::Failed)?;
                let public = self.share(client_len);
                Ok(TaskOutput::KeyShare { key: EphemeralKey::Held(SecretBytes::new(public.clone())), public })
            }
            Task::AgreeKey { group, key: EphemeralKey::Held(key), peer } => {
                let (_, server_len) = share_lens(*group).ok_or(TaskError::Failed)?;
                let secret = agree(key.expose(), peer, server_len)?;
                Ok(TaskOutput::SharedSecret(secret))
            }
            Task::AgreeKey { .. } => Err(TaskError::Failed),
            Task::RespondKeyShare { group, peer } => {
                let (client_len, server_len) = share_lens(*group).ok_or(TaskError::Failed)?;
                let public = self.share(server_len);
                let secret = agree(&public, peer, client_len)?;
                Ok(TaskOutput::KeyShareResponse { public, secret })
            }
            Task::Sign { key: SigningKeyRef::Foreign(KEY_NUMBER), content, .. } => {
                Ok(TaskOutput::Signature(signature(content)))
            }
            Task::Sign { key: SigningKeyRef::Foreign(_), .. } => Err(TaskError::Failed),
            Task::Sign { key: SigningKeyRef::Local(key), scheme, content } => {
                key.sign(*scheme, content, &self.random).map(TaskOutput::Signature)
            }
            Task::VerifySignature { content, signature: given, .. } if signature(content) == *given => {
                Ok(TaskOutput::Verified)
            }
            Task::VerifySignature { .. } => Err(TaskError::Rejected),
            Task::VerifyDelegation(delegation) => {
                let credential = &delegation.credential;
                let content = credential.signed_content(delegation.is_server, &delegation.certificate);
                if signature(&content) == credential.signature {
                    Ok(TaskOutput::Verified)
                } else {
                    Err(TaskError::Rejected)
                }
            }
            Task::SelectCredentials(request) => {
                let own = Self::credentials();
                let fits = request.certificate_types.contains(&own.certificate_type);
                Ok(TaskOutput::Credentials(fits.then(|| Arc::new(own))))
            }
            Task::VerifyPeer(_) => Ok(TaskOutput::Verified),
            Task::LookUpPsk(request) => Ok(TaskOutput::Psk(Self::psk(request))),
        }
    }

    fn psk(request: &PskRequest) -> Option<Arc<Psk>> {
        let mut known = request.identities.iter().filter_map(|identity| Self::psk_of(identity));
        known.find(|psk| psk.hash() == request.hash).map(Arc::new)
    }

    /// The key that the null back end knows by `identity`, if that begins with "psk256" or "psk384".
    pub fn psk_of(identity: &[u8]) -> Option<Psk> {
        let hash = match identity.get(..6) {
            Some(b"psk256") => HashAlgorithm::Sha256,
            Some(b"psk384") => HashAlgorithm::Sha384,
            _ => return None,
        };
        let mut state = State::new(32);
        state.update(identity);
        Psk::external(identity, state.output().as_slice(), hash).ok()
    }

    fn share(&self, len: usize) -> Vec<u8> {
        let mut share = vec![0; len];
        self.random.fill_all(&mut share);
        share
    }
}

impl Backend for NullBackend {
    fn perform(&self, task: &Task) -> Option<Result<TaskOutput, TaskError>> {
        Some(Self::perform(self, task))
    }
}

/// How long the shares of client and server are in `group`.
const fn share_lens(group: NamedGroup) -> Option<(usize, usize)> {
    match group {
        NamedGroup::X25519MLKEM768 => Some((1216, 1120)),
        NamedGroup::X25519 => Some((32, 32)),
        NamedGroup::SECP256R1 => Some((65, 65)),
        _ => None,
    }
}

/// Both sides know both shares, in one or the other order.
fn agree(own: &[u8], peer: &[u8], peer_len: usize) -> Result<SecretBytes, TaskError> {
    if peer.len() != peer_len {
        return Err(TaskError::Rejected);
    }
    let mut state = State::new(32);
    let joined: Vec<u8> = own.iter().zip(peer).map(|(own, peer)| own ^ peer).take(32).collect();
    state.update(&joined);
    Ok(SecretBytes::new(state.output().as_slice().to_vec()))
}

fn signature(content: &[u8]) -> Vec<u8> {
    let mut state = State::new(64);
    state.update(content);
    state.output().as_slice().to_vec()
}

/// A counter, stirred.
#[derive(Debug)]
struct NullRandom(AtomicU64);

impl NullRandom {
    const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn fill_all(&self, out: &mut [u8]) {
        for piece in out.chunks_mut(8) {
            let value = stir(self.0.fetch_add(1, Ordering::Relaxed)).to_le_bytes();
            for (to, from) in piece.iter_mut().zip(value) {
                *to = from;
            }
        }
    }
}

impl SecureRandom for NullRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomBytes> {
        self.fill_all(out);
        Ok(())
    }
}

/// The finaliser of SplitMix64: every bit of the input changes about half of the output's.
const fn stir(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A checksum of eight bytes, stretched to the length of the hash that it stands for.
#[derive(Clone)]
struct State {
    sum: u64,
    len: u64,
    output_len: usize,
}

impl State {
    const fn new(output_len: usize) -> Self {
        Self { sum: 0, len: 0, output_len }
    }

    /// Byte by byte, so that the pieces may be cut anywhere.
    fn update(&mut self, data: &[u8]) {
        for byte in data {
            self.sum = (self.sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(5);
            self.len = self.len.wrapping_add(1);
        }
    }

    fn output(&self) -> HashOutput {
        let mut bytes = [0; super::MAX_HASH_LEN];
        let start = stir(self.sum ^ stir(self.len));
        for (counter, piece) in (start..).zip(bytes.chunks_mut(8)) {
            piece.copy_from_slice(&stir(counter).to_le_bytes());
        }
        HashOutput::new(bytes.get(..self.output_len).unwrap_or(&bytes))
    }
}

struct NullHash {
    output_len: usize,
}

impl Hash for NullHash {
    fn output_len(&self) -> usize {
        self.output_len
    }

    fn hash(&self, data: &[u8]) -> HashOutput {
        let mut state = State::new(self.output_len);
        state.update(data);
        state.output()
    }

    fn start(&self) -> Box<dyn HashContext> {
        Box::new(State::new(self.output_len))
    }

    fn hmac(&self, key: &[u8], data: &[&[u8]]) -> HashOutput {
        let mut state = State::new(self.output_len);
        state.update(key);
        for piece in data {
            state.update(piece);
        }
        state.output()
    }
}

impl HashContext for State {
    fn update(&mut self, data: &[u8]) {
        Self::update(self, data);
    }

    fn current(&self) -> HashOutput {
        self.output()
    }

    fn fork(&self) -> Box<dyn HashContext> {
        Box::new(self.clone())
    }
}

struct NullAead {
    key_len: usize,
}

impl AeadAlgorithm for NullAead {
    fn key_len(&self) -> usize {
        self.key_len
    }

    fn tag_len(&self) -> usize {
        TAG_LEN
    }

    fn limits(&self) -> AeadLimits {
        // Those of AES-GCM (RFC 9147 §4.5.3), so that their handling is exercised.
        AeadLimits { confidentiality: 23_726_566, integrity: 1 << 36 }
    }

    fn aead_key(&self, key: &[u8]) -> Option<Box<dyn AeadKey>> {
        (key.len() == self.key_len).then(|| Box::new(NullKey::new(key)) as Box<dyn AeadKey>)
    }

    fn record_number_key(&self, key: &[u8]) -> Option<Box<dyn RecordNumberKey>> {
        (key.len() == self.key_len).then(|| Box::new(NullKey::new(key)) as Box<dyn RecordNumberKey>)
    }
}

/// A key of the null AEAD: content stays as it is, and the tag is a checksum.
struct NullKey(State);

impl NullKey {
    fn new(key: &[u8]) -> Self {
        let mut state = State::new(TAG_LEN);
        state.update(key);
        Self(state)
    }

    fn tag(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], content: &[u8]) -> HashOutput {
        let mut state = self.0.clone();
        state.update(nonce);
        state.update(aad);
        state.update(content);
        state.output()
    }
}

impl AeadKey for NullKey {
    fn seal(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], in_out: &mut [u8], tag: &mut [u8]) -> Result<(), AeadError> {
        let computed = self.tag(nonce, aad, in_out);
        if tag.len() != TAG_LEN {
            return Err(AeadError);
        }
        tag.copy_from_slice(computed.as_slice());
        Ok(())
    }

    fn open<'a>(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], in_out: &'a mut [u8]) -> Result<&'a mut [u8], AeadError> {
        let content_len = in_out.len().checked_sub(TAG_LEN).ok_or(AeadError)?;
        let (content, tag) = in_out.split_at_mut_checked(content_len).ok_or(AeadError)?;
        if self.tag(nonce, aad, content).ct_eq(tag) { Ok(content) } else { Err(AeadError) }
    }
}

impl RecordNumberKey for NullKey {
    fn mask(&self, sample: &[u8; 16]) -> [u8; 2] {
        let mut state = self.0.clone();
        state.update(sample);
        let [first, second, ..] = stir(state.sum).to_le_bytes();
        [first, second]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_agree_in_every_group() {
        let (client, server) = (NullBackend::new(1), NullBackend::new(2));
        for group in provider(0).groups {
            let Ok(TaskOutput::KeyShare { key, public }) = client.perform(&Task::GenerateKeyShare { group }) else {
                panic!("no key share")
            };
            let respond = Task::RespondKeyShare { group, peer: public };
            let Ok(TaskOutput::KeyShareResponse { public, secret }) = server.perform(&respond) else {
                panic!("no response")
            };
            let Ok(TaskOutput::SharedSecret(agreed)) = client.perform(&Task::AgreeKey { group, key, peer: public })
            else {
                panic!("no agreement")
            };
            assert_eq!(agreed, secret);
        }
    }

    #[test]
    fn damage_is_noticed() {
        for suite in provider(0).suites {
            let key = suite.aead.aead_key(&vec![7; suite.aead.key_len()]).unwrap();
            let mut record = *b"content.................";
            let (content, tag) = record.split_at_mut(8);
            key.seal(&[1; 12], b"header", content, tag).unwrap();
            assert!(key.open(&[1; 12], b"header", &mut record.clone()).is_ok());
            for position in 0..record.len() {
                let mut damaged = record;
                damaged[position] ^= 0x80;
                assert_eq!(key.open(&[1; 12], b"header", &mut damaged), Err(AeadError));
            }
        }
    }
}
