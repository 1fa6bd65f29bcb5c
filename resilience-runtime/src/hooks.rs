//! The functions of a user's own that an attribute names, as bounds that say in words which one is wanted.
//!
//! Each has `Fn…` for its supertrait, from which the parameters of a closure get their types. Each has two implementations, of which
//! only one can ever hold: with one alone, the compiler would report the `Fn…` that is behind it, in its own words.

use crate::error::Rejection;
use crate::event::RetryEvent;
use crate::verdict::Verdict;
use std::time::Duration;

/// Marks the implementation that holds.
#[derive(Debug)]
pub struct Fits;

/// Marks the one that does not.
#[derive(Debug)]
pub struct Unfit;

/// Nothing is.
pub trait Never {}

macro_rules! hook {
    ($(#[$meta:meta])* $name:ident: ($($bound:tt)*), ($($parameter:ident)*)) => {
        $(#[$meta])*
        pub trait $name<$($parameter,)* Fit>: $($bound)* {}

        #[diagnostic::do_not_recommend]
        impl<$($parameter,)* F: $($bound)*> $name<$($parameter,)* Fits> for F {}

        #[diagnostic::do_not_recommend]
        impl<$($parameter,)* F: Never + $($bound)*> $name<$($parameter,)* Unfit> for F {}
    };
}

hook! {
    /// `failure_if`, `ignore_if`, `retry_if`, and the `if` of a fallback.
    #[diagnostic::on_unimplemented(
        message = "expected a predicate on the error `{E}`",
        label = "expected a `fn(&{E}) -> bool`",
        note = "write the path of a `fn(&{E}) -> bool`, or a closure such as `|error| error.is_transient()`"
    )]
    Predicate: (FnOnce(&E) -> bool), (E)
}

hook! {
    /// `retry_after`.
    #[diagnostic::on_unimplemented(
        message = "expected a function that returns how long the error `{E}` asks to wait",
        label = "expected a `fn(&{E}) -> Option<Duration>`",
        note = "write the path of a `fn(&{E}) -> Option<Duration>`, or a closure such as `|error| error.retry_after()`"
    )]
    AskedWait: (FnOnce(&E) -> Option<Duration>), (E)
}

hook! {
    /// `on_retry`.
    #[diagnostic::on_unimplemented(
        message = "expected a function that takes a `&RetryEvent`",
        label = "expected a `fn(&RetryEvent)`",
        note = "write the path of a `fn(&RetryEvent)`, or a closure such as `|event| println!(\"{{event:?}}\")`"
    )]
    RetryHook: (FnOnce(&RetryEvent)), ()
}

/// `classify`. What it comes to is a type of this trait, so that nothing more is said where there is none.
#[diagnostic::on_unimplemented(
    message = "expected a function that classifies a `Result<&{T}, &{E}>`",
    label = "expected a `fn(Result<&{T}, &{E}>) -> Verdict`",
    note = "write the path of a `fn(Result<&{T}, &{E}>) -> Verdict`, such as one of `resilience_runtime::classify`, or a closure such as `|result| match result {{ Ok(_) => Verdict::SUCCESS, Err(_) => Verdict::FAILURE }}`"
)]
pub trait Classify<T, E, Fit>: for<'r> Fn(Result<&'r T, &'r E>) -> Verdict {
    /// In the form in which the layers ask it.
    type By: ClassifyBy<T, E>;

    /// In the form in which the layers ask it.
    fn by(self) -> Self::By;
}

/// What the layers ask.
pub trait ClassifyBy<T, E> {
    /// The verdict on a result of the function.
    fn verdict(&self, result: Result<&T, &E>) -> Verdict;
}

/// By a function that an attribute names.
#[derive(Clone, Copy, Debug)]
pub struct ByFunction<F>(F);

impl<T, E, F: for<'r> Fn(Result<&'r T, &'r E>) -> Verdict> ClassifyBy<T, E> for ByFunction<F> {
    #[inline]
    fn verdict(&self, result: Result<&T, &E>) -> Verdict {
        (self.0)(result)
    }
}

