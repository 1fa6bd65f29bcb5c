//! Everything that generated code names, and nothing else. No stability is promised here.

pub mod editor;

pub use crate::cause::{DescribeError, error_of, undescribed};
pub use crate::error::Failure;
pub use crate::fallback::{
    Answer, FromRejection, NoRejection, asked_about, at_once, called, clone_argument, error_as, finish, is_among,
    map_with, or_unsuccessful,
};
pub use crate::fallback::{
    apply0, apply1, apply2, apply3, apply4, apply5, apply6, apply7, apply8, apply9, apply10, apply11, apply12, apply13,
};
// Not named: the compiler proposes them as bounds of a user's generic types.
pub use crate::fallback::{CloneArgument, Finished};
pub use crate::guarded::guard;
pub use crate::guarded_key::guard_key;
pub use crate::layers::{
    NeverWaits, guard_attempts, guard_attempts_with, guard_layers, guard_layers_with, settle_any, tried,
};
pub use crate::registry::{FallbackSite, Layer, Operation};
pub use crate::retry::{in_attempt, of_attempt};
#[cfg(feature = "stream")]
pub use crate::stream::{
    NeverTimesOut, apart, called_stream, classified_items, guarded_box, guarded_stream, items_of, known_items_of,
    let_go, times_out, verdict_of_head,
};
pub use core::ops::ControlFlow;
pub use core::option::Option::{None, Some};
pub use core::panic::AssertUnwindSafe;
pub use core::result::Result::{Err, Ok};
pub use core::time::Duration;
pub use resilience_config::{Backoff, Constant, Jitter, Mode, Preset, Rate, Rejections, Window};

use crate::cause::Describe;
use crate::circuit_breaker::Settles;
use crate::error::Rejection;
use crate::event::RetryEvent;
use crate::fallback::GuardedResult;
use crate::hooks::{Classify, ClassifyBy, Cost, Predicate};
use crate::registry::{Site, each_kind};
use crate::verdict::Verdict;
use std::future::Future;

/// One of the guarded functions, as the static of that name. Nothing that can be written in here makes anything else of it, so it is safe to invoke.
#[doc(hidden)]
#[macro_export]
macro_rules! __operation {
    ($name:ident = $function:literal, $line:expr, [$($layer:ident($($of:tt)*)),*]) => {
        #[used]
        #[cfg_attr(
            not(any(windows, target_vendor = "apple", target_os = "illumos", target_os = "uefi")),
            unsafe(link_section = "resilience_runtime_0_1_0")
        )]
        #[cfg_attr(target_os = "illumos", unsafe(link_section = "set_resilience_runtime_0_1_0"))]
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__rsl_0_1_0,regular,no_dead_strip"))]
        #[cfg_attr(any(windows, target_os = "uefi"), unsafe(link_section = ".resilience_runtime_0_1_0$b"))]
        static $name: $crate::private::Operation = $crate::private::Operation::new(
            ::core::module_path!(),
            $function,
            ::core::file!(),
            $line,
            &[$($crate::private::Layer::$layer($($of)*)),*],
        );
    };
}

/// Likewise, where a circuit breaker is the only layer: the breaker's static is all that there is of the function.
#[doc(hidden)]
#[macro_export]
macro_rules! __lone_breaker {
    ($name:ident = $function:literal, $line:expr, $shared_name:expr, $keys:expr, $is_configured:literal $(.$trip_if:ident($($rule:tt)*))?) => {
        #[used]
        #[cfg_attr(
            not(any(windows, target_vendor = "apple", target_os = "illumos", target_os = "uefi")),
            unsafe(link_section = "resilience_breakers_0_1_0")
        )]
        #[cfg_attr(target_os = "illumos", unsafe(link_section = "set_resilience_breakers_0_1_0"))]
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__rsk_0_1_0,regular,no_dead_strip"))]
        #[cfg_attr(any(windows, target_os = "uefi"), unsafe(link_section = ".resilience_breakers_0_1_0$b"))]
        static $name: $crate::private::BreakerSite = $crate::private::BreakerSite::alone(
            ::core::module_path!(),
            $function,
            ::core::file!(),
            $line,
            $shared_name,
            $keys,
            $is_configured,
        )$(.$trip_if($($rule)*))?;
    };
}

pub use __lone_breaker as lone_breaker;
pub use __operation as operation;

macro_rules! sites {
    ($($kind:ident: $policy:ident, $one:ident, $field:ident, $config:ident, $snapshot:ident, $site:ident;)*) => {$(
        pub use resilience_config::$config;

        /// An attribute at its function.
        pub type $site = Site<crate::$policy>;
    )*};
}

each_kind!(sites!);

#[cfg(feature = "tracing")]
use crate::span::InSpan;

/// Runs a guarded call inside its span. The span is entered for each poll, and left while the call waits.
#[cfg(feature = "tracing")]
pub fn in_span<R, F: Future<Output = R>>(operation: &'static Operation, call: F) -> InSpan<F> {
    InSpan::new(operation, call)
}

/// Where another build of this crate in the same program has the feature, and this one has not, the attributes write this line all the same.
#[cfg(not(feature = "tracing"))]
#[inline]
pub fn in_span<R, F: Future<Output = R>>(_: &'static Operation, call: F) -> F {
    call
}

/// The span of a guarded call that is not async, entered until it is dropped.
#[cfg(feature = "tracing")]
pub fn enter_span(operation: &'static Operation) -> impl Drop {
    crate::span::EnteredCall::new(operation)
}

