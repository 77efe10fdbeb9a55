//! Tickets that hold everything themselves, so that a server keeps nothing.

use core::fmt;
use core::time::Duration;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use zeroize::Zeroize as _;

use super::lock;
use crate::crypto::hkdf::expand_label;
use crate::crypto::resumption::{ResumptionState, TicketStore};
use crate::crypto::{AeadKey, CipherSuiteImpl, CryptoProvider, NONCE_LEN, NoRandomBytes, Secret, SecureRandom};
use crate::time::Instant;
use crate::wire::registry::CipherSuite;

/// Stateless tickets: the state is sealed under a key that only the server knows.
///
/// ```text
/// struct {
///     uint8 version = 1;
///     opaque key_name[16];
///     opaque salt[32];
///     opaque sealed<17..2^16-1>;           /* ResumptionState, and the tag of the AEAD */
/// } SealedTicket;
/// ```
///
/// Each ticket has an AEAD key of its own, derived from the server's key and 32 random bytes: so that the number of tickets
/// under one key is not bounded by the length of a nonce, and the nonce can be zero.
///
/// A stolen key opens every connection that is resumed by a ticket of it without a key exchange, and all early data: keys
/// should not live longer than they must (RFC 5077 §5.5).
pub struct SealedTickets {
    suite: &'static CipherSuiteImpl,
    random: Arc<dyn SecureRandom>,
    key_age: Duration,
    keys: Mutex<Keys>,
    refused: AtomicU64,
}

/// A key for [`SealedTickets`] that can be shared by several servers.
pub struct TicketKey {
    name: [u8; KEY_NAME_LEN],
    secret: Secret,
}

/// The keys that are in use.
struct Keys {
    /// The first one seals; all of them open.
    keys: Vec<TicketKey>,
    /// When the first one was made, if it is one of our own making, and is to be replaced in its time.
    made: Option<Instant>,
}

const VERSION: u8 = 1;
const KEY_NAME_LEN: usize = 16;
const SALT_LEN: usize = 32;
const HEADER_LEN: usize = 1 + KEY_NAME_LEN + SALT_LEN;

/// A longer ticket is not issued: it would have to fit the client's first flight, beside key shares of some 1,200 bytes,
/// and servers that reassemble a first flight do so within narrow bounds. Two certificates with P-256 keys fit.
const MAX_LEN: usize = 2048;

impl SealedTickets {
    /// Tickets for one server, which makes its own keys by the random source of `provider` and uses each for `key_age`; the
    /// previous one still opens tickets for as long again. So this should be no less than the lifetime of tickets.
    ///
    /// # Errors
    /// If the platform gives no random bytes.
    pub fn new(provider: &CryptoProvider, key_age: Duration, now: Instant) -> Result<Self, NoRandomBytes> {
        let key = TicketKey::random(&*provider.random)?;
        Self::build(provider, key_age, Keys { keys: vec![key], made: Some(now) })
    }

    /// Tickets for several servers that share `keys`: the first one seals, all of them open. They stay until
    /// [`set_keys`](Self::set_keys) brings others; without any, no ticket is issued or accepted.
    ///
    /// # Errors
    /// If `provider` has no suites.
    pub fn with_keys(provider: &CryptoProvider, keys: Vec<TicketKey>) -> Result<Self, NoRandomBytes> {
        Self::build(provider, Duration::MAX, Keys { keys, made: None })
    }

    fn build(provider: &CryptoProvider, key_age: Duration, keys: Keys) -> Result<Self, NoRandomBytes> {
        // Always the same one, so that servers on different platforms understand each other.
        let suite = provider
            .suite(CipherSuite::TLS_CHACHA20_POLY1305_SHA256)
            .or_else(|| provider.suites.iter().copied().max_by_key(|suite| (suite.aead.key_len(), suite.id)))
            .ok_or(NoRandomBytes)?;
        let random = Arc::clone(&provider.random);
        Ok(Self { suite, random, key_age, keys: Mutex::new(keys), refused: AtomicU64::new(0) })
    }

    /// Replaces the keys: the first one seals from now on, all of them open. Keep the previous ones in the list, behind
    /// the new one, until their tickets are too old. Keys are then not made by themselves any more.
    pub fn set_keys(&self, keys: Vec<TicketKey>) {
        *lock(&self.keys) = Keys { keys, made: None };
    }

