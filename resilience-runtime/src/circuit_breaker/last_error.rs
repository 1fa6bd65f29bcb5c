//! What the last failure of a breaker said: kept for its snapshot, and to be told with an opening that no error has caused by itself.

use crate::cause::{Because, Cause, CauseText};
use crate::event::Ended;
use crate::sync::{AtomicSetting, locked};
use crate::time::Timestamp;
use std::sync::Mutex;

/// How long none is kept after one was, of many.
const PAUSE_MILLIS: u64 = 100;

/// What the last failure of a [`CircuitBreaker`](crate::CircuitBreaker) said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LastError {
    /// What it said.
    pub cause: Cause,
    /// When the call ended.
    pub at: Timestamp,
}

/// How a call has ended, and what it said of that.
#[derive(Clone, Copy)]
pub(super) struct CallEnd<'a> {
    pub(super) ended: Ended,
    pub(super) because: Option<&'a Because<'a>>,
}

impl From<Ended> for CallEnd<'_> {
    fn from(ended: Ended) -> Self {
        Self { ended, because: None }
    }
}

/// A breaker's last error: nothing until there is one.
pub(super) struct ErrorKept {
    /// When the next one is due, in milliseconds.
    due: AtomicSetting,
    last: Mutex<Option<(CauseText, Timestamp)>>,
}

impl ErrorKept {
    pub(super) fn new() -> Self {
        Self { due: AtomicSetting::new(0), last: Mutex::new(None) }
    }

    pub(super) fn is_due(&self, now: u64) -> bool {
        now >= self.due.get()
    }

    /// Where it is not too late, which is asked under the lock: what is forgotten after that stays so.
    pub(super) fn keep(&self, words: &CauseText, now: u64, is_too_late: impl FnOnce() -> bool) {
        self.due.set(now + PAUSE_MILLIS);
        let mut last = locked(&self.last);
        if !is_too_late() {
            *last = Some((*words, Timestamp::from_millis(now)));
        }
    }

    pub(super) fn read(&self) -> Option<LastError> {
        let last = locked(&self.last);
        last.as_ref().map(|(words, at)| LastError { cause: words.cause(), at: *at })
    }

    /// Of whoever had the breaker before.
    pub(super) fn forget(&self) {
        *locked(&self.last) = None;
        self.due.set(0);
    }
}
