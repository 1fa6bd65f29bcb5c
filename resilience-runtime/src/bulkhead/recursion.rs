//! Whether a call waits in the queue of a bulkhead while the call that it is a part of holds one of its permits.
//!
//! Who joins a queue leaves a note on its thread. Whoever holds a permit looks, when its body has to wait, for a note of the same bulkhead that was left since the body was
//! polled: nothing else runs on the thread meanwhile, so what has left it is a part of the body. A body that is ready at once does not look.

use super::{Bulkhead, Place};
use crate::event::Trap;
use crate::policy::Policy;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How many notes a thread keeps. Who joins more queues in one poll is rare, and is not told.
const NOTES: usize = 8;

struct Joined {
    /// How often a queue was joined on this thread.
    times: Cell<usize>,
    /// Where the bulkheads are whose queues were joined last, by which they are told from others.
    queues: [Cell<usize>; NOTES],
}

thread_local! {
    static JOINED: Joined = const { Joined { times: Cell::new(0), queues: [const { Cell::new(0) }; NOTES] } };
}

fn address(bulkhead: &Bulkhead) -> usize {
    std::ptr::from_ref(bulkhead).addr()
}

/// Its queue is joined.
pub(super) fn join(bulkhead: &Bulkhead) {
    // A thread that ends has nobody who would look.
    let _ = JOINED.try_with(|joined| {
        let times = joined.times.get();
        joined.queues[times % NOTES].set(address(bulkhead));
        joined.times.set(times.wrapping_add(1));
    });
}

/// How many queues were joined on this thread.
#[inline]
pub(super) fn times() -> usize {
    JOINED.try_with(|joined| joined.times.get()).unwrap_or(0)
}

/// Something has joined a queue since: whether it was this one's.
#[cold]
fn has_joined(bulkhead: &Bulkhead, since: usize) -> bool {
    let of_this = |joined: &Joined| {
        let notes = joined.times.get().wrapping_sub(since).min(NOTES);
        (1..=notes).any(|back| joined.queues[joined.times.get().wrapping_sub(back) % NOTES].get() == address(bulkhead))
    };
    JOINED.try_with(of_this).unwrap_or(false)
}

/// The body of a call that holds a permit.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct HeldCall<'p, F> {
    bulkhead: Option<&'p Bulkhead>,
    body: Pin<&'p mut F>,
}

impl<'p, F> HeldCall<'p, F> {
    /// Without a place, nobody looks.
    #[inline]
    pub(crate) fn new(place: Option<&'p Place<'_>>, body: Pin<&'p mut F>) -> Self {
        Self { bulkhead: place.and_then(|place| place.bulkhead), body }
    }
}

impl<F: Future> Future for HeldCall<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let before = times();
        let polled = self.body.as_mut().poll(context);
        if polled.is_pending() {
            waits(self.bulkhead, before);
        }
        polled
    }
}

/// What holds a permit of the bulkhead waits, and was polled since so many queues were joined.
#[inline(always)]
pub(super) fn waits(bulkhead: Option<&Bulkhead>, before: usize) {
    if before != times()
        && let Some(bulkhead) = bulkhead
    {
        bulkhead.look_for_trap(Trap::Recursion, || has_joined(bulkhead, before));
    }
}
