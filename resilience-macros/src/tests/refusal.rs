//! What is refused, and in which words. Where the words appear is for the ui tests, which have spans.

use proc_macro2::TokenStream;
use quote::quote;

use super::{bulkhead, circuit_breaker, fallback, messages, rate_limit, refused, retry, timeout};

#[test]
fn all_mistakes_come_together() {
    let expansion = circuit_breaker(
        quote!(
            failure_rat = 1,
            failure_rate = 0,
            open_for = 30,
            mode = "off",
            minimum_calls = 3,
            minimum_calls = 4,
            window,
            "late"
        ),
        quote! {
            #[fallback(a, b)]
            fn f() -> u8 { 1 }
        },
    );
    assert_eq!(
        messages(&expansion),
        [
            "missing value for `window`; write `window = ...`",
            "expected `key = value`; a value without a key must come before `failure_rat`",
            "unknown key `failure_rat` for `circuit_breaker`; did you mean `failure_rate`?",
            "`open_for` needs a unit: write `\"30ms\"` or `\"30s\"`",
            "expected a word without quotes; write `mode = off`",
            "duplicate key `minimum_calls`; remove one of them",
            "`failure_rate` must be greater than 0 and at most 100",
            "a guarded function must return a `Result`, so that a policy can answer in its place; write `Result<u8, E>` where `E: From<Rejection>`",
        ]
    );
}

const MANY_PARTS: &str =
    "a tuple as `key` has 2 to 8 parts, such as `key = (order.tenant, order.warehouse)`; a single value stands alone";

#[test]
fn values_of_the_wrong_kind() {
    for (arguments, message) in [
        (quote!(failure_rate = "50"), "`failure_rate` must be a number, without quotes"),
        (quote!(failure_rate = (0)), "`failure_rate` must be greater than 0 and at most 100"),
        (quote!(latency = |x| x), "`latency` must be `true` or `false` or a constant"),
        (quote!(failure_rate = -5), "`failure_rate` must be greater than 0 and at most 100"),
        (quote!(failure_rate = 1e999), "`failure_rate` must be greater than 0 and at most 100"),
        (quote!(minimum_calls = 2.5), "`minimum_calls` must be a whole number"),
        (quote!(minimum_calls = -2), "`minimum_calls` must not be negative"),
        (quote!(minimum_calls = "2"), "`minimum_calls` must be a whole number, without quotes"),
        (quote!(minimum_calls = 99999999999999), "`minimum_calls` must be between 1 and 1000000000"),
        // More than there are numbers for.
        (
            quote!(minimum_calls = 200000000000000000000000000000000000000),
            "`minimum_calls` must be between 1 and 1000000000",
        ),
        (quote!(open_for = "30"), "missing unit after `30`; write `\"30ms\"`, `\"30s\"` or `\"30m\"`"),
        (quote!(open_for = 'x'), "`open_for` must be a duration such as `\"250ms\"`, `\"5s\"` or `\"1m30s\"`"),
        (quote!(open_for = |x| x), "`open_for` must be a duration or a constant"),
        // It cannot be turned off.
        (quote!(open_for = none), "`open_for` must be a duration such as `\"250ms\"`, `\"5s\"` or `\"1m30s\"`"),
        (quote!(minimum_calls = none), "`minimum_calls` must be a whole number"),
        (quote!(failure_rate = none), "`failure_rate` must be a number, without quotes"),
        (quote!(window = 0), "`window` must be between `\"10ms\"` and `\"24h\"`, or between 1 and 65535 calls"),
        (quote!(window = "1ms"), "`window` must be between `\"10ms\"` and `\"24h\"`, or between 1 and 65535 calls"),
        (
            quote!(window = 1.5),
            "`window` must be a duration such as `\"10s\"`, a number of calls such as `100`, or `none`",
        ),
        (quote!(mode = monitr), "unknown value `monitr` for `mode`; did you mean `monitor`?"),
        (quote!(mode = 3), "`mode` must be `enforce`, `monitor` or `off`"),
        (quote!(preset = Preset::Database), "expected a word without a path; write `database`"),
        (
            quote!(preset = Preset::Mainframe),
            "`preset` must be `web_service`, `database`, `external_api` or `internal_service`",
        ),
        (quote!(failure_rate = 50%), "percentages are written without `%`; write `50`"),
        (quote!(failure_rate = 50 +), "unexpected end of value"),
        (quote!(failure_if = |error|), "unexpected end of value"),
        (
            quote!(failure_if = |a, b| true),
            "expected a closure with one parameter, such as `|error| error.is_transient()`",
        ),
        (
            quote!(failure_if = 3),
            "`failure_if` must be the path of a function or a closure such as `|error| error.is_transient()`",
        ),
        (quote!(crate = "x"), "`crate` must be a path, without quotes"),
        (quote!(name = billing), "expected a string literal; write \"billing\""),
        (quote!(name = BILLING), "expected a string literal such as `\"payment\"`"),
        (quote!(7), "expected a string literal such as `\"payment\"`"),
        (quote!(mode), "missing value for `mode`; write `mode = ...`"),
        (quote!(window(10)), "missing value for `window`; write `window = ...`"),
        (quote!("a", window(10)), "missing value for `window`; write `window = ...`"),
        (quote!(mode = monitor, window(10)), "missing value for `window`; write `window = ...`"),
        (quote!(open-for = "1s"), "keys are written with underscores; write `open_for = ...`"),
        (quote!("a", "open_for" = "1s"), "keys are written without quotes; write `open_for = ...`"),
        (quote!("a", half - open - calls = 2), "keys are written with underscores; write `half_open_calls = ...`"),
        (
            quote!(timeout = "1s"),
            "unknown key `timeout` for `circuit_breaker`; `timeout` is a separate attribute: write `#[timeout(...)]`",
        ),
        (quote!(""), "`name` must have between 1 and 128 characters"),
        (quote!("a", name = "b"), "the name is given twice: here and as `name`"),
        (quote!("a", "b"), "`circuit_breaker` takes only one value without a key, its name; write `key = value`"),
        (quote!(window =), "missing value for `window` after the `=`"),
        (quote!(window: 5), "expected `=` between a key and its value"),
        (quote!(window = 5 open_for = "1s"), "expected `,` between two arguments"),
        (
            quote!(colour = 3),
            "unknown key `colour` for `circuit_breaker`; expected `failure_rate`, `minimum_calls`, `window`, \
            `consecutive_failures`, `abandoned_after`, `latency`, `slow_call`, `slow_call_rate`, `open_for`, `open_backoff`, `max_open_for`, `open_jitter`, \
            `half_open_calls`, `half_open_successes`, `half_open_timeout`, `mode`, `max_keys`, `preset`, `key`, `failure_if`, \
            `ignore_if`, `trip_if`, `name`, `map_rejection`, `classify`, `stream`, `classify_item` or `crate`",
        ),
        (quote!(max_keys = 3), "`max_keys` requires `key`, such as `key = order.warehouse`"),
        (quote!(key = (a,)), MANY_PARTS),
        (quote!(key = (a, b, c, d, e, f, g, h, i)), MANY_PARTS),
        (quote!(key = ()), MANY_PARTS),
        (quote!(failure_rate == 5), "expected a string literal such as `\"payment\"`"),
        (quote!(half - open == "1s"), "expected a string literal such as `\"payment\"`"),
    ] {
        assert_eq!(refused(arguments.clone()), [message], "{arguments}");
    }
}

