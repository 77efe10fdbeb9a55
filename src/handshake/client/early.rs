//! Early data, as a client offers it (RFC 9846 §4.3.10).

use super::psk::OfferedPsk;
use crate::config::ClientConfig;
use crate::crypto::CipherSuiteImpl;
use crate::error::{Error, PeerMisbehaved};
use crate::handshake::Context;
use crate::schedule::v13::EarlySecret;
use crate::transcript::TranscriptBuffer;
use crate::wire::client_hello::Random;

/// Early data that is offered: it is protected and used as the connection was that the ticket comes from.
pub struct EarlyOffer {
    /// The suite.
    suite: &'static CipherSuiteImpl,
    /// The application protocol.
    alpn_protocol: Option<Vec<u8>>,
    /// How many bytes there may be.
    limit: u32,
    /// Whether the server selected the key that protects it.
    is_possible: bool,
}

impl EarlyOffer {
    /// What can be offered with the first of `psks`; `None` if that allows no early data, or not with this configuration.
    pub fn new(config: &ClientConfig, psks: &[OfferedPsk]) -> Option<Self> {
        let common = &config.common;
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.10
        //# The PSK used to encrypt the early data
        //# MUST be the first PSK listed in the client's "pre_shared_key" extension.
        let state = psks.first()?.resumed.as_ref().filter(|state| state.max_early_data > 0)?;
        let suite = common.cipher_suites.contains(&state.cipher_suite).then_some(state.cipher_suite)?;
        let alpn_protocol = state.alpn_protocol.clone();
        // The server could not choose the same protocol again if it was not offered again.
        if alpn_protocol.as_ref().is_some_and(|protocol| !common.alpn_protocols.contains(protocol)) {
            return None;
        }
        let suite = common.provider.suite(suite)?;
        Some(Self { suite, alpn_protocol, limit: state.max_early_data, is_possible: false })
    }

    /// Says to the application that early data may be sent, and how much.
    pub fn tell(&self, cx: &mut Context<'_>) {
        cx.offer_early_data(self.limit);
    }

    /// The ClientHello, `hello`, is on its way: the keys of early data follow from it, and from the first of `psks`.
    pub fn begin(&self, psks: &[OfferedPsk], hello: &TranscriptBuffer, random: &Random, cx: &mut Context<'_>) {
        if let Some(first) = psks.first() {
            let secret = EarlySecret::with_psk(self.suite, first.psk.expose());
            cx.begin_early_data(&secret, &hello.hash_client_hello(self.suite), random);
        }
    }

    /// A ServerHello selected the key at `index`.
    pub fn select(&mut self, index: Option<u16>, cx: &mut Context<'_>) {
        self.is_possible = index == Some(0);
        if !self.is_possible {
            cx.settle_early_data(false);
        }
    }

    /// EncryptedExtensions say that the early data is taken, in a connection with `suite` and `alpn_protocol`.
    pub fn accept(
        &self,
        suite: &CipherSuiteImpl,
        alpn_protocol: Option<&[u8]>,
        cx: &mut Context<'_>,
    ) -> Result<(), Error> {
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.11
        //# If the server supplies an "early_data" extension, the client MUST
        //# verify that the server's selected_identity is 0. If any
        //# other value is returned, the client MUST abort the handshake
        //# with an "illegal_parameter" alert.
        if !self.is_possible {
            return Err(PeerMisbehaved::EarlyDataWithOtherPsk.into());
        }
        if self.suite.id != suite.id || self.alpn_protocol.as_deref() != alpn_protocol {
            return Err(PeerMisbehaved::EarlyDataWithOtherParameters.into());
        }
        cx.settle_early_data(true);
        Ok(())
    }
}
