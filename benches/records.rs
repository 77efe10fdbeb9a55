//! What it costs to seal and to open a record, beside what the AEAD alone costs, and how often memory is allocated.
//!
//! `cargo bench --bench records`. The figures move from machine to machine: compare those of one run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dtls_wasm::crypto::{CipherSuiteImpl, rustcrypto};
use dtls_wasm::record::RecordLayer;
use dtls_wasm::schedule::TrafficSecret;
use dtls_wasm::wire::registry::ContentType;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is passed on to the system's allocator; only a counter is added.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Records of one round, so that the clock is read seldom.
const RECORDS: usize = 512;

/// Rounds, of which the fastest counts: whatever else the machine does only makes one slower.
const ROUNDS: usize = 200;

fn main() {
    println!(
        "{:<30} {:>6} {:>10} {:>10} {:>10} {:>10} {:>12}",
        "", "bytes", "seal", "open", "AEAD", "mask", "allocations"
    );
    for suite in rustcrypto::provider().suites {
        for len in [64, 1200] {
            let [seal, open, aead, mask] = measure(suite, len);
            println!(
                "{:<30} {len:>6} {:>7.0} ns {:>7.0} ns {:>7.0} ns {:>7.0} ns {:>12}",
                suite.id.to_string(),
                seal.nanos,
                open.nanos,
                aead.nanos,
                mask.nanos,
                seal.allocations + open.allocations,
            );
        }
    }
}

/// What one step costs.
#[derive(Clone, Copy)]
struct Cost {
    nanos: f64,
    /// For all records of all rounds.
    allocations: u64,
}

struct Meter {
    best: f64,
    allocations: u64,
}

impl Meter {
    fn new() -> Self {
        Self { best: f64::INFINITY, allocations: 0 }
    }

    fn time(&mut self, step: impl FnOnce()) {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let start = Instant::now();
        step();
        let nanos = start.elapsed().as_nanos() as f64 / RECORDS as f64;
        self.allocations += ALLOCATIONS.load(Ordering::Relaxed) - before;
        self.best = self.best.min(nanos);
    }

    fn cost(&self) -> Cost {
        Cost { nanos: self.best, allocations: self.allocations }
    }
}

/// Seal and open, and what the AEAD and the mask alone cost for one of them.
fn measure(suite: &'static CipherSuiteImpl, len: usize) -> [Cost; 4] {
    let secret = TrafficSecret::new(suite, &vec![7; suite.hash.output_len()]);
    let (mut writer, mut reader) = (RecordLayer::new(), RecordLayer::new());
    writer.install_write(3, secret.keys());
    reader.install_read(3, secret.keys());
    let keys = secret.keys();
    let content = vec![0x5a; len];
    let mut datagrams: Vec<Vec<u8>> = (0..RECORDS).map(|_| Vec::with_capacity(len + 64)).collect();
    let [mut seal, mut open, mut aead, mut mask] = [(); 4].map(|()| Meter::new());
    for _ in 0..ROUNDS {
        seal.time(|| {
            for datagram in &mut datagrams {
                datagram.clear();
                let write = |out: &mut Vec<u8>| out.extend_from_slice(&content);
                black_box(writer.seal(3, ContentType::APPLICATION_DATA, datagram, write)).unwrap();
            }
        });
        open.time(|| {
            for datagram in &mut datagrams {
                let (opened, _) = reader.open_next(datagram);
                assert_eq!(black_box(opened).unwrap().content.len(), len);
            }
        });
        aead.time(|| {
            for datagram in &mut datagrams {
                let (content, tag) = datagram[5..].split_last_chunk_mut::<16>().unwrap();
                keys.aead.seal(&keys.iv, &[0; 5], content, tag).unwrap();
            }
        });
        mask.time(|| {
            for datagram in &datagrams {
                black_box(keys.record_number.mask(datagram[5..].first_chunk().unwrap()));
            }
        });
    }
    [seal, open, aead, mask].map(|meter| meter.cost())
}