/// As for [`in_span`]: nothing.
#[cfg(not(feature = "tracing"))]
#[inline]
pub fn enter_span(_: &'static Operation) {}

/// The result of a guarded function, whose types a `classify` takes over where it leaves them out.
#[derive(Debug)]
pub struct Returned<R>(std::marker::PhantomData<R>);

impl<R> Returned<R> {
    /// `classify`, as the layers ask it.
    #[inline]
    pub fn by<T, E, Fit, F: Classify<T, E, Fit>>(classify: F) -> F::By
    where
        R: GuardedResult<T, E>,
    {
        classify.by()
    }

    /// The same where the function answers with a stream.
    #[cfg(feature = "stream")]
    #[inline]
    pub fn of_head_by<T, E, Fit, F: Classify<T, E, Fit>, Of>(classify: F) -> crate::stream::OfHead<F::By, Of>
    where
        R: GuardedResult<T, E>,
    {
        crate::stream::OfHead::new(classify.by())
    }
}

/// What a call costs.
#[inline]
pub fn cost(cost: impl Cost) -> u32 {
    cost.cost()
}

/// `retry_after` where none is written.
pub fn no_retry_after<E>(_: &E) -> Option<Duration> {
    None
}

/// `on_retry` where none is written.
pub fn no_hook(_: &RetryEvent) {}

/// No circuit breaker stands between a retry and the call, or none that is known without its key.
pub fn never_shut(_: Duration) -> bool {
    false
}

/// An argument that a retry gives to every attempt: the last one takes it, those before get clones.
#[inline]
pub fn lend<T: CloneArgument>(argument: &mut Option<T>, last: bool) -> T {
    let lent = if last { argument.take() } else { argument.as_ref().map(clone_argument) };
    lent.expect("an argument is taken by the last attempt alone")
}

/// An argument that no attempt can see: it need not be `Clone`, and goes with the last one.
#[inline]
pub fn lend_unseen<T>(argument: &mut Option<T>, last: bool) -> Option<T> {
    argument.take_if(|_| last)
}

/// A receiver for the next attempt, if there may be one: no other variable can take its name, so each attempt takes the receiver itself.
#[inline]
pub fn keep<T: CloneArgument>(receiver: &T, last: bool) -> Option<T> {
    (!last).then(|| clone_argument(receiver))
}

/// The receiver for the attempt that follows.
#[inline]
pub fn kept<T>(receiver: Option<T>) -> T {
    receiver.expect("no attempt follows the last one")
}

/// What the body's first line would return if it ever ran: it says of which type a block is, for which there is no place to write it.
pub fn never<R>() -> R {
    unreachable!("it is behind `if false`")
}

/// Runs the body of a synchronous function, in which `return` and `?` leave the body alone.
#[inline]
pub fn run<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// `failure_if` where none is written.
pub fn every<E>(_: &E) -> bool {
    true
}

/// `ignore_if` where none is written.
pub fn nothing<E>(_: &E) -> bool {
    false
}

/// Tells the span of a guarded call what its own error says.
#[cfg(feature = "tracing")]
pub fn told<T, E>(describe: Describe<E>, result: Result<T, Failure<E>>) -> Result<T, Failure<E>> {
    result.inspect_err(|failure| {
        if let Failure::Call(error) = failure {
            crate::event::trace::failed_because(|| crate::registry::Registry::cause_of(error, describe));
        }
    })
}

/// As for [`in_span`]: nothing.
#[cfg(not(feature = "tracing"))]
#[inline]
pub fn told<T, E>(_: Describe<E>, result: Result<T, Failure<E>>) -> Result<T, Failure<E>> {
    result
}

/// A call that was not admitted, on its way outward.
#[inline]
pub fn rejected<T, E>(refused: impl Into<Rejection>) -> Result<T, Failure<E>> {
    Err(Failure::Rejected(refused.into()))
}

/// Takes the outcome of what is inside a breaker, by the function's own predicates.
#[inline(always)]
pub fn settle<T, E, FailureFit, IgnoreFit>(
    permit: impl Settles,
    describe: Describe<E>,
    result: Result<T, Failure<E>>,
    failure_if: impl Predicate<E, FailureFit>,
    ignore_if: impl Predicate<E, IgnoreFit>,
) -> Result<T, Failure<E>> {
    permit.settle(
        result,
        describe,
        |_| Verdict::SUCCESS,
        |error| match () {
            () if ignore_if(error) => Verdict::IGNORED,
            () if failure_if(error) => Verdict::FAILURE,
            () => Verdict::SUCCESS,
        },
    )
}

/// As [`settle`], where `classify` says what the function's own results are; `failure_if` decides about an error where it `is_written`.
pub fn settle_classified<T, E, FailureFit, IgnoreFit>(
    permit: impl Settles,
    describe: Describe<E>,
    result: Result<T, Failure<E>>,
    classify: &impl ClassifyBy<T, E>,
    is_written: bool,
    failure_if: impl Predicate<E, FailureFit>,
    ignore_if: impl Predicate<E, IgnoreFit>,
) -> Result<T, Failure<E>> {
    permit.settle(
        result,
        describe,
        |value| classify.verdict(Ok(value)),
        |error| match () {
            () if ignore_if(error) => Verdict::IGNORED,
            () if !is_written => classify.verdict(Err(error)),
            () if failure_if(error) => Verdict::FAILURE,
            () => Verdict::SUCCESS,
        },
    )
}