#[test]
fn values_of_the_other_policies() {
    let function = || {
        quote!(
            async fn f() -> Result<(), Error> {}
        )
    };
    for (attribute, arguments, message) in [
        (retry as fn(_, _) -> _, quote!(3), "`retry` takes no value without a key; write `attempts = 3`"),
        (retry, quote!("db"), "`retry` takes no value without a key; write `name = \"db\"`"),
        (retry, quote!(DELAY), "`retry` takes no value without a key; write `key = value`"),
        (retry, quote!(""), "`retry` takes no value without a key; write `key = value`"),
        (retry, quote!(attempts), "missing value for `attempts`; write `attempts = ...`"),
        (retry, quote!(jitter = "full"), "expected a word without quotes; write `jitter = full`"),
        (retry, quote!(jitter = true), "`jitter` must be `none`, `equal`, `full` or a share between 0 and 1"),
        (retry, quote!(jitter = ful), "unknown value `ful` for `jitter`; did you mean `full`?"),
        (retry, quote!(jitter = -0.1), "`jitter` must be `none`, `equal`, `full` or a share between 0 and 1"),
        (
            retry,
            quote!(backoff = 2),
            "`backoff` must be `constant`, `linear`, `exponential`, `fibonacci` or `decorrelated`",
        ),
        (
            retry,
            quote!(retry_rejections = timed_out),
            "`retry_rejections` must be a list such as `[timed_out]`, with any of `circuit_open`, `timed_out`, `bulkhead_full` or \
            `rate_limited`",
        ),
        (retry, quote!(retry_rejections = [timed_out, timed_out]), "this value is already in the list"),
        (retry, quote!(backoff = Backoff::Linear), "expected a word without a path; write `linear`"),
        (retry, quote!(jitter = resilience_runtime::Jitter::Full), "expected a word without a path; write `full`"),
        (
            retry,
            quote!(retry_rejections = [RejectionKind::TimedOut]),
            "expected a word without a path; write `timed_out`",
        ),
        (
            timeout,
            quote!(duration = "2s"),
            "unknown key `duration` for `timeout`; expected `after`, `between`, `preset`, `name`, `map_rejection`, `classify`, \
            `stream`, `classify_item` or `crate`",
        ),
        (rate_limit, quote!(rat = "2/s"), "unknown key `rat` for `rate_limit`; did you mean `rate`?"),
        (retry, quote!(backoff = constant, factor = 3), "`factor` requires `backoff = exponential`"),
        (retry, quote!(retyr_if = f), "unknown key `retyr_if` for `retry`; did you mean `retry_if`?"),
        (timeout, quote!(), "`timeout` requires a duration, such as `\"2s\"`, or a `preset`"),
        (timeout, quote!(after =), "missing value for `after` after the `=`"),
        (timeout, quote!(2), "`after` needs a unit: write `\"2ms\"` or `\"2s\"`"),
        (timeout, quote!(after: "2s"), "expected `=` between a key and its value"),
        (timeout, quote!(after = "2s" 3), "expected `,` between two arguments"),
        (timeout, quote!("5"), "missing unit after `5`; write `\"5ms\"`, `\"5s\"` or `\"5m\"`"),
        (
            timeout,
            quote!("payment"),
            "expected a duration such as `\"250ms\"`, `\"5s\"` or `\"1m30s\"`; if \"payment\" is a name, write `name = \"payment\"`",
        ),
        (timeout, quote!(after = "payment"), "expected a duration such as `\"250ms\"`, `\"5s\"` or `\"1m30s\"`"),
        (timeout, quote!("a\nb"), "expected a duration such as `\"250ms\"`, `\"5s\"` or `\"1m30s\"`"),
        (
            timeout,
            quote!("1s", "payment"),
            "`timeout` takes only one value without a key, its `after`; if \"payment\" is a name, write `name = \"payment\"`",
        ),
        (
            timeout,
            quote!("1s", after = "2s"),
            "duplicate key `after`: the value without a key is already the `after` of `timeout`",
        ),
        (timeout, quote!("1s", "2s"), "`timeout` takes only one value without a key, its `after`"),
        (bulkhead, quote!("db"), "`max_concurrent` must be a whole number; if \"db\" is a name, write `name = \"db\"`"),
        (bulkhead, quote!(max_queue), "missing value for `max_queue`; write `max_queue = ...`"),
        (
            rate_limit,
            quote!("partner"),
            "expected a rate such as `\"100/s\"`, `\"10/min\"` or `\"1/30s\"`; if \"partner\" is a name, write \
            `name = \"partner\"`",
        ),
        (bulkhead, quote!(0), "`max_concurrent` must be between 1 and 1000000"),
        (
            bulkhead,
            quote!(3, max_wait = "1s"),
            "`max_wait` requires a `max_queue` above 0 (default 0), without which nobody waits",
        ),
        (rate_limit, quote!(), "`rate_limit` requires a rate, such as `\"100/s\"`, `\"10/min\"` or `\"1/30s\"`"),
        (rate_limit, quote!(5), "missing unit of time; write `\"5/s\"` or `\"5/min\"`"),
        (rate_limit, quote!("0/s"), "`rate` must be between 1 and 1000000000 calls in a time above 0"),
        (rate_limit, quote!(true), "expected a rate such as `\"100/s\"`, `\"10/min\"` or `\"1/30s\"`"),
        (
            fallback,
            quote!(f, on = [open]),
            "`on` must be `circuit_open`, `timed_out`, `bulkhead_full`, `rate_limited` or `unsuccessful`",
        ),
        (
            fallback,
            quote!(f, on = []),
            "a fallback with an empty `on` list never answers; list the rejections, or add `if`",
        ),
    ] {
        let messages: Vec<String> = messages(&attribute(arguments.clone(), function()));
        let is_the_other_half = |message: &String| message.contains("conflicts with");
        let found: Vec<&String> = messages.iter().filter(|message| !is_the_other_half(message)).collect();
        assert_eq!(found, [message], "{arguments}");
    }
    for (attribute, arguments) in [
        (retry as fn(_, _) -> _, quote!(jitter = Shares::OFTEN, attempts = 50 % 7)),
        (retry, quote!(jitter = JITTER, retry_rejections = [], delay = DELAY, backoff = decorrelated)),
        (retry, quote!(jitter = 1, attempts = ATTEMPTS, factor = 1.5)),
        // How much of the first wait jitter leaves, and whether there is a second attempt, is the compiler's to see.
        (retry, quote!(jitter = JITTER, delay = "1s", max_elapsed = "800ms")),
        (retry, quote!(attempts = ATTEMPTS, delay = "1s", max_elapsed = "800ms")),
        (retry, quote!(attempts = 1, delay = "1s", max_elapsed = "800ms")),
        (timeout, quote!(AFTER)),
        (timeout, quote!(preset = database, name = "query")),
        (bulkhead, quote!(10, max_queue = QUEUE, max_wait = "1s")),
        (rate_limit, quote!(RATE, burst = 3)),
        (fallback, quote!(f, on = [], if = f)),
    ] {
        assert_eq!(messages(&attribute(arguments.clone(), function())), [""; 0], "{arguments}");
    }
}

