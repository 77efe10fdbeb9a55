//! Counts memory, BoringSSL's included, and reads the thread's CPU time.

use std::alloc::{GlobalAlloc, Layout, System, alloc, dealloc};
use std::ffi::c_void;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// The system's allocator, counted.
pub struct Counting;

static CALLS: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

fn grown(by: i64) {
    PEAK.fetch_max(LIVE.fetch_add(by, Relaxed) + by, Relaxed);
}

// SAFETY: everything is passed on to the system's allocator; only counters are added.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        grown(layout.size() as i64);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        grown(-(layout.size() as i64));
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        grown(new_size as i64 - layout.size() as i64);
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// Allocations until now.
pub fn calls() -> u64 {
    CALLS.load(Relaxed)
}

/// Bytes that are allocated now.
pub fn live() -> i64 {
    LIVE.load(Relaxed)
}

/// Begins to watch for the most bytes at once.
pub fn start_peak() {
    PEAK.store(live(), Relaxed);
}

/// The most bytes at once since [`start_peak`].
pub fn peak() -> i64 {
    PEAK.load(Relaxed)
}

/// CPU time of this thread. The kernel brings it up to date at every tick.
pub fn cpu_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|first| first.parse().ok()).expect("nanoseconds")
}

/// Where the length of a block of BoringSSL stands: before it, as far as the strictest alignment reaches.
const HEADER: usize = 16;

/// BoringSSL asks these three, if a program has them, instead of `malloc`.
#[unsafe(no_mangle)]
extern "C" fn OPENSSL_memory_alloc(size: usize) -> *mut c_void {
    let Ok(layout) = Layout::from_size_align(size + HEADER, HEADER) else { return std::ptr::null_mut() };
    // SAFETY: the layout is not empty, and the length is written into the block's own first bytes.
    unsafe {
        let block = alloc(layout);
        if block.is_null() {
            return std::ptr::null_mut();
        }
        block.cast::<usize>().write(size);
        block.add(HEADER).cast()
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn OPENSSL_memory_free(pointer: *mut c_void) {
    if pointer.is_null() {
        return;
    }
    // SAFETY: the block is one of `OPENSSL_memory_alloc`, with its length before it.
    unsafe {
        let block = pointer.cast::<u8>().sub(HEADER);
        let size = block.cast::<usize>().read();
        dealloc(block, Layout::from_size_align_unchecked(size + HEADER, HEADER));
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn OPENSSL_memory_get_size(pointer: *mut c_void) -> usize {
    if pointer.is_null() {
        return 0;
    }
    // SAFETY: as above.
    unsafe { pointer.cast::<u8>().sub(HEADER).cast::<usize>().read() }
}
