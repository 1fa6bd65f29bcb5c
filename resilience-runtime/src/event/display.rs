//! An event as one line.

use super::{Act, Ended, Event, GaveUp, RetryEvent, Steering, Topic, Transition};
use crate::cause::Cause;
use crate::error::RejectionKind;
use crate::name::Shown;
use std::fmt;

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(kind), Some(name)) = (self.kind(), self.name()) {
            write!(f, "{kind} `{}`: ", Shown(name, self.key()))?;
        }
        match self {
            Self::Transition(Transition { from, to, reason, cause, monitored, .. }) => {
                write!(f, "{from} -> {to}")?;
                if let Some(reason) = reason {
                    write!(f, " ({reason})")?;
                }
                if *monitored {
                    write!(f, ", monitored")?;
                }
                match cause {
                    Some(cause) => write!(f, "; last error: {cause}"),
                    None => Ok(()),
                }
            }
            Self::Retry(RetryEvent { attempt, wait, elapsed, rejection, cause, .. }) => {
                write!(
                    f,
                    "attempt {attempt} failed after {elapsed:?}{}",
                    FailedWith(rejection.as_ref(), cause.as_ref())
                )?;
                write!(f, ", the next one comes in {wait:?}")
            }
            Self::RetriesEnded { attempts, elapsed, why, rejection, cause, .. } => {
                let failed = FailedWith(rejection.as_ref(), cause.as_ref());
                write!(f, "gave up after attempt {attempts} and {elapsed:?}{failed}: {why}")
            }
            Self::Conflict { in_force, not_in_force, .. } => {
                write!(f, "configured differently by {in_force} and {not_in_force}; the first is in force")
            }
            Self::Trap { trap, .. } => write!(f, "{trap}"),
            Self::Missed { events, .. } => write!(f, "{events} events were lost to this reader"),
            Self::Rejected { rejection, retry_after, operation, .. } => {
                write!(f, "rejected ({rejection})")?;
                if let Some(operation) = operation {
                    write!(f, " a call of {operation}")?;
                }
                match retry_after {
                    Some(wait) => write!(f, "; try again in {wait:?}"),
                    None => Ok(()),
                }
            }
            Self::TimedOut { after, operation, .. } => {
                write!(f, "timed out after {after:?}")?;
                match operation {
                    Some(operation) => write!(f, " in {operation}"),
                    None => Ok(()),
                }
            }
            Self::Fallback { rejection, cause, .. } => {
                let what = if rejection.is_some() { "a rejection" } else { "an error" };
                write!(f, "answers for {what}{}", FailedWith(rejection.as_ref(), cause.as_ref()))
            }
            Self::FallbackFailed { cause, .. } => write!(f, "failed too{}", FailedWith(None, cause.as_ref())),
            Self::SlowCall { took, limit, .. } => write!(f, "a call took {took:?}, longer than {limit:?}"),
            Self::Outcome { ended, cause, .. } => {
                write!(f, "a call {}{}", Said(*ended), FailedWith(None, cause.as_ref()))
            }
            Self::Evicted { .. } => write!(f, "evicted for another key"),
            Self::Reconfigured { source: Some(source), keys, .. } => write!(f, "{} by {source}", keys.join(", ")),
            Self::Reconfigured { by, .. } => write!(f, "reconfigured{}", By(by.as_ref())),
            Self::ConfigRefused { source, error, .. } => write!(f, "{source} is refused: {error}"),
            Self::Steered { act, by, .. } => write!(f, "{act} by {}", Hand(by.as_ref())),
            Self::Repeated { topic, count, .. } => write!(f, "{topic}, {count} times"),
        }
    }
}

/// What something failed with, where that is known: a rejection, or an error that says something.
struct FailedWith<'a>(Option<&'a RejectionKind>, Option<&'a Cause>);

impl fmt::Display for FailedWith<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(Some(rejection), _) => write!(f, " ({rejection})"),
            Self(None, Some(cause)) => write!(f, " ({cause})"),
            Self(None, None) => Ok(()),
        }
    }
}

/// Who and why, behind something that may also be done by no hand.
struct By<'a>(Option<&'a Steering>);

impl fmt::Display for By<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(_) => write!(f, " by {}", Hand(self.0)),
            None => Ok(()),
        }
    }
}

struct Hand<'a>(Option<&'a Steering>);

impl fmt::Display for Hand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Control characters would make it more than a line.
        f.write_str(self.0.and_then(Steering::by).unwrap_or("hand").escape_debug().to_string().as_str())?;
        match self.0.and_then(Steering::why) {
            Some(why) => write!(f, ": {}", why.escape_debug()),
            None => Ok(()),
        }
    }
}

struct Said(Ended);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Ended::Succeeded => "succeeded",
            Ended::Failed => "failed",
            Ended::Ignored => "was ignored",
            Ended::Cancelled => "was cancelled",
            Ended::Abandoned => "was abandoned",
            Ended::Stale => "ended too late to count",
        })
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForceOpenFor(time) => write!(f, "force_open for {time:?}"),
            Self::EnforceShare(percent) => write!(f, "enforce {percent} %"),
            act => f.pad(act.as_str()),
        }
    }
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Attempts => "all attempts were made",
            Self::NotRetryable => "the error is not worth another",
            Self::Elapsed => "there is no time for another",
            Self::AskedTooMuch => "it asked for too long a wait",
            Self::Budget => "the budget is spent",
            Self::CircuitOpen => "the circuit breaker below it will still be open",
            Self::TurnedOff => "it is turned off",
        })
    }
}
