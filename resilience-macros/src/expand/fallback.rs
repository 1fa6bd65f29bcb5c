use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, ExprClosure, spanned::Spanned};

use super::{
    arguments::{self, ForFallback},
    body, located_at,
};
use crate::model::{Answer, ErrorParameter, Fallback, Guarded, error_parameter};

/// Its entry among the function's layers.
pub(super) fn entry(fallback: &Fallback) -> TokenStream {
    let shown = fallback.shown();
    quote_spanned!(Span::mixed_site()=> __resilience::Layer::Fallback(#shown))
}

/// The variable that it needs, and its value.
pub(super) fn used() -> (TokenStream, TokenStream) {
    (quote_spanned!(Span::mixed_site()=> __operation), quote_spanned!(Span::mixed_site()=> &__OPERATION))
}

/// Answers for whatever failed.
pub(super) fn end(guarded: &Guarded, fallback: &Fallback, map: &TokenStream) -> TokenStream {
    let answer = match &fallback.answer {
        Answer::Function(path) => by_function(guarded, path, map),
        Answer::Closure(closure) => by_closure(guarded, closure, map),
    };
    quote_spanned! {Span::mixed_site()=>
        match __result {
            __resilience::Ok(__value) => __resilience::Ok(__value),
            __resilience::Err(__failure) => {
                __operation.count_fallback();
                #answer
            }
        }
    }
}

/// Calls what `path` names, whose form the compiler finds out.
fn by_function(guarded: &Guarded, path: &Expr, map: &TokenStream) -> TokenStream {
    // An error about the function's type is an error about the path.
    let here = located_at(path.span());
    let result = body::nameable(guarded.target.result.to_token_stream());
    let answer = quote_spanned!(here=> __resilience::Answer::<#result>::by);
    let call = |values: &[TokenStream]| quote_spanned!(here=> #answer((#(#values,)*), __failure, #map, #path));
    match &*arguments::for_fallback(guarded) {
        [ForFallback { values, .. }] => {
            let call = call(values);
            quote_spanned!(here=> #call.await)
        }
        selections => {
            let calls = selections.iter().map(|ForFallback { cfg, values }| {
                let call = call(values);
                quote_spanned!(here=> #cfg let __answer = #call;)
            });
            quote_spanned! {here=>
                #(#calls)*
                __answer.await
            }
        }
    }
}

/// Calls `closure`, whose parameters get their types from the arguments.
fn by_closure(guarded: &Guarded, closure: &ExprClosure, map: &TokenStream) -> TokenStream {
    let here = located_at(closure.span());
    let mut values: Vec<TokenStream> =
        arguments::for_fallback(guarded).into_iter().flat_map(|only| only.values).collect();
    match error_parameter(closure, values.len()) {
        Some(ErrorParameter::Failure) => values.push(quote_spanned!(here=> __failure)),
        Some(ErrorParameter::Typed) => values.push(quote_spanned!(here=> __resilience::error_as(__failure, #map))),
        Some(ErrorParameter::Absent) | None => {}
    }
    let apply = Ident::new(&format!("apply{}", values.len()), here);
    let result = body::nameable(guarded.target.result.to_token_stream());
    quote_spanned!(here=> __resilience::Answer::<#result>::of(__resilience::#apply(#closure, #(#values),*)).await)
}
