//! What is refused, and in which words. Where the words appear is for the ui tests, which have spans.

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
            "`window` wants a value: write `window = …`",
            "write `key = value` here; a value without a key stands before `failure_rat`",
            "`circuit_breaker` has no key `failure_rat`; did you mean `failure_rate`?",
            "`open_for` takes a duration with its unit: \"30ms\" or \"30s\"",
            "write `mode = off`, without quotes",
            "`minimum_calls` is written twice; leave one of them out",
            "`failure_rate` takes a percentage, above 0 and at most 100",
            "a guarded function returns a `Result`, so that a policy can answer in its place: write `Result<u8, E>`, with an `E` that is `From<Rejection>`",
        ]
    );
}

#[test]
fn values_of_the_wrong_kind() {
    for (arguments, message) in [
        (quote!(failure_rate = "50"), "`failure_rate` takes a number, without quotes"),
        (quote!(failure_rate = -5), "`failure_rate` takes a percentage, above 0 and at most 100"),
        (quote!(failure_rate = 1e999), "`failure_rate` takes a percentage, above 0 and at most 100"),
        (quote!(minimum_calls = 2.5), "`minimum_calls` takes a whole number"),
        (quote!(minimum_calls = -2), "`minimum_calls` takes a whole number, not below 0"),
        (quote!(minimum_calls = "2"), "`minimum_calls` takes a whole number, without quotes"),
        (quote!(minimum_calls = 99999999999999), "`minimum_calls` takes a number of calls, 1 to 1000000000"),
        (quote!(open_for = "30"), "`30` wants a unit at its end: \"30ms\", \"30s\" or \"30m\""),
        (quote!(open_for = 'x'), "`open_for` takes a duration, such as \"250ms\" or \"30s\""),
        (quote!(open_for = |x| x), "`open_for` takes a duration, or a constant expression of one"),
        (quote!(window = 0), "a count `window` takes a number of calls, 1 to 65535"),
        (quote!(window = "1ms"), "a time `window` takes \"10ms\" to \"24h\""),
        (quote!(window = 1.5), "`window` takes a duration such as \"10s\", a number of calls such as 100, or `none`"),
        (quote!(mode = monitr), "`mode` has no `monitr`; did you mean `monitor`?"),
        (quote!(mode = 3), "`mode` takes `enforce`, `monitor` or `off`"),
        (quote!(preset = Preset::Database), "write the word without a path: `database`"),
        (
            quote!(preset = Preset::Mainframe),
            "`preset` takes `web_service`, `database`, `external_api` or `internal_service`",
        ),
        (quote!(failure_rate = 50%), "a percentage is written without `%`: `50`"),
        (quote!(failure_rate = 50 +), "this value ends too early"),
        (quote!(failure_if = |error|), "this value ends too early"),
        (quote!(failure_if = |a, b| true), "this closure takes one parameter, as in `|error| error.is_transient()`"),
        (
            quote!(failure_if = 3),
            "`failure_if` takes the path of a function, or a closure such as `|error| error.is_transient()`",
        ),
        (quote!(crate = "x"), "`crate` takes a path, without quotes"),
        (quote!(name = billing), "a name is a string literal: write \"billing\""),
        (quote!(name = BILLING), "a name is a string literal, such as \"payment\""),
        (quote!(7), "a name is a string literal, such as \"payment\""),
        (quote!(mode), "`mode` wants a value: write `mode = …`"),
        (quote!(window(10)), "`window` wants a value: write `window = …`"),
        (quote!("a", window(10)), "`window` wants a value: write `window = …`"),
        (quote!(mode = monitor, window(10)), "`window` wants a value: write `window = …`"),
        (quote!(open-for = "1s"), "a key is written with `_`: `open_for = …`"),
        (quote!("a", half - open - calls = 2), "a key is written with `_`: `half_open_calls = …`"),
        (
            quote!(timeout = "1s"),
            "`timeout` is no key of `circuit_breaker`, but an attribute of its own: write `#[timeout(…)]`",
        ),
        (quote!(""), "`name` takes 1 to 128 characters"),
        (quote!("a", name = "b"), "the name is written twice: here and as `name`"),
        (quote!("a", "b"), "`circuit_breaker` takes one value without a key, its name; write `key = value`"),
        (quote!(window =), "`window` wants a value after the `=`"),
        (quote!(window: 5), "write `=` between a key and its value"),
        (quote!(window = 5 open_for = "1s"), "write `,` between two arguments"),
        (
            quote!(colour = 3),
            "`circuit_breaker` has no key `colour`; it takes `failure_rate`, `minimum_calls`, `window`, \
            `consecutive_failures`, `slow_call`, `slow_call_rate`, `open_for`, `open_backoff`, `max_open_for`, `open_jitter`, \
            `half_open_calls`, `half_open_successes`, `half_open_timeout`, `mode`, `preset`, `max_keys`, `key`, `failure_if`, \
            `ignore_if`, `trip_if`, `name`, `map_rejection` or `crate`",
        ),
        (
            quote!(max_keys = 3),
            "`max_keys` wants `key` beside it, which says what the keys are, as in `key = order.warehouse`",
        ),
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
        (retry as fn(_, _) -> _, quote!(3), "`retry` takes no value without a key: write `attempts = 3`"),
        (retry, quote!("db"), "`retry` takes no value without a key: write `name = \"db\"`"),
        (retry, quote!(DELAY), "`retry` takes no value without a key: write `key = value`"),
        (retry, quote!(attempts), "`attempts` wants a value: write `attempts = …`"),
        (retry, quote!(jitter = "full"), "write `jitter = full`, without quotes"),
        (retry, quote!(jitter = true), "`jitter` takes `none`, `equal`, `full` or a share, 0 to 1"),
        (retry, quote!(jitter = ful), "`jitter` has no `ful`; did you mean `full`?"),
        (retry, quote!(jitter = -0.1), "`jitter` takes `none`, `equal`, `full` or a share, 0 to 1"),
        (
            retry,
            quote!(backoff = 2),
            "`backoff` takes `constant`, `linear`, `exponential`, `fibonacci` or `decorrelated`",
        ),
        (
            retry,
            quote!(retry_rejections = timed_out),
            "`retry_rejections` takes a list, such as `[timed_out]`, of `circuit_open`, `timed_out`, `bulkhead_full` or \
            `rate_limited`",
        ),
        (retry, quote!(retry_rejections = [timed_out, timed_out]), "this is in the list already"),
        (retry, quote!(backoff = Backoff::Linear), "write the word without a path: `linear`"),
        (retry, quote!(jitter = resilience_runtime::Jitter::Full), "write the word without a path: `full`"),
        (retry, quote!(retry_rejections = [RejectionKind::TimedOut]), "write the word without a path: `timed_out`"),
        (
            timeout,
            quote!(duration = "2s"),
            "`timeout` has no key `duration`; it takes `after`, `preset`, `name`, `map_rejection` or `crate`",
        ),
        (rate_limit, quote!(rat = "2/s"), "`rate_limit` has no key `rat`; did you mean `rate`?"),
        (retry, quote!(backoff = constant, factor = 3), "`factor` belongs to `backoff = exponential`"),
        (retry, quote!(retyr_if = f), "`retry` has no key `retyr_if`; did you mean `retry_if`?"),
        (timeout, quote!(), "a `timeout` wants a duration, such as \"2s\", or a `preset`"),
        (timeout, quote!(after =), "`after` wants a value after the `=`"),
        (timeout, quote!(2), "`after` takes a duration with its unit: \"2ms\" or \"2s\""),
        (timeout, quote!(after: "2s"), "write `=` between a key and its value"),
        (timeout, quote!(after = "2s" 3), "write `,` between two arguments"),
        (timeout, quote!("5"), "`5` wants a unit at its end: \"5ms\", \"5s\" or \"5m\""),
        (
            timeout,
            quote!("payment"),
            "a duration is numbers with units, such as \"250ms\", \"5s\" or \"1m30s\"; if \"payment\" is a name, write `name = \"payment\"`",
        ),
        (
            timeout,
            quote!("1s", "payment"),
            "`timeout` takes one value without a key, its `after`; if \"payment\" is a name, write `name = \"payment\"`",
        ),
        (
            timeout,
            quote!("1s", after = "2s"),
            "`after` is written twice: the value without a key is the `after` of `timeout`",
        ),
        (timeout, quote!("1s", "2s"), "`timeout` takes one value without a key, its `after`"),
        (bulkhead, quote!("db"), "`max_concurrent` takes a whole number; if \"db\" is a name, write `name = \"db\"`"),
        (bulkhead, quote!(max_queue), "`max_queue` wants a value: write `max_queue = …`"),
        (
            rate_limit,
            quote!("partner"),
            "a rate is a number of calls and a unit of time: \"100/s\", \"10/min\" or \"5000/h\"; if \"partner\" is a name, write \
            `name = \"partner\"`",
        ),
        (bulkhead, quote!(0), "`max_concurrent` takes a number of calls, 1 to 1000000"),
        (
            bulkhead,
            quote!(3, queue_timeout = "1s"),
            "`queue_timeout` wants a `max_queue` above 0 (default 0): nobody waits without one",
        ),
        (rate_limit, quote!(), "a `rate_limit` wants a rate, such as \"100/s\", \"10/min\" or \"5000/h\""),
        (rate_limit, quote!(5), "a rate is a number of calls and a unit of time: \"5/s\" or \"5/min\""),
        (rate_limit, quote!("0/s"), "a rate is 1 to 1000000000 calls in a time above 0"),
        (rate_limit, quote!(true), "a rate is a string, such as \"100/s\", \"10/min\" or \"5000/h\""),
        (fallback, quote!(f, on = [open]), "`on` takes `circuit_open`, `timed_out`, `bulkhead_full` or `rate_limited`"),
        (
            fallback,
            quote!(f, on = []),
            "a fallback that answers `on` nothing never answers: name the rejections, or write `if` beside it",
        ),
    ] {
        let messages: Vec<String> = messages(&attribute(arguments.clone(), function()));
        let is_the_other_half = |message: &String| message.contains("does not go together with");
        let found: Vec<&String> = messages.iter().filter(|message| !is_the_other_half(message)).collect();
        assert_eq!(found, [message], "{arguments}");
    }
    for (attribute, arguments) in [
        (retry as fn(_, _) -> _, quote!(jitter = Shares::OFTEN, attempts = 50 % 7)),
        (retry, quote!(jitter = JITTER, retry_rejections = [], delay = DELAY, backoff = decorrelated)),
        (retry, quote!(jitter = 1, attempts = ATTEMPTS, factor = 1.5)),
        (timeout, quote!(AFTER)),
        (timeout, quote!(preset = database, name = "query")),
        (bulkhead, quote!(10, max_queue = QUEUE, queue_timeout = "1s")),
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
    let above = "this `timeout` stands above `circuit_breaker`";
    assert!(refused(quote!(#[timeout("1s")] #[circuit_breaker])).starts_with(above));
    assert!(refused(quote!(#[retry] #[timeout("1s")] #[bulkhead] #[circuit_breaker])).starts_with(above));
    assert!(
        refused(quote!(#[timeout("1s")] #[retry] #[circuit_breaker])).contains("write a second `#[timeout]` there")
    );
    assert!(refused(quote!(#[timeout("1s")] #[retry] #[timeout("1s")] #[circuit_breaker])).starts_with(above));
    let twice = "`timeout` stands above this function already";
    assert!(refused(quote!(#[timeout("1s")] #[bulkhead] #[timeout("1s")])).starts_with(twice));
    assert!(refused(quote!(#[retry] #[timeout("1s")] #[timeout("1s")])).starts_with(twice));
    assert!(refused(quote!(#[timeout("2s")] #[retry] #[timeout("1s")] #[timeout("1s")])).starts_with(twice));
    assert!(refused(quote!(#[retry] #[bulkhead] #[retry])).starts_with("`retry` stands above"));

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
    let message = "the waits between 5 attempts are 1s + 2s + 4s + 8s = 15s at their shortest, and the `timeout` above ends all of \
        them after 5s: only 3 can ever begin; write `attempts = 3`, shorter waits or a longer `timeout`";
    let other = "this `timeout` does not go together with the waits of the `retry` below it";
    assert_eq!(refused(quote!(#[retry(attempts = 5, delay = "1s", jitter = none)])), [message, other]);
    assert_eq!(refused(quote!(#[bulkhead(2)] #[retry(attempts = 5, delay = "1s", jitter = none)])), [message, other]);
    let two = refused(quote!(#[retry(attempts = 2, delay = "8s", jitter = equal, max_delay = "8s")] #[timeout("1s")]));
    assert!(two.is_empty(), "{two:?}");
    let two = refused(quote!(#[retry(attempts = 2, delay = "10s", jitter = equal)]));
    assert!(two[0].starts_with("the waits between 2 attempts are 5s at their shortest"), "{two:?}");
    for fits in [
        quote!(#[retry(attempts = 5, delay = "1s")]),
        quote!(#[retry(attempts = 3, delay = "1s", jitter = none)]),
        quote!(#[retry(attempts = ATTEMPTS, delay = "1s", jitter = none)]),
        // A wait that was asked for may be shorter.
        quote!(#[retry(attempts = 5, delay = "1s", jitter = none, retry_after = |e| e.wait())]),
        quote!(#[retry(attempts = 5, delay = "1s", jitter = none)] #[rate_limit("1/s")]),
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
    let about = |word| {
        format!("`{word}` cannot stand here: the value is evaluated once, whatever `{word}` is; name a constant")
    };
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
        format!("`{word}` is an argument, and the value is evaluated once, before there is a call: name a constant")
    };
    assert_eq!(refused(quote!(failure_rate = rate)), [about("rate")]);
    assert_eq!(refused(quote!(failure_rate = 2.0 * self.rate)), [about("self")]);
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
fn a_captured_self_that_cannot_be_told_from_text() {
    let refused = |stack: proc_macro2::TokenStream, receiver: proc_macro2::TokenStream| {
        messages(&circuit_breaker(
            quote!(),
            quote!(#stack async fn f(#receiver) -> Result<(), Error> {
                println!("{self:?}");
                impl A { fn f(self) { unknown!("{self}") } }
                unknown!("{self}", "{{self}}");
            }),
        ))
    };
    assert!(refused(quote!(#[retry]), quote!(self))[0].starts_with("`{self}` in the string of this macro"));
    assert_eq!(refused(quote!(#[retry]), quote!(&mut self)).len(), 1);
    assert_eq!(refused(quote!(#[fallback(g)]), quote!(&mut self)).len(), 1);
    assert_eq!(refused(quote!(#[fallback(g)]), quote!(self)), [""; 0]);
    assert_eq!(refused(quote!(#[retry]), quote!(&self)), [""; 0]);
    assert_eq!(refused(quote!(), quote!(&mut self)), [""; 0]);
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

    let again = messages(&retry(
        quote!(),
        quote!(
            async fn f(&mut self) -> Result<&str, Error> {}
        ),
    ));
    assert_eq!(
        again,
        [
            "the result borrows from `self`, which the next attempt of `retry` needs after the call: return an owned value"
        ]
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
    assert_eq!(refused(quote!()), ["`fallback` wants what answers: `#[fallback(path)]`"]);
    assert_eq!(refused(quote!("path")), ["`fallback` takes a path without quotes, or a closure"]);
    assert_eq!(
        refused(quote!(self.cached)),
        ["write the path of the method, as in `Self::cached`; it gets `self` as its first argument"]
    );
    assert_eq!(refused(quote!(1 + 1)), ["`fallback` takes the path of a function or method, or a closure"]);
    assert_eq!(
        refused(quote!(|id| Ok(()))),
        ["this closure takes what the function takes, `|this, id|`, or the error after it"]
    );
    assert_eq!(refused(quote!(|this, id, error: Error| Ok(()))), [""; 0]);
    assert_eq!(refused(quote!(Self::cached)), [""; 0]);
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
        "`circuit_breaker` stands above this function already; write one `#[circuit_breaker]` with the keys of both",
        "another attribute of this function has a `map_rejection`; leave one of them out",
        "another attribute of this function names another `crate`; one of them is enough",
        "write parentheses around the arguments: `#[circuit_breaker(\"c\")]`",
    ] {
        assert!(twice.iter().any(|other| other == message), "{message}");
    }
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
        (quote!(#[bulkhead(1, max_queue = 3)]), quote!(fn f() -> #result {}), "`max_queue` lets calls wait"),
        (quote!(#[rate_limit("1/s", max_wait = W)]), quote!(fn f() -> #result {}), "`max_wait` lets calls wait"),
        (quote!(), quote!(const fn f() -> #result {}), "a `const fn` has nothing that could fail"),
        (
            quote!(),
            quote!(fn f() -> impl Future<Output = #result> { g() }),
            "the body of `f` has to end in `async move",
        ),
        (quote!(), quote!(fn f() -> BoxFuture<'_, #result> { g() }), "the body of `f` has to end in `Box::pin(async"),
        (quote!(), quote!(fn f() -> MyFuture<#result> { g() }), ""),
        (quote!(#[retry]), quote!(fn f() -> #result {}), ""),
        (
            quote!(),
            quote!(
                fn f() -> impl Future {
                    async {}
                }
            ),
            "what this future comes to cannot be seen",
        ),
        (quote!(#[retry]), quote!(fn f() -> impl Future<Output = #result> { async {} }), "`retry` calls a body again"),
        (
            quote!(#[fallback(g)]),
            quote!(fn f(x: &mut X) -> impl Future<Output = #result> { x.y(); async {} }),
            "the fallback needs this `&mut` again",
        ),
        (quote!(#[fallback(g)]), quote!(fn f(x: &mut X) -> impl Future<Output = #result> { async {} }), ""),
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
