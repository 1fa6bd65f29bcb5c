//! Committed expansions. `UPDATE_EXPECT=1 cargo test -p resilience-macros` renews them; a change in one of them is a
//! change in every program that uses the attributes.

use expect_test::{ExpectFile, expect_file};
use proc_macro2::{Delimiter, Group, TokenStream};
use quote::quote;

use super::{bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout};

fn expands_to(expansion: TokenStream, expected: ExpectFile) {
    // What a macro is given cannot be laid out in lines; the arguments of a function can.
    let without_pin = expansion.to_string().replace("pin !", "pin");
    let file: syn::File = syn::parse_str(&without_pin).expect("an expansion is a function");
    expected.assert_eq(&prettyplease::unparse(&file).replace("pin::pin(", "pin::pin!("));
}

#[test]
fn documentation_shows_the_function_as_it_was_written() {
    use crate::{pipeline::documented, syntax::Kind};
    let function = quote!(
        async fn f((a, _): (u8, u8), #[allow(unused)] b: u8) -> Result<(), Error> {
            g(a).await
        }
    );
    let shown = documented(Kind::Retry, quote!(), quote!(#[must_use] #function)).to_string();
    assert!(shown.starts_with("# [must_use] async fn f ((a , _) : (u8 , u8) , # [allow (unused)] b : u8)"), "{shown}");
    assert!(!shown.contains("__RETRY"), "{shown}");
    // Nobody could tell.
    let plain = quote!(
        #[must_use]
        async fn f(a: u8) -> Result<(), Error> {
            g(a).await
        }
    );
    let (shown, expansion) = (documented(Kind::Retry, quote!(), plain.clone()), retry(quote!(), plain));
    assert_eq!(shown.to_string(), expansion.to_string());
}

#[test]
fn circuit_breaker_on_a_function() {
    let expansion = circuit_breaker(
        quote!(
            "payment",
            failure_rate = 50,
            window = "10s",
            open_for = "30s",
            failure_if = |error| error.is_transient()
        ),
        quote! {
            /// Charges the customer.
            pub async fn charge(order: &Order) -> Result<Receipt, PaymentError> {
                let receipt = gateway().charge(order).await?;
                Ok(receipt)
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/function.rs"]);
}

#[test]
fn layers_in_one_future() {
    let expansion = retry(
        quote!(attempts = 3),
        quote! {
            #[circuit_breaker("payment")]
            #[bulkhead(10)]
            #[timeout("2s")]
            async fn charge(&self, order: Order) -> Result<Receipt, PaymentError> {
                self.gateway.charge(order).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/layers_in_one_future.rs"]);
}

#[test]
fn circuit_breaker_and_fallback_on_a_method() {
    let expansion = circuit_breaker(
        quote!("payment"),
        quote! {
            #[fallback = Self::queue]
            #[tracing::instrument(skip(self))]
            async fn charge(&self, order: Order, Token(token): Token) -> Result<Receipt, PaymentError> {
                self.gateway.charge(order, token).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/method_with_fallback.rs"]);
}

#[test]
fn circuit_breaker_with_constants_on_a_generic_function() {
    let expansion = circuit_breaker(
        quote!(
            failure_rate = RATE,
            window = WINDOW,
            slow_call = SLOW,
            slow_call_rate = 80,
            trip_if = |counts| counts.slow > 5
        ),
        quote! {
            async fn first<'a, T: Row + 'a>(rows: impl Source<T>) -> Result<impl Iterator<Item = &'a T>, Error>
            where
                T: Clone,
            {
                rows.read().await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/generic.rs"]);
}

#[test]
fn fallback_beside_unique_references() {
    let expansion = fallback(
        quote!(|this, buffer, failure| this.refill(buffer, failure)),
        quote! {
            #[circuit_breaker("disk", minimum_calls = 5)]
            async fn fill(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
                fn twice(&self) -> usize { self.0 * 2 }
                self.filled += 1;
                buffer = &mut buffer[1..];
                self.read(buffer).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/unique_references.rs"]);
}

#[test]
fn keyed_circuit_breaker() {
    let expansion = circuit_breaker(
        quote!(
            "inventory",
            key = warehouse + 1,
            max_keys = 64,
            map_rejection = StockError::rejected,
            crate = crate::guards
        ),
        quote! {
            async fn reserve(warehouse: u32, #[cfg(feature = "lots")] lot: u32) -> Result<(), StockError> {
                stock(warehouse).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/keyed.rs"]);
}

#[test]
fn keyed_rate_limit_with_a_cost() {
    let expansion = rate_limit(
        quote!("100/s", max_wait = "1s", key = (tenant, batch.kind), cost = batch.rows),
        quote! {
            #[bulkhead(2, key = tenant)]
            async fn import(tenant: &str, batch: Batch) -> Result<(), ImportError> {
                copy(tenant, batch).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/keyed_rate_limit.rs"]);
}

#[test]
fn fallback_alone_beside_a_conditional_argument() {
    let expansion = fallback(
        quote!(popular),
        quote! {
            async fn recommend(user: &User, #[cfg(feature = "regions")] region: Region) -> Result<Vec<Item>, Error> {
                #![allow(unused)]
                ask(user).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/fallback_alone.rs"]);
}

#[test]
fn retry_on_a_method() {
    let expansion = retry(
        quote!(
            attempts = 5,
            delay = "50ms",
            backoff = fibonacci,
            jitter = 0.25,
            retry_rejections = [timed_out, rate_limited],
            retry_if = Error::is_transient,
            retry_after = |error| error.wait(),
            budget = BUDGET,
            on_retry = |event| tracing::warn!(?event)
        ),
        quote! {
            async fn send(&mut self, mut mail: Mail, to: &Address, (a, mut b): (u8, u8)) -> Result<(), Error> {
                self.sent += 1;
                mail.seal();
                b += a;
                self.transport.send(mail, to, b).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/retry.rs"]);
}

#[test]
fn retry_of_a_method_that_takes_itself() {
    let expansion = retry(
        quote!(),
        quote! {
            #[circuit_breaker("peer", key = self.peer)]
            async fn ask(mut self: Arc<Self>, #[cfg(feature = "lots")] lot: Lot) -> Result<Answer, Error> {
                self.ask_once().await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/retry_takes_self.rs"]);
}

#[test]
fn arguments_whose_names_only_a_macro_tells_apart() {
    let expansion = timeout(
        quote!("2s"),
        quote!(
            async fn report(self, day: Day, hour: Hour, mut day: Day) -> Result<Report, Error> {
                build(self, day, hour).await
            }
        ),
    );
    expands_to(expansion, expect_file!["expansions/twins.rs"]);
}

#[test]
fn timeout_on_a_function() {
    let expansion = timeout(
        quote!("2s", name = "report"),
        quote!(
            async fn report(day: Day) -> Result<Report, Error> {
                build(day).await
            }
        ),
    );
    expands_to(expansion, expect_file!["expansions/timeout.rs"]);
}

#[test]
fn bulkhead_on_a_function() {
    let expansion = bulkhead(
        quote!(10, max_queue = QUEUE, max_wait = "250ms"),
        quote!(
            async fn report(day: Day) -> Result<Report, Error> {
                build(day).await
            }
        ),
    );
    expands_to(expansion, expect_file!["expansions/bulkhead.rs"]);
}

#[test]
fn rate_limit_on_a_function() {
    let expansion = rate_limit(
        quote!("100/s", burst = 20),
        quote!(
            async fn report(day: Day) -> Result<Report, Error> {
                build(day).await
            }
        ),
    );
    expands_to(expansion, expect_file!["expansions/rate_limit.rs"]);
}

#[test]
fn the_full_stack() {
    let expansion = retry(
        quote!(attempts = 3, delay = "100ms"),
        quote! {
            #[circuit_breaker("payment", failure_rate = 50)]
            #[bulkhead(max_concurrent = 10)]
            #[timeout("2s")]
            #[fallback = queue_payment]
            async fn charge(&self, order: Order) -> Result<Receipt, PaymentError> {
                self.gateway.charge(order).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/full_stack.rs"]);
}

#[test]
fn timeouts_around_layers() {
    let expansion = timeout(
        quote!("10s"),
        quote! {
            #[retry]
            #[circuit_breaker("disk", key = self.disk)]
            #[timeout("1s")]
            #[rate_limit("5/min", max_wait = "1s")]
            async fn fill(&mut self, mut buffer: &mut [u8], name: String) -> Result<usize, Error> {
                buffer = &mut buffer[1..];
                self.read(buffer, name).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/two_timeouts.rs"]);
}

#[test]
fn levels_of_a_fallback() {
    let expansion = circuit_breaker(
        quote!("stock", map_rejection = Error::rejected),
        quote! {
            #[fallback(Self::cached, |_, _, error: Error| Ok(0), on = [circuit_open, timed_out], if = |error: &Error| error.is_transient())]
            async fn stock(&mut self, article: Article) -> Result<u64, Error> {
                self.shelf.count(article).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/fallback_levels.rs"]);
}

#[test]
fn every_policy_on_a_synchronous_function() {
    let expansion = retry(
        quote!(attempts = 3),
        quote! {
            #[circuit_breaker("payment")]
            #[bulkhead(2)]
            #[rate_limit("10/s")]
            #[fallback(queue_payment)]
            fn charge(&mut self, order: Order) -> Result<Receipt, PaymentError> {
                self.gateway.charge(order)
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/synchronous.rs"]);
}

/// What is configured elsewhere may have a queue there, and is still no place to wait for a thread.
#[test]
fn policies_of_other_functions_on_a_synchronous_function() {
    let expansion = bulkhead(
        quote!(name = "shared pool"),
        quote! {
            #[rate_limit("5/min", name = "shared turns", cost = order.rows)]
            #[circuit_breaker("shared breaker", key = order.shop)]
            fn charge(&self, order: Order) -> Result<Receipt, PaymentError> {
                self.gateway.charge(order)
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/synchronous_shared.rs"]);
}

#[test]
fn keyed_policies_that_wait() {
    let expansion = bulkhead(
        quote!(name = "pool", key = shop),
        quote! {
            #[rate_limit("10/s", max_wait = "1s", cost = rows)]
            #[retry(attempts = 2)]
            async fn import(shop: &Shop, rows: u32) -> Result<(), ImportError> {
                copy(shop, rows).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/keyed_waits.rs"]);
}

#[test]
fn arguments_that_are_patterns_beside_a_key_a_retry_and_a_fallback() {
    let expansion = circuit_breaker(
        quote!("stock", key = (shop, lot.id, format!("{part}"))),
        quote! {
            #[retry]
            #[fallback(counted, if = Error::is_transient)]
            async fn count(
                self,
                Place { ref shop, mut part }: Place,
                ref lot: Lot,
                all @ Rows { .. }: Rows,
                &mut (ref mut from, to): &mut (u8, u8),
                _: Day,
                mut r#type: Type,
            ) -> Result<u64, Error> {
                self.ask(shop, part, lot, all, from, to, r#type).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/patterns.rs"]);
}

#[test]
fn arguments_under_conditions_and_other_attributes() {
    let expansion = retry(
        quote!(attempts = 2),
        quote! {
            #[fallback(first, second, on = [timed_out])]
            async fn count(
                #[allow(unused)] shop: Shop,
                #[cfg_attr(feature = "lots", allow(unused), cfg(unix))] lot: &mut Lot,
                #[cfg(unix)] #[cfg(feature = "days")] day: Day,
            ) -> Result<u64, Error> {
                ask(shop).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/conditions.rs"]);
}

#[test]
fn a_fallback_for_some_errors_of_its_own_and_every_rejection() {
    let expansion = fallback(
        quote!(|day, error: Error| Ok(Report::none(day, error)), name = "no report", if = |error: &Error| error.is_transient()),
        quote! {
            #[timeout("2s", map_rejection = |rejection| Error::from(rejection))]
            async fn report(day: Day) -> Result<Report, Error> {
                build(day).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/fallback_if.rs"]);
}

#[test]
fn a_breaker_by_what_async_trait_has_moved_out_of_a_pattern() {
    let expansion = circuit_breaker(
        quote!("payment", key = (shop, to, low(7))),
        quote! {
            fn charge<'life0, 'async_trait>(
                &'life0 mut self,
                __arg1: (Shop, u8),
                to: To,
            ) -> ::core::pin::Pin<
                Box<dyn ::core::future::Future<Output = Result<Receipt, PaymentError>> + ::core::marker::Send + 'async_trait>
            >
            where
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                Box::pin(async move {
                    let __self = self;
                    let (ref shop, mut cents) = { let __arg1 = __arg1; __arg1 };
                    let to = to;
                    // What the user takes apart is none of the arguments.
                    let (low, high) = { to };
                    let __ret: Result<Receipt, PaymentError> = { __self.gateway.charge(shop, cents, low, high).await };
                    __ret
                })
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/async_trait_patterns.rs"]);
}

#[test]
fn a_retry_of_a_boxed_future() {
    let expansion = retry(
        quote!(attempts = 2, delay = "1s"),
        quote! {
            #[circuit_breaker(classify = judge, window = none, consecutive_failures = 3)]
            #[timeout(AFTER)]
            fn ask(&self, question: Question) -> BoxFuture<'_, Result<Answer, Error>> {
                Box::pin(async move { self.client.ask(question).await })
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/boxed_future.rs"]);
}

#[test]
fn policies_around_a_function_with_an_attribute_of_somebody_elses() {
    let expansion = bulkhead(
        quote!(3, key = (id, place)),
        quote! {
            #[retry]
            #[tracing::instrument(fields(id))]
            async fn ask(&mut self, mut id: Id, Place(place): Place, __secret: u8) -> Result<Answer, Error> {
                self.client.ask(id, place).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/attribute_of_others.rs"]);
}

#[test]
fn circuit_breaker_on_what_async_trait_made() {
    let expansion = circuit_breaker(
        quote!("payment"),
        quote! {
            fn charge<'life0, 'async_trait>(
                &'life0 self,
                order: Order,
            ) -> ::core::pin::Pin<
                Box<dyn ::core::future::Future<Output = Result<Receipt, PaymentError>> + ::core::marker::Send + 'async_trait>
            >
            where
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                Box::pin(async move {
                    let __self = self;
                    let order = order;
                    let __ret: Result<Receipt, PaymentError> = { __self.gateway.charge(order).await };
                    __ret
                })
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/async_trait.rs"]);
}

#[test]
fn circuit_breaker_and_fallback_on_a_function_that_returns_a_future() {
    let expansion = circuit_breaker(
        quote!("payment"),
        quote! {
            #[fallback(queue_payment)]
            fn charge(&self, order: Order, Token(token): Token) -> impl Future<Output = Result<Receipt, PaymentError>> + Send {
                let gateway = self.gateway(token);
                async move { gateway.charge(order).await }
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/future.rs"]);
}

#[test]
fn a_stack_on_a_function_that_answers_with_a_stream() {
    let expansion = retry(
        quote!(stream = true, classify_item = |item| judge(item), classify = judge_head),
        quote! {
            #[circuit_breaker("prices")]
            #[bulkhead(10)]
            #[timeout("2s", between = "10s")]
            async fn prices(&self, of: &str) -> Result<impl Stream<Item = Result<Price, FeedError>> + use<'_>, FeedError> {
                self.client.subscribe(of).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/stream.rs"]);
}

#[test]
fn a_breaker_and_a_fallback_on_a_function_that_answers_with_a_boxed_stream() {
    let expansion = circuit_breaker(
        quote!("prices", stream = true),
        quote! {
            #[fallback = Self::prices_of_yesterday]
            async fn prices(&self) -> io::Result<BoxStream<'_, Price>> {
                self.client.subscribe().await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/boxed_stream.rs"]);
}

#[test]
fn a_fallback_where_classify_says_which_results_are_failures() {
    let expansion = circuit_breaker(
        quote!("payment", classify = judge),
        quote! {
            #[fallback(queue, on = [timed_out], if = Error::is_transient)]
            async fn charge(order: Order) -> Result<Receipt, Error> {
                gateway().charge(order).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/classified_fallback.rs"]);
}

/// A stream without `between` has no limit from its first item on.
#[test]
fn a_timeout_limits_the_waits_of_a_stream_where_it_says_so() {
    for (attribute, is_limited) in [(quote!(timeout("2s")), false), (quote!(timeout("2s", between = "1s")), true)] {
        let expansion = circuit_breaker(
            quote!(stream = true),
            quote!(
                #[#attribute]
                async fn f() -> Result<impl Stream<Item = Price>, Error> {}
            ),
        );
        assert_eq!(expansion.to_string().contains("with_timeout"), is_limited, "{attribute}");
    }
}

#[test]
fn what_a_key_names_of_a_pattern_is_there_whatever_the_pattern() {
    for (argument, names) in [
        (quote!((Ok(a) | Err(a)): Result<u8, u8>), quote!((&a))),
        (quote!(Either(Left(a, b) | Right(a, b)): Either), quote!((&a, &b))),
        (quote!(&(a, b): &(u8, u8)), quote!((&a, &b))),
        (quote!([a, .., b]: [u8; 3]), quote!((&a, &b))),
        (quote!(Lot { place: (a, _), b, .. }: Lot), quote!((&a, &b))),
        (quote!(all @ Place(a): Place), quote!((&all, &a))),
    ] {
        let function = quote!(async fn f(#argument) -> Result<(), Error> {});
        let expansion = circuit_breaker(quote!(key = a), function).to_string();
        assert!(expansion.contains(&format!("let _ = {names} ;")), "{names} in {expansion}");
    }
}

/// The signature has names of ours, and the body the user's: unless somebody else's attribute looks at them.
#[test]
fn arguments_are_taken_apart_in_the_body_or_in_the_signature() {
    let function = quote!(
        async fn f((a, b): (u8, u8), buffer: &mut [u8]) -> Result<(), Error> {}
    );
    let in_signature = "fn f ((a , b) : (u8 , u8) , buffer : & mut [u8])";
    let in_body = "fn f (__argument_0 : (u8 , u8) , buffer : & mut [u8])";
    let (once, again) = ("let buffer = buffer ;", "let buffer = & mut * buffer ;");
    for (expansion, signature, given) in [
        (timeout(quote!("2s"), function.clone()), in_body, once),
        (timeout(quote!("2s"), quote!(#[of_somebody_else] #function)), in_signature, once),
        (retry(quote!(), function.clone()), in_body, again),
        (retry(quote!(), quote!(#[of_somebody_else] #function)), in_body, again),
    ] {
        let expansion = expansion.to_string();
        assert!(expansion.contains(signature), "{signature} in {expansion}");
        assert!(expansion.contains(given), "{given} in {expansion}");
    }
}

/// As a `macro_rules!` hands on a `$type:ty`, or with parentheses.
#[test]
fn a_type_means_the_same_in_parentheses_and_from_a_macro() {
    let forms = |ty: &TokenStream| {
        let from_a_macro = Group::new(Delimiter::None, ty.clone());
        [quote!(#ty), quote!((#ty)), quote!(#from_a_macro)]
    };
    for future in forms(&quote!(BoxFuture<'_, Result<(), Error>>)) {
        let expansion = timeout(quote!("2s"), quote!(fn f(&self) -> #future { Box::pin(async move { g() }) }));
        assert_eq!(super::messages(&expansion), [""; 0]);
        assert!(expansion.to_string().contains(":: finish :: < Result < () , Error > ,"), "{expansion}");
    }
    for stream in forms(&quote!(impl Stream<Item = Price>)) {
        let function = quote!(async fn f() -> Result<#stream, Error> {});
        let expansion = circuit_breaker(quote!(stream = true), function).to_string();
        assert!(expansion.contains(":: known_items_of :: < Price ,"), "{expansion}");
    }
    for buffer in forms(&quote!(&mut [u8])) {
        let function = quote!(async fn f(buffer: #buffer) -> Result<(), Error> {});
        let expansion = retry(quote!(), function).to_string();
        assert!(expansion.contains("let buffer = & mut * buffer ;"), "{expansion}");
    }
}

/// With another name of the runtime, the attributes below are ours by that.
#[test]
fn what_the_runtime_is_called_is_said_once_above_all() {
    let expansion = retry(
        quote!(attempts = 3, crate = crate::guards),
        quote! {
            #[crate::guards::timeout("2s")]
            #[guards::bulkhead(3)]
            async fn f(a: A) -> Result<(), Error> {}
        },
    );
    let expansion = expansion.to_string();
    assert!(expansion.contains("use crate :: guards :: private :: { self as __resilience"), "{expansion}");
    assert!(expansion.contains("[Retry (& __RETRY) , Timeout (& __ATTEMPT_TIMEOUT)]"), "{expansion}");
    assert!(expansion.contains("# [guards :: bulkhead (3)]"), "that is somebody else's: {expansion}");
}

/// What is generated beside what is always there, by what stands where.
#[test]
fn whether_a_call_waits_looks_and_is_alone_follows_from_the_stack() {
    let function = || {
        quote!(
            async fn f(a: A) -> Result<(), Error> {}
        )
    };
    let with = |attributes: TokenStream| {
        let function = function();
        quote!(#attributes #function)
    };
    let (placed, in_turn) = ("NeverWaits (__bulkhead)", "NeverWaits (__rate_limit)");
    let (looks, compares, alone) =
        ("__breaker . is_shut_after (", ". assert_leaves_time_for (", "impl :: core :: future :: Future");
    for (expansion, words, is_there) in [
        (bulkhead(quote!(3), function()), placed, true),
        (bulkhead(quote!(3, name = "shared"), function()), placed, true),
        (bulkhead(quote!(name = "shared"), function()), placed, false),
        (bulkhead(quote!(3, max_queue = 2), function()), placed, false),
        (rate_limit(quote!("3/s"), function()), in_turn, true),
        (rate_limit(quote!("3/s", max_wait = "1s"), function()), in_turn, false),
        (retry(quote!(on_retry = f), with(quote!(#[circuit_breaker]))), looks, true),
        (retry(quote!(on_retry = f), with(quote!(#[circuit_breaker(key = a)]))), looks, false),
        (circuit_breaker(quote!(), with(quote!(#[retry(on_retry = f)]))), looks, false),
        (timeout(quote!("5s"), with(quote!(#[retry(attempts = N)]))), compares, true),
        (timeout(quote!(AFTER), with(quote!(#[retry(attempts = 3)]))), compares, true),
        (timeout(quote!(AFTER), with(quote!(#[retry(attempts = 3, retry_after = f)]))), compares, false),
        (timeout(quote!("5s"), with(quote!(#[retry(attempts = 3)]))), compares, false),
        (timeout(quote!(AFTER), with(quote!(#[retry]))), compares, true),
        (timeout(quote!(AFTER), with(quote!(#[retry(name = "shared", attempts = 3)]))), compares, true),
        // It is configured elsewhere.
        (timeout(quote!(AFTER), with(quote!(#[retry(name = "shared")]))), compares, false),
        (retry(quote!(attempts = N), with(quote!(#[timeout("5s")]))), compares, false),
        (circuit_breaker(quote!(), with(quote!(#[cfg_attr(x, inline)]))), alone, true),
        (circuit_breaker(quote!(), with(quote!(#[cfg_attr(x, inline, of_somebody_else)]))), alone, false),
        (circuit_breaker(quote!(), with(quote!(#[of_somebody_else]))), alone, false),
        (circuit_breaker(quote!(), with(quote!(#[cfg_attr(x, must_use)]))), alone, false),
        (retry(quote!(retry_if = f), function()), ". after_above (", true),
        (retry(quote!(retry_after = f), function()), ". after_above (", true),
        (retry(quote!(on_retry = f), function()), ". after_above (", true),
        (retry(quote!(attempts = 2), function()), ":: guard_attempts (", true),
        (circuit_breaker(quote!(key = a), function()), alone, true),
        (circuit_breaker(quote!(key = (a.b != c, format!("{a}"))), function()), alone, true),
        // They would mean something else in a closure.
        (circuit_breaker(quote!(key = f(a).await), function()), alone, false),
        (circuit_breaker(quote!(key = (f(a)?, 1)), function()), alone, false),
        (circuit_breaker(quote!(key = { return Ok(()) }), function()), alone, false),
        (circuit_breaker(quote!(key = of_somebody_else!(a)), function()), alone, false),
        (circuit_breaker(quote!(key = a), with(quote!(#[timeout("1s")]))), alone, false),
        (bulkhead(quote!(3, key = a), function()), alone, false),
        (circuit_breaker(quote!(classify = f), function()), alone, false),
        (circuit_breaker(quote!(failure_if = f), with(quote!(#[timeout("1s")]))), ":: guard_layers_with (", true),
        (circuit_breaker(quote!(), with(quote!(#[timeout("1s")]))), ":: guard_layers (", true),
        // What has no name is given to each attempt unseen.
        (
            retry(
                quote!(),
                quote!(
                    async fn f(_: A) -> Result<(), Error> {}
                ),
            ),
            ":: lend_unseen (",
            true,
        ),
        (retry(quote!(), function()), ":: lend_unseen (", false),
    ] {
        let expansion = expansion.to_string();
        assert_eq!(expansion.contains(words), is_there, "{words} in {expansion}");
    }
}
