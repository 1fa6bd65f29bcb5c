//! What answers when a guarded call has failed.
//!
//! A fallback is a function or a closure, sync or async, that takes the function's arguments and perhaps the error. The
//! compiler tells the forms apart: each is an implementation of [`Fallback`] or [`IntoAnswer`] with its own marker type,
//! and for a given function only one of them holds. Generated code is the only caller.

use crate::error::{Failure, Rejection};
use crate::hooks::{ClassifyBy, MapRejection, Predicate, RejectionMap};
use crate::name::Name;
use resilience_config::Rejections;
use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::ops::ControlFlow;

/// By the error type's own `From<Rejection>`.
#[derive(Clone, Copy, Debug)]
pub struct FromRejection;

#[diagnostic::do_not_recommend]
impl<E: From<Rejection>> MapRejection<E> for FromRejection {
    fn map_rejection(self, rejection: Rejection) -> E {
        E::from(rejection)
    }
}

/// By the function `map`, for this result: a closure gets the types that it leaves out from here, and a function that does not fit
/// is an error about that function alone.
pub fn map_with<T, E, Fit, F: RejectionMap<E, Fit>>(_: &Result<T, Failure<E>>, map: F) -> F::Map {
    map.map()
}

/// Where there is no rejection: a level of a fallback below the first takes the error of the one above it.
#[derive(Clone, Copy, Debug)]
pub struct NoRejection;

#[diagnostic::do_not_recommend]
impl<E> MapRejection<E> for NoRejection {
    fn map_rejection(self, rejection: Rejection) -> E {
        unreachable!("a fallback's own error is no rejection: {rejection}")
    }
}

/// Whether a failure is one that a fallback is told to answer for: one of the `rejections`, or one of the function's own
/// errors that `own` says yes to.
pub fn is_among<E, Fit>(failure: &Failure<E>, rejections: Rejections, own: impl Predicate<E, Fit>) -> bool {
    match failure {
        Failure::Call(error) => own(error),
        Failure::Rejected(rejection) => {
            let kind = rejection.kind().as_str();
            Rejections::ALL.iter().any(|(name, one)| *name == kind && rejections.contains(*one))
        }
    }
}

/// What a fallback is asked about, and the `Ok` that the caller gets where the fallback fails too.
pub(crate) type Asked<T, E> = (Failure<E>, Option<T>);

/// Whether a fallback is asked, by the verdict of `classify`: about an `Ok` that is a failure, about every rejection, and about the function's own
/// errors, unless the fallback's own conditions `decide` about those.
pub fn asked_about<T, E>(
    result: Result<T, Failure<E>>,
    classify: &impl ClassifyBy<T, E>,
    decide: bool,
    name: impl FnOnce() -> Name,
) -> ControlFlow<Result<T, Failure<E>>, Asked<T, E>> {
    match result {
        Ok(value) if classify.verdict(Ok(&value)).wants_fallback() => {
            ControlFlow::Continue((Failure::Rejected(Rejection::Unsuccessful { name: name() }), Some(value)))
        }
        Err(Failure::Call(error)) if !decide && !classify.verdict(Err(&error)).wants_fallback() => {
            ControlFlow::Break(Err(Failure::Call(error)))
        }
        Ok(value) => ControlFlow::Break(Ok(value)),
        Err(failure) => ControlFlow::Continue((failure, None)),
    }
}

/// The answer of a fallback; where that is an error too, the `Ok` that it was to replace.
pub fn or_unsuccessful<T, E>(answer: Result<T, E>, unsuccessful: Option<T>) -> Result<T, E> {
    answer.or_else(|error| unsuccessful.ok_or(error))
}

/// What a guarded function returns: a `Result`, and nothing else.
#[diagnostic::on_unimplemented(
    message = "a guarded function must return a `Result`, so that a policy can answer in its place",
    label = "`{Self}` is not a `Result`",
    note = "return `Result<{Self}, E>`, where `E` implements `From<Rejection>`",
    note = "if `{Self}` is an alias for a future of a `Result`, write the future out, as in `Pin<Box<dyn Future<Output = Result<…>>>>`"
)]
pub trait GuardedResult<T, E> {
    /// On its way outward through the layers.
    fn called(self) -> Result<T, Failure<E>>;

    /// The error, if it is one.
    fn error(&self) -> Option<&E>;
}

impl<T, E> GuardedResult<T, E> for Result<T, E> {
    #[inline]
    fn called(self) -> Result<T, Failure<E>> {
        self.map_err(Failure::Call)
    }

    #[inline]
    fn error(&self) -> Option<&E> {
        self.as_ref().err()
    }
}

/// The body's own result on its way outward.
#[inline]
pub fn called<R: GuardedResult<T, E>, T, E>(result: R) -> Result<T, Failure<E>> {
    result.called()
}

