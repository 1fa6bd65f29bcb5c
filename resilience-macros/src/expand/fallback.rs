use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{Expr, ExprClosure, spanned::Spanned};

use super::{
    arguments::{self, ForFallback},
    body, describe, finish, hook, located_at, stream, value,
};
use crate::model::{Answer, ErrorParameter, Fallback, Guarded, Only, error_parameter};

/// Its entry among the function's layers.
pub(super) fn entry() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> Fallback(&__FALLBACK))
}

/// The static that counts what came of it.
pub(super) fn place(fallback: &Fallback) -> TokenStream {
    let shown = fallback.shown();
    quote_spanned! {Span::mixed_site()=>
        static __FALLBACK: __resilience::FallbackSite = __resilience::FallbackSite::new(#shown);
    }
}

/// The variable that it needs, and the static that it leads to.
pub(super) fn used() -> (Ident, Ident) {
    (Ident::new("__operation", Span::mixed_site()), Ident::new("__OPERATION", Span::mixed_site()))
}

/// Answers for whatever failed, or for what it is told to.
pub(super) fn end(guarded: &Guarded, fallback: &Fallback, map: &TokenStream) -> TokenStream {
    if guarded.classify.is_some() {
        return end_classified(guarded, fallback, map);
    }
    let left_alone = fallback.only.as_ref().map(|only| left_alone(guarded, only, map));
    let answered = answered(guarded, &fallback.levels, map);
    let describe = describe();
    // The braces take the result out of its variable, of which the future would otherwise keep a part while it waits for
    // the answer.
    quote_spanned! {Span::mixed_site()=>
        '__fallback: {
            let (__describe, __result) = { let __result = __result; (#describe, __result) };
            let __failure = match { __result } {
                __resilience::Ok(__value) => break '__fallback __resilience::Ok(__value),
                #left_alone
                __resilience::Err(__failure) => __failure,
            };
            __operation.count_fallback(&__failure, __describe);
            #answered
        }
    }
}

/// As [`end`], where `classify` says which results are failures. An `Ok` among them is returned where the fallback fails too.
fn end_classified(guarded: &Guarded, fallback: &Fallback, map: &TokenStream) -> TokenStream {
    let finish_as = |result| finish(guarded, &result, map);
    let returned = finish_as(quote_spanned!(Span::mixed_site()=> __result));
    let decides = fallback.only.is_some();
    let left_alone = fallback.only.as_ref().map(|only| {
        let condition = is_among(only);
        let failed = finish_as(quote_spanned!(Span::mixed_site()=> __unsuccessful.ok_or(__failure)));
        quote_spanned! {Span::mixed_site()=>
            __resilience::ControlFlow::Continue((__failure, __unsuccessful)) if !#condition => break '__fallback #failed,
        }
    });
    let answered = answered(guarded, &fallback.levels, map);
    let answer = stream::let_go(guarded, quote_spanned!(Span::mixed_site()=> { #answered }));
    let describe = describe();
    quote_spanned! {Span::mixed_site()=>
        '__fallback: {
            let (__describe, __result) = { let __result = __result; (#describe, __result) };
            let (__failure, __unsuccessful) = match __resilience::asked_about(__result, &__classify, #decides, || __operation.shown_name()) {
                __resilience::ControlFlow::Break(__result) => break '__fallback #returned,
                #left_alone
                __resilience::ControlFlow::Continue(__asked) => __asked,
            };
            __operation.count_fallback(&__failure, __describe);
            __resilience::or_unsuccessful(#answer, __unsuccessful)
        }
    }
}

/// Whether `__failure` is one of those that the fallback is told to answer for.
fn is_among(only: &Only) -> TokenStream {
    let rejections = value::rejections(only.rejections);
    let errors = hook(&only.errors_if, "nothing");
    quote_spanned!(Span::mixed_site()=> __resilience::is_among(&__failure, #rejections, #errors))
}

/// The arm for the failures that are returned as they are.
fn left_alone(guarded: &Guarded, only: &Only, map: &TokenStream) -> TokenStream {
    let condition = is_among(only);
    let failed = quote_spanned!(Span::mixed_site()=> __resilience::Err(__failure));
    let finish = finish(guarded, &failed, map);
    quote_spanned! {Span::mixed_site()=>
        __resilience::Err(__failure) if !#condition => {
            break '__fallback #finish;
        }
    }
}

/// Asks one level after the other. Each takes the error of the one before, which is no rejection.
fn answered(guarded: &Guarded, levels: &[Answer], map: &TokenStream) -> TokenStream {
    let Some((level, rest)) = levels.split_first() else { return TokenStream::new() };
    let (calls, answer) = match level {
        Answer::Function(path) => by_function(guarded, path, map, rest.is_empty()),
        Answer::Closure(closure) => (TokenStream::new(), by_closure(guarded, closure, map, rest.is_empty())),
    };
    if rest.is_empty() {
        // As for the body: what is no `Result` is an error about the return type.
        let answered = Ident::new("__answered", located_at(guarded.target.result_span));
        return quote_spanned! {Span::mixed_site()=>
            #calls
            let #answered = #answer;
            __operation.fallback_ended(#answered, __describe)
        };
    }
    let rest = answered(guarded, rest, &quote_spanned!(Span::mixed_site()=> __resilience::NoRejection));
    let answer_of_this = stream::let_go(guarded, quote_spanned!(Span::mixed_site()=> __resilience::Ok(__value)));
    quote_spanned! {Span::mixed_site()=>
        #calls
        let __failure = match __resilience::called(#answer) {
            __resilience::Ok(__value) => {
                __operation.fallback_answered();
                break '__fallback #answer_of_this
            }
            __resilience::Err(__failure) => __failure,
        };
        #rest
    }
}

/// Calls what `path` names, whose form the compiler finds out: what has to stand before, and the answer.
fn by_function(guarded: &Guarded, path: &Expr, map: &TokenStream, is_last: bool) -> (TokenStream, TokenStream) {
    // An error about the function's type is an error about the path.
    let here = located_at(path.span());
    let result = body::own_result(guarded);
    let answer = quote_spanned!(here=> __resilience::Answer::<#result>::by);
    let call = |values: &[TokenStream]| quote_spanned!(here=> #answer((#(#values,)*), __failure, #map, #path));
    match &*arguments::for_fallback(guarded, is_last) {
        [ForFallback { values, .. }] => {
            let call = call(values);
            (TokenStream::new(), taken(guarded, here, &call))
        }
        selections => {
            let calls = selections.iter().map(|ForFallback { cfg, values }| {
                let call = call(values);
                quote_spanned!(here=> #cfg let __answer = #call;)
            });
            (calls.collect(), taken(guarded, here, &quote_spanned!(here=> __answer)))
        }
    }
}

/// Calls `closure`, whose parameters get their types from the arguments.
fn by_closure(guarded: &Guarded, closure: &ExprClosure, map: &TokenStream, is_last: bool) -> TokenStream {
    let here = located_at(closure.span());
    let mut values: Vec<TokenStream> =
        arguments::for_fallback(guarded, is_last).into_iter().flat_map(|only| only.values).collect();
    match error_parameter(closure, values.len()) {
        Some(ErrorParameter::Failure) => values.push(quote_spanned!(here=> __failure)),
        Some(ErrorParameter::Typed) => values.push(quote_spanned!(here=> __resilience::error_as(__failure, #map))),
        Some(ErrorParameter::Absent) | None => {}
    }
    let apply = Ident::new(&format!("apply{}", values.len()), here);
    let result = body::own_result(guarded);
    let answer =
        quote_spanned!(here=> __resilience::Answer::<#result>::of(__resilience::#apply(#closure, #(#values),*)));
    taken(guarded, here, &answer)
}

/// What the `answer` comes to. A synchronous function wants it at once.
fn taken(guarded: &Guarded, here: Span, answer: &TokenStream) -> TokenStream {
    match guarded.target.form.is_sync() {
        true => quote_spanned!(here=> __resilience::at_once(#answer)),
        false => quote_spanned!(here=> #answer.await),
    }
}
