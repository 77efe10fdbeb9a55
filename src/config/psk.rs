//! What pre-shared keys must keep to, so that a ClientHello can carry them.

use std::sync::Arc;

use super::ConfigError;
use crate::crypto::psk::{Psk, PskMode};

/// What all keys may take together in a ClientHello, in bytes: 16 KiB of the 32 KiB that a listener of ours takes, with
/// their binders and ages.
const MAX_OFFER_LEN: usize = 16 * 1024;

/// What one key takes beside its identity: two bytes of length, four of age, and a binder of at most 48 with its length.
const OVERHEAD: usize = 2 + 4 + 49;

pub(super) fn validate_modes(modes: &[PskMode]) -> Result<(), ConfigError> {
    if modes.is_empty() { Err(ConfigError::NoPskModes) } else { Ok(()) }
}

pub(super) fn validate_offer(psks: &[Arc<Psk>]) -> Result<(), ConfigError> {
    let len = psks.iter().map(|psk| psk.identity().len().saturating_add(OVERHEAD)).sum::<usize>();
    if len > MAX_OFFER_LEN {
        return Err(ConfigError::PsksTooLong { len, limit: MAX_OFFER_LEN });
    }
    let twice = |(index, psk): (usize, &Arc<Psk>)| {
        psks.iter().take(index).any(|other| other.identity() == psk.identity() && other.hash() == psk.hash())
    };
    // Which of the two a server means by the identity could not be told.
    if psks.iter().enumerate().any(twice) { Err(ConfigError::DuplicatePskIdentity) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ClientConfig, ServerConfig};
    use crate::crypto::null::{self, NullBackend};
    use crate::crypto::psk::{HashAlgorithm, MIN_SECRET_LEN};

    fn psk(identity: &[u8], hash: HashAlgorithm) -> Arc<Psk> {
        Arc::new(Psk::external(identity, &[1; MIN_SECRET_LEN], hash).unwrap())
    }

    #[test]
    fn keys_fit_a_hello_and_have_names_of_their_own() {
        let (one, other) = (HashAlgorithm::Sha256, HashAlgorithm::Sha384);
        let offer = |psks: Vec<Arc<Psk>>| {
            let mut config = ClientConfig::new(Arc::new(null::provider(1)), Arc::new(NullBackend::new(1)));
            config.psks = psks;
            config.validate()
        };
        assert_eq!(offer(vec![psk(b"a", one), psk(b"b", one), psk(b"a", other)]), Ok(()));
        assert_eq!(offer(vec![psk(b"a", one), psk(b"b", one), psk(b"a", one)]), Err(ConfigError::DuplicatePskIdentity));
        assert_eq!(offer(vec![psk(&[7; MAX_OFFER_LEN - OVERHEAD], one)]), Ok(()));
        let (len, limit) = (MAX_OFFER_LEN + 1, MAX_OFFER_LEN);
        let too_long = vec![psk(&vec![7; len - OVERHEAD], one)];
        assert_eq!(offer(too_long), Err(ConfigError::PsksTooLong { len, limit }));
    }

    #[test]
    fn what_leads_to_no_handshake_is_refused() {
        let mut config = ServerConfig::new(Arc::new(null::provider(1)), Arc::new(NullBackend::new(1)));
        config.psk_only = true;
        assert_eq!(config.validate(), Err(ConfigError::NoPsk));
        config.look_up_psks = true;
        assert_eq!(config.validate(), Ok(()));
        config.psk_modes.clear();
        assert_eq!(config.validate(), Err(ConfigError::NoPskModes));
        let mut config = ClientConfig::new(Arc::new(null::provider(1)), Arc::new(NullBackend::new(1)));
        config.psk_modes.clear();
        assert_eq!(config.validate(), Err(ConfigError::NoPskModes));
    }
}
