//! The buffers through which bytes pass between JavaScript and the connections.

use core::cell::RefCell;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::Error;

use super::failure;

/// What is kept of a buffer between calls. A datagram of the usual size needs no allocation; after an unusually long
/// one the room is given back.
const KEPT: usize = 4096;

#[derive(Default)]
struct Buffers {
    input: Vec<u8>,
    output: Vec<u8>,
    address: Vec<u8>,
    numbers: [u32; 2],
    error: String,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers::default());
}

/// The buffers, as JavaScript sees them: addresses in the module's memory, which move whenever Rust allocates.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Scratch;

#[wasm_bindgen]
impl Scratch {
    /// Makes room for `length` bytes that the next call takes in, and says where.
    pub fn input(length: usize) -> usize {
        access(|buffers| {
            resize(&mut buffers.input, length);
            address_of(&buffers.input)
        })
    }

    /// Where the bytes are that the last call gave out.
    pub fn output() -> usize {
        access(|buffers| address_of(&buffers.output))
    }

    /// How many they are.
    #[wasm_bindgen(js_name = outputLength)]
    pub fn output_length() -> usize {
        access(|buffers| buffers.output.len())
    }

    /// Where the bytes of the peer's address are that the last call gave out.
    pub fn address() -> usize {
        access(|buffers| address_of(&buffers.address))
    }

    /// How many they are.
    #[wasm_bindgen(js_name = addressLength)]
    pub fn address_length() -> usize {
        access(|buffers| buffers.address.len())
    }

    /// A number that came with the last event.
    pub fn number(index: usize) -> u32 {
        access(|buffers| buffers.numbers.get(index).copied().unwrap_or_default())
    }

    /// The error that came with the last event, in lines: code, sentence, and the alert's name, number and sender.
    pub fn error() -> String {
        access(|buffers| core::mem::take(&mut buffers.error))
    }
}

/// Lends the first `length` bytes of the input to `use_it`, which may use the other buffers.
pub(super) fn with_input<T>(length: usize, use_it: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut input = access(|buffers| core::mem::take(&mut buffers.input));
    let result = use_it(input.get_mut(..length).unwrap_or_default());
    access(|buffers| buffers.input = input);
    result
}

/// Lends the output buffer to `fill`, which is to clear it.
pub(super) fn with_output<T>(fill: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut output = access(|buffers| core::mem::take(&mut buffers.output));
    output.shrink_to(KEPT.max(output.len()));
    let result = fill(&mut output);
    access(|buffers| buffers.output = output);
    result
}

/// Gives `bytes` out.
pub(super) fn put_output(bytes: Vec<u8>) {
    access(|buffers| buffers.output = bytes);
}

/// Gives the peer's address out.
pub(super) fn put_address(bytes: &[u8]) {
    access(|buffers| {
        buffers.address.clear();
        buffers.address.extend_from_slice(bytes);
    });
}

/// Gives two numbers out.
pub(super) fn put_numbers(first: u32, second: u32) {
    access(|buffers| buffers.numbers = [first, second]);
}

/// Gives an error out.
pub(super) fn put_error(error: &Error) {
    let text = failure::lines(error);
    access(|buffers| buffers.error = text);
}

fn resize(buffer: &mut Vec<u8>, length: usize) {
    buffer.clear();
    buffer.shrink_to(KEPT.max(length));
    buffer.resize(length, 0);
}

fn address_of(buffer: &[u8]) -> usize {
    buffer.as_ptr().addr()
}

/// The closures above neither call one another nor anything that comes back here, so the borrow always succeeds.
fn access<T>(use_it: impl FnOnce(&mut Buffers) -> T) -> T {
    BUFFERS.with_borrow_mut(use_it)
}