/// The result of a guarded function outside of all layers.
#[diagnostic::on_unimplemented(
    message = "a rejection cannot be converted to `{E}`",
    label = "`From<Rejection>` is not implemented for the error type `{E}`",
    note = "with thiserror, add the variant `#[error(transparent)] Rejected(#[from] resilience_runtime::Rejection)` to `{E}`",
    note = "if `{E}` is a foreign type, add `map_rejection = path` to one of the attributes, where `path` is a `fn(Rejection) -> {E}`; if it is a generic parameter, add the bound `From<Rejection>`",
    note = "`tonic::Status`, `sqlx::Error` and `redis::RedisError` are converted with the feature `tonic`, `sqlx` or `redis` of `resilience-runtime`",
    note = "to replace every failure by another answer, add `#[fallback = path]` below the attribute"
)]
pub trait Finished<T, E, Map>: Sized {
    /// A rejection becomes an error of the function's own type.
    fn finished(result: Result<T, Failure<E>>, map: Map) -> Self;
}

// What is no `Result` has been refused by `called`. This says nothing about it: no `E` is known then, and nothing is said about a
// type that is not known.
#[diagnostic::do_not_recommend]
impl<R, T, E: EndsIn<R, T, Map>, Map> Finished<T, E, Map> for R {
    #[inline]
    fn finished(result: Result<T, Failure<E>>, map: Map) -> R {
        #[cfg(feature = "tracing")]
        let result = result.inspect_err(crate::event::trace::failed);
        E::end(result, map)
    }
}

/// An error type, by the result that a function with it returns.
pub trait EndsIn<R, T, Map>: Sized {
    /// A rejection becomes an error of this type.
    fn end(result: Result<T, Failure<Self>>, map: Map) -> R;
}

#[diagnostic::do_not_recommend]
impl<T, E, Map: MapRejection<E>> EndsIn<Result<T, E>, T, Map> for E {
    #[inline]
    fn end(result: Result<T, Failure<E>>, map: Map) -> Result<T, E> {
        result.map_err(|failure| match failure {
            Failure::Call(error) => error,
            Failure::Rejected(rejection) => map.map_rejection(rejection),
        })
    }
}

/// The last step of a guarded function without a fallback. `R` comes first and is written out, so that what it lacks is reported
/// on the function's return type.
#[inline]
pub fn finish<R: Finished<T, E, Map>, T, E, Map>(result: Result<T, Failure<E>>, map: Map) -> R {
    R::finished(result, map)
}

/// What a fallback may take the failure as.
#[diagnostic::on_unimplemented(
    message = "this fallback cannot take the failure as `{Self}`",
    label = "expected `Failure<{E}>`, or `{E}` if it implements `From<Rejection>`",
    note = "a fallback takes the error as `Failure<{E}>`, or as `{E}` if that implements `From<Rejection>` or an attribute has `map_rejection = path`"
)]
pub trait FromFailure<E, Map> {
    /// The failure in the form that the fallback wants.
    fn from_failure(failure: Failure<E>, map: Map) -> Self;
}

impl<E, Map> FromFailure<E, Map> for Failure<E> {
    fn from_failure(failure: Failure<E>, _: Map) -> Self {
        failure
    }
}

impl<E, Map: MapRejection<E>> FromFailure<E, Map> for E {
    fn from_failure(failure: Failure<E>, map: Map) -> Self {
        match failure {
            Failure::Call(error) => error,
            Failure::Rejected(rejection) => map.map_rejection(rejection),
        }
    }
}

/// The failure as the type that a closure's error parameter says.
pub fn error_as<X: FromFailure<E, Map>, E, Map>(failure: Failure<E>, map: Map) -> X {
    X::from_failure(failure, map)
}

/// Marks what answers at once.
#[derive(Debug)]
pub struct AtOnce;

/// Marks what answers when awaited.
#[derive(Debug)]
pub struct WhenAwaited;

/// What a fallback returns: the result, or a future of it.
#[diagnostic::on_unimplemented(
    message = "this fallback does not return what the function returns",
    label = "expected `{R}` or a future of it, found `{Self}`"
)]
pub trait IntoAnswer<R, Marker> {
    /// The answer as a future.
    type Answer: Future<Output = R>;

    /// The answer as a future.
    fn into_answer(self) -> Self::Answer;
}

impl<R> IntoAnswer<R, AtOnce> for R {
    type Answer = Ready<R>;

    fn into_answer(self) -> Ready<R> {
        ready(self)
    }
}

#[diagnostic::do_not_recommend]
impl<R, F: Future<Output = R>> IntoAnswer<R, WhenAwaited> for F {
    type Answer = F;

    fn into_answer(self) -> F {
        self
    }
}

/// Marks a fallback that takes the function's arguments only.
#[derive(Debug)]
pub struct WithoutError;

/// Marks a fallback that takes the error as well, as `X`.
#[derive(Debug)]
pub struct WithError<X>(PhantomData<X>);

