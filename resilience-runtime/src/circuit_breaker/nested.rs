//! Which probes are being polled on this thread: a call that is made in one, of the same breaker, is part of it.

use super::breaker::CircuitBreaker;
use std::cell::RefCell;

/// A probe whose body is being polled.
struct Polled {
    /// Where the breaker is, by which it is told from others. It stays there while one of its permits is out.
    breaker: usize,
    generation: u64,
    /// Whether a call in it has failed.
    failed: bool,
}

thread_local! {
    /// The outermost first.
    static POLLED: RefCell<Vec<Polled>> = const { RefCell::new(Vec::new()) };
}

fn address(breaker: &CircuitBreaker) -> usize {
    std::ptr::from_ref(breaker).addr()
}

/// The innermost such probe that is being polled on this thread. No code of the user's runs in `then`.
fn find<R>(breaker: &CircuitBreaker, generation: u64, then: impl FnOnce(&mut Polled) -> R) -> Option<R> {
    let is_it = |polled: &&mut Polled| polled.breaker == address(breaker) && polled.generation == generation;
    let found = POLLED.try_with(|all| all.borrow_mut().iter_mut().rev().find(is_it).map(then));
    // A thread that ends has no calls in a probe's.
    found.ok().flatten()
}

/// A probe's body is polled from now on.
#[cold]
pub(super) fn enter(breaker: &CircuitBreaker, generation: u64, failed: bool) {
    let polled = Polled { breaker: address(breaker), generation, failed };
    let _ = POLLED.try_with(|all| all.borrow_mut().push(polled));
}

/// It is no longer. Whether a call in it has failed so far.
#[cold]
pub(super) fn leave() -> bool {
    let last = POLLED.try_with(|all| all.borrow_mut().pop());
    last.ok().flatten().is_some_and(|polled| polled.failed)
}

/// Whether the call that asks is made in such a probe, and what became of those before it: `Some(true)`, one has failed.
pub(super) fn is_in_probe(breaker: &CircuitBreaker, generation: u64) -> Option<bool> {
    find(breaker, generation, |polled| polled.failed)
}

/// A call in such a probe has failed.
pub(super) fn fail(breaker: &CircuitBreaker, generation: u64) {
    find(breaker, generation, |polled| polled.failed = true);
}
