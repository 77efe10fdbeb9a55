//! The pre-shared key that a server selects (RFC 9846 §4.3.11).
//!
//! Tickets come first, in the client's order, then one look-up of all identities; then the binder of the one key that was
//! found is verified, before anything else is done with it. Where nothing was found and no certificate will do, a binder
//! is computed all the same and the alert is that of a wrong one, so that a client cannot tell a key that it does not have
//! from one that does not exist (RFC 9846 appendix F.6).

use std::sync::Arc;

use super::hello::Arrival;
use super::v13::{Authentication, AwaitKeyShare, Reply};
use crate::config::ClientAuth;
use crate::crypto::HashOutput;
use crate::crypto::psk::{HashAlgorithm, Psk, PskMode};
use crate::crypto::resumption::ResumptionState;
use crate::crypto::task::{PskRequest, Task};
use crate::error::{ApiMisuse, Error, PeerMisbehaved};
use crate::handshake::wait::{FoundPsk, Resume, Wait};
use crate::handshake::{Context, State};
use crate::schedule::v13::EarlySecret;
use crate::transcript::hash_truncated_hello;
use crate::wire::client_hello::OfferedPsks;
use crate::wire::registry::ExtensionType;

/// The pre-shared key that was selected.
pub struct SelectedPsk {
    /// The key.
    pub psk: Arc<Psk>,
    /// Its place in the client's list.
    pub index: u16,
    /// What the ticket stands for, if it comes from one.
    pub resumed: Option<ResumptionState>,
}

impl Arrival {
    /// Looks for a key that the client offered and we have.
    pub(super) fn look_for_psk(mut self, cx: &mut Context<'_>) -> Result<State, Error> {
        if let Some(selected) = self.retried.as_mut().and_then(|retried| retried.psk.take()) {
            return self.find_again(selected, cx);
        }
        let (Some(mode), Some(offered)) = (self.selection.psk_mode, &self.hello.extensions.pre_shared_key) else {
            return self.without_psk(cx);
        };
        if let Some(selected) = self.open_ticket(offered, cx) {
            return self.with_psk(selected, mode, cx);
        }
        let hash = HashAlgorithm::of_suite(self.selection.suite.id);
        let (Some(hash), true) = (hash, self.config.look_up_psks) else {
            return self.without_ticket(cx);
        };
        let extensions = &self.hello.extensions;
        let looked_at = offered.identities.iter().take(self.config.common.limits.psk_identities);
        let task = Task::LookUpPsk(PskRequest {
            identities: looked_at.map(|offered| offered.identity.clone()).collect(),
            hash,
            mode,
            server_name: extensions.server_name.clone(),
            schemes: extensions.signature_algorithms.clone().unwrap_or_default(),
        });
        Ok(State::LookUpPsk(Wait::new(task, Box::new(AwaitPsk { arrival: self, mode }))))
    }

    /// The second ClientHello must still offer what was accepted in the first, though perhaps at another place.
    fn find_again(self, selected: SelectedPsk, cx: &mut Context<'_>) -> Result<State, Error> {
        let Some(offered) = &self.hello.extensions.pre_shared_key else {
            return Err(PeerMisbehaved::MissingExtension(ExtensionType::PRE_SHARED_KEY).into());
        };
        let index = place_of(offered, selected.psk.identity()).ok_or(PeerMisbehaved::SecondClientHelloDiffers)?;
        let mode = self.selection.psk_mode.ok_or(PeerMisbehaved::SecondClientHelloDiffers)?;
        self.with_psk(SelectedPsk { index, ..selected }, mode, cx)
    }

    /// The first ticket that can be resumed here and now.
    fn open_ticket(&self, offered: &OfferedPsks, cx: &Context<'_>) -> Option<SelectedPsk> {
        let tickets = self.config.tickets.as_ref()?;
        let looked_at = offered.identities.iter().take(self.config.common.limits.psk_identities);
        (0..).zip(looked_at).find_map(|(index, offered)| {
            let state = tickets.open(&offered.identity, cx.now).filter(|state| self.may_resume(state, cx))?;
            let psk = Arc::new(state.psk(&offered.identity)?);
            Some(SelectedPsk { psk, index, resumed: Some(state) })
        })
    }

    fn may_resume(&self, state: &ResumptionState, cx: &Context<'_>) -> bool {
        // RFC 9846 §4.7.1: a suite with the same hash.
        HashAlgorithm::of_suite(state.cipher_suite) == HashAlgorithm::of_suite(self.selection.suite.id)
            && state.is_fresh(cx.now)
            // What was proved to one name of ours is not proved to another.
            && state.server_name == self.hello.extensions.server_name
            && (self.config.client_auth != ClientAuth::Required
                || !state.peer_certificates.is_empty()
                || state.psk_identity.is_some())
    }

