//! A call of a key by an async function: its outcome is its key's, however many other keys come meanwhile.
//!
//! A call that is ready at once does not pay for that: it is over before anybody is likely to want its breaker. So it is known to be under way from when it first waits, as every other call
//! is from before it is admitted. Where its breaker was given to another key by then, it goes on with the one that its own key has, or gets.

use super::breaker::CircuitBreaker;
use super::clock::{Clock, Present};
use super::judging::Admitted;
use super::permit::{Call, Permit, Running, Settles};
use super::state::Word;
use crate::cause::Describe;
use crate::error::{Failure, Rejection};
use crate::keyed::{Keyed, Tenure};
use crate::name::PolicyKey;
use crate::outcome::Outcome;
use crate::verdict::Verdict;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The right to make one call, as [`Permit`], which knows whose it is.
#[must_use = "dropped at once, it counts a cancelled call"]
pub struct KeyedPermit<'k, 'a> {
    /// While its breaker may be given to another key.
    unheld: Option<Unheld<'k, 'a>>,
    permit: ManuallyDrop<Permit<'a>>,
}

/// Whose the call is, and until when its breaker is that key's.
type Unheld<'k, 'a> = (&'k Keyed<'a, CircuitBreaker>, Tenure<'a, CircuitBreaker>);

impl<'a> Keyed<'a, CircuitBreaker> {
    /// Prints the key, which stays here until the call has ended, and asks to make that.
    #[doc(hidden)]
    #[inline(always)]
    pub fn admit<Fit>(&mut self, key: &(impl PolicyKey<Fit> + ?Sized)) -> Result<KeyedPermit<'_, 'a>, Rejection> {
        self.print(key);
        self.admitted()
    }

    /// Prints the key of a call that is asked for later.
    #[doc(hidden)]
    #[inline(always)]
    pub fn print_key<Fit>(&mut self, key: &(impl PolicyKey<Fit> + ?Sized)) {
        self.print(key);
    }

    #[inline(always)]
    pub(crate) fn admitted(&self) -> Result<KeyedPermit<'_, 'a>, Rejection> {
        match self.ask_for_now(|breaker| breaker.admit(Present), CircuitBreaker::take_back) {
            Some((tenure, Ok(permit))) => Ok(KeyedPermit::new(Some((self, tenure)), permit)),
            Some((tenure, Err(refused))) => Err(self.rejected(tenure.instance(), refused)),
            None => self.family.admit_overflow().map(KeyedPermit::held),
        }
    }

    /// Goes on with a call whose breaker was given to another key.
    fn take_over(&self, began: u64) -> Permit<'a> {
        let taken_over = self.ask(|breaker| breaker.take_over(began), |_, permit| permit.give_back());
        taken_over.map_or_else(|| self.family.take_over(began), |(_, permit)| permit)
    }

    /// The call of these words is known to be under way from now on.
    #[cold]
    #[inline(never)]
    fn hold(&self, tenure: Tenure<'a, CircuitBreaker>, (call, noted): (Call<'a>, u64)) -> Permit<'a> {
        let permit = Permit::of(call, noted);
        tenure.used_at(Present.coarse_millis());
        // What is not closed is given to no other key, and once it is closed, whatever comes of its probe comes too late.
        let (Admitted::Closed(word), began) = permit.words() else { return permit };
        let held = known_in(&tenure, word, began).unwrap_or_else(|| self.take_over(began));
        held.watched().know(permit.watched());
        permit.give_back();
        held
    }
}

/// A call that was admitted in that closed state is known to be under way, unless its breaker was given to another key.
pub(super) fn known_in<'b>(tenure: &Tenure<'b, CircuitBreaker>, word: Word, began: u64) -> Option<Permit<'b>> {
    let breaker = tenure.instance();
    let under_way = breaker.in_flight.begin();
    tenure.lasts().then(|| Permit::new(breaker, Admitted::Closed(word), began).known_by(under_way))
}

impl<'k, 'a> KeyedPermit<'k, 'a> {
    #[inline(always)]
    fn new(unheld: Option<Unheld<'k, 'a>>, permit: Permit<'a>) -> Self {
        Self { unheld, permit: ManuallyDrop::new(permit) }
    }

