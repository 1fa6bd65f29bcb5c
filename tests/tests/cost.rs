//! What a guarded call and a breaker cost in memory.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Bulkhead, CircuitBreaker, Rate, RateLimiter, Rejection, bulkhead, circuit_breaker, rate_limit, retry, timeout,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Allocated and not freed, on this thread.
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

// SAFETY: hands every call on to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends allocates no more than it frees; what it does then is not measured.
        let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() + layout.size() as i64));
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() - layout.size() as i64));
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

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

#[test]
fn reading_all_policies_allocates_nothing_for_each() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let read_of = |policies: usize| {
        for nth in 0..policies {
            CircuitBreaker::builder(format!("cost: read {nth}")).register().unwrap();
        }
        // Only what comes when something is used for the first time.
        scope.registry().read();
        allocations_of(|| assert_eq!(scope.registry().read().circuit_breakers.len(), policies))
    };
    let (few, many) = (read_of(10), read_of(1000));
    assert!(many < few + 20, "{few} of ten policies and {many} of a thousand");
}

#[test]
fn a_call_allocates_nothing() {
    runtime().block_on(async {
        plain(false).await.unwrap();
        // The first failure makes room for what it said.
        plain(true).await.unwrap_err();
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

#[async_trait::async_trait]
trait Boxed {
    #[circuit_breaker("cost: boxed")]
    async fn boxed(&self) -> Result<u64, Error> {
        tokio::task::yield_now().await;
        Ok(7)
    }
}

impl Boxed for u64 {}

#[circuit_breaker("cost: synchronous")]
#[bulkhead(10)]
fn synchronous(number: u64) -> Result<u64, Error> {
    Ok(number)
}

#[test]
fn what_was_boxed_is_boxed_once_and_a_synchronous_call_allocates_nothing() {
    runtime().block_on(async {
        for call in 0..10 {
            let before = ALLOCATIONS.get();
            let boxed = 7.boxed();
            assert_eq!(ALLOCATIONS.get() - before, 1);
            boxed.await.unwrap();
            let before = ALLOCATIONS.get();
            synchronous(call).unwrap();
            assert!(call == 0 || ALLOCATIONS.get() == before);
        }
    });
}

/// Bytes of the shards for more cores than two, of which a policy has none within itself: a cache line each, and there are 256 of all.
fn more_shards() -> i64 {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get) as i64;
    64 * (cores - 2).clamp(0, 252)
}

/// There is one breaker a key, so none has room for what it may never need.
#[test]
fn a_breaker_takes_1152_bytes_with_all_that_it_holds() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let held_by_one = || {
        let before = BYTES.get();
        let breaker = CircuitBreaker::builder("cost: a literal").build().unwrap();
        let held = BYTES.get() - before + size_of_val(&breaker) as i64;
        drop(breaker);
        assert_eq!(BYTES.get(), before);
        held
    };
    // What comes when one is made for the first time.
    held_by_one();
    let (held, most) = (held_by_one(), 1152 + more_shards());
    assert!(held <= most, "{held} bytes, {most} is the goal");
}

/// What the documentation says of a key of each kind, its own length included; however many come, those that are held are all that is there.
#[test]
fn a_key_takes_what_the_documentation_says() {
    const HELD: u64 = 2000;
    let breaker = CircuitBreaker::builder("cost: keys").max_keys(HELD as u32).build().unwrap();
    let pool = Bulkhead::builder("cost: keys").max_keys(HELD as u32).build().unwrap();
    let api =
        RateLimiter::builder("cost: keys").rate(Rate::per_second(1_000_000)).max_keys(HELD as u32).build().unwrap();
    let taken_by = |of: &str, call: &dyn Fn(u64), most: i64| {
        let most = most + more_shards();
        let before = BYTES.get();
        (0..HELD).for_each(call);
        let held = BYTES.get() - before;
        println!("{of}: {} bytes a key", held / HELD as i64);
        assert!(held / (HELD as i64) <= most, "{of}: {} bytes a key", held / HELD as i64);
        (HELD..4 * HELD).for_each(call);
        let flooded = BYTES.get() - before;
        assert!(flooded - held < held / 5, "{of}: {held} bytes, and {flooded} after a flood");
    };
    taken_by("circuit breaker", &|key| breaker.keyed(key).try_acquire().unwrap().success(), 1536);
    // About a kibibyte.
    taken_by("bulkhead", &|key| drop(pool.keyed(key).try_acquire().unwrap()), 1088);
    taken_by("rate limiter", &|key| api.keyed(key).try_acquire().unwrap(), 1088);
}

#[retry(attempts = 3, delay = "0s")]
#[circuit_breaker("cost: stack")]
#[bulkhead(max_concurrent = 10, max_queue = 10)]
#[rate_limit("1000000/s", max_wait = "1s")]
#[timeout("1s")]
async fn stack(waits: bool) -> Result<u64, Error> {
    if waits {
        tokio::task::yield_now().await;
    }
    Ok(7)
}

#[test]
fn a_whole_stack_allocates_nothing_either() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        // `yield_now` keeps a list of its own, which grows once.
        for _ in 0..2 {
            stack(true).await.unwrap();
        }
        let before = ALLOCATIONS.get();
        for call in 0..1000 {
            stack(call % 2 == 0).await.unwrap();
        }
        assert_eq!(ALLOCATIONS.get() - before, 0);
    });
}

