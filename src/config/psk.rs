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
