//! Connection IDs and paths.

use wasm_bindgen::prelude::wasm_bindgen;

use super::{Config, named};
use crate::config::{ConnectionIdConfig, PathCheck};

#[wasm_bindgen]
impl Config {
    /// Sets how many bytes our own connection IDs have.
    #[wasm_bindgen(js_name = setConnectionIdLength)]
    pub fn set_connection_id_length(&mut self, bytes: u8) {
        self.connection_ids.get_or_insert_default().length = bytes;
    }

    /// Negotiates no connection IDs.
    #[wasm_bindgen(js_name = withoutConnectionIds)]
    pub fn without_connection_ids(&mut self) {
        self.connection_ids.get_or_insert_default().enabled = false;
    }

    /// Sets how a new address of the peer is checked.
    #[wasm_bindgen(js_name = setPathCheck)]
    pub fn set_path_check(&mut self, name: &str) -> Result<(), String> {
        let known = [PathCheck::None, PathCheck::Basic, PathCheck::Enhanced];
        let check = named("pathCheck", name, &known, |check| {
            Some(match check {
                PathCheck::None => "none",
                PathCheck::Basic => "basic",
                PathCheck::Enhanced => "enhanced",
            })
        })?;
        self.connection_ids.get_or_insert_default().path_check = check;
        Ok(())
    }
}

impl Config {
    pub(super) fn apply_connection_ids(&mut self, config: &mut ConnectionIdConfig) {
        super::set(config, self.connection_ids.take());
    }
}