#[diagnostic::do_not_recommend]
impl<T, E, F: for<'r> Fn(Result<&'r T, &'r E>) -> Verdict> Classify<T, E, Fits> for F {
    type By = ByFunction<F>;

    fn by(self) -> ByFunction<F> {
        ByFunction(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T, E, F: Never + for<'r> Fn(Result<&'r T, &'r E>) -> Verdict> Classify<T, E, Unfit> for F {
    type By = ByFunction<F>;

    fn by(self) -> ByFunction<F> {
        ByFunction(self)
    }
}

/// `classify_item`. What it comes to is a type of this trait, so that nothing more is said where there is none.
#[cfg(feature = "stream")]
#[diagnostic::on_unimplemented(
    message = "expected a function that classifies a `&{I}`",
    label = "expected a `fn(&{I}) -> Verdict`",
    note = "write the path of a `fn(&{I}) -> Verdict`, or a closure such as `|item| if item.is_broken() {{ Verdict::FAILURE }} else {{ Verdict::SUCCESS }}`"
)]
pub trait ClassifyItem<I, Fit>: Fn(&I) -> Verdict {
    /// In the form in which it is asked.
    type By: ClassifyItemBy<I>;

    /// In the form in which it is asked.
    fn item_by(self) -> Self::By;
}

/// What is asked about each item of a stream.
#[cfg(feature = "stream")]
pub trait ClassifyItemBy<I> {
    /// The verdict on an item.
    fn item_verdict(&self, item: &I) -> Verdict;
}

#[cfg(feature = "stream")]
impl<I, F: Fn(&I) -> Verdict> ClassifyItemBy<I> for ByFunction<F> {
    fn item_verdict(&self, item: &I) -> Verdict {
        (self.0)(item)
    }
}

#[cfg(feature = "stream")]
#[diagnostic::do_not_recommend]
impl<I, F: Fn(&I) -> Verdict> ClassifyItem<I, Fits> for F {
    type By = ByFunction<F>;

    fn item_by(self) -> ByFunction<F> {
        ByFunction(self)
    }
}

#[cfg(feature = "stream")]
#[diagnostic::do_not_recommend]
impl<I, F: Never + Fn(&I) -> Verdict> ClassifyItem<I, Unfit> for F {
    type By = ByFunction<F>;

    fn item_by(self) -> ByFunction<F> {
        ByFunction(self)
    }
}

/// What the `cost` of a call can be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the `cost` of a call",
    label = "expected `u32`, found `{Self}`",
    note = "convert it, as in `cost = u32::try_from(batch.len()).unwrap_or(u32::MAX)`"
)]
pub trait Cost {
    /// As a number.
    fn cost(self) -> u32;
}

#[diagnostic::do_not_recommend]
impl Cost for u32 {
    #[inline]
    fn cost(self) -> u32 {
        self
    }
}

// What comes of a pattern is a reference.
#[diagnostic::do_not_recommend]
impl<C: Cost + Copy> Cost for &C {
    #[inline]
    fn cost(self) -> u32 {
        (*self).cost()
    }
}

/// The error type `E` can stand for a rejection.
#[diagnostic::on_unimplemented(
    message = "a rejection cannot be converted to `{E}`",
    label = "`From<Rejection>` is not implemented for the error type `{E}`"
)]
pub trait MapRejection<E> {
    /// The error in the place of the rejection.
    fn map_rejection(self, rejection: Rejection) -> E;
}

/// By a function that an attribute names.
#[derive(Clone, Copy, Debug)]
pub struct MapWith<F>(pub(crate) F);

#[diagnostic::do_not_recommend]
impl<E, F: FnOnce(Rejection) -> E> MapRejection<E> for MapWith<F> {
    fn map_rejection(self, rejection: Rejection) -> E {
        (self.0)(rejection)
    }
}

/// `map_rejection`. What it comes to is a type of this trait, so that nothing more is said where there is none.
#[diagnostic::on_unimplemented(
    message = "expected a function that converts a `Rejection` to `{E}`",
    label = "expected a `fn(Rejection) -> {E}`",
    note = "write the path of a `fn(Rejection) -> {E}`, such as a variant of `{E}` that holds a `Rejection`, or a closure"
)]
pub trait RejectionMap<E, Fit>: FnOnce(Rejection) -> E {
    /// In the form in which it is called.
    type Map: MapRejection<E>;

    /// In the form in which it is called.
    fn map(self) -> Self::Map;
}

#[diagnostic::do_not_recommend]
impl<E, F: FnOnce(Rejection) -> E> RejectionMap<E, Fits> for F {
    type Map = MapWith<F>;

    fn map(self) -> MapWith<F> {
        MapWith(self)
    }
}

#[diagnostic::do_not_recommend]
impl<E, F: Never + FnOnce(Rejection) -> E> RejectionMap<E, Unfit> for F {
    type Map = MapWith<F>;

    fn map(self) -> MapWith<F> {
        MapWith(self)
    }
}
