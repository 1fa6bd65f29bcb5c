//! What a call came to, in the eyes of a policy.

/// How a circuit breaker takes the end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The dependency did its work. An error that `failure_if` says no to is a success too.
    Success,
    /// The dependency failed.
    Failure,
    /// The call says nothing about the dependency: counted in no rate, and a probe's place is given back.
    Ignored,
}
