//! Whether a server takes early data (RFC 9846 §4.3.10 and §8).

use super::hello::{Arrival, Chosen};
use super::psk::SelectedPsk;
use crate::handshake::Context;
use crate::schedule::v13::EarlySecret;
use crate::ticket::{EarlyDataRefusal, EarlyHello};

/// What a ClientHello that offers early data says of it.
pub(super) struct EarlyClaim {
    /// The binder that was verified.
    binder: Vec<u8>,
    obfuscated_age: u32,
    server_name: Option<String>,
}

impl Arrival {
    /// What the ClientHello, whose key `selected` is bound to it, says of early data; `None` if it offers none.
    pub(super) fn early_claim(&self, selected: &SelectedPsk) -> Option<EarlyClaim> {
        let extensions = &self.hello.extensions;
        let offered = extensions.pre_shared_key.as_ref().filter(|_| extensions.early_data)?;
        let index = usize::from(selected.index);
        Some(EarlyClaim {
            binder: offered.binders.get(index)?.clone(),
            obfuscated_age: offered.identities.get(index)?.obfuscated_ticket_age,
            server_name: extensions.server_name.clone(),
        })
    }

    /// Tells that early data is not taken, if there is any.
    pub(super) fn refuse_early_data(&self, reason: EarlyDataRefusal, cx: &mut Context<'_>) {
        if self.hello.extensions.early_data {
            cx.refuse_early_data(reason);
        }
    }
}

impl Chosen {
    /// Takes early data if everything is as the ticket says, and it is certain that it was not taken before.
    pub(super) fn decide_early_data(&mut self, claim: &EarlyClaim, selected: &SelectedPsk, cx: &mut Context<'_>) {
        match self.admit(claim, selected, cx) {
            Ok(limit) => {
                let secret = EarlySecret::with_psk(self.suite, selected.psk.expose());
                cx.accept_early_data(limit, &secret, &self.transcript.current(), &self.offered.random);
                self.offered.early_data = true;
            }
            Err(reason) => cx.refuse_early_data(reason),
        }
    }

    fn admit(&self, claim: &EarlyClaim, selected: &SelectedPsk, cx: &Context<'_>) -> Result<u32, EarlyDataRefusal> {
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.10
        //# In order to accept early data, the server MUST have selected the first
        //# key offered in the client's "pre_shared_key" extension.
        let Some(state) = selected.resumed.as_ref().filter(|_| selected.index == 0) else {
            return Err(EarlyDataRefusal::NotFirstPsk);
        };
        let register = self.config.strike_register.as_ref();
        let Some(register) = register.filter(|_| self.config.max_early_data > 0 && state.max_early_data > 0) else {
            return Err(EarlyDataRefusal::Disabled);
        };
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.10
        //# In addition,
        //# it MUST verify that the following values are the same as those
        //# associated with the selected PSK:
        let same = self.suite.id == state.cipher_suite
            && self.offered.alpn_protocol == state.alpn_protocol
            && claim.server_name == state.server_name;
        if !same {
            return Err(EarlyDataRefusal::OtherParameters);
        }
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.10
        //# For PSKs provisioned via NewSessionTicket, a server MUST validate that
        //# the ticket age for the selected PSK identity (computed by subtracting
        //# ticket_age_add from PskIdentity.obfuscated_ticket_age modulo 2^(32))
        //# is within a small tolerance of the
        //# time since the ticket was issued (see Section 8).
        register.admit(&EarlyHello::new(&claim.binder, state, claim.obfuscated_age), cx.now)?;
        Ok(state.max_early_data)
    }
}
