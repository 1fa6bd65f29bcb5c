//! Which attempt of a retry the running code belongs to.
//!
//! A thread-local says it while the body is polled, or called, and says what it said before in between: a task that waits leaves nothing behind on its thread.

use pin_project_lite::pin_project;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    static RUNNING: Cell<u32> = const { Cell::new(1) };
}

/// Which attempt the calling code belongs to, of the nearest retry around it: 1 in the first, and where there is no retry.
///
/// It follows the body through whatever that awaits and calls, and not into a task or a thread that the body spawns.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use resilience_runtime::{Rejection, attempt, retry};
///
/// #[derive(Debug, thiserror::Error)]
/// enum Error {
///     #[error("replica {0} does not answer")]
///     Silent(u32),
///     #[error(transparent)]
///     Rejected(#[from] Rejection),
/// }
///
/// // Each attempt asks another replica.
/// #[retry(attempts = 3)]
/// async fn read() -> Result<u32, Error> {
///     match attempt() {
///         replica if replica < 3 => Err(Error::Silent(replica)),
///         replica => Ok(replica),
///     }
/// }
///
/// assert_eq!(read().await.unwrap(), 3);
/// assert_eq!(attempt(), 1);
/// # }
/// ```
#[inline]
pub fn attempt() -> u32 {
    // While a thread ends, some platforms have no thread-locals any more.
    RUNNING.try_with(Cell::get).unwrap_or(1)
}

#[cold]
fn say(attempt: u32) {
    let _ = RUNNING.try_with(|running| running.set(attempt));
}

/// Says again what was said before, whatever leaves it.
struct SaysAgain(u32);

impl Drop for SaysAgain {
    // Inlined, and what is said handed on as a number: whoever is asked by its address is in memory, also where there is nothing to say.
    #[inline(always)]
    fn drop(&mut self) {
        say(self.0);
    }
}

/// Runs it as that attempt. Where it is one already, which is the first one nearly always, nothing is written. It is run at one place alone: what it returns would be
/// copied by both if there were two.
#[inline(always)]
pub(crate) fn as_attempt<R>(attempt: u32, run: impl FnOnce() -> R) -> R {
    let outer = self::attempt();
    let _outer = (outer != attempt).then(|| {
        say(attempt);
        SaysAgain(outer)
    });
    run()
}

pin_project! {
    /// A future that is polled as an attempt.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Attempt<F> {
        attempt: u32,
        #[pin]
        body: F,
    }
}

/// Polls the body as that attempt. It is no reference to it: what is pinned apart is read through memory.
#[inline]
pub fn in_attempt<F: Future>(attempt: u32, body: F) -> Attempt<F> {
    Attempt { attempt, body }
}

/// Calls the body as that attempt.
#[inline]
pub fn of_attempt<R>(attempt: u32, body: impl FnOnce() -> R) -> impl FnOnce() -> R {
    move || as_attempt(attempt, body)
}

impl<F: Future> Future for Attempt<F> {
    type Output = F::Output;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        as_attempt(*this.attempt, || this.body.poll(context))
    }
}
