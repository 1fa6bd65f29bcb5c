//! Tenants that are added and removed, a million times in virtual time: the registry, the event readers and the memory are as they were.

use resilience_runtime::testing::Scope;
use resilience_runtime::{Bulkhead, CircuitBreaker, EVENT_CAPACITY, Kind, Name, Timeout, registry};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

struct Counting;

thread_local! {
    /// Bytes that this thread has allocated and not freed.
    static HELD: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // A thread that ends is not measured.
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
}

// SAFETY: hands every call on to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Each has a timeout; every twentieth a circuit breaker; and every fourth of those is used in all ways.
fn come_and_go(tenant: u64) {
    let name = Name::from(format!("tenant {tenant}"));
    Timeout::builder(name.clone()).after(Duration::from_secs(1)).register().unwrap();
    if tenant.is_multiple_of(20) {
        let breaker = CircuitBreaker::builder(name.clone()).register().unwrap();
        breaker.try_acquire().unwrap().success();
        if tenant.is_multiple_of(80) {
            breaker.keyed(tenant).try_acquire().unwrap().failure();
            breaker.force_open();
            registry().mark_critical(name.clone(), true).unwrap();
        }
        drop(breaker);
        assert!(registry().remove(Kind::CircuitBreaker, &name).unwrap());
    }
    assert!(registry().remove(Kind::Timeout, &name).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_million_tenants_leave_everything_as_it_was() {
    // Without optimisation as many as take ten seconds; a byte that each left behind would show.
    const TENANTS: u64 = if cfg!(debug_assertions) { 250_000 } else { 1_000_000 };
    let scope = Scope::new();
    let _entered = scope.enter();
    let stays = Bulkhead::builder("stays").register().unwrap();
    let mut events = registry().subscribe();
    // What comes when something is used for the first time; a reader's queue keeps the last events.
    (0..EVENT_CAPACITY as u64).for_each(|tenant| come_and_go(tenant * 80));
    let before = HELD.get();
    let mut most = before;
    for tenant in 0..TENANTS {
        come_and_go(tenant);
        if tenant.is_multiple_of(1000) {
            tokio::time::advance(Duration::from_secs(1)).await;
            most = most.max(HELD.get());
        }
        if tenant.is_multiple_of(50_000) {
            while events.try_recv().is_some() {}
        }
    }
    let after = HELD.get();
    println!("{before} bytes before, {most} at most, {after} after");
    assert!(after - before < 16_384, "{before} bytes before and {after} after all tenants");
    assert!(most - before < 65_536, "{before} bytes before and {most} at most");
    assert_eq!((registry().circuit_breakers().count(), registry().timeouts().count()), (0, 0));
    assert_eq!(registry().snapshot().bulkheads.len(), 1);
    assert!(registry().health().await.reasons.is_empty());
    drop(stays);
}
