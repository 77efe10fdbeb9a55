//! The pre-shared keys that a client offers (RFC 9846 §4.3.9 and §4.3.11).

use std::sync::Arc;

use crate::config::ClientConfig;
use crate::crypto::CipherSuiteImpl;
use crate::crypto::psk::{HashAlgorithm, Psk, PskMode};
use crate::crypto::resumption::{ResumptionState, Session};
use crate::error::{Error, PeerMisbehaved};
use crate::schedule::v13::EarlySecret;
use crate::time::Instant;
use crate::transcript::{Transcript, hash_truncated_hello};
use crate::wire::client_hello::{OfferedPsks, PskIdentity};
use crate::wire::registry::{CipherSuite, ExtensionType};

/// A pre-shared key that a client offers.
pub struct OfferedPsk {
    /// The key.
    pub psk: Arc<Psk>,
    /// A suite of ours with its hash.
    pub suite: &'static CipherSuiteImpl,
    /// What the ticket stands for, if the key comes from one.
    pub resumed: Option<ResumptionState>,
}

impl OfferedPsk {
    /// What `config` and `session` have to offer to the server called `peer_name`: the session first, whose key is known to
    /// nobody but that server.
    pub fn all(config: &ClientConfig, session: Option<Session>, peer_name: Option<&str>, now: Instant) -> Vec<Self> {
        let common = &config.common;
        let with_suite = |psk: Arc<Psk>, resumed| {
            let of_hash = |id: &CipherSuite| HashAlgorithm::of_suite(*id) == Some(psk.hash());
            let suite = common.cipher_suites.iter().copied().find(of_hash)?;
            Some(Self { suite: common.provider.suite(suite)?, psk, resumed })
        };
        let resumed = session.filter(|session| may_resume(session, peer_name, now)).and_then(|session| {
            let psk = Arc::new(session.state.psk(&session.ticket)?);
            with_suite(psk, Some(session.state))
        });
        let external = config.psks.iter().filter_map(|psk| with_suite(Arc::clone(psk), None));
        resumed.into_iter().chain(external).collect()
    }

    /// Whether the key can be used with `suite`.
    pub fn fits(&self, suite: &CipherSuiteImpl) -> bool {
        HashAlgorithm::of_suite(suite.id) == Some(self.psk.hash())
    }
}

/// Whether a ticket may be offered: it is not too old, and the name is the one for which the server proved itself when it
/// was issued.
//= https://www.rfc-editor.org/rfc/rfc9846#section-4.7.1
//# Clients MUST only resume if the new SNI value is valid for the server
//# certificate presented in the original session, and SHOULD only resume if
//# the SNI value matches the one used in the original session.
fn may_resume(session: &Session, peer_name: Option<&str>, now: Instant) -> bool {
    session.state.is_fresh(now) && session.state.server_name.as_deref() == peer_name && !session.ticket.is_empty()
}

/// pre_shared_key for a ClientHello, with binders that are still zeros; `None` if nothing is offered.
pub fn extension(psks: &[OfferedPsk], now: Instant) -> Option<OfferedPsks> {
    let identity = |offered: &OfferedPsk| PskIdentity {
        identity: offered.psk.identity().to_vec(),
        // RFC 9846 §4.3.11: 0 for external keys.
        obfuscated_ticket_age: offered.resumed.as_ref().map_or(0, |state| state.obfuscated_age(now)),
    };
    (!psks.is_empty()).then(|| OfferedPsks {
        identities: psks.iter().map(identity).collect(),
        binders: psks.iter().map(|offered| vec![0; offered.psk.hash().output_len()]).collect(),
    })
}

/// Writes the binders to the end of a ClientHello, `body`, whose pre_shared_key is `extension`. `transcript` ends with the
/// HelloRetryRequest, if there was one.
pub fn bind(psks: &[OfferedPsk], mut extension: OfferedPsks, transcript: Option<&Transcript>, body: &mut Vec<u8>) {
    let binders_len = extension.binders_len();
    for (binder, OfferedPsk { psk, suite, .. }) in extension.binders.iter_mut().zip(psks) {
        // Before a suite is negotiated the hash is that of the key; afterwards those with another hash are gone.
        let hash = match transcript {
            None => hash_truncated_hello(suite.hash, body, binders_len),
            Some(transcript) => transcript.with_truncated_hello(body, binders_len),
        };
        *binder = EarlySecret::with_psk(suite, psk.expose()).binder(psk.kind(), &hash).as_slice().to_vec();
    }
    body.truncate(body.len().saturating_sub(binders_len));
    extension.put_binders(body);
}

/// What a ServerHello with `suite` selected of `psks` by `index`; with a key share or without.
//= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.11
//# Clients MUST verify that the server's selected_identity is within the
//# range supplied by the client, that the server selected a cipher suite
//# indicating a Hash associated with the PSK, and that a server
//# "key_share" extension is present if required by the
//# ClientHello "psk_key_exchange_modes" extension.
pub fn select(
    config: &ClientConfig,
    psks: &mut Vec<OfferedPsk>,
    index: Option<u16>,
    suite: &CipherSuiteImpl,
    has_key_share: bool,
) -> Result<Option<OfferedPsk>, Error> {
    let Some(index) = index else {
        psks.clear();
        return if config.psk_only {
            Err(PeerMisbehaved::MissingExtension(ExtensionType::PRE_SHARED_KEY).into())
        } else {
            Ok(None)
        };
    };
    let selected = psks.drain(..).nth(usize::from(index)).ok_or(PeerMisbehaved::SelectedUnofferedPsk)?;
    if !selected.fits(suite) {
        return Err(PeerMisbehaved::PskOfOtherHash.into());
    }
    let mode = if has_key_share { PskMode::PskWithKeyShare } else { PskMode::PskOnly };
    if config.psk_modes.contains(&mode) {
        Ok(Some(selected))
    } else {
        Err(PeerMisbehaved::SelectedUnofferedPskMode.into())
    }
}
