//! What a guarded call and a breaker cost in memory.

use resilience_runtime::{CircuitBreaker, Rejection, circuit_breaker};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: hands every call on to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends allocates no more than it frees; what it does then is not measured.
        let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("it failed")]
    Failed,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

#[circuit_breaker("cost: plain")]
async fn plain(fails: bool) -> Result<u64, Error> {
    if fails { Err(Error::Failed) } else { Ok(7) }
}

#[circuit_breaker("cost: keyed", key = key)]
async fn keyed(key: u64) -> Result<u64, Error> {
    Ok(key)
}

async fn bare(fails: bool) -> Result<u64, Error> {
    if fails { Err(Error::Failed) } else { Ok(7) }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

#[test]
fn a_call_allocates_nothing() {
    runtime().block_on(async {
        plain(false).await.unwrap();
        keyed(7).await.unwrap();
        let mut allocated = allocations_of(|| ());
        for call in 0..1000 {
            let before = ALLOCATIONS.get();
            let _ = plain(call % 30 == 0).await;
            keyed(7).await.unwrap();
            allocated += ALLOCATIONS.get() - before;
        }
        assert_eq!(allocated, 0);
        // Open, it rejects without allocating either.
        while plain(true).await.is_err_and(|error| matches!(error, Error::Failed)) {}
        let before = ALLOCATIONS.get();
        assert!(matches!(plain(false).await, Err(Error::Rejected(_))));
        assert_eq!(ALLOCATIONS.get() - before, 0);
    });
}

#[test]
fn a_breaker_fits_into_a_kibibyte() {
    assert!(size_of::<CircuitBreaker>() <= 1024, "{} bytes", size_of::<CircuitBreaker>());
}

#[test]
fn a_policy_adds_at_most_64_bytes_to_the_future() {
    let (guarded, bare) = (size_of_val(&plain(false)), size_of_val(&bare(false)));
    assert!(guarded <= bare + 64, "{guarded} bytes over {bare}");
}