    /// Goes on with a key that was found, if the client proves that it has it.
    fn with_psk(self, selected: SelectedPsk, mode: PskMode, cx: &mut Context<'_>) -> Result<State, Error> {
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.11
        //# Prior to accepting PSK key establishment, the server MUST validate the
        //# corresponding binder value (see Section 4.3.11.2 below). If this value is
        //# not present or does not validate, the server MUST abort the handshake.
        if !self.is_bound(&selected.psk, selected.index) {
            return Err(PeerMisbehaved::InvalidBinder.into());
        }
        let with_share = mode == PskMode::PskWithKeyShare;
        if with_share && self.selection.key_share.is_none() {
            return self.retry(Some(selected), cx);
        }
        if selected.resumed.is_some() {
            // A ticket for one use that was used before is none; its client is as good as any other.
            let is_first_use =
                self.config.tickets.as_ref().is_some_and(|tickets| tickets.redeem(selected.psk.identity(), cx.now));
            if !is_first_use {
                return self.without_psk(cx);
            }
        }
        let group = self.selection.group.filter(|_| with_share);
        let claim = self.early_claim(&selected);
        let mut chosen = self.choose(group, selected.resumed.is_some(), cx)?;
        if let Some(claim) = claim {
            chosen.decide_early_data(&claim, &selected, cx);
        }
        cx.tell_psk(&selected.psk);
        let by = Authentication::Psk(selected);
        let reply = Reply {
            config: chosen.config,
            suite: chosen.suite,
            offered: chosen.offered,
            by,
            transcript: chosen.transcript,
        };
        match (group, chosen.key_share) {
            (Some(group), Some(peer)) => {
                let task = Task::RespondKeyShare { group, peer };
                Ok(State::RespondKeyShare(Wait::new(task, Box::new(AwaitKeyShare { group, reply }))))
            }
            _ => reply.send(None, cx),
        }
    }

    /// Goes on without a key, when none was found.
    fn without_ticket(self, cx: &mut Context<'_>) -> Result<State, Error> {
        if self.config.psk_only || self.hello.extensions.signature_algorithms.is_none() {
            // The work of a key that was found, with one that nobody has.
            let hash = self.selection.suite.hash.output_len();
            core::hint::black_box(self.is_bound(&Psk::placeholder(hash), 0));
        }
        self.without_psk(cx)
    }

    fn is_bound(&self, psk: &Psk, index: u16) -> bool {
        let offered = self.hello.extensions.pre_shared_key.as_ref();
        let binder = offered.and_then(|offered| offered.binders.get(usize::from(index)));
        binder.is_some_and(|binder| self.binder(psk).ct_eq(binder))
    }

    /// The binder that the client would have sent if it had `psk`.
    fn binder(&self, psk: &Psk) -> HashOutput {
        let suite = self.selection.suite;
        let offered = self.hello.extensions.pre_shared_key.as_ref();
        let binders_len = offered.map_or(0, OfferedPsks::binders_len);
        let hash = match &self.retried {
            None => hash_truncated_hello(suite.hash, &self.body, binders_len),
            Some(retried) => retried.transcript.with_truncated_hello(&self.body, binders_len),
        };
        EarlySecret::with_psk(suite, psk.expose()).binder(psk.kind(), &hash)
    }
}

/// A pre-shared key is being looked for.
pub struct AwaitPsk {
    arrival: Arrival,
    mode: PskMode,
}

impl Resume for Box<AwaitPsk> {
    type Output = FoundPsk;

    fn resume(self, FoundPsk(found): FoundPsk, cx: &mut Context<'_>) -> Result<State, Error> {
        let AwaitPsk { arrival, mode } = *self;
        let Some(psk) = found else { return arrival.without_ticket(cx) };
        let offered = arrival.hello.extensions.pre_shared_key.as_ref();
        let index = offered.and_then(|offered| place_of(offered, psk.identity()));
        // A key for which nobody asked, or for another hash than was asked for.
        let index = index.ok_or(Error::ApiMisuse(ApiMisuse::WrongTaskOutput))?;
        if HashAlgorithm::of_suite(arrival.selection.suite.id) != Some(psk.hash()) {
            return Err(Error::ApiMisuse(ApiMisuse::WrongTaskOutput));
        }
        arrival.with_psk(SelectedPsk { psk, index, resumed: None }, mode, cx)
    }
}

fn place_of(offered: &OfferedPsks, identity: &[u8]) -> Option<u16> {
    (0..).zip(&offered.identities).find_map(|(index, each)| (each.identity == identity).then_some(index))
}