/// A function that can answer for another one.
#[diagnostic::on_unimplemented(
    message = "this fallback does not fit the guarded function",
    label = "expected a function that takes `{Args}`, optionally followed by the error, and returns what the guarded function returns",
    note = "a fallback takes the arguments of the function, the receiver first, optionally followed by the error: either as `Failure<_>` or as the function's error type",
    note = "to take the function's error type, implement `From<Rejection>` for it or add `map_rejection = path` to an attribute",
    note = "a fallback may be async"
)]
pub trait Fallback<Args, E, Map, R, Marker> {
    /// The answer as a future.
    type Answer: Future<Output = R>;

    /// Answers.
    fn answer(self, args: Args, failure: Failure<E>, map: Map) -> Self::Answer;
}

/// The answer of a fallback, which is the function's own result `R`. Saying `R` first is what lets the compiler tell the forms
/// of fallbacks apart.
#[derive(Debug)]
pub struct Answer<R>(PhantomData<R>);

impl<R> Answer<R> {
    /// By what a path names.
    ///
    /// The fallback comes last, when all that it has to fit is known: an error about it can then say what it does not fit.
    #[inline]
    pub fn by<Args, E, Map, F, Marker>(args: Args, failure: Failure<E>, map: Map, fallback: F) -> F::Answer
    where
        F: Fallback<Args, E, Map, R, Marker>,
    {
        fallback.answer(args, failure, map)
    }

    /// By what a closure returned.
    #[inline]
    pub fn of<O: IntoAnswer<R, Marker>, Marker>(output: O) -> O::Answer {
        output.into_answer()
    }
}

/// An answer that is there without being awaited.
#[diagnostic::on_unimplemented(
    message = "the fallback of a synchronous function cannot be async",
    label = "returns a future, which a synchronous function cannot await",
    note = "make the fallback a plain `fn`, or the guarded function an `async fn`"
)]
pub trait Immediate: Future {
    /// The answer.
    fn at_once(self) -> Self::Output;
}

impl<R> Immediate for Ready<R> {
    #[inline]
    fn at_once(self) -> R {
        self.into_inner()
    }
}

/// The answer of a fallback to a synchronous function.
#[inline]
pub fn at_once<A: Immediate>(answer: A) -> A::Output {
    answer.at_once()
}

macro_rules! functions {
    ($apply:ident: $($arg:ident)*) => {
        impl<Fun, $($arg,)* E, Map, R, O, Marker> Fallback<($($arg,)*), E, Map, R, (WithoutError, Marker)> for Fun
        where
            Fun: FnOnce($($arg),*) -> O,
            O: IntoAnswer<R, Marker>,
        {
            type Answer = O::Answer;

            #[allow(non_snake_case)]
            fn answer(self, ($($arg,)*): ($($arg,)*), _: Failure<E>, _: Map) -> O::Answer {
                self($($arg),*).into_answer()
            }
        }

        impl<Fun, $($arg,)* X, E, Map, R, O, Marker> Fallback<($($arg,)*), E, Map, R, (WithError<X>, Marker)> for Fun
        where
            Fun: FnOnce($($arg,)* X) -> O,
            X: FromFailure<E, Map>,
            O: IntoAnswer<R, Marker>,
        {
            type Answer = O::Answer;

            #[allow(non_snake_case)]
            fn answer(self, ($($arg,)*): ($($arg,)*), failure: Failure<E>, map: Map) -> O::Answer {
                self($($arg,)* X::from_failure(failure, map)).into_answer()
            }
        }

        /// Calls a closure whose parameters have no types written: they are inferred from here.
        #[allow(non_snake_case, clippy::too_many_arguments)]
        pub fn $apply<$($arg,)* O>(closure: impl FnOnce($($arg),*) -> O, $($arg: $arg),*) -> O {
            closure($($arg),*)
        }
    };
}

functions!(apply0:);
functions!(apply1: A1);
functions!(apply2: A1 A2);
functions!(apply3: A1 A2 A3);
functions!(apply4: A1 A2 A3 A4);
functions!(apply5: A1 A2 A3 A4 A5);
functions!(apply6: A1 A2 A3 A4 A5 A6);
functions!(apply7: A1 A2 A3 A4 A5 A6 A7);
functions!(apply8: A1 A2 A3 A4 A5 A6 A7 A8);
functions!(apply9: A1 A2 A3 A4 A5 A6 A7 A8 A9);
functions!(apply10: A1 A2 A3 A4 A5 A6 A7 A8 A9 A10);
functions!(apply11: A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11);
functions!(apply12: A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12);
functions!(apply13: A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13);

/// An argument that is needed once more after the call took it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is taken by value and cannot be cloned",
    label = "used again after the call has taken it, so it must implement `Clone`",
    note = "take it by reference, wrap it in an `Arc`, or derive `Clone`; if it is a generic parameter, add the bound `Clone`"
)]
pub trait CloneArgument {
    /// The argument once more.
    #[must_use]
    fn clone_argument(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> CloneArgument for T {
    fn clone_argument(&self) -> Self {
        self.clone()
    }
}

/// The argument once more.
pub fn clone_argument<T: CloneArgument>(argument: &T) -> T {
    argument.clone_argument()
}
