//! A call of a key by an async function: its outcome is its key's, however many other keys come meanwhile.
//!
//! A call that is ready at once does not pay for that: it is over before anybody is likely to want its breaker. So it is known to be under way from when it first waits, as every other call
//! is from before it is admitted. Where its breaker was given to another key by then, it goes on with the one that its own key has, or gets.

use super::breaker::CircuitBreaker;
use super::clock::{Clock, Present};
use super::judging::Admitted;
use super::permit::{Call, Permit, Settles};
use super::state::Word;
use crate::cause::Describe;
use crate::error::{Failure, Rejection};
use crate::keyed::{Keyed, Tenure};
use crate::name::PolicyKey;
use crate::outcome::Outcome;
use crate::verdict::Verdict;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The right to make one call, as [`Permit`], which knows whose it is.
#[must_use = "dropped at once, it counts a cancelled call"]
pub struct KeyedPermit<'k> {
    key: &'k Keyed<'k, CircuitBreaker>,
    /// While its breaker may be given to another key.
    tenure: Option<Tenure<'k, CircuitBreaker>>,
    permit: Permit<'k>,
}

impl<'a> Keyed<'a, CircuitBreaker> {
    /// Prints the key, which stays here until the call has ended, and asks to make that.
    #[doc(hidden)]
    #[inline(always)]
    pub fn admit<Fit>(&mut self, key: &(impl PolicyKey<Fit> + ?Sized)) -> Result<KeyedPermit<'_>, Rejection> {
        self.print(key);
        self.admitted()
    }

    #[inline(always)]
    pub(super) fn admitted(&self) -> Result<KeyedPermit<'_>, Rejection> {
        match self.ask_for_now(|breaker| breaker.admit(Present), CircuitBreaker::take_back) {
            Some((tenure, Ok(permit))) => Ok(KeyedPermit { key: self, tenure: Some(tenure), permit }),
            Some((tenure, Err(refused))) => Err(self.rejected(tenure.instance(), refused)),
            None => self.family.admit_overflow().map(|permit| KeyedPermit { key: self, tenure: None, permit }),
        }
    }

    /// Goes on with a call whose breaker was given to another key.
    fn take_over(&self, began: u64) -> Permit<'a> {
        let taken_over = self.ask(|breaker| breaker.take_over(began), |_, permit| permit.give_back());
        taken_over.map_or_else(|| self.family.take_over(began), |(_, permit)| permit)
    }
}

/// The permit of these words, of a call that is known to be under way.
#[cold]
#[inline(never)]
fn held<'k>(
    key: &'k Keyed<'k, CircuitBreaker>,
    tenure: Option<Tenure<'k, CircuitBreaker>>,
    (call, noted): (Call<'k>, u64),
) -> Permit<'k> {
    let mut held = KeyedPermit { key, tenure, permit: Permit::of(call, noted) };
    held.hold();
    held.permit
}

/// A call that was admitted in that closed state is known to be under way, unless its breaker was given to another key.
pub(super) fn known_in<'b>(tenure: &Tenure<'b, CircuitBreaker>, word: Word, began: u64) -> Option<Permit<'b>> {
    let breaker = tenure.instance();
    let under_way = breaker.in_flight.begin();
    tenure.lasts().then(|| Permit::new(breaker, Admitted::Closed(word), began).known_by(under_way))
}

impl<'k> KeyedPermit<'k> {
    /// The call is known to be under way from now on.
    #[cold]
    #[inline(never)]
    fn hold(&mut self) {
        let Some(tenure) = self.tenure.take() else { return };
        tenure.used_at(Present.coarse_millis());
        // What is not closed is given to no other key, and once it is closed, whatever comes of its probe comes too late.
        let (Admitted::Closed(word), began) = self.permit.words() else { return };
        let held = known_in(&tenure, word, began).unwrap_or_else(|| self.key.take_over(began));
        let before = std::mem::replace(&mut self.permit, held);
        self.permit.watched().know(before.watched());
        before.give_back();
    }

    /// In words, as whatever a success passes by on its way: see [`Permit`].
    #[inline(always)]
    fn held(self) -> Permit<'k> {
        let Self { key, tenure, permit } = self;
        permit.apart(move |call, noted| held(key, tenure, (call, noted)))
    }

    /// The call ended so.
    #[inline(always)]
    pub(super) fn record(self, outcome: Outcome) {
        // At its end, where the time is read anyway.
        let now = Present.coarse_millis();
        if outcome == Outcome::Success && self.permit.is_calm_success(now) {
            if let Some(tenure) = &self.tenure {
                tenure.used_at(now);
            }
            return std::mem::forget(self.permit);
        }
        self.held().record(outcome);
    }

    /// As [`Permit::record_verdict`].
    #[inline(always)]
    pub(super) fn record_verdict(self, verdict: Verdict) {
        match verdict.is_outcome_alone() {
            true => self.record(verdict.outcome()),
            false => self.held().record_verdict(verdict),
        }
    }

    /// As [`Permit::watch`]. From when it first waits, the call is known to be under way.
    #[doc(hidden)]
    #[inline(always)]
    pub fn watch<'p, F: Future>(&'p mut self, body: Pin<&'p mut F>) -> KeyedCall<'p, 'k, F> {
        KeyedCall { permit: self, body }
    }
}

impl Settles for KeyedPermit<'_> {
    #[inline(always)]
    fn succeeded(self, verdict: Verdict) {
        self.record_verdict(verdict);
    }

    #[inline(always)]
    fn failed<E>(self, failed: (&Failure<E>, Describe<E>), of_error: impl FnOnce(&E) -> Verdict) {
        self.held().failed(failed, of_error);
    }
}

/// The future of [`KeyedPermit::watch`].
#[must_use = "futures do nothing unless awaited"]
pub struct KeyedCall<'p, 'k, F> {
    permit: &'p mut KeyedPermit<'k>,
    body: Pin<&'p mut F>,
}

impl<F: Future> Future for KeyedCall<'_, '_, F> {
    type Output = F::Output;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { permit, body } = &mut *self;
        let unwound = HeldIfUnwound(permit);
        let running = unwound.0.permit.runs();
        let polled = body.as_mut().poll(context);
        running.returned();
        std::mem::forget(unwound);
        if polled.is_pending() {
            permit.permit.waits();
            permit.hold();
        }
        polled
    }
}

/// A panic is a failure, and its key's.
struct HeldIfUnwound<'p, 'k>(&'p mut KeyedPermit<'k>);

impl Drop for HeldIfUnwound<'_, '_> {
    fn drop(&mut self) {
        self.0.hold();
    }
}
