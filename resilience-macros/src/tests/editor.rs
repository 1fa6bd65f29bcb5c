//! What an editor is shown.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};

use super::messages;
use crate::{pipeline, syntax::Kind};

fn shown(arguments: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::shown(Kind::CircuitBreaker, arguments, item)
}

/// The statement at the beginning of the body, after which the body has to be as it was.
fn statement(arguments: TokenStream, stack: TokenStream, signature: TokenStream) -> String {
    let shown = shown(arguments, quote!(#stack #signature { #![allow(unused)] a().await })).to_string();
    let begin = quote!(#signature).to_string() + " { # ! [allow (unused)] if false { ";
    let statement = shown.strip_prefix(&begin).unwrap_or_else(|| panic!("{shown}"));
    // Mistakes come after the function.
    let (statement, _) = statement.split_once("} ; a () . await }").unwrap_or_else(|| panic!("{shown}"));
    statement.trim().to_owned()
}

/// What is mentioned in a function that is not async, with the module's path cut off.
fn mentioned(arguments: TokenStream, stack: TokenStream) -> String {
    let statement = statement(arguments, stack, quote!(fn f() -> Result<(), Error>));
    statement.replace(":: resilience_runtime :: private :: editor :: ", "")
}

#[test]
fn keys_words_and_hooks() {
    for (arguments, expected) in [
        (quote!(), quote!(circuit_breaker::name(loop {});)),
        (quote!("payment"), quote!()),
        (quote!(fail), quote!(circuit_breaker::fail(loop {});)),
        (quote!(failure_rate = 50), quote!(circuit_breaker::failure_rate(loop {});)),
        (quote!(failure_rate: -0.5), quote!(circuit_breaker::failure_rate(loop {});)),
        (quote!(failure_rate = RATE / 2), quote!(circuit_breaker::failure_rate(RATE / 2);)),
        (
            quote!(failure_rate open_for = LONG),
            quote!(circuit_breaker::failure_rate(loop {}); circuit_breaker::open_for(LONG);),
        ),
        (quote!(fail, open_for = LONG), quote!(circuit_breaker::fail(loop {}); circuit_breaker::open_for(LONG);)),
        (quote!(mode = ), quote!(circuit_breaker::mode({ let _ = words::mode::enforce; loop {} });)),
        (quote!(mode = monitor), quote!(circuit_breaker::mode({ let _ = words::mode::monitor; loop {} });)),
        (quote!(window = none), quote!(circuit_breaker::window({ let _ = words::window::none; loop {} });)),
        (quote!(window = ), quote!(circuit_breaker::window({ let _ = words::window::none; loop {} });)),
        (quote!(window = Window), quote!(circuit_breaker::window(Window);)),
        (quote!(window = WINDOW), quote!(circuit_breaker::window(WINDOW);)),
        (quote!(slow_call = none), quote!(circuit_breaker::slow_call({ let _ = words::off::none; loop {} });)),
        (quote!(key = order.id), quote!(circuit_breaker::key(&(order.id));)),
        (quote!(ignore_if = Error::is::<A, B>), quote!(circuit_breaker::ignore_if(Error::is::<A, B>);)),
        (quote!(trip_if = |counts| counts.a | 1 > 0), quote!(circuit_breaker::trip_if(|counts| counts.a | 1 > 0);)),
        (
            quote!(failure_rate = LEAST < RATE, open_for = LONG),
            quote!(circuit_breaker::failure_rate(LEAST < RATE); circuit_breaker::open_for(LONG);),
        ),
        (
            quote!(ignore_if = is::<Of<A, B>, fn(C) -> D, E>, open_for = LONG),
            quote!(circuit_breaker::ignore_if(is::<Of<A, B>, fn(C) -> D, E>); circuit_breaker::open_for(LONG);),
        ),
        // The sign between is not there yet.
        (quote!(failure_rate 50), quote!(circuit_breaker::failure_rate(loop {});)),
        // No `=` of a key's.
        (quote!(failure_rate == RATE), quote!(let _ = failure_rate == RATE;)),
        (quote!(names::PAYMENT), quote!(let _ = names::PAYMENT;)),
        (
            quote!(PAYMENT as Name, fail open_for = LONG),
            quote!(let _ = PAYMENT as Name; circuit_breaker::fail(loop {}); circuit_breaker::open_for(LONG);),
        ),
    ] {
        assert_eq!(mentioned(arguments, quote!()), expected.to_string());
    }
}

#[test]
fn attributes_below() {
    let stack = quote! {
        #[resilience_runtime::timeout(PATIENCE)]
        #[retry(retry_rejections = [timed_out, ], on_retry)]
        #[fallback = Self::queue]
    };
    let expected = quote! {
        #[resilience_runtime::timeout(__taken)] const _: () = ();
        #[retry(__taken)] const _: () = ();
        let _ = PATIENCE;
        retry::retry_rejections({ let _ = [words::rejections::timed_out, words::rejections::timed_out]; loop {} });
        retry::on_retry(loop {});
        let _ = Self::queue;
    };
    assert_eq!(mentioned(quote!("payment"), stack), expected.to_string());
    let stack = quote!(#[fallback(|a, b| async move { a }, queue, if = is_bad)]);
    let expected = quote! {
        #[fallback(__taken)] const _: () = ();
        let _ = |a, b| async move { a };
        let _ = queue;
        fallback::r#if(is_bad);
    };
    assert_eq!(mentioned(quote!("payment"), stack), expected.to_string());
}

/// Each key of each kind with the words that belong to it, and with an expression that is none of them.
#[test]
fn words_are_those_of_the_key_in_the_kind_of_its_attribute() {
    let word = |path: TokenStream| quote!({ let _ = #path; loop {} });
    for (attribute, expected) in [
        (quote!(fallback(queue, on = [circuit_open])), {
            quote!(let _ = queue; fallback::on({ let _ = [words::rejections::circuit_open]; loop {} });)
        }),
        (quote!(fallback(queue, on = ALL)), quote!(let _ = queue; fallback::on(ALL);)),
        (quote!(fallback(queue, if = [circuit_open])), quote!(let _ = queue; fallback::r#if([circuit_open]);)),
        (quote!(fallback(queue, |a, b| c)), quote!(let _ = queue; let _ = |a, b| c;)),
        (quote!(retry(on = [circuit_open])), quote!(retry::on([circuit_open]);)),
        (quote!(retry(retry_rejections = (timed_out))), quote!(retry::retry_rejections((timed_out));)),
        (quote!(retry(jitter = )), {
            let full = word(quote!(words::jitter::full));
            quote!(retry::jitter(#full);)
        }),
        (quote!(retry(backoff = linear)), {
            let linear = word(quote!(words::backoff::linear));
            quote!(retry::backoff(#linear);)
        }),
        (quote!(retry(budget = none)), {
            let off = word(quote!(words::off::none));
            quote!(retry::budget(#off);)
        }),
        (quote!(retry(budget = )), {
            let off = word(quote!(words::off::none));
            quote!(retry::budget(#off);)
        }),
        (quote!(retry(attempts = none)), quote!(retry::attempts(none);)),
        (quote!(retry(mode = monitor)), quote!(retry::mode(monitor);)),
        (quote!(timeout(preset = database)), {
            let database = word(quote!(words::preset::database));
            quote!(timeout::preset(#database);)
        }),
        (quote!(timeout(between = none)), {
            let off = word(quote!(words::off::none));
            quote!(timeout::between(#off);)
        }),
        (quote!(bulkhead(max_wait = none)), {
            let off = word(quote!(words::off::none));
            quote!(bulkhead::max_wait(#off);)
        }),
        (quote!(bulkhead(key = (a, b))), quote!(bulkhead::key(&(&a, &b));)),
        (quote!(rate_limit(rate = RATE, max_wait = none)), quote!(rate_limit::rate(RATE); rate_limit::max_wait(none);)),
    ] {
        let said = mentioned(quote!("payment"), quote!(#[#attribute]));
        let name = attribute.clone().into_iter().next().unwrap();
        let taken = quote!(#[#name(__taken)] const _: () = (););
        assert_eq!(said, quote!(#taken #expected).to_string(), "{attribute}");
    }
}

/// Those whose error type gives a closure's parameters theirs.
#[test]
fn hooks_are_asked_about_an_error_and_other_keys_are_not() {
    let function = quote!(async fn f() -> Result<(), Error>);
    for (attribute, is_hook) in [
        (quote!(retry(retry_if = x)), true),
        (quote!(retry(retry_after = x)), true),
        (quote!(retry(on_retry = x)), true),
        (quote!(retry(attempts = x)), false),
        (quote!(retry(classify = x)), true),
        (quote!(retry(name = x)), false),
        (quote!(retry(stream = x)), false),
        (quote!(retry(classify_item = x)), false),
        (quote!(fallback(if = x)), true),
        (quote!(fallback(map_rejection = x)), true),
        (quote!(fallback(classify = x)), true),
        (quote!(fallback(on = x + 1)), false),
        (quote!(timeout(map_rejection = x)), true),
        (quote!(timeout(classify = x)), true),
        (quote!(timeout(after = x)), false),
        (quote!(timeout(if = x)), false),
        (quote!(bulkhead(classify = x)), true),
        (quote!(rate_limit(cost = x)), false),
        (quote!(rate_limit(key = x)), false),
    ] {
        let statement = statement(quote!("payment"), quote!(#[#attribute]), function.clone());
        assert_eq!(!statement.contains("; loop { } }"), is_hook, "{statement}");
    }
}

#[test]
fn hooks_of_an_async_function_know_its_error() {
    let function = quote!(async fn f() -> Result<(), Error>);
    let statement = statement(quote!(ignore_if = |e| e.is(), mode = off), quote!(), function);
    let expected = quote! {
        if false { return { circuit_breaker::ignore_if(|e| e.is()) }; }
        if false { return { circuit_breaker::mode({ let _ = words::mode::off; loop {} }); loop {} }; }
    };
    assert_eq!(statement.replace(":: resilience_runtime :: private :: editor :: ", ""), expected.to_string());
}

#[test]
fn a_renamed_runtime_is_named() {
    let stack = quote!(#[mine::retry(attempts = N, crate = mine)]);
    let statement = statement(quote!(), stack, quote!(fn f() -> Result<(), Error>));
    let expected = quote! {
        #[mine::retry(__taken)] const _: () = ();
        mine::private::editor::circuit_breaker::name(loop {});
        mine::private::editor::retry::attempts(N);
    };
    assert_eq!(statement, expected.to_string());
}

#[test]
fn mistakes_come_last_and_what_is_half_typed_is_none() {
    let function = quote!(
        async fn f() -> Result<(), Error> {
            g().await
        }
    );
    let wrong = shown(quote!(failure_rat = 50), function.clone());
    assert_eq!(messages(&wrong).len(), 1);
    let right = shown(quote!(failure_rate = 50), function.clone()).to_string();
    assert!(wrong.to_string().starts_with(&right.replace("failure_rate", "failure_rat")), "{wrong}");
    let half = shown(quote!("payment"), quote!(#[fallback = ] #[other = ] #function));
    assert_eq!(messages(&half).len(), 0);
}

#[test]
fn what_is_no_function_stays() {
    for item in [
        quote!(
            struct Payment {
                cents: u64,
            }
        ),
        quote!(async fn half),
        quote!(
            async fn declared(&self) -> Result<(), Error>;
        ),
        quote!(#),
        quote!(# #[late]),
        quote!(),
    ] {
        let shown = shown(quote!("payment"), quote!(#[fallback(queue)] #[other] #item));
        assert!(shown.to_string().starts_with(quote!(#[other] #item).to_string().trim()), "{shown}");
    }
}

#[test]
fn what_marks_an_attribute_that_was_taken_is_not_shown() {
    assert!(
        shown(
            quote!(__taken),
            quote!(
                const _: () = ();
            )
        )
        .is_empty()
    );
}

/// Completion puts a word of its own where the cursor is, and looks for what surrounds it in the expansion without that word.
#[test]
fn up_to_the_cursor_nothing_depends_on_what_is_there() {
    let function = quote!(
        async fn f(&self, order: Order) -> Result<(), Error> {
            g().await
        }
    );
    let mut places = 0;
    for arguments in [
        quote!("payment", failure_rate = 50, mode = monitor, window = none, key = order.id, max_keys = KEYS),
        quote!(name = "a", ignore_if = Error::is::<A, B>, failure_if = |e| e.is(a, b), trip_if = , slow_call = ),
        quote!(,, mode = , fail,),
        quote!(half half = 3),
        quote!(),
    ] {
        for kind in [Kind::CircuitBreaker, Kind::Retry, Kind::Timeout, Kind::RateLimit, Kind::Bulkhead, Kind::Fallback]
        {
            let without = words(pipeline::shown(kind, arguments.clone(), function.clone()));
            for marked in marked(&arguments) {
                let with = words(pipeline::shown(kind, marked.clone(), function.clone()));
                let cursor = with.iter().position(|word| word.ends_with(CURSOR));
                let cursor = cursor.unwrap_or_else(|| panic!("{marked} is not shown: {with:?}"));
                assert_eq!(without.get(..cursor), with.get(..cursor), "{marked}");
                places += 1;
            }
        }
    }
    assert!(places > 200, "{places}");
}

const CURSOR: &str = "cursor";

/// The tokens with the cursor behind any word, and wherever nothing is yet.
fn marked(tokens: &TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let ends = |at: usize| tokens.get(at).is_none_or(|token| token.to_string() == ",");
    let begins = |at: usize| at == 0 || matches!(&*tokens[at - 1].to_string(), "," | "=");
    let cursor = Ident::new(CURSOR, Span::call_site());
    let mut marked = Vec::new();
    for at in 0..=tokens.len() {
        let (before, after) = tokens.split_at(at);
        if begins(at) && ends(at) {
            marked.push(quote!(#(#before)* #cursor #(#after)*));
        }
        let Some((token, after)) = after.split_first() else { continue };
        match token {
            TokenTree::Ident(word) => {
                let word = format_ident!("{word}{CURSOR}");
                marked.push(quote!(#(#before)* #word #(#after)*));
            }
            TokenTree::Group(group) => {
                let inside = self::marked(&group.stream()).into_iter();
                let groups = inside.map(|inside| Group::new(group.delimiter(), inside));
                marked.extend(groups.map(|group| quote!(#(#before)* #group #(#after)*)));
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    marked
}

/// The tokens in the order of their text.
fn words(tokens: TokenStream) -> Vec<String> {
    let words = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Group(group) => [vec!["(".to_owned()], words(group.stream()), vec![")".to_owned()]].concat(),
        token => vec![token.to_string()],
    });
    words.collect()
}
