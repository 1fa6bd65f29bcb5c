//! A breaker of a key around one body, in one future: the key is known when that is polled first, and the body takes its room then.

use crate::circuit_breaker::{CircuitBreaker, KeyedPermit, Permit};
use crate::error::Failure;
use crate::guarded::POLLED_AGAIN;
use crate::keyed::Keyed;
use crate::registry::Site;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body that `begin` makes, behind the breaker of the key that it has printed before. Everything else is as in [`guard`](crate::guarded::guard).
///
/// The key stays where it is printed, beside this future, until the body first waits: from then on its breaker is its own.
#[inline(always)]
pub fn guard_key<R, T, E, Begin, B, S, End>(
    site: &'static Site<CircuitBreaker>,
    begin: Begin,
    settle: S,
    finish: End,
) -> impl Future<Output = R>
where
    Begin: FnOnce(&mut Keyed<'static, CircuitBreaker>) -> B,
    B: Future<Output = R>,
    S: FnOnce(KeyedPermit<'_, 'static>, R) -> Result<T, Failure<E>>,
    End: FnOnce(Result<T, Failure<E>>) -> R,
{
    GuardedKey {
        body: KeyedBody::Unmade { begin },
        stage: KeyedStage::Start(site, settle, finish),
        types: PhantomData::<fn() -> (R, T, E)>,
    }
}

pin_project_lite::pin_project! {
    /// The future of [`guard_key`].
    #[must_use = "futures do nothing unless awaited"]
    struct GuardedKey<Begin, B, S, End, Types> {
        // Before the permit, so that it is dropped before: a panic in what it drops is the call's own.
        #[pin]
        body: KeyedBody<Begin, B>,
        stage: KeyedStage<S, End>,
        types: PhantomData<fn() -> Types>,
    }
}

pin_project_lite::pin_project! {
    #[project = PinnedKeyedBody]
    #[project_replace = TakenKeyedBody]
    enum KeyedBody<Begin, B> {
        Unmade { begin: Begin },
        Made { #[pin] body: B },
        // The call was rejected, or has ended by a panic of the key.
        Gone,
    }
}

enum KeyedStage<S, End> {
    /// Up to the first poll.
    Start(&'static Site<CircuitBreaker>, S, End),
    /// While the body waits.
    Waiting(Permit<'static>, S, End),
    Ended,
}

impl<R, T, E, Begin, B, S, End> Future for GuardedKey<Begin, B, S, End, (R, T, E)>
where
    Begin: FnOnce(&mut Keyed<'static, CircuitBreaker>) -> B,
    B: Future<Output = R>,
    S: FnOnce(KeyedPermit<'_, 'static>, R) -> Result<T, Failure<E>>,
    End: FnOnce(Result<T, Failure<E>>) -> R,
{
    type Output = R;

    /// Always inlined: see [`guard`](crate::guarded::guard)'s.
    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let mut this = self.project();
        let mut key;
        let (permit, settle, finish) = match std::mem::replace(this.stage, KeyedStage::Ended) {
            KeyedStage::Waiting(permit, settle, finish) => (KeyedPermit::held(permit), settle, finish),
            KeyedStage::Start(site, settle, finish) => {
                let TakenKeyedBody::Unmade { begin } = this.body.as_mut().project_replace(KeyedBody::Gone) else {
                    unreachable!("the body is made by the first poll")
                };
                key = site.of_a_key();
                this.body.set(KeyedBody::Made { body: begin(&mut key) });
                match key.admitted() {
                    Ok(permit) => (permit, settle, finish),
                    Err(rejection) => {
                        this.body.set(KeyedBody::Gone);
                        return Poll::Ready(finish(Err(Failure::Rejected(rejection))));
                    }
                }
            }
            KeyedStage::Ended => panic!("{POLLED_AGAIN}"),
        };
        let PinnedKeyedBody::Made { body } = this.body.project() else { unreachable!("{POLLED_AGAIN}") };
        let running = permit.runs();
        let polled = body.poll(context);
        running.returned();
        match polled {
            Poll::Pending => {
                *this.stage = KeyedStage::Waiting(permit.waits(), settle, finish);
                Poll::Pending
            }
            Poll::Ready(result) => Poll::Ready(finish(settle(permit, result))),
        }
    }
}