/// Each policy around a body that waits, and what it may add to the future: 64 bytes, the arguments once more, a timer for a timeout and for
/// a retry, a place in the queue of a bulkhead, a timer for a wait.
mod sizes {
    use super::*;

    pub async fn bare(values: &[u64]) -> Result<u64, Error> {
        tokio::task::yield_now().await;
        Ok(values.len() as u64)
    }

    #[circuit_breaker]
    pub async fn breaker(values: &[u64]) -> Result<u64, Error> {
        tokio::task::yield_now().await;
        Ok(values.len() as u64)
    }

    #[retry]
    pub async fn retried(values: &[u64]) -> Result<u64, Error> {
        tokio::task::yield_now().await;
        Ok(values.len() as u64)
    }

    #[timeout("1s")]
    pub async fn timed(values: &[u64]) -> Result<u64, Error> {
        tokio::task::yield_now().await;
        Ok(values.len() as u64)
    }

    #[bulkhead(5)]
    pub async fn bulkheaded(values: &[u64]) -> Result<u64, Error> {
        tokio::task::yield_now().await;
        Ok(values.len() as u64)
    }

    #[bulkhead(max_concurrent = 5, max_queue = 5)]
    pub async fn queued(values: &[u64]) -> Result<u64, Error> {
        tokio::task::yield_now().await;
        Ok(values.len() as u64)
    }

    #[rate_limit("10/s")]
    pub async fn limited(values: &[u64]) -> Result<u64, Error> {
        tokio::task::yield_now().await;
        Ok(values.len() as u64)
    }
}

#[test]
fn a_policy_adds_at_most_64_bytes_to_the_future_its_arguments_and_its_timer_or_its_place_in_a_queue() {
    let timer = size_of::<tokio::time::Sleep>();
    // A coroutine does not lay what it captures over what it binds: a bare one has its arguments twice already.
    let bare = size_of_val(&sizes::bare(&[])) + size_of::<&[u64]>();
    let over = |guarded: usize| guarded.saturating_sub(bare);
    for (what, over, goal) in [
        ("circuit_breaker", over(size_of_val(&sizes::breaker(&[]))), 64),
        ("retry", over(size_of_val(&sizes::retried(&[]))), 64 + timer),
        ("timeout", over(size_of_val(&sizes::timed(&[]))), 64 + timer),
        ("bulkhead", over(size_of_val(&sizes::bulkheaded(&[]))), 64),
        // A queue's timer is in the future whether `max_wait` is set or not: it may be set while the program runs.
        ("bulkhead with a queue", over(size_of_val(&sizes::queued(&[]))), 64 + 88 + timer),
        ("rate_limit", over(size_of_val(&sizes::limited(&[]))), 64),
    ] {
        println!("{what}: {over} bytes of {goal}");
        assert!(over <= goal, "{what} adds {over} bytes, {goal} is the goal");
    }
}

/// The same stack, by attributes and by hand.
#[timeout("10s")]
#[retry(attempts = 2, delay = "1ms")]
#[circuit_breaker("cost: stack")]
#[bulkhead(max_concurrent = 9)]
#[timeout("5s")]
async fn stacked(waits: bool) -> Result<u64, Error> {
    if waits {
        tokio::task::yield_now().await;
    }
    Ok(7)
}

#[test]
fn a_call_through_a_pipeline_allocates_no_more_than_one_of_a_function() {
    use resilience_runtime::{BulkheadConfig, CircuitBreakerConfig, Pipeline, RetryConfig, TimeoutConfig};
    use std::time::Duration;

    let scope = Scope::new();
    let _entered = scope.enter();
    let after = |seconds| TimeoutConfig::new().after(Duration::from_secs(seconds));
    let pipeline = Pipeline::builder("cost: pipeline")
        .timeout(after(10))
        .retry(RetryConfig::new().attempts(2).delay(Duration::from_millis(1)))
        .circuit_breaker(CircuitBreakerConfig::new())
        .bulkhead(BulkheadConfig::new().max_concurrent(9))
        .timeout(after(5))
        .build()
        .unwrap();
    let body = |waits: bool| async move {
        if waits {
            tokio::task::yield_now().await;
        }
        Ok::<_, Error>(7)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        for waits in [false, true] {
            let (mut by_hand, mut by_key, mut by_attributes) = (0, 0, 0);
            for call in 0..200 {
                let before = ALLOCATIONS.get();
                stacked(waits).await.unwrap();
                let between = ALLOCATIONS.get();
                pipeline.call(|| body(waits)).await.unwrap();
                let after = ALLOCATIONS.get();
                pipeline.keyed(7).call(|| body(waits)).await.unwrap();
                // The first calls make what all others find.
                if call >= 20 {
                    by_attributes += between - before;
                    by_hand += after - between;
                    by_key += ALLOCATIONS.get() - after;
                }
            }
            assert_eq!((by_hand, by_key), (by_attributes, by_attributes), "waits: {waits}");
            assert!(waits || by_hand == 0);
        }
    });
    let (function, by_hand) = (size_of_val(&stacked(true)), size_of_val(&pipeline.call(|| body(true))));
    println!("a call of the function has {function} bytes, one of the pipeline {by_hand}");
    assert!(by_hand < 4096, "{by_hand} bytes");
}
