//! Sources of random bytes.

use core::fmt;
use std::sync::Mutex;

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroizing;

use crate::crypto::task::TaskError;
use crate::crypto::{NoRandomBytes, SecureRandom};

/// Random bytes of the platform: of the operating system, or of WebCrypto in a browser.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl SecureRandom for OsRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomBytes> {
        getrandom::fill(out).map_err(|_| NoRandomBytes)
    }
}

/// The same bytes for the same seed, each time.
///
/// **Not secure**: whoever knows or guesses the seed knows every key. For tests, simulations and demonstrations that
/// must run the same way again.
pub struct SeededRandom(Mutex<ChaCha20>);

impl SeededRandom {
    /// A source that `seed` decides.
    pub fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(seed.to_le_bytes()) {
            *to = from;
        }
        Self(Mutex::new(ChaCha20::new(&key.into(), &[0; 12].into())))
    }
}

impl SecureRandom for SeededRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomBytes> {
        out.fill(0);
        let mut stream = self.0.lock().map_err(|_| NoRandomBytes)?;
        stream.try_apply_keystream(out).map_err(|_| NoRandomBytes)
    }
}

impl fmt::Debug for SeededRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeededRandom(_)")
    }
}

/// `N` bytes of a new secret.
pub(super) fn random_bytes<const N: usize>(random: &dyn SecureRandom) -> Result<Zeroizing<[u8; N]>, TaskError> {
    let mut bytes = Zeroizing::new([0; N]);
    random.fill(&mut *bytes).map_err(|_| TaskError::NoRandomBytes)?;
    Ok(bytes)
}
