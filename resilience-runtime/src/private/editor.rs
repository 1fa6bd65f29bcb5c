//! What an editor is shown in an attribute: for each key a function of that name, and for each word a constant. Nothing of it runs, and
//! only an editor is given code that names it.

/// A function a key, named like it.
macro_rules! functions {
    ($($(#[$doc:meta])* $key:ident $(or $off:ident)?: $value:ty;)*) => {
        $(functions! { @ $key $value; $(#[$doc])* })*

        /// What it is called in metrics, events and configuration files. Policies of one name are one policy. Default the function.
        pub fn name(_: &str) {}

        /// Makes an error of a rejection, where the error type is not `From<Rejection>`.
        pub fn map_rejection<T, E>(_: impl FnOnce(crate::error::Rejection) -> E) -> Result<T, E> {
            unreachable!("it is there to be looked at")
        }

        /// Which of the function's results are failures, for every attribute of the stack. Default every `Err`.
        pub fn classify<T, E>(_: impl Fn(Result<&T, &E>) -> crate::verdict::Verdict) -> Result<T, E> {
            unreachable!("it is there to be looked at")
        }

        /// Whether the function answers with a stream, and its call lasts until that ends. Default false.
        pub fn stream(_: bool) {}

        /// Which items of the stream are failures. Default every `Err`.
        pub fn classify_item<I>(_: impl Fn(&I) -> crate::verdict::Verdict) {}
    };
    // Files have it, attributes do not.
    (@ enabled $value:ty; $(#[$doc:meta])*) => {};
    (@ $key:ident $value:ty; $(#[$doc:meta])*) => {
        $(#[$doc])*
        pub fn $key(_: $value) {}
    };
}

/// A function a hook. What it returns is what the guarded function returns, so that the parameters of a closure have their types.
macro_rules! hooks {
    ($($(#[$doc:meta])* $key:ident: ($($parameter:ty),*) $(-> $answer:ty)?;)*) => {
        $(
            $(#[$doc])*
            pub fn $key<T, E>(_: impl FnOnce($($parameter),*) $(-> $answer)?) -> Result<T, E> {
                unreachable!("it is there to be looked at")
            }
        )*
    };
}

/// The keys of `#[circuit_breaker]`.
pub mod circuit_breaker {
    use crate::window::WindowCounts;
    use resilience_config::{Mode, Preset, Window};
    use std::time::Duration;

    resilience_config::circuit_breaker_keys! { functions! {} }

    /// An expression over the arguments that implements `Display`, or a tuple of such: one breaker for each of its values.
    pub fn key<K: ?Sized>(_: &K) {}

    hooks! {
        /// Which errors are failures. Default every error. One for which it returns `false` counts as a success.
        failure_if: (&E) -> bool;
        /// Which errors count nowhere; asked first.
        ignore_if: (&E) -> bool;
        /// A rule of your own that opens the breaker too.
        trip_if: (&WindowCounts) -> bool;
    }
}

/// The keys of `#[retry]`.
pub mod retry {
    use crate::event::RetryEvent;
    use resilience_config::{Backoff, Jitter, Rejections};
    use std::time::Duration;

    resilience_config::retry_keys! { functions! {} }

    hooks! {
        /// Which of the function's own errors are worth another attempt. Default every error.
        retry_if: (&E) -> bool;
        /// A wait that the error asks for, in place of the backoff.
        retry_after: (&E) -> Option<Duration>;
        /// Called before each wait.
        on_retry: (&RetryEvent);
    }
}

/// The keys of `#[bulkhead]`.
pub mod bulkhead {
    use std::time::Duration;

    resilience_config::bulkhead_keys! { functions! {} }

    /// An expression over the arguments that implements `Display`, or a tuple of such: one bulkhead for each of its values.
    pub fn key<K: ?Sized>(_: &K) {}
}

/// The keys of `#[rate_limit]`.
pub mod rate_limit {
    use resilience_config::Rate;
    use std::time::Duration;

    resilience_config::rate_limit_keys! { functions! {} }

    /// An expression over the arguments that implements `Display`, or a tuple of such: one rate limiter for each of its values.
    pub fn key<K: ?Sized>(_: &K) {}

    /// What a call counts as: an expression over the arguments.
    pub fn cost<C: crate::hooks::Cost>(_: C) {}
}

/// The keys of `#[timeout]`.
pub mod timeout {
    use resilience_config::Preset;
    use std::time::Duration;

    resilience_config::timeout_keys! { functions! {} }
}

/// The keys of `#[fallback]`.
pub mod fallback {
    use resilience_config::Rejections;

    functions! {
        /// The rejections that it answers for. Default every one; without `if` it then leaves the function's own errors alone.
        on: Rejections;
    }

    hooks! {
        /// Which of the function's own errors it answers for. Default every error.
        r#if: (&E) -> bool;
    }
}

/// The words that are values, a module for each set of them.
pub mod words {
    /// Of `backoff`.
    pub mod backoff {
        pub use resilience_config::Backoff::{
            Constant as constant, Decorrelated as decorrelated, Exponential as exponential, Fibonacci as fibonacci,
            Linear as linear,
        };
    }

    /// Of `jitter`.
    pub mod jitter {
        pub use resilience_config::Jitter::{Equal as equal, Full as full, None as none};
    }

    /// Of `mode`.
    pub mod mode {
        pub use resilience_config::Mode::{Enforce as enforce, Monitor as monitor, Off as off};
    }

    /// Of `preset`.
    pub mod preset {
        pub use resilience_config::Preset::{
            Database as database, ExternalApi as external_api, InternalService as internal_service,
            WebService as web_service,
        };
    }

    /// Of `window`.
    pub mod window {
        pub use resilience_config::Window::None as none;
    }

    /// Of a key that may be off.
    #[expect(non_upper_case_globals, reason = "named as it is written")]
    pub mod off {
        /// Turns the key off.
        pub const none: () = ();
    }

    /// Of a list of kinds of rejections.
    #[expect(non_upper_case_globals, reason = "named as they are written")]
    pub mod rejections {
        use resilience_config::Rejections;

        /// A circuit breaker was open.
        pub const circuit_open: Rejections = Rejections::CIRCUIT_OPEN;
        /// A timeout passed.
        pub const timed_out: Rejections = Rejections::TIMED_OUT;
        /// A bulkhead and its queue were full.
        pub const bulkhead_full: Rejections = Rejections::BULKHEAD_FULL;
        /// A rate limiter had no turn left.
        pub const rate_limited: Rejections = Rejections::RATE_LIMITED;
        /// `classify` takes an `Ok` for a failure. Of a fallback alone.
        pub const unsuccessful: Rejections = Rejections::UNSUCCESSFUL;
    }
}
