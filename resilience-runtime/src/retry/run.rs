//! One guarded call's attempts.

use super::backoff::{Dice, Waits};
use super::blocking::polls_a_task;
use super::{ATTEMPTS, BUDGET, PRECISE, Retry, WANTS};
use crate::cause::{Cause, Describe, cause_of, undescribed};
use crate::error::{Failure, RejectionKind};
use crate::event::{Event, GaveUp, RetryEvent, Topic, Trap};
use crate::hooks::{AskedWait, ClassifyBy, Predicate, RetryHook};
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::time::{self, Alarm, NANOS_PER_MILLI, Timestamp, coarse_millis, precise_nanos};
use crate::window::Shard;
use resilience_config::Rejections;
use std::fmt::Write;
use std::future::{Future, IntoFuture};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The loop of one guarded call: told the result of each attempt, it says whether and when there is another.
#[derive(Debug)]
pub struct Run<'a> {
    retry: &'a Retry,
    /// When the first attempt began, in nanoseconds: [`NOT_READ`], or from the coarse clock, where nothing is decided by it.
    began: u64,
    /// How many there may be. It does not change under way, since arguments are given away for the last one.
    attempts: u32,
    made: u32,
    /// The kind of rejection that the attempt before failed with, if it was one.
    before: Option<RejectionKind>,
    /// From the first failure on.
    waits: Option<Waits>,
}

/// Nobody was there, when the call began, who would have been told how long it takes. Later than any time.
const NOT_READ: u64 = u64::MAX;

impl<'a> Run<'a> {
    /// Always inlined: what comes out of a function by value was written in words, and is copied in larger pieces.
    #[inline(always)]
    pub(super) fn new(retry: &'a Retry, may_have_hook: bool) -> Self {
        let wants = retry.settings.word(WANTS);
        let began = if wants != 0 || may_have_hook || retry.emitter.may_tell_attempts() {
            read_beginning(retry, wants)
        } else {
            NOT_READ
        };
        Self { retry, began, attempts: retry.settings.word(ATTEMPTS) as u32, made: 0, before: None, waits: None }
    }

    /// The attempt that begins now: 1 is the first.
    #[inline]
    pub fn attempt(&self) -> u32 {
        self.made + 1
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
        self.after_above((undescribed, true), result, retry_if, retry_after, on_retry, |_| false)
    }

    /// As [`after`](Self::after). `describe` says what an error says, and whether there is an `on_retry`, which is told that. Where a circuit breaker stands between the
    /// retry and the call, `is_shut` says whether it will still be open after so long: there is nothing to wait for then.
    #[doc(hidden)]
    #[inline]
    pub fn after_above<T, E, IfFit, AfterFit, HookFit>(
        &mut self,
        describe: (Describe<E>, bool),
        result: Result<T, Failure<E>>,
        retry_if: impl Predicate<E, IfFit>,
        retry_after: impl AskedWait<E, AfterFit>,
        on_retry: impl RetryHook<HookFit>,
        is_shut: impl FnOnce(Duration) -> bool,
    ) -> ControlFlow<Result<T, Failure<E>>, Wait> {
        let of_error = |error: &E, asks_to_wait: bool| Worth {
            another: retry_if(error),
            asked: if asks_to_wait { retry_after(error) } else { None },
        };
        self.ended(describe, result, |_| None, of_error, on_retry, is_shut)
    }

    /// As [`after`](Self::after), where `classify` says what the function's own results are worth. Of an error, `retry_if` says whether there is another
    /// attempt where it `is_written`, and `retry_after` is asked for the wait before the verdict is.
    #[allow(clippy::too_many_arguments, reason = "each is a hook that the attribute may have")]
    pub fn after_classified<T, E, IfFit, AfterFit, HookFit>(
        &mut self,
        describe: (Describe<E>, bool),
        result: Result<T, Failure<E>>,
        classify: &impl ClassifyBy<T, E>,
        is_written: bool,
        retry_if: impl Predicate<E, IfFit>,
        retry_after: impl AskedWait<E, AfterFit>,
        on_retry: impl RetryHook<HookFit>,
        is_shut: impl FnOnce(Duration) -> bool,
    ) -> ControlFlow<Result<T, Failure<E>>, Wait> {
        let of_ok = |value: &T| {
            let verdict = classify.verdict(Ok(value));
            let worth = Worth { another: verdict.is_worth_another_try(), asked: verdict.retry_after() };
            (verdict.outcome() != Outcome::Success).then_some(worth)
        };
        let of_error = |error: &E, asks_to_wait: bool| {
            let verdict = classify.verdict(Err(error));
            let another = if is_written { retry_if(error) } else { verdict.is_worth_another_try() };
            let asked = if asks_to_wait { retry_after(error).or(verdict.retry_after()) } else { None };
            Worth { another, asked }
        };
        self.ended(describe, result, of_ok, of_error, on_retry, is_shut)
    }

