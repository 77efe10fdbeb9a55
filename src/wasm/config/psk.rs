//! Pre-shared keys.

use std::sync::Arc;

use wasm_bindgen::prelude::wasm_bindgen;

use super::{Config, named};
use crate::config::{ClientConfig, ServerConfig};
use crate::crypto::psk::{ExternalKey, HashAlgorithm, Psk, PskError, PskMode};
use crate::crypto::rustcrypto::{LocalBackend, provider};
use crate::wasm::failure;

const HASHES: [HashAlgorithm; 2] = [HashAlgorithm::Sha256, HashAlgorithm::Sha384];

/// What was said about pre-shared keys.
#[derive(Debug, Default)]
pub(super) struct PreSharedKeys {
    keys: Vec<Arc<Psk>>,
    modes: Option<Vec<PskMode>>,
    required: bool,
}

impl PreSharedKeys {
    /// A server looks keys up in its back end.
    pub(super) fn apply_to_backend(&self, backend: LocalBackend) -> LocalBackend {
        self.keys.iter().cloned().fold(backend, LocalBackend::with_psk)
    }

    pub(super) fn apply_to_server(&mut self, config: &mut ServerConfig) {
        config.look_up_psks = !self.keys.is_empty();
        config.psk_only = self.required;
        super::set(&mut config.psk_modes, self.modes.take());
    }

    pub(super) fn apply_to_client(&mut self, config: &mut ClientConfig) {
        config.psks = core::mem::take(&mut self.keys);
        config.psk_only = self.required;
        super::set(&mut config.psk_modes, self.modes.take());
    }
}

#[wasm_bindgen]
impl Config {
    /// Adds a key that both ends were given for DTLS 1.3.
    #[wasm_bindgen(js_name = addPsk)]
    pub fn add_psk(&mut self, identity: &[u8], secret: &[u8], hash: &str) -> Result<(), String> {
        let psk = Psk::external(identity, secret, hash_of(hash)?).map_err(invalid)?;
        self.psks.keys.push(Arc::new(psk));
        Ok(())
    }

    /// Adds the keys that are made of one that is imported (RFC 9258): one for each hash of a suite.
    #[wasm_bindgen(js_name = importPsk)]
    pub fn import_psk(&mut self, identity: &[u8], context: &[u8], secret: &[u8], hash: &str) -> Result<(), String> {
        let imported = ExternalKey { identity, context, secret, hash: hash_of(hash)? };
        let psks = Psk::import(&provider(), &imported, &HASHES).map_err(invalid)?;
        self.psks.keys.extend(psks.into_iter().map(Arc::new));
        Ok(())
    }

    /// Says how keys may be used: names of modes with colons between them.
    #[wasm_bindgen(js_name = setPskModes)]
    pub fn set_psk_modes(&mut self, names: &str) -> Result<(), String> {
        let known = [PskMode::PskWithKeyShare, PskMode::PskOnly];
        let modes = names.split(':').map(|name| named("pskModes", name, &known, |mode| Some(mode_name(mode))));
        self.psks.modes = Some(modes.collect::<Result<_, _>>()?);
        Ok(())
    }

    /// Talks to nobody without such a key.
    #[wasm_bindgen(js_name = requirePsk)]
    pub fn require_psk(&mut self) {
        self.psks.required = true;
    }
}

const fn mode_name(mode: PskMode) -> &'static str {
    match mode {
        PskMode::PskOnly => "psk_ke",
        PskMode::PskWithKeyShare => "psk_dhe_ke",
    }
}

fn hash_of(name: &str) -> Result<HashAlgorithm, String> {
    named("psk", name, &HASHES, |hash| Some(hash.name()))
}

fn invalid(error: PskError) -> String {
    failure::thrown("ERR_DTLS_INVALID_OPTION", error)
}