    /// Of a call that is known to be under way, or whose breaker keys share.
    #[inline(always)]
    pub(crate) fn held(permit: Permit<'a>) -> Self {
        Self::new(None, permit)
    }

    /// The permit of the same call, which is known to be under way from now on. In words, as whatever a success passes by on its way: see [`Permit`].
    #[inline(always)]
    fn hold(self) -> Permit<'a> {
        let (unheld, words) = (self.unheld, self.permit.in_words());
        std::mem::forget(self);
        hold(unheld, words)
    }

    /// As [`Permit::runs`].
    #[inline(always)]
    pub(crate) fn runs(&self) -> Running<'_> {
        self.permit.runs()
    }

    /// The body waits, which it may have done before: the call is known to be under way from now on.
    #[inline(always)]
    pub(crate) fn waits(self) -> Permit<'a> {
        self.permit.waits();
        self.hold()
    }

    /// The same where it stays in its place.
    #[inline(always)]
    fn waits_here(&mut self) {
        self.permit.waits();
        if let Some(unheld) = self.unheld.take() {
            self.permit = ManuallyDrop::new(hold(Some(unheld), self.permit.in_words()));
        }
    }

    /// The call ended so.
    #[inline(always)]
    pub(super) fn record(self, outcome: Outcome) {
        if let (Outcome::Success, Some((_, tenure))) = (outcome, &self.unheld) {
            // At its end, where the time is read anyway.
            let now = Present.coarse_millis();
            if self.permit.is_calm_success(now) {
                tenure.used_at(now);
                return std::mem::forget(self);
            }
        }
        self.hold().record(outcome);
    }

    /// As [`Permit::record_verdict`].
    #[inline(always)]
    pub(super) fn record_verdict(self, verdict: Verdict) {
        match verdict.is_outcome_alone() {
            true => self.record(verdict.outcome()),
            false => self.hold().record_verdict(verdict),
        }
    }

    /// As [`Permit::watch`]. From when it first waits, the call is known to be under way.
    #[doc(hidden)]
    #[inline(always)]
    pub fn watch<'p, F: Future>(&'p mut self, body: Pin<&'p mut F>) -> KeyedCall<'p, 'k, 'a, F> {
        KeyedCall { permit: self, body }
    }
}

/// The permit of these words, of a call that is known to be under way from now on.
#[inline(always)]
fn hold<'a>(unheld: Option<Unheld<'_, 'a>>, (call, noted): (Call<'a>, u64)) -> Permit<'a> {
    match unheld {
        Some((key, tenure)) => key.hold(tenure, (call, noted)),
        None => Permit::of(call, noted),
    }
}

impl Settles for KeyedPermit<'_, '_> {
    #[inline(always)]
    fn succeeded(self, verdict: Verdict) {
        self.record_verdict(verdict);
    }

    #[inline(always)]
    fn failed<E>(self, failed: (&Failure<E>, Describe<E>), of_error: impl FnOnce(&E) -> Verdict) {
        self.hold().failed(failed, of_error);
    }
}

impl Drop for KeyedPermit<'_, '_> {
    /// A panic is a failure, and its key's. Inlined, and by value: see [`Permit`]'s.
    #[inline(always)]
    fn drop(&mut self) {
        drop_permit(self.unheld, self.permit.in_words());
    }
}

#[cold]
#[inline(never)]
fn drop_permit<'a>(unheld: Option<Unheld<'_, 'a>>, words: (Call<'a>, u64)) {
    drop(hold(unheld, words));
}

/// The future of [`KeyedPermit::watch`].
#[must_use = "futures do nothing unless awaited"]
pub struct KeyedCall<'p, 'k, 'a, F> {
    permit: &'p mut KeyedPermit<'k, 'a>,
    body: Pin<&'p mut F>,
}

impl<F: Future> Future for KeyedCall<'_, '_, '_, F> {
    type Output = F::Output;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { permit, body } = &mut *self;
        let running = permit.runs();
        let polled = body.as_mut().poll(context);
        running.returned();
        if polled.is_pending() {
            permit.waits_here();
        }
        polled
    }
}
