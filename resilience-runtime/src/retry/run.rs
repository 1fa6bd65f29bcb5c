//! One guarded call's attempts.

use super::backoff::{Dice, Waits};
use super::{ATTEMPTS, BUDGET, PRECISE, Retry, WANTS};
use crate::error::{Failure, RejectionKind};
use crate::event::{Event, GaveUp, RetryEvent, Topic};
use crate::hooks::{AskedWait, Predicate, RetryHook};
use crate::time::{Timestamp, coarse_millis, precise_nanos};
use crate::window::Shard;
use resilience_config::Rejections;
use std::future::{Future, IntoFuture};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// The loop of one guarded call: told the result of each attempt, it says whether and when there is another.
#[derive(Debug)]
pub struct Run<'a> {
    retry: &'a Retry,
    /// When the first attempt began, in nanoseconds. Read from the coarse clock where nothing is decided by it.
    began: u64,
    /// How many there may be. It does not change under way, since arguments are given away for the last one.
    attempts: u32,
    made: u32,
    /// The kind of rejection that the attempt before failed with, if it was one.
    before: Option<RejectionKind>,
    /// From the first failure on.
    waits: Option<Waits>,
}

impl<'a> Run<'a> {
    #[inline]
    pub(super) fn new(retry: &'a Retry) -> Self {
        let wants = retry.settings.word(WANTS);
        let began = if wants & PRECISE != 0 { precise_nanos() } else { coarse_millis() * 1_000_000 };
        if wants & BUDGET != 0 {
            retry.budget().count_call(Shard::of_this_thread(), began / 1_000_000_000);
        }
        Self { retry, began, attempts: retry.settings.word(ATTEMPTS) as u32, made: 0, before: None, waits: None }
    }

    /// Whether the attempt that begins now is the last one, for which arguments need not be cloned.
    #[inline]
    pub fn is_last_attempt(&self) -> bool {
        self.made + 1 >= self.attempts
    }

    /// Takes the result of an attempt: the result to return, or the wait before the next attempt.
    ///
    /// `retry_if` and `retry_after` are asked about the function's own errors; rejections go by the setting `retry_rejections` and bring
    /// their own wait. `on_retry` is told of an attempt that will follow.
    #[inline]
    pub fn after<T, E, IfFit, AfterFit, HookFit>(
        &mut self,
        result: Result<T, Failure<E>>,
        retry_if: impl Predicate<E, IfFit>,
        retry_after: impl AskedWait<E, AfterFit>,
        on_retry: impl RetryHook<HookFit>,
    ) -> ControlFlow<Result<T, Failure<E>>, Wait> {
        self.made += 1;
        match result {
            Ok(value) => {
                if self.made > 1 {
                    self.recovered();
                }
                ControlFlow::Break(Ok(value))
            }
            Err(failure) => match self.failed(&failure, retry_if, retry_after, on_retry) {
                Ok(wait) => ControlFlow::Continue(Wait(wait)),
                Err(why) => {
                    self.give_up(why, failure.rejection().map(|rejection| rejection.kind()));
                    ControlFlow::Break(Err(failure))
                }
            },
        }
    }

    /// As [`after`](Self::after), where no policy stands between the retry and the call.
    pub(super) fn after_call<T, E>(
        &mut self,
        result: Result<T, E>,
        retry_if: impl FnOnce(&E) -> bool,
    ) -> ControlFlow<Result<T, E>, Wait> {
        let after = self.after(result.map_err(Failure::Call), retry_if, |_| None, |_| ());
        after.map_break(|result| {
            result.map_err(|failure| match failure {
                Failure::Call(error) => error,
                Failure::Rejected(_) => unreachable!("every failure came from the call"),
            })
        })
    }