#[test]
fn orders_in_which_a_policy_cannot_do_its_job() {
    let refused = |stack: proc_macro2::TokenStream| {
        let messages = messages(&fallback(quote!(f), quote!(#stack async fn f() -> Result<(), Error> {})));
        assert!(messages.len() < 2, "{messages:?}");
        messages.concat()
    };
    let above = "this `timeout` is above `circuit_breaker`";
    assert!(refused(quote!(#[timeout("1s")] #[circuit_breaker])).starts_with(above));
    assert!(refused(quote!(#[retry] #[timeout("1s")] #[bulkhead] #[circuit_breaker])).starts_with(above));
    assert!(refused(quote!(#[timeout("1s")] #[retry] #[circuit_breaker])).contains("add a second `#[timeout]` there"));
    assert!(refused(quote!(#[timeout("1s")] #[retry] #[timeout("1s")] #[circuit_breaker])).starts_with(above));
    let twice = "`timeout` is already applied to this function";
    assert!(refused(quote!(#[timeout("1s")] #[bulkhead] #[timeout("1s")])).starts_with(twice));
    assert!(refused(quote!(#[retry] #[timeout("1s")] #[timeout("1s")])).starts_with(twice));
    assert!(refused(quote!(#[timeout("2s")] #[retry] #[timeout("1s")] #[timeout("1s")])).starts_with(twice));
    assert!(refused(quote!(#[retry] #[bulkhead] #[retry])).starts_with("`retry` is already applied"));

    assert_eq!(refused(quote!(#[timeout("1s")] #[retry] #[circuit_breaker] #[timeout("1s")])), "");
    assert_eq!(refused(quote!(#[circuit_breaker] #[timeout("1s")])), "");
    assert_eq!(refused(quote!(#[timeout("1s")] #[bulkhead])), "");
    assert_eq!(refused(quote!(#[rate_limit("1/s")] #[bulkhead] #[timeout("1s")] #[retry])), "");
}

#[test]
fn a_timeout_that_ends_a_retry_before_its_last_attempt() {
    let refused = |stack: proc_macro2::TokenStream| {
        messages(&timeout(quote!("5s"), quote!(#stack async fn f() -> Result<(), Error> {})))
    };
    let message = "the `timeout` above ends the call after 5s, but the waits between 5 attempts take at least 1s + 2s + 4s + 8s = 15s, so \
        only 3 attempts can begin; write `attempts = 3`, shorter waits or a longer `timeout`";
    let other = "this `timeout` conflicts with the waits of the `retry` below it";
    assert_eq!(refused(quote!(#[retry(attempts = 5, delay = "1s", jitter = none)])), [message, other]);
    assert_eq!(refused(quote!(#[bulkhead(2)] #[retry(attempts = 5, delay = "1s", jitter = none)])), [message, other]);
    let named = quote!(#[retry(name = "charge", attempts = 5, delay = "1s", jitter = none)]);
    assert_eq!(refused(named), [message, other]);
    // What asks for a wait does so from below the retry.
    let above = quote!(#[rate_limit("1/s")] #[retry(attempts = 5, delay = "1s", jitter = none)]);
    assert_eq!(refused(above), [message, other]);
    // What is wrong by itself is told by itself.
    let wrong = refused(quote!(#[retry(attempts = 5, delay = "20s", max_delay = "10s", jitter = none)]));
    let by_itself = "`delay` (default `\"100ms\"`) must not be longer than `max_delay` (default `\"10s\"`)";
    assert_eq!(wrong, [by_itself, "this `delay` conflicts with `max_delay`"]);
    let two = refused(quote!(#[retry(attempts = 2, delay = "8s", jitter = equal, max_delay = "8s")] #[timeout("1s")]));
    assert!(two.is_empty(), "{two:?}");
    let two = refused(quote!(#[retry(attempts = 2, delay = "10s", jitter = equal)]));
    assert!(two[0].contains("the waits between 2 attempts take at least 5s, so only 1 attempt can begin"), "{two:?}");
    for fits in [
        quote!(#[retry(attempts = 5, delay = "1s")]),
        quote!(#[retry(attempts = 3, delay = "1s", jitter = none)]),
        quote!(#[retry(attempts = ATTEMPTS, delay = "1s", jitter = none)]),
        // A wait that was asked for may be shorter.
        quote!(#[retry(attempts = 5, delay = "1s", jitter = none, retry_after = |e| e.wait())]),
        quote!(#[retry(attempts = 5, delay = "1s", jitter = none)] #[rate_limit("1/s")]),
        // Its name may be configured elsewhere.
        quote!(#[retry(name = "shared")]),
    ] {
        assert_eq!(refused(fits.clone()), [""; 0], "{fits}");
    }
}

#[test]
fn literals_of_every_form() {
    for arguments in [
        quote!(failure_rate = 50, minimum_calls = 5, window = "10s"),
        quote!(failure_rate = 33.3, minimum_calls = 0x10, window = 100),
        quote!(failure_rate = 50f64, minimum_calls = 5u32, window = 1_000),
        quote!(failure_rate = (50), minimum_calls = (5), window = none, trip_if = |c| c.failures > 3),
        quote!(window = none, consecutive_failures = 5),
        quote!("payment", mode = off, preset = database),
        quote!(name = "payment",),
        quote!(key = (a, b).0, max_keys = 3),
        quote!(key = (a, b)),
        quote!(key = (a, b, c, d, e, f, g, h)),
        quote!(classify = classify::retry_after_opens(classify::io)),
        // A hook may be called as the key is.
        quote!(failure_if = failure_if, key = key),
    ] {
        assert_eq!(refused(arguments.clone()), [""; 0], "{arguments}");
    }
}

#[test]
fn a_rule_about_an_expression_is_left_to_the_compiler() {
    for arguments in [
        quote!(window = 10, minimum_calls = CALLS),
        quote!(window = WINDOW, minimum_calls = 5000),
        quote!(window = none, consecutive_failures = FAILURES),
        quote!(half_open_calls = CALLS, half_open_successes = 200),
        quote!(slow_call = SLOW, slow_call_rate = 10),
        quote!(open_for = OPEN, max_open_for = "1s"),
        quote!(open_for = "1h", open_backoff = 2, max_open_for = LONGEST),
    ] {
        assert_eq!(refused(arguments.clone()), [""; 0], "{arguments}");
    }
}

#[test]
fn constants_cannot_depend_on_generics() {
    let function = quote!(
        async fn f<'a, T: Limit, const N: usize>(t: &'a T) -> Result<(), Error> {
            Ok(())
        }
    );
    let expansion = circuit_breaker(
        quote!(
            failure_rate = T::RATE,
            minimum_calls = limits::T,
            open_for = Self::OPEN,
            window = { N },
            slow_call = CONFIG.T,
            trip_if = |c| c.calls > N,
            failure_if = T::is_failure,
            key = T::ID
        ),
        function,
    );
    let about =
        |word| format!("`{word}` is not allowed here: the value is evaluated once for all instances; use a constant");
    assert_eq!(messages(&expansion), [about("T"), about("Self"), about("N"), about("N")]);
}

#[test]
fn constants_cannot_depend_on_arguments() {
    let function = quote!(
        async fn f(&self, rate: f64, limit: u64) -> Result<(), Error> {
            Ok(())
        }
    );
    let refused = |arguments| messages(&circuit_breaker(arguments, function.clone()));
    let about = |word| {
        format!(
            "the argument `{word}` is not allowed here: the value is evaluated once, before the first call; use a constant"
        )
    };
    assert_eq!(refused(quote!(failure_rate = rate)), [about("rate")]);
    assert_eq!(refused(quote!(failure_rate = 2.0 * self.rate)), [about("self")]);
    assert_eq!(refused(quote!(failure_rate = rate[0])), [about("rate")]);
    assert_eq!(refused(quote!(trip_if = |counts| counts.failures > limit)), [about("limit")]);
    for something_else in [
        quote!(failure_rate = rate()),
        quote!(failure_rate = rate::DEFAULT),
        quote!(failure_rate = self::RATE),
        quote!(failure_rate = rate!()),
        quote!(failure_rate = LIMITS.rate),
        quote!(trip_if = |limit| limit.failures > 7),
        quote!(key = rate),
        quote!(failure_if = rate),
    ] {
        assert_eq!(refused(something_else.clone()), [""; 0], "{something_else}");
    }
}

#[test]
fn results_that_borrow_what_the_fallback_needs() {
    let borrows = |function| !messages(&fallback(quote!(other), function)).is_empty();
    assert!(borrows(quote!(
        async fn f(&mut self) -> Result<&str, Error> {}
    )));
    assert!(borrows(quote!(
        async fn f(&mut self, name: &str) -> Result<Guard<'_>, Error> {}
    )));
    assert!(borrows(quote!(
        async fn f(self: &mut Self) -> Result<&str, Error> {}
    )));
    assert!(borrows(quote!(
        async fn f<'a>(&self, buffer: &'a mut [u8]) -> Result<&'a [u8], Error> {}
    )));
    assert!(borrows(quote!(
        async fn f(buffer: &mut [u8]) -> Result<(u8, &[u8]), Error> {}
    )));
    assert!(borrows(quote!(
        async fn f(self, buffer: &mut [u8]) -> Result<&[u8], Error> {}
    )));

    let again = messages(&retry(
        quote!(),
        quote!(
            async fn f(&mut self) -> Result<&str, Error> {}
        ),
    ));
    assert_eq!(
        again,
        [
            "the result borrows from `self`, which the next attempt of `retry` needs after the call; return an owned value"
        ]
    );
    let both = messages(&retry(
        quote!(),
        quote!(
            #[fallback(other)]
            async fn f(&mut self) -> Result<&str, Error> {}
        ),
    ));
    assert_eq!(
        both,
        ["the result borrows from `self`, which the fallback needs after the call; return an owned value"]
    );

    assert!(!borrows(quote!(
        async fn f(&self, buffer: &mut [u8]) -> Result<&str, Error> {}
    )));
    assert!(!borrows(quote!(
        async fn f<'a>(buffer: &mut [u8], name: &'a str) -> Result<&'a str, Error> {}
    )));
    assert!(!borrows(quote!(
        async fn f(&mut self) -> Result<&'static str, Error> {}
    )));
    assert!(borrows(quote!(
        async fn f(buffer: &'static mut [u8]) -> Result<&'static [u8], Error> {}
    )));
    // The compiler says that it cannot tell which of them it is.
    assert!(!borrows(quote!(
        async fn f(buffer: &mut [u8], other: &mut [u8]) -> Result<&[u8], Error> {}
    )));
    assert!(!borrows(quote!(
        async fn f(&mut self) -> Result<Box<dyn Fn(&str) -> u8>, Error> {}
    )));
    assert!(!borrows(quote!(
        async fn f(&mut self) -> Result<String, Error> {}
    )));
}

#[test]
fn fallbacks_that_cannot_be_called() {
    let refused = |arguments| {
        messages(&fallback(
            arguments,
            quote!(
                async fn f(&self, id: u64) -> Result<(), Error> {}
            ),
        ))
    };
    assert_eq!(refused(quote!()), ["`fallback` requires a function or a closure; write `#[fallback(path)]`"]);
    assert_eq!(refused(quote!("path")), ["`fallback` must be a path, without quotes, or a closure"]);
    assert_eq!(
        refused(quote!(self.cached)),
        ["write the path of the method, such as `Self::cached`; `self` is passed as its first argument"]
    );
    assert_eq!(refused(quote!(1 + 1)), ["`fallback` must be the path of a function or method, or a closure"]);
    assert_eq!(
        refused(quote!(|id| Ok(()))),
        ["expected a closure that takes the arguments of the function, `|this, id|`, or those and then the error"]
    );
    // What is taken apart has no name.
    let apart = messages(&fallback(
        quote!(|| Ok(())),
        quote!(
            async fn f((a, b): (u8, u8), id: u64) -> Result<(), Error> {}
        ),
    ));
    assert_eq!(
        apart,
        ["expected a closure that takes the arguments of the function, `|_, id|`, or those and then the error"]
    );
    for (closure, is_one) in [
        (quote!(|| Ok(())), false),
        (quote!(|this| Ok(())), false),
        (quote!(|this, id| Ok(())), true),
        (quote!(|this, id, failure| Ok(())), true),
        (quote!(|this, id, error: Error| Ok(())), true),
        (quote!(|this, id, error: Error, more| Ok(())), false),
    ] {
        assert_eq!(refused(closure.clone()).is_empty(), is_one, "{closure}");
        assert_eq!(refused(quote!(Self::cached, #closure)).is_empty(), is_one, "{closure}");
    }
    assert_eq!(refused(quote!(Self::cached)), [""; 0]);
    let under_a_condition = |arguments| {
        messages(&fallback(
            arguments,
            quote!(
                async fn f(a: u8, #[cfg(unix)] b: u8) -> Result<(), Error> {}
            ),
        ))
    };
    let function = "a fallback must be a function where an argument has a `#[cfg]`";
    assert_eq!(under_a_condition(quote!(|a, b| Ok(()))), [function]);
    assert_eq!(under_a_condition(quote!(cached)), [""; 0]);
}

#[test]
fn a_function_that_another_attribute_has_made_synchronous_is_told_so() {
    for (body, word) in [
        (quote!(g()), "make it an `async fn`"),
        (quote!(runtime().block_on(async { g().await })), "write that one below this"),
        (quote!({ if a { block_on(g()) } else { h() } }), "write that one below this"),
        (quote!(unblock_on(g())), "make it an `async fn`"),
    ] {
        let function = quote!(fn f() -> Result<(), Error> { #body });
        let messages = messages(&timeout(quote!("1s"), function));
        assert!(messages[0].contains(word) && messages.len() == 1, "{messages:?}");
    }
}

/// Where the body is given another `self`, of which a macro that is not known may not know.
#[test]
fn a_capture_of_self_that_nobody_sees_is_refused_where_the_body_has_a_self_of_its_own() {
    let refused = |stack: TokenStream, receiver: TokenStream, body: TokenStream| {
        let function = quote!(async fn f(#receiver) -> Result<(), Error> { #body });
        messages(&circuit_breaker(quote!(), quote!(#stack #function))).len()
    };
    let (moves, says) = (quote!(take(self).await), quote!(say!("{self}");));
    for (stack, receiver, body, expected) in [
        (quote!(#[retry]), quote!(&mut self), quote!(#says #moves), 1),
        (quote!(#[fallback(g)]), quote!(&mut self), quote!(#says #says #moves), 2),
        (quote!(), quote!(&mut self), quote!(#says #moves), 0),
        (quote!(#[retry]), quote!(&self), quote!(#says #moves), 0),
        (quote!(#[retry]), quote!(a: &mut A), quote!(#says #moves), 0),
        (quote!(#[retry]), quote!(&mut self), quote!(#says self.take().await), 0),
        (quote!(#[retry]), quote!(&mut self), quote!(println!("{self}"); #moves), 0),
    ] {
        assert_eq!(refused(stack.clone(), receiver.clone(), body.clone()), expected, "{stack} {receiver} {body}");
    }
}

#[test]
fn attributes_that_do_not_go_together() {
    let twice = circuit_breaker(
        quote!("a", map_rejection = f, crate = x),
        quote! {
            #[circuit_breaker("b", map_rejection = g, crate = y)]
            #[circuit_breaker = "c"]
            async fn f() -> Result<(), Error> {}
        },
    );
    let twice = messages(&twice);
    for message in [
        "`circuit_breaker` is already applied to this function; merge the keys of both into one `#[circuit_breaker]`",
        "duplicate `map_rejection`: another attribute of this function has one; remove one of them",
        "conflicting `crate`: another attribute of this function names a different one",
        "write parentheses around the arguments: `#[circuit_breaker(\"c\")]`",
    ] {
        assert!(twice.iter().any(|other| other == message), "{message}");
    }
}

#[test]
fn attributes_may_name_one_crate_twice() {
    let same = circuit_breaker(
        quote!("a", crate = x::y),
        quote! {
            #[x::y::retry(crate = x::y)]
            async fn f() -> Result<(), Error> {}
        },
    );
    assert_eq!(messages(&same), [""; 0]);
}

#[test]
fn types_that_can_be_no_result_and_types_that_may_be_one() {
    let refused =
        |returned: TokenStream| !messages(&circuit_breaker(quote!(), quote!(async fn f() -> #returned {}))).is_empty();
    for none in [quote!(u8), quote!(Option<u8>), quote!((u8, u8)), quote!(&str), quote!((String)), quote!([u8; 2])] {
        assert!(refused(none.clone()), "{none}");
    }
    let shown = messages(&circuit_breaker(
        quote!(),
        quote!(
            async fn f() -> Option<Vec<u8>> {}
        ),
    ))
    .concat();
    assert!(shown.contains("write `Result<Option<Vec<u8>>, E>` where"), "{shown}");
    for may_be in [
        quote!(Answer),
        quote!((Answer)),
        quote!(shop::Option<u8>),
        quote!(str::Answer),
        quote!(<Shop as Sells>::Option),
        quote!(<Shop>::Vec),
        quote!(answer!()),
    ] {
        assert!(!refused(may_be.clone()), "{may_be}");
    }
}

#[test]
fn a_fallback_takes_twelve_arguments_at_most() {
    let refused = |count: usize| {
        let arguments = (0..count).map(|nth| quote::format_ident!("a{nth}"));
        messages(&fallback(quote!(other), quote!(async fn f(#(#arguments: u8),*) -> Result<(), Error> {})))
    };
    assert_eq!(refused(12), [""; 0]);
    assert_eq!(refused(13), ["a function with a fallback can have at most 12 arguments, including the receiver"]);
}

#[test]
fn a_value_without_parentheses_is_not_missing_as_well() {
    let expansion = retry(
        quote!(),
        quote! {
            #[timeout = "2s"]
            async fn f() -> Result<(), Error> {}
        },
    );
    assert_eq!(messages(&expansion), ["write parentheses around the arguments: `#[timeout(\"2s\")]`"]);
}

#[test]
fn an_attribute_under_another_name_is_found_out() {
    // What `#[circuit_breaker] #[breaker_under_an_alias] async fn` comes to when it is the alias's turn.
    let expanded = circuit_breaker(
        quote!(),
        quote!(
            #[breaker_under_an_alias]
            async fn f() -> Result<(), Error> {
                Ok(())
            }
        ),
    );
    let again = circuit_breaker(quote!(), expanded);
    let message = &messages(&again)[0];
    assert!(message.contains("use its own name"), "{message}");
}

#[test]
fn what_a_form_of_function_cannot_have() {
    let result = quote!(Result<(), Error>);
    for (stack, function, message) in [
        (quote!(#[timeout("1s")]), quote!(fn f() -> #result {}), "a synchronous function cannot have a `timeout`"),
        (quote!(#[bulkhead(1, max_queue = 3)]), quote!(fn f() -> #result {}), "`max_queue` would block the thread"),
        (quote!(#[rate_limit("1/s", max_wait = W)]), quote!(fn f() -> #result {}), "`max_wait` would block the thread"),
        (quote!(), quote!(const fn f() -> #result {}), "a `const fn` cannot be guarded"),
        (quote!(), quote!(fn f() -> impl Future<Output = #result> { g() }), "the body of `f` must end in `async move"),
        (quote!(), quote!(fn f() -> BoxFuture<'_, #result> { g() }), "the body of `f` must end in `Box::pin(async"),
        (quote!(), quote!(fn f() -> MyFuture<#result> { g() }), ""),
        (quote!(#[retry]), quote!(fn f() -> #result {}), ""),
        (
            quote!(),
            quote!(
                fn f() -> impl Future {
                    async {}
                }
            ),
            "the output of this future is not known here",
        ),
        (quote!(#[retry]), quote!(fn f() -> impl Future<Output = #result> { async {} }), ""),
        (
            quote!(#[retry]),
            quote!(fn f() -> impl Future<Output = #result> { g(); async {} }),
            "`retry` runs the body again, but what stands before",
        ),
        (quote!(#[track_caller]), quote!(fn f() -> #result {}), "a guarded function cannot be `#[track_caller]`"),
        (quote!(#[track_caller]), quote!(async fn f() -> #result {}), ""),
        (
            quote!(#[fallback(g)]),
            quote!(fn f(x: &mut X) -> impl Future<Output = #result> { x.y(); async {} }),
            "the fallback needs this `&mut` again",
        ),
        (quote!(#[fallback(g)]), quote!(fn f(x: &mut X) -> impl Future<Output = #result> { async {} }), ""),
        (quote!(#[fallback(g)]), quote!(fn f(x: &X, n: u8) -> impl Future<Output = #result> { x.y(); async {} }), ""),
    ] {
        let messages = messages(&circuit_breaker(quote!(), quote!(#stack #function)));
        match message {
            "" => assert_eq!(messages, [""; 0], "{function}"),
            message => {
                assert!(messages[0].starts_with(message), "{messages:?}");
                assert_eq!(messages.len(), 1, "{messages:?}");
            }
        }
    }
}

#[test]
fn what_goes_with_a_stream_and_what_it_goes_with() {
    let above = |attributes: TokenStream, function: TokenStream| -> Vec<String> {
        messages(&circuit_breaker(quote!(), quote!(#attributes #function)))
    };
    let function = || {
        quote!(
            async fn f() -> Result<impl Stream<Item = u8>, Error> {}
        )
    };
    for (attributes, message) in [
        (
            quote!(#[timeout("1s", between = "1s")]),
            "`between` requires `stream = true`, on this attribute or another one of the function: it limits the waits for the items of a stream \
            that the function returns",
        ),
        (
            quote!(#[timeout("1s", between = none, stream = false)]),
            "`between` requires `stream = true`, on this attribute or another one of the function: it limits the waits for the items of a stream \
            that the function returns",
        ),
        (
            quote!(#[retry(classify_item = f)]),
            "`classify_item` requires `stream = true`, on this attribute or another one of the function: it classifies the items of a stream that \
            the function returns; `classify` classifies what the function itself returns",
        ),
        (
            quote!(#[bulkhead(1, stream = true)] #[rate_limit("1/s", stream = true)]),
            "duplicate `stream`: another attribute of this function has one; remove one of them",
        ),
        (
            quote!(#[bulkhead(1, classify_item = f, stream = true)] #[rate_limit("1/s", classify_item = f)]),
            "duplicate `classify_item`: another attribute of this function has one; remove one of them",
        ),
        (quote!(#[retry(stream = yes)]), "`stream` must be `true` or `false`, without quotes"),
        (quote!(#[retry(stream = "true")]), "`stream` must be `true` or `false`, without quotes"),
        (
            quote!(#[retry(stream = true, classify_item = |a, b| a)]),
            "expected a closure with one parameter, such as `|item| match item { Ok(_) => Verdict::SUCCESS, Err(_) => Verdict::FAILURE }`",
        ),
        (
            quote!(#[timeout("1s", between = "1s", stream = true)] #[retry] #[timeout("1s", between = "1s")]),
            "another `timeout` of this function has `between` too, and a stream has one reader; remove one of them",
        ),
        (quote!(#[timeout("1s", between = "0s", stream = true)]), "`between` must be between `\"1ms\"` and `\"365d\"`"),
    ] {
        assert_eq!(above(quote!(#attributes), function()), [message], "{attributes}");
    }
    let messages = above(
        quote!(#[retry(stream = true)]),
        quote!(
            fn f() -> Result<impl Stream<Item = u8>, Error> {}
        ),
    );
    let synchronous = "a synchronous function cannot have `stream = true`; write `async fn`, which returns \
        `Result<impl Stream<Item = ...>, E>` and need not await anything";
    assert_eq!(messages, [synchronous]);
}
