//! An allocator that knows what each thread has asked it for.

#![allow(dead_code, reason = "each test asks for one of both")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[derive(Clone, Copy)]
struct Counts {
    allocations: u64,
    held: isize,
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { allocations: 0, held: 0 }) };
}

/// How often this thread has allocated.
pub(crate) fn allocations() -> u64 {
    COUNTS.get().allocations
}

/// The bytes that this thread has allocated and not freed.
pub(crate) fn held() -> isize {
    COUNTS.get().held
}

fn count(allocations: u64, bytes: isize) {
    // What a thread does after its thread-locals are gone is not counted.
    let _ = COUNTS.try_with(|counts| {
        let before = counts.get();
        counts.set(Counts { allocations: before.allocations + allocations, held: before.held + bytes });
    });
}

// SAFETY: hands every call on to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as isize);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, -(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