    /// An attempt ended so. What an `Ok` is worth that is no success is said by `of_ok`.
    #[inline(always)]
    fn ended<T, E>(
        &mut self,
        describe: (Describe<E>, bool),
        result: Result<T, Failure<E>>,
        of_ok: impl FnOnce(&T) -> Option<Worth>,
        of_error: impl FnOnce(&E, bool) -> Worth,
        on_retry: impl FnOnce(&RetryEvent),
        is_shut: impl FnOnce(Duration) -> bool,
    ) -> ControlFlow<Result<T, Failure<E>>, Wait> {
        self.made += 1;
        let (wait, result) = match result {
            Ok(value) => match of_ok(&value) {
                None => {
                    self.tell_success();
                    return ControlFlow::Break(Ok(value));
                }
                Some(worth) => {
                    let unsuccessful: Describe<()> =
                        |(), words| words.write_str("an answer that is classified as a failure");
                    let described = (&Failure::Call(()), (unsuccessful, describe.1));
                    (self.failed(described, |(), _| worth, on_retry, is_shut), Ok(value))
                }
            },
            Err(failure) => (self.failed((&failure, describe), of_error, on_retry, is_shut), Err(failure)),
        };
        wait.map_or_else(|| ControlFlow::Break(result), ControlFlow::Continue)
    }

    /// An attempt has succeeded, about which nobody is asked.
    #[inline]
    pub(crate) fn succeeded(&mut self) {
        self.made += 1;
        self.tell_success();
    }

    #[inline]
    fn tell_success(&self) {
        if self.made > 1 {
            self.recovered();
        }
    }

    /// As [`after`](Self::after), where no policy stands between the retry and the call.
    pub(super) fn after_call<T, E>(
        &mut self,
        result: Result<T, E>,
        retry_if: impl FnOnce(&E) -> bool,
    ) -> ControlFlow<Result<T, E>, Wait> {
        let result = result.map_err(Failure::Call);
        let after = self.after_above((undescribed, false), result, retry_if, |_| None, |_| (), |_| false);
        after.map_break(|result| result.map_err(of_the_call))
    }

    /// As [`after_call`](Self::after_call), by the verdict of `classify`.
    pub(super) fn after_classified_call<T, E>(
        &mut self,
        result: Result<T, E>,
        classify: &impl ClassifyBy<T, E>,
    ) -> ControlFlow<Result<T, E>, Wait> {
        let after = self.after_classified_by_hand(undescribed, result.map_err(Failure::Call), classify, |_| false);
        after.map_break(|result| result.map_err(of_the_call))
    }

    /// As [`after_classified`](Self::after_classified), without the hooks that only an attribute has.
    pub(crate) fn after_classified_by_hand<T, E>(
        &mut self,
        describe: Describe<E>,
        result: Result<T, Failure<E>>,
        classify: &impl ClassifyBy<T, E>,
        is_shut: impl FnOnce(Duration) -> bool,
    ) -> ControlFlow<Result<T, Failure<E>>, Wait> {
        self.after_classified((describe, false), result, classify, false, |_| false, |_| None, |_| (), is_shut)
    }

    /// The wait before the next attempt, or that there is none.
    #[cold]
    fn failed<E>(
        &mut self,
        failed: (&Failure<E>, (Describe<E>, bool)),
        ask: impl FnOnce(&E, bool) -> Worth,
        on_retry: impl FnOnce(&RetryEvent),
        is_shut: impl FnOnce(Duration) -> bool,
    ) -> Option<Wait> {
        match self.wait_after(failed, ask, on_retry, is_shut) {
            Ok(wait) => Some(Wait(wait)),
            Err(why) => {
                let (failure, (describe, _)) = failed;
                let cause = || self.cause(failure, describe);
                self.give_up(why, failure.rejection().map(|rejection| rejection.kind()), cause);
                None
            }
        }
    }