    #[cold]
    fn failed<E>(
        &mut self,
        failure: &Failure<E>,
        retry_if: impl FnOnce(&E) -> bool,
        retry_after: impl FnOnce(&E) -> Option<Duration>,
        on_retry: impl FnOnce(&RetryEvent),
    ) -> Result<Duration, GaveUp> {
        let settings = self.retry.settings.get();
        if !settings.enabled {
            return Err(GaveUp::TurnedOff);
        }
        let (worth_it, asked, rejection) = match failure {
            Failure::Call(error) if self.made >= self.attempts => (retry_if(error), None, None),
            Failure::Call(error) => (retry_if(error), retry_after(error), None),
            Failure::Rejected(rejection) => {
                let kind = rejection.kind();
                (settings.retry_rejections.contains(in_set(kind)), rejection.retry_after(), Some(kind))
            }
        };
        if !worth_it {
            return Err(GaveUp::NotRetryable);
        }
        if self.made >= self.attempts {
            return Err(GaveUp::Attempts);
        }
        let waits = self.waits.get_or_insert_with(|| Waits::new(Dice::new()));
        let now = precise_nanos();
        let elapsed = Duration::from_nanos(now.saturating_sub(self.began));
        let is_too_late = |wait: Duration| settings.max_elapsed.is_some_and(|most| elapsed + wait > most);
        let wait = match asked {
            Some(asked) if asked > settings.max_delay => return Err(GaveUp::AskedTooMuch),
            Some(asked) if is_too_late(asked) => return Err(GaveUp::Elapsed),
            // What jitter adds to a wait that fits must not make it one that does not.
            Some(asked) => match waits.asked(&settings, asked) {
                wait if is_too_late(wait) => asked,
                wait => wait,
            },
            None => waits.next(&settings),
        };
        if is_too_late(wait) {
            return Err(GaveUp::Elapsed);
        }
        if settings.budget.is_some_and(|percent| !self.retry.budget().spend(now / 1_000_000_000, percent)) {
            return Err(GaveUp::Budget);
        }
        self.retry.retries.increment();
        let at = Timestamp::from_millis(now / 1_000_000);
        let order = self.retry.emitter.order(0);
        let event =
            RetryEvent { name: self.retry.name.clone(), attempt: self.made, wait, elapsed, rejection, at, order };
        on_retry(&event);
        self.retry.emitter.emit(Topic::Retry, 0, |_| Event::Retry(event));
        self.before = rejection;
        Ok(wait)
    }

    #[cold]
    fn recovered(&self) {
        self.retry.recovered.increment();
        #[cfg(feature = "tracing")]
        crate::event::trace::tried(self.made, self.elapsed());
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(precise_nanos().saturating_sub(self.began))
    }

    #[cold]
    fn give_up(&self, why: GaveUp, rejection: Option<RejectionKind>) {
        #[cfg(feature = "tracing")]
        crate::event::trace::tried(self.made, self.elapsed());
        match why {
            GaveUp::Attempts => self.retry.exhausted.increment(),
            GaveUp::Budget => self.retry.over_budget.increment(),
            // An ordinary error, as far as a retry goes.
            GaveUp::NotRetryable | GaveUp::TurnedOff if self.made == 1 => return,
            GaveUp::NotRetryable | GaveUp::TurnedOff | GaveUp::Elapsed | GaveUp::AskedTooMuch => {}
        }
        self.retry.emitter.emit(Topic::RetriesEnded, 0, |order| Event::RetriesEnded {
            name: self.retry.name.clone(),
            attempts: self.made,
            elapsed: self.elapsed(),
            why,
            rejection,
            before: self.before,
            at: Timestamp::now(),
            order,
        });
    }
}

fn in_set(kind: RejectionKind) -> Rejections {
    match kind {
        RejectionKind::CircuitOpen => Rejections::CIRCUIT_OPEN,
        RejectionKind::TimedOut => Rejections::TIMED_OUT,
        RejectionKind::BulkheadFull => Rejections::BULKHEAD_FULL,
        RejectionKind::RateLimited => Rejections::RATE_LIMITED,
    }
}

/// The wait before the next attempt: a duration until it is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the next attempt begins when it was awaited"]
pub struct Wait(Duration);

impl Wait {
    /// How long.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// Lets the thread sleep for as long, by the clock of the system: a synchronous function has no other.
    pub fn block(self) {
        std::thread::sleep(self.0);
    }
}

impl IntoFuture for Wait {
    type Output = ();
    type IntoFuture = Pause;

    fn into_future(self) -> Pause {
        Pause { sleep: (!self.0.is_zero()).then(|| sleep(self.0)) }
    }
}

pin_project_lite::pin_project! {
    /// The future of a [`Wait`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Pause {
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl Future for Pause {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.project().sleep.as_pin_mut() {
            Some(sleep) => sleep.poll(context),
            None => Poll::Ready(()),
        }
    }
}
