//! What is used in a way that cannot work, as far as that is seen from inside: what it is called, and what to write in its place.

use std::fmt;

/// Something that was written in a way that cannot work, and that the library has come across. Each is told once a policy, as [`Event::Trap`](super::Event::Trap), when
/// a call waits or fails; a call that does neither is never looked at.
///
/// Printed, it says what to write in its place. All of them, and those that nobody can be told of, are in `docs/traps.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Trap {
    /// A call waits in the queue of a bulkhead while the call that it is a part of holds a permit of the same bulkhead, as in a function that calls itself.
    Recursion,
    /// With the feature `test-util`: a guarded function is called outside of the `testing::Scope` that its runtime's test has entered on another thread.
    OutsideScope,
    /// Without the feature `test-util`: tokio's clock is paused or was advanced, and the library reads the system's.
    PausedClock,
    /// A synchronous retry lets a thread sleep on which tokio polls a task.
    BlockedTask,
}

impl Trap {
    /// The word used in events: `recursion`, `outside_scope`, `paused_clock`, `blocked_task`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recursion => "recursion",
            Self::OutsideScope => "outside_scope",
            Self::PausedClock => "paused_clock",
            Self::BlockedTask => "blocked_task",
        }
    }

    pub(super) const fn bit(self) -> u64 {
        1 << self as u32
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Recursion => {
                "a call waits in the queue while the call that it is a part of holds a permit; guard the way in, and recurse in a function that is not guarded"
            }
            Self::OutsideScope => {
                "a call is made outside of the `Scope` that the test has entered on another thread; write `tokio::spawn(scope.wrap(task))`"
            }
            Self::PausedClock => {
                "tokio's clock is paused and the system's is read; turn on the feature `test-util` of `resilience-runtime` in `[dev-dependencies]`"
            }
            Self::BlockedTask => {
                "a synchronous retry lets a thread sleep that runs tasks; make the function `async`, or call it through `tokio::task::spawn_blocking`"
            }
        })
    }
}
