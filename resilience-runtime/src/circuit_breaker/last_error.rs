//! What the last failure of a breaker said: kept for its snapshot, and to be told with an opening that no error has caused by itself.

use crate::cause::{Because, Cause, CauseText};
use crate::event::Ended;
use crate::sync::{AtomicSetting, locked};
use crate::time::Timestamp;
use once_cell::race::OnceBox;
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
pub(super) struct ErrorKept(OnceBox<LastKept>);

struct LastKept {
    /// When the next one is due, in milliseconds.
    due: AtomicSetting,
    last: Mutex<Option<(CauseText, Timestamp)>>,
}

impl LastKept {
    fn new() -> Box<Self> {
        Box::new(Self { due: AtomicSetting::new(0), last: Mutex::new(None) })
    }
}

impl ErrorKept {
    pub(super) fn new() -> Self {
        // Models do not see what orders the making of the box before its use: theirs is made beforehand.
        Self(if cfg!(resilience_loom) { OnceBox::with_value(LastKept::new()) } else { OnceBox::new() })
    }

    pub(super) fn is_due(&self, now: u64) -> bool {
        self.0.get().is_none_or(|kept| now >= kept.due.get())
    }

    /// Where it is not too late, which is asked under the lock: what is forgotten after that stays so.
    pub(super) fn keep(&self, words: &CauseText, now: u64, is_too_late: impl FnOnce() -> bool) {
        let kept = self.0.get_or_init(LastKept::new);
        kept.due.set(now + PAUSE_MILLIS);
        let mut last = locked(&kept.last);
        if !is_too_late() {
            *last = Some((*words, Timestamp::from_millis(now)));
        }
    }

    pub(super) fn read(&self) -> Option<LastError> {
        let last = locked(&self.0.get()?.last);
        last.as_ref().map(|(words, at)| LastError { cause: words.cause(), at: *at })
    }

    /// Of whoever had the breaker before.
    pub(super) fn forget(&self) {
        if let Some(kept) = self.0.get() {
            *locked(&kept.last) = None;
            kept.due.set(0);
        }
    }
}
