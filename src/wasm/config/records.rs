//! How long records are, and how their keys change.

use wasm_bindgen::prelude::wasm_bindgen;

use super::Config;
use crate::config::{CommonConfig, Padding};

/// What was said about records.
#[derive(Debug, Default)]
pub(super) struct Records {
    size_limit: Option<Option<u16>>,
    padding: Padding,
    extended_key_update: bool,
}

impl Records {
    pub(super) fn apply(&mut self, common: &mut CommonConfig) {
        super::set(&mut common.record_size_limit, self.size_limit.take());
        common.extended_key_update = self.extended_key_update;
        common.padding = core::mem::take(&mut self.padding);
    }
}

#[wasm_bindgen]
impl Config {
    /// Sets the longest plaintext of a record to accept; without a limit, none is told.
    #[wasm_bindgen(js_name = setRecordSizeLimit)]
    pub fn set_record_size_limit(&mut self, limit: Option<u16>) {
        self.records.size_limit = Some(limit);
    }

    /// Offers Extended Key Update, which is experimental.
    #[wasm_bindgen(js_name = offerExtendedKeyUpdate)]
    pub fn offer_extended_key_update(&mut self) {
        self.records.extended_key_update = true;
    }

    /// Pads records to a multiple of so many bytes.
    #[wasm_bindgen(js_name = padToBlock)]
    pub fn pad_to_block(&mut self, bytes: u16) {
        self.records.padding = Padding::Block(bytes);
    }

    /// Pads records to one of these lengths.
    #[wasm_bindgen(js_name = padToBuckets)]
    pub fn pad_to_buckets(&mut self, lengths: Vec<u16>) {
        self.records.padding = Padding::Buckets(lengths);
    }
}