    /// How many tickets were offered that could not be opened.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn aead_key(&self, key: &TicketKey, salt: &[u8]) -> Option<Box<dyn AeadKey>> {
        let hash = self.suite.hash;
        // Two steps, because one gives no more than the hash's length, and to keep this use of the key apart.
        let secret = expand_label(hash, key.secret.expose(), b"ticket secret", salt, hash.output_len());
        let key = expand_label(hash, secret.expose(), b"ticket key", &[], self.suite.aead.key_len());
        self.suite.aead.aead_key(key.expose())
    }

    fn seal(&self, state: &ResumptionState, keys: &Keys, random: &dyn SecureRandom) -> Option<Vec<u8>> {
        let key = keys.keys.first()?;
        let mut salt = [0; SALT_LEN];
        random.fill(&mut salt).ok()?;
        let mut sealed = state.to_bytes().expose().to_vec();
        let header = [&[VERSION][..], &key.name, &salt].concat();
        let mut tag = vec![0; self.suite.aead.tag_len()];
        let aead = self.aead_key(key, &salt)?;
        if aead.seal(&[0; NONCE_LEN], &header, &mut sealed, &mut tag).is_err() {
            sealed.zeroize();
            return None;
        }
        let ticket = [header, sealed, tag].concat();
        (ticket.len() <= MAX_LEN).then_some(ticket)
    }

    fn unseal(&self, ticket: &[u8], now: Instant) -> Option<ResumptionState> {
        let (header, sealed) = ticket.split_at_checked(HEADER_LEN)?;
        let (version, rest) = header.split_first()?;
        let (name, salt) = rest.split_at_checked(KEY_NAME_LEN)?;
        if *version != VERSION || sealed.len() > MAX_LEN {
            return None;
        }
        let mut keys = lock(&self.keys);
        keys.change(self.key_age, &*self.random, now);
        let key = keys.keys.iter().find(|key| key.name == name)?;
        let aead = self.aead_key(key, salt)?;
        drop(keys);
        let mut sealed = sealed.to_vec();
        let opened = aead.open(&[0; NONCE_LEN], header, &mut sealed).ok();
        let state = opened.and_then(|bytes| ResumptionState::from_bytes(bytes).ok());
        sealed.zeroize();
        state.filter(|state| state.is_fresh(now))
    }
}

impl TicketStore for SealedTickets {
    fn issue(&self, state: &ResumptionState, random: &dyn SecureRandom) -> Option<Vec<u8>> {
        let mut keys = lock(&self.keys);
        keys.change(self.key_age, &*self.random, state.issued_at);
        self.seal(state, &keys, random)
    }

    fn open(&self, ticket: &[u8], now: Instant) -> Option<ResumptionState> {
        let state = self.unseal(ticket, now);
        if state.is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        state
    }

    /// Always: nothing is kept that could tell. Early data is guarded by a [`StrikeRegister`](super::StrikeRegister).
    fn redeem(&self, _: &[u8], _: Instant) -> bool {
        true
    }
}

impl fmt::Debug for SealedTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedTickets")
            .field("key_age", &self.key_age)
            .field("keys", &lock(&self.keys).keys)
            .finish_non_exhaustive()
    }
}

impl Keys {
    /// Makes a new key when the first one has been in use for `key_age`.
    fn change(&mut self, key_age: Duration, random: &dyn SecureRandom, now: Instant) {
        let Some(made) = self.made else { return };
        let age = now - made;
        if age < key_age {
            return;
        }
        // Where there are no random bytes the old key has to do until there are.
        let Ok(key) = TicketKey::random(random) else { return };
        // A key that nobody has used for a whole further period has no tickets left that could be valid.
        self.keys.truncate(usize::from(age < key_age.saturating_mul(2)));
        self.keys.insert(0, key);
        self.made = Some(now);
    }
}

impl TicketKey {
    /// How many bytes a key has: as those of node's `ticketKeys` and of OpenSSL.
    pub const LEN: usize = 48;

    /// A key from 48 bytes: the first 16 name it and are seen in every ticket; the rest is secret. They must come from a
    /// source of random bytes, not from a passphrase.
    pub fn new(bytes: &[u8; Self::LEN]) -> Self {
        let (name, secret) = bytes.split_first_chunk::<KEY_NAME_LEN>().unwrap_or((&[0; KEY_NAME_LEN], &[]));
        Self { name: *name, secret: Secret::new(secret) }
    }

    /// A new key.
    ///
    /// # Errors
    /// If the platform gives no random bytes.
    pub fn random(random: &dyn SecureRandom) -> Result<Self, NoRandomBytes> {
        let mut bytes = [0; Self::LEN];
        random.fill(&mut bytes)?;
        let key = Self::new(&bytes);
        bytes.zeroize();
        Ok(key)
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKey(")?;
        self.name.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}
