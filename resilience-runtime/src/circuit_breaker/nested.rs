//! Which probes are being polled on this thread: a call that is made in one, of the same breaker, is part of it.

use super::breaker::CircuitBreaker;
use std::cell::{Cell, RefCell};

/// A probe whose body is being polled. Two words, which are read and written one by one.
#[derive(Clone, Copy)]
struct Polled {
    /// Where the breaker is, by which it is told from others. It stays there while one of its permits is out. Nowhere where no probe is polled.
    breaker: usize,
    /// `generation << 2 | whether it is polled in the body of another probe << 1 | whether a call in it has failed`
    state: u64,
}

const FAILED: u64 = 1;
const IS_WITHIN: u64 = 2;
const GENERATION_AT: u32 = 2;

const NONE: Polled = Polled { breaker: 0, state: 0 };

thread_local! {
    /// The innermost. Without a destructor, so that reading it is two loads.
    static INNERMOST: Cell<Polled> = const { Cell::new(NONE) };
    /// Those in whose bodies it is polled, the outermost first.
    static AROUND: RefCell<Vec<Polled>> = const { RefCell::new(Vec::new()) };
}

fn address(breaker: &CircuitBreaker) -> usize {
    std::ptr::from_ref(breaker).addr()
}

impl Polled {
    fn is(self, breaker: &CircuitBreaker, generation: u64) -> bool {
        self.breaker == address(breaker) && self.state >> GENERATION_AT == generation
    }

    fn has_failed(self) -> bool {
        self.state & FAILED != 0
    }

    fn is_within(self) -> bool {
        self.state & IS_WITHIN != 0
    }
}

/// Those around the innermost; nothing on a thread that ends, which has no calls in a probe's.
fn around<R>(then: impl FnOnce(&mut Vec<Polled>) -> R) -> Option<R> {
    AROUND.try_with(|around| then(&mut around.borrow_mut())).ok()
}

/// A probe's body is polled from now on.
pub(super) fn enter(breaker: &CircuitBreaker, generation: u64, failed: bool) {
    let before = INNERMOST.get();
    let mut state = generation << GENERATION_AT | u64::from(failed);
    if before.breaker != 0 && around(|around| around.push(before)).is_some() {
        state |= IS_WITHIN;
    }
    INNERMOST.set(Polled { breaker: address(breaker), state });
}

/// It is no longer. Whether a call in it has failed so far.
pub(super) fn leave() -> bool {
    let left = INNERMOST.get();
    let before = if left.is_within() { around(Vec::pop).flatten() } else { None };
    INNERMOST.set(before.unwrap_or(NONE));
    left.has_failed()
}

/// Whether the call that asks is made in such a probe, and what became of those before it: `Some(true)`, one has failed. The innermost one says so.
#[inline]
pub(super) fn is_in_probe(breaker: &CircuitBreaker, generation: u64) -> Option<bool> {
    let innermost = INNERMOST.get();
    if innermost.is(breaker, generation) {
        return Some(innermost.has_failed());
    }
    if innermost.is_within() { is_further_out(breaker, generation) } else { None }
}

#[cold]
fn is_further_out(breaker: &CircuitBreaker, generation: u64) -> Option<bool> {
    let is_it = |polled: &&Polled| polled.is(breaker, generation);
    around(|around| around.iter().rev().find(is_it).map(|polled| polled.has_failed())).flatten()
}

/// A call in such a probe has failed.
pub(super) fn fail(breaker: &CircuitBreaker, generation: u64) {
    let innermost = INNERMOST.get();
    if innermost.is(breaker, generation) {
        return INNERMOST.set(Polled { state: innermost.state | FAILED, ..innermost });
    }
    around(|around| {
        if let Some(polled) = around.iter_mut().rev().find(|polled| polled.is(breaker, generation)) {
            polled.state |= FAILED;
        }
    });
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use resilience_config::CircuitBreakerConfig;
    use std::sync::Arc;

    #[test]
    fn a_probe_is_found_from_within_those_of_others_and_of_itself() {
        let settings = CircuitBreakerConfig::new().resolve();
        let breaker = || {
            let emitter = crate::event::Emitter::new(Arc::default());
            CircuitBreaker::new_at("nested".into(), settings, None, emitter, 1000)
        };
        let (one, other) = (breaker(), breaker());
        let found = || [is_in_probe(&one, 7), is_in_probe(&one, 8), is_in_probe(&other, 7)];
        assert_eq!(found(), [None; 3]);
        enter(&one, 7, false);
        assert_eq!(found(), [Some(false), None, None]);
        enter(&other, 7, true);
        assert_eq!(found(), [Some(false), None, Some(true)]);
        enter(&one, 8, false);
        fail(&one, 7);
        assert_eq!(found(), [Some(true), Some(false), Some(true)]);
        assert_eq!((leave(), leave()), (false, true));
        assert_eq!(found(), [Some(true), None, None]);
        enter(&one, 7, false);
        assert_eq!(is_in_probe(&one, 7), Some(false), "the innermost says so");
        assert_eq!((leave(), leave()), (false, true));
        assert_eq!(found(), [None; 3]);

        // Also where it is further out.
        [&one, &one, &other].into_iter().for_each(|breaker| enter(breaker, 7, false));
        fail(&one, 7);
        assert_eq!(is_in_probe(&one, 7), Some(true));
        assert_eq!((leave(), leave()), (false, true));
        assert_eq!((is_in_probe(&one, 7), leave(), is_in_probe(&one, 7)), (Some(false), false, None));
    }
}
