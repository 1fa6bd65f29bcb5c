//! What a breaker needs from when something goes wrong with it: in one box, which is made on first need.
//!
//! Most breakers have never opened, and no success of a closed one reads any of this. Where there is no box, nothing has happened that would stand in it.
//!
//! # Orderings
//!
//! Whoever makes the box publishes it with `Release`, and every reader loads it with `Acquire`: it sees the parts as they were made. The parts have orderings of their own, which are as if they stood in
//! the breaker: who finds no box finds what a part says that nobody has written to. Where something is written about a state, the box is made before the state is entered, so whoever sees the
//! state sees the box.
//!
//! What the last error said is kept while the state lasts in which the call was admitted, and is forgotten after that state was left. Between the writing and the looking of each there is a `SeqCst`
//! fence: either who keeps it sees that the state was left, or who forgets it finds the box.

use super::cooling::Cooling;
use super::last_error::ErrorKept;
use super::opening::{LastOpening, OwnTime};
use crate::cause::CauseText;
use crate::sync::{Count, Ordering, fence};
use once_cell::race::OnceBox;

pub(super) struct Cold(OnceBox<ColdParts>);

pub(super) struct ColdParts {
    pub(super) last_opening: LastOpening,
    pub(super) own_time: OwnTime,
    pub(super) cooling: Cooling,
    /// Calls that a monitoring breaker let pass and an enforcing one would have rejected.
    pub(super) would_reject: Count,
    pub(super) panicked: Count,
    pub(super) stale: Count,
    pub(super) error_kept: ErrorKept,
}

impl ColdParts {
    fn made() -> Box<Self> {
        Box::new(Self {
            last_opening: LastOpening::new(),
            own_time: OwnTime::new(),
            cooling: Cooling::new(),
            would_reject: Count::new(),
            panicked: Count::new(),
            stale: Count::new(),
            error_kept: ErrorKept::new(),
        })
    }
}

impl Cold {
    pub(super) fn new() -> Self {
        // Models do not see what orders the making of the box before its use: theirs is made beforehand.
        Self(if cfg!(resilience_loom) { OnceBox::with_value(ColdParts::made()) } else { OnceBox::new() })
    }

    /// To be read.
    #[inline]
    pub(super) fn get(&self) -> Option<&ColdParts> {
        self.0.get()
    }

    /// To be written to.
    #[inline]
    pub(super) fn made(&self) -> &ColdParts {
        self.0.get_or_init(ColdParts::made)
    }

    /// What a call said, unless its state is over by now.
    pub(super) fn keep_error(&self, words: &CauseText, now: u64, is_too_late: impl FnOnce() -> bool) {
        let parts = self.made();
        fence(Ordering::SeqCst);
        parts.error_kept.keep(words, now, is_too_late);
    }

    /// What was said in a state that is over.
    pub(super) fn forget_error(&self) {
        fence(Ordering::SeqCst);
        if let Some(parts) = self.get() {
            parts.error_kept.forget();
        }
    }
}
