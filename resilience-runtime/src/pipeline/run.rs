//! One call through a pipeline, step by step as the attributes generate it.

use super::{CausesOf, PipelineCall};
use crate::bulkhead::{Bulkhead, HeldCall, Place};
use crate::cause::Describe;
use crate::circuit_breaker::{CircuitBreaker, Permit, Settles};
use crate::error::{Failure, Rejection};
use crate::hooks::ClassifyBy;
use crate::keyed::Keyed;
use crate::rate_limit::RateLimiter;
use crate::retry::{Retry, Run, attempt, in_attempt};
use crate::timeout::Timeout;
use crate::verdict::Verdict;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::Arc;

/// A policy that is asked before the call, and not around it. There is one of each at most.
pub(super) enum PipelineStep {
    CircuitBreaker(Arc<CircuitBreaker>),
    Bulkhead(Arc<Bulkhead>),
    RateLimit(Arc<RateLimiter>),
}

/// The policies of a pipeline. What is allowed has this form: one retry, and one timeout on each side of it.
#[derive(Default)]
pub(super) struct Stack {
    /// Above the first timeout, below it; and below the retry, the same with the second one. Without a retry there is no second one.
    pub(super) steps: [Vec<PipelineStep>; 4],
    pub(super) timeouts: [Option<Arc<Timeout>>; 2],
    pub(super) retry: Option<Arc<Retry>>,
}

/// What a call has got from the steps between two policies that are around it; given back from the last to the first.
#[derive(Default)]
struct Got<'p> {
    permit: Option<Permit<'p>>,
    place: Option<Place<'p>>,
    /// Before the permit.
    place_came_first: bool,
}

impl Drop for Got<'_> {
    fn drop(&mut self) {
        if self.place_came_first {
            self.permit = None;
        }
        self.place = None;
        self.permit = None;
    }
}

impl<'p> Got<'p> {
    /// The call has ended so.
    fn end<T, E>(
        mut self,
        result: Result<T, Failure<E>>,
        (describe, classify): (Describe<E>, &impl ClassifyBy<T, E>),
    ) -> Result<T, Failure<E>> {
        if !self.place_came_first {
            self.place = None;
        }
        let Some(permit) = self.permit.take() else { return result };
        let (of_ok, of_error) = (|value: &T| classify.verdict(Ok(value)), |error: &E| classify.verdict(Err(error)));
        permit.settle(result, describe, of_ok, of_error)
    }
}

/// Where there is no `classify`.
pub(super) struct EveryError;

impl<T, E> ClassifyBy<T, E> for EveryError {
    #[inline]
    fn verdict(&self, result: Result<&T, &E>) -> Verdict {
        if result.is_ok() { Verdict::SUCCESS } else { Verdict::FAILURE }
    }
}

impl<'p, D> PipelineCall<'p, D> {
    /// The first of the steps that refuses the call ends it.
    async fn pass(&self, steps: &'p [PipelineStep], got: &mut Got<'p>) -> Result<(), Rejection> {
        for step in steps {
            match step {
                PipelineStep::CircuitBreaker(breaker) => {
                    got.permit = Some(match self.of_key(&**breaker) {
                        Some(of_key) => of_key.try_acquire()?,
                        None => breaker.try_acquire()?,
                    });
                }
                PipelineStep::Bulkhead(bulkhead) => {
                    got.place_came_first = got.permit.is_none();
                    got.place = Some(match self.of_key(&**bulkhead) {
                        Some(of_key) => of_key.acquire().await?,
                        None => bulkhead.acquire().await?,
                    });
                }
                PipelineStep::RateLimit(limiter) => match self.of_key(&**limiter) {
                    Some(of_key) => of_key.acquire_many(self.cost).await?,
                    None => limiter.acquire_many(self.cost).await?,
                },
            }
        }
        Ok(())
    }

    fn of_key<P>(&self, family: &'p P) -> Option<Keyed<'p, P>> {
        Some(Keyed { family, key: self.key.clone()? })
    }

    /// Whether the circuit breaker below the retry will still be open when so much time has passed. Of one with keys it is not known.
    fn is_shut_after(&self, wait: std::time::Duration) -> bool {
        let [_, _, below_retry @ ..] = &self.stack.steps;
        self.key.is_none()
            && below_retry.iter().flatten().any(|step| match step {
                PipelineStep::CircuitBreaker(breaker) => breaker.is_shut_after(wait),
                PipelineStep::Bulkhead(_) | PipelineStep::RateLimit(_) => false,
            })
    }
}

/// What is inside of a timeout, where there is one.
async fn within<T, E>(
    timeout: Option<&Arc<Timeout>>,
    inside: Pin<&mut impl Future<Output = Result<T, Failure<E>>>>,
) -> Result<T, Failure<E>> {
    match timeout {
        Some(timeout) => timeout.run(inside).await.unwrap_or_else(|rejection| Err(Failure::Rejected(rejection))),
        None => inside.await,
    }
}

/// What is inside of some steps.
macro_rules! after {
    ($steps:expr, $call:expr, $judge:expr, |$got:ident| $inside:expr) => {{
        let mut $got = Got::default();
        let result = match $call.pass($steps, &mut $got).await {
            Ok(()) => $inside,
            Err(rejection) => Err(Failure::Rejected(rejection)),
        };
        $got.end(result, $judge)
    }};
}

pub(super) async fn run<T, E, F, D: CausesOf<E>>(
    call: &PipelineCall<'_, D>,
    mut body: impl FnMut() -> F,
    classify: &impl ClassifyBy<T, E>,
) -> Result<T, Failure<E>>
where
    F: Future<Output = Result<T, E>>,
{
    let describe = call.causes.describe();
    let judge = (describe, classify);
    let Stack { steps: [first, second, third, fourth], timeouts: [outer, inner], retry } = call.stack;
    after!(first, call, judge, |above| {
        let attempts = async {
            after!(second, call, judge, |below| {
                let mut run = retry.as_deref().map(|retry| retry.start_with(false));
                loop {
                    let result = after!(third, call, judge, |before| {
                        let attempt = async {
                            after!(fourth, call, judge, |last| {
                                // What is around the body knows of its panics, and for how long it waits.
                                let got = [&last, &before, &below, &above];
                                let permit = got.iter().find_map(|got| got.permit.as_ref());
                                let place = got.iter().find_map(|got| got.place.as_ref());
                                let attempt = run.as_ref().map_or_else(attempt, Run::attempt);
                                let body = pin!(in_attempt(attempt, async { body().await }));
                                let body = pin!(HeldCall::new(place, body));
                                let result = match permit {
                                    Some(permit) => permit.watch(body).await,
                                    None => body.await,
                                };
                                result.map_err(Failure::Call)
                            })
                        };
                        within(inner.as_ref(), pin!(attempt)).await
                    });
                    let Some(run) = &mut run else { break result };
                    let after =
                        run.after_classified_by_hand(describe, result, classify, |wait| call.is_shut_after(wait));
                    match after {
                        ControlFlow::Continue(wait) => wait.await,
                        ControlFlow::Break(result) => break result,
                    }
                }
            })
        };
        within(outer.as_ref(), pin!(attempts)).await
    })
}
