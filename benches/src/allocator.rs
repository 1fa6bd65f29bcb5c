//! What is asked of the allocator, counted thread by thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Allocations, and bytes that are not freed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) allocations: u64,
    pub(crate) bytes: u64,
    pub(crate) held: i64,
}

struct Counting;

thread_local! {
    static ASKED: Cell<Asked> = const { Cell::new(Asked { allocations: 0, bytes: 0, held: 0 }) };
}

fn count(change: impl FnOnce(&mut Asked)) {
    // What a thread frees after its thread-locals are gone is not counted.
    let _ = ASKED.try_with(|asked| {
        let mut counts = asked.get();
        change(&mut counts);
        asked.set(counts);
    });
}

// SAFETY: hands every call on to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(|asked| {
            asked.allocations += 1;
            asked.bytes += layout.size() as u64;
            asked.held += layout.size() as i64;
        });
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(|asked| asked.held -= layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What this thread asked for in that time.
pub(crate) fn asked_by(run: impl FnOnce()) -> Asked {
    let before = ASKED.get();
    run();
    let after = ASKED.get();
    Asked {
        allocations: after.allocations - before.allocations,
        bytes: after.bytes - before.bytes,
        held: after.held - before.held,
    }
}

/// Bytes of one of many: what it is, and what it holds on the heap.
pub(crate) fn bytes_of<T>(make: impl Fn() -> T) -> u64 {
    const MANY: usize = 1000;
    let mut made = Vec::with_capacity(MANY);
    let asked = asked_by(|| made.extend((0..MANY).map(|_| make())));
    size_of::<T>() as u64 + asked.held.unsigned_abs() / MANY as u64
}
