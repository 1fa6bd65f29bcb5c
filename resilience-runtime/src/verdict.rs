//! What the end of a call says about the dependency: the answer of `classify`.

use crate::outcome::Outcome;
use std::time::Duration;

/// What the end of a call says: about the dependency, about another try, and about how long to leave it alone.
///
/// A `classify` returns it, once for the whole stack of attributes:
///
/// ```
/// use resilience_runtime::Verdict;
/// use std::time::Duration;
///
/// # struct Response { status: u16, retry_after: Option<Duration> }
/// # enum Error { Refused, NotFound }
/// fn judge(result: Result<&Response, &Error>) -> Verdict {
///     match result {
///         Ok(Response { status: 503, retry_after: Some(wait) }) => Verdict::FAILURE.after(*wait),
///         Ok(response) if response.status >= 500 => Verdict::FAILURE,
///         Ok(_) | Err(Error::NotFound) => Verdict::SUCCESS,
///         Err(Error::Refused) => Verdict::FAILURE,
///     }
/// }
/// # judge(Ok(&Response { status: 200, retry_after: None })); judge(Err(&Error::Refused)); judge(Err(&Error::NotFound));
/// ```
///
/// | verdict | circuit breaker | retry | fallback |
/// |---|---|---|---|
/// | `SUCCESS` | a success | returned | not asked, not even for an `Err` |
/// | `FAILURE` | a failure | tried again | answers |
/// | `FAILURE.not_again()` | a failure | returned | answers |
/// | `FAILURE.after(wait)` | a failure | tried again, not sooner | answers |
/// | `IGNORED` | ignored | returned | not asked |
/// | `IGNORED.again()` | ignored | tried again | answers, when it is what is left |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    outcome: Outcome,
    again: bool,
    after: Option<Duration>,
    opens_for: Option<Duration>,
}

impl Verdict {
    /// The dependency did its work, also with an error such as "not found".
    pub const SUCCESS: Self = Self::of(Outcome::Success, false);
    /// The dependency did not do its work; another try may help.
    pub const FAILURE: Self = Self::of(Outcome::Failure, true);
    /// The call says nothing about the dependency, and is not tried again.
    pub const IGNORED: Self = Self::of(Outcome::Ignored, false);

    /// Whether there is nothing to tell a circuit breaker but the outcome, which is no failure.
    #[inline]
    pub(crate) fn is_outcome_alone(self) -> bool {
        self.outcome != Outcome::Failure && self.opens_for.is_none()
    }

    const fn of(outcome: Outcome, again: bool) -> Self {
        Self { outcome, again, after: None, opens_for: None }
    }

    /// Another try may help: of [`IGNORED`](Self::IGNORED), a rate limit of the dependency's own or a conflict of two transactions.
    /// A [`SUCCESS`](Self::SUCCESS) is never tried again.
    pub const fn again(mut self) -> Self {
        self.again = !matches!(self.outcome, Outcome::Success);
        self
    }

    /// Another try cannot help: of [`FAILURE`](Self::FAILURE), "not implemented" or an answer that cannot be read.
    pub const fn not_again(mut self) -> Self {
        self.again = false;
        self.after = None;
        self
    }

    /// Another try may help, and not sooner than in `wait`, by the rules of `retry_after`.
    pub const fn after(self, wait: Duration) -> Self {
        let mut again = self.again();
        if again.again {
            again.after = Some(wait);
        }
        again
    }

    /// A circuit breaker that is closed opens at once, and for so long; from a probe, it opens again. At most for the breaker's
    /// `max_open_for`.
    pub const fn opens_for(mut self, time: Duration) -> Self {
        self.opens_for = Some(time);
        self
    }

    /// What a circuit breaker counts.
    #[inline]
    pub const fn outcome(self) -> Outcome {
        self.outcome
    }

    /// Whether another try may help.
    pub const fn is_worth_another_try(self) -> bool {
        self.again
    }

    /// How long the dependency asked to be left alone before another try.
    pub const fn retry_after(self) -> Option<Duration> {
        self.after
    }

    /// For how long a circuit breaker is to open.
    pub const fn opening(self) -> Option<Duration> {
        self.opens_for
    }

    /// Whether a fallback answers for a call that ended so.
    pub(crate) const fn wants_fallback(self) -> bool {
        matches!(self.outcome, Outcome::Failure) || self.again
    }
}
