//! An allocator that counts what a test holds and how often it asks for more.
//!
//! Include it with `#[path = "support/counting.rs"] mod counting;`; the file that does must allow `unsafe_code`.
#![allow(dead_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    // Each test has a thread of its own.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<i64> = const { Cell::new(0) };
    static MOST_HELD: Cell<i64> = const { Cell::new(0) };
}

fn count(more: i64, allocations: u64) {
    ALLOCATIONS.set(ALLOCATIONS.get() + allocations);
    HELD.set(HELD.get() + more);
    MOST_HELD.set(MOST_HELD.get().max(HELD.get()));
}

// SAFETY: everything is passed on to the system's allocator; only counters are kept, which need no memory themselves.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64, 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size as i64 - layout.size() as i64, 1);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as i64), 0);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What something cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// How often memory was asked for.
    pub allocations: u64,
    /// How many bytes more than before were held at most.
    pub most_held: i64,
    /// How many bytes more than before are held now.
    pub still_held: i64,
}

/// What `step` costs this thread.
pub fn cost(step: impl FnOnce()) -> Cost {
    let (allocations, held) = (ALLOCATIONS.get(), HELD.get());
    MOST_HELD.set(held);
    step();
    Cost {
        allocations: ALLOCATIONS.get() - allocations,
        most_held: MOST_HELD.get() - held,
        still_held: HELD.get() - held,
    }
}
