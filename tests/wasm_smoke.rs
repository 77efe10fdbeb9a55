//! Runs in Node and in a browser.
#![cfg(target_arch = "wasm32")]

use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn random_bytes_come_from_the_platform() {
    let mut first = [0u8; 32];
    let mut second = [0u8; 32];
    getrandom::fill(&mut first).unwrap();
    getrandom::fill(&mut second).unwrap();
    assert_ne!(first, second);
}
