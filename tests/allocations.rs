//! No memory is allocated for a record, and one piece of it for a message that arrives whole.
#![cfg(all(feature = "rustcrypto", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use dtls_wasm::config::Limits;
use dtls_wasm::crypto::rustcrypto;
use dtls_wasm::flight::{Inserted, Reassembly};
use dtls_wasm::record::RecordLayer;
use dtls_wasm::schedule::TrafficSecret;
use dtls_wasm::wire::fragment::FragmentHeader;
use dtls_wasm::wire::registry::{ContentType, HandshakeType};

struct Counting;

thread_local! {
    /// Each test has a thread of its own.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator; only a counter is added, which needs no memory itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often `step` allocates.
fn allocations(step: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    step();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(vec![1; 100])), 1);
}

#[test]
fn no_record_allocates() {
    for suite in rustcrypto::provider().suites {
        let secret = TrafficSecret::new(suite, &vec![7; suite.hash.output_len()]);
        let (mut writer, mut reader) = (RecordLayer::new(), RecordLayer::new());
        writer.install_write(3, secret.keys());
        reader.install_read(3, secret.keys());
        let mut datagram = Vec::with_capacity(1500);
        for len in [0, 1, 64, 1200] {
            let content = vec![9; len];
            let mut opened_len = None;
            let count = allocations(|| {
                datagram.clear();
                let write = |out: &mut Vec<u8>| out.extend_from_slice(&content);
                writer.seal(0, ContentType::ALERT, &mut datagram, |out| out.push(1)).unwrap();
                writer.seal(3, ContentType::APPLICATION_DATA, &mut datagram, write).unwrap();
                let (plain, rest) = reader.open_next(&mut datagram);
                assert!(plain.is_ok());
                opened_len = reader.open_next(rest).0.ok().map(|opened| opened.content.len());
                // One that fails, too: its number is known.
                datagram[14 + 5] ^= 1;
                assert!(reader.open_next(&mut datagram[14..]).0.is_err());
            });
            assert_eq!((count, opened_len), (0, Some(len)), "{:?}, {len} bytes", suite.id);
        }
    }
}

#[test]
fn a_message_that_arrives_whole_is_stored_with_one_allocation() {
    let limits = Limits::default();
    let body = vec![5; 900];
    let mut reassembly = Reassembly::new(0);
    for message_seq in 0..4 {
        let header = FragmentHeader {
            msg_type: HandshakeType::CERTIFICATE,
            length: 900,
            message_seq,
            fragment_offset: 0,
            fragment_length: 900,
        };
        let mut message = None;
        let count = allocations(|| {
            assert_eq!(reassembly.insert(&header, &body, 2, &limits), Ok(Inserted::New));
            assert_eq!(reassembly.insert(&header, &body, 2, &limits), Ok(Inserted::Duplicate));
            message = reassembly.pop();
        });
        assert_eq!((count, message.unwrap().body.len()), (1, 900));
    }
}