    fn wait_after<E>(
        &mut self,
        (failure, (describe, is_hooked)): (&Failure<E>, (Describe<E>, bool)),
        ask: impl FnOnce(&E, bool) -> Worth,
        on_retry: impl FnOnce(&RetryEvent),
        is_shut: impl FnOnce(Duration) -> bool,
    ) -> Result<Duration, GaveUp> {
        let settings = self.retry.settings.get();
        if !settings.enabled {
            return Err(GaveUp::TurnedOff);
        }
        let (Worth { another, asked }, rejection) = match failure {
            Failure::Call(error) => (ask(error, self.made < self.attempts), None),
            Failure::Rejected(rejection) => {
                let kind = rejection.kind();
                let another = settings.retry_rejections.contains(in_set(kind)) && !rejection.is_for_good();
                (Worth { another, asked: rejection.retry_after() }, Some(kind))
            }
        };
        if !another {
            return Err(GaveUp::NotRetryable);
        }
        if self.made >= self.attempts {
            return Err(GaveUp::Attempts);
        }
        let waits = self.waits.get_or_insert_with(|| Waits::new(Dice::new()));
        let now = precise_nanos();
        self.began = self.began.min(now);
        let elapsed = Duration::from_nanos(now - self.began);
        let is_too_late = |wait: Duration| settings.max_elapsed.is_some_and(|most| elapsed + wait > most);
        let wait = match asked {
            Some(asked) if asked > settings.max_delay => return Err(GaveUp::AskedTooMuch),
            // What jitter adds to a wait must not make it too long.
            Some(asked) => match waits.asked(&settings, asked) {
                wait if is_too_late(wait) => asked,
                wait => wait,
            },
            None => waits.next(&settings),
        };
        if is_too_late(wait) {
            return Err(GaveUp::Elapsed);
        }
        if !settings.retry_rejections.contains(Rejections::CIRCUIT_OPEN) && is_shut(wait) {
            return Err(GaveUp::CircuitOpen);
        }
        if settings.budget.is_some_and(|percent| !self.retry.budget().spend(now / 1_000_000_000, percent)) {
            return Err(GaveUp::Budget);
        }
        self.retry.retries.increment();
        self.retry.look_for_trap(Trap::PausedClock, time::is_tokios_paused);
        let at = Timestamp::from_millis(now / 1_000_000);
        let is_told = is_hooked || self.retry.emitter.wants(Topic::Retry);
        let cause = if is_told { self.cause(failure, describe) } else { None };
        let order = self.retry.emitter.order(0);
        let (name, attempt) = (self.retry.name.clone(), self.made);
        let event = RetryEvent { name, attempt, wait, elapsed, rejection, cause, at, order };
        on_retry(&event);
        self.retry.emitter.emit(Topic::Retry, 0, |_| Event::Retry(event));
        self.before = rejection;
        Ok(wait)
    }

    /// Lets the thread sleep for as long, by the clock of the system: a synchronous function has no other.
    pub fn block(&self, Wait(wait): Wait) {
        if !wait.is_zero() {
            self.retry.look_for_trap(Trap::BlockedTask, polls_a_task);
        }
        std::thread::sleep(wait);
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

    /// What the function's own error says, unless nobody is to be told that.
    fn cause<E>(&self, failure: &Failure<E>, describe: Describe<E>) -> Option<Cause> {
        let Failure::Call(error) = failure else { return None };
        if self.retry.emitter.tells_causes() { cause_of(error, describe) } else { None }
    }

    #[cold]
    fn give_up(&self, why: GaveUp, rejection: Option<RejectionKind>, cause: impl FnOnce() -> Option<Cause>) {
        #[cfg(feature = "tracing")]
        crate::event::trace::tried(self.made, self.elapsed());
        // An ordinary error, as far as a retry goes.
        if self.made == 1 && matches!(why, GaveUp::NotRetryable | GaveUp::TurnedOff) {
            return;
        }
        self.retry.gave_up[why as usize].increment();
        self.retry.emitter.emit(Topic::RetriesEnded, 0, |order| Event::RetriesEnded {
            name: self.retry.name.clone(),
            attempts: self.made,
            elapsed: self.elapsed(),
            why,
            rejection,
            cause: cause(),
            before: self.before,
            at: Timestamp::now(),
            order,
        });
    }
}

/// When a call begins, which the retry's budget counts if there is one.
#[inline(never)]
fn read_beginning(retry: &Retry, wants: u64) -> u64 {
    let began = if wants & PRECISE != 0 { precise_nanos() } else { coarse_millis() * NANOS_PER_MILLI };
    if wants & BUDGET != 0 {
        retry.budget().count_call(Shard::of_this_thread(), began / 1_000_000_000);
    }
    began
}

/// The error of a retry around which nothing rejects.
fn of_the_call<E>(failure: Failure<E>) -> E {
    match failure {
        Failure::Call(error) => error,
        Failure::Rejected(_) => unreachable!("every failure came from the call"),
    }
}

fn in_set(kind: RejectionKind) -> Rejections {
    match kind {
        RejectionKind::CircuitOpen => Rejections::CIRCUIT_OPEN,
        RejectionKind::TimedOut => Rejections::TIMED_OUT,
        RejectionKind::BulkheadFull => Rejections::BULKHEAD_FULL,
        RejectionKind::RateLimited => Rejections::RATE_LIMITED,
        RejectionKind::Unsuccessful => Rejections::UNSUCCESSFUL,
    }
}

/// What is said of an attempt that did not succeed.
#[derive(Clone, Copy)]
struct Worth {
    /// Another attempt may help.
    another: bool,
    /// How long the dependency asked to wait before it.
    asked: Option<Duration>,
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
}

impl IntoFuture for Wait {
    type Output = ();
    type IntoFuture = Pause;

    fn into_future(self) -> Pause {
        Pause { alarm: (!self.0.is_zero()).then(|| Alarm::after(self.0)) }
    }
}

pin_project_lite::pin_project! {
    /// The future of a [`Wait`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Pause {
        #[pin]
        alarm: Option<Alarm>,
    }
}

impl Future for Pause {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.project().alarm.as_pin_mut() {
            Some(alarm) => alarm.sleep().poll(context),
            None => Poll::Ready(()),
        }
    }
}
